"""Chapter 04: from what an organisation needs to a layout."""

from __future__ import annotations

from msgspec import Struct

from ....kube.layout.asked.reach import reachability
from ....views.tables.reach import reached_from
from ...questions.kinds_lists import Choose, Statement
from ...worlds.layouts import wider
from .. import Chance, defined

ISOLATED, FLAT, ISLAND = "isolated", "flat", "island"
TEXTS = {
    ISOLATED: "isolated: no router has a route to the pods, and nothing is translated",
    FLAT: "flat: every router has a route to the pods",
    ISLAND: "island: no router has a route to the pods, and the nodes masquerade what leaves",
}


class Need(Struct, frozen=True):
    """A story, the layout that meets it, why; and of each other layout why it does not, with the belief behind it."""

    story: str
    right: str
    because: str
    others: dict[str, tuple[int, str]]


NEEDS = (
    Need(
        "A company has many old clusters, and all of them use 10.244.0.0/16 for their pods. The "
        "new one shall use it too. "
        "Its programs fetch data from servers in the office and on the internet. Nobody outside "
        "has to reach a pod directly: "
        "what is offered to the outside goes through load balancers.",
        ISLAND,
        "Pods get out, and the shared addresses do no harm, because no router has a route to them.",
        {
            FLAT: (28, ("All flat clusters share one set of routes. A router knows one way to "
                       "10.244.1.0/24, and not one for each "
                       "cluster.")),
            ISOLATED: (0, ("The programs have to ask servers outside. In an isolated cluster "
                            "those answers find no way back.")),
        },
    ),
    Need(
        "A bank moves its trading programs into a cluster. Servers in the data centre open "
        "connections to single pods, and an audit "
        "demands that every server sees the true source address of a pod. The network team has a "
        "free range, 10.96.0.0/13, "
        "and its routers take part in BGP.",
        FLAT,
        "Pods have to be reached from outside, and seen under their own address. A free range and "
        "routers that learn the "
        "routes are what a flat layout needs.",
        {
            ISLAND: (141, ("An island masquerades what leaves, so a server sees a node. And no "
                          "router has a route to a pod.")),
            ISOLATED: (0, "Nobody outside could open a connection to a pod."),
        },
    ),
    Need(
        "A cluster runs nightly calculations on patients' data. Its programs talk to each other "
        "only. The data is put in and fetched "
        "by two proxies that run on the nodes' own network. The security team wants that no pod "
        "can talk to anybody outside, even if "
        "somebody breaks into it.",
        ISOLATED,
        "The proxies use the nodes' addresses, which can be routed. A pod alone gets no answer "
        "from outside.",
        {
            ISLAND: (0, "In an island every pod gets out: the node gives it its own address."),
            FLAT: (0, ("In a flat cluster every pod can be reached and can reach everybody, "
                        "unless "
                       "a firewall forbids it.")),
        },
    ),
    Need(
        "A start-up has one cluster at a cloud provider. Its own network there is 10.0.0.0/16, and "
        "nearly all of it is in use. It wants "
        "to run 2,000 pods on 40 nodes. The pods call services on the internet. The nodes' network "
        "plugin makes tunnels.",
        ISLAND,
        "The pods need 40 blocks, for which the network has no room. Addresses that only the "
        "cluster knows cost nothing, and tunnels "
        "carry the packets between nodes.",
        {
            FLAT: (25, ("A flat cluster needs a free range for all its pods: 40 blocks of 256 "
                       "addresses here. The network has none left.")),
            ISOLATED: (0, "The pods call services on the internet, and would get no answers."),
        },
    ),
)  # fmt: skip


@defined("04-choose", "From constraints to a layout")
def choose(chance: Chance) -> Choose:
    need = chance.turn(*NEEDS)
    statements = [Statement(TEXTS[need.right], True)]
    for kind, (belief, said) in need.others.items():
        statements.append(Statement(TEXTS[kind], False, belief, said, _table(kind)))
    return Choose(
        asks=f"{need.story} Which layout do you choose?",
        statements=tuple(statements),
        because=need.because,
        evidence=_table(need.right),
        hints=(
            (
                "Ask three things. Does somebody outside open connections to pods? Do pods open "
                "connections to the outside? Are there "
                "addresses that nobody else uses?"
            ),
            (
                "Flat is the only layout in which somebody outside reaches a pod. Isolated is the "
                "only one in which pods get no answers from outside."
            ),
            need.because,
        ),
    )


def _table(kind: str):
    found = reachability(wider(kind))
    caption = f"Layout {kind}: who reaches whom, and which source address is seen"
    return reached_from(found, "pod", "pod on another node", "its node", "office", "internet", caption=caption)
