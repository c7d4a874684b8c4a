"""Chapter 04: the address that is seen, and whether the answer comes."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ...questions.kinds import Slip, Value
from ...questions.reading import ADDRESS, one_of
from .. import Chance, defined
from .drawn import BORDER, Drawn, drawn, way

EXACT = {
    "border": "Only the border translates here: it replaces the private source of what leaves for the internet.",
    "node": "A node of an island masquerades what leaves for the outside.",
    "own": "Nobody on this way translates anything.",
}


class Way(Struct, frozen=True):
    """Who asks whom in which layout, told in words; what else the layout says."""

    layout: str
    who: str
    to: str
    story: str
    because: str
    more: tuple[tuple[str, Any], ...] = ()
    west: tuple[tuple[str, Any], ...] | None = None

    def cluster(self, of: Drawn):
        return of.cluster(self.layout, None if self.west is None else dict(self.west), **dict(self.more))


SEEN = (
    Way("island", "client", "laptop", "The cluster is an island. `client` asks the laptop in the "
                                      "office.", EXACT["node"]),
    Way("flat", "client", "laptop", "The cluster is flat. `client` asks the laptop in "
                                    "the office.", EXACT["own"]),
    Way("flat", "web", "partner", "The cluster is flat, with private pod addresses. `web` asks the "
                                  "partner on the internet.",
        EXACT["border"]),
    Way("island", "db", "partner", "The cluster is an island. `db` asks the partner on the "
                                   "internet.",
        "The node puts in its own address, and the border replaces that one again."),
    Way("island", "client", "db", "The cluster is an island. `client` asks `db`, a pod on another "
                                  "node.",
        "Inside the cluster nobody translates: the node leaves the range of the pods out."),
    Way("flat", "laptop", "db", "The cluster is flat. The laptop in the office asks "
                                "`db` itself.", EXACT["own"]),
)  # fmt: skip


@defined("04-seen", "Which source address is seen?")
def seen(chance: Chance) -> Value:
    asked, of = chance.turn(*SEEN), drawn(chance)
    cluster = asked.cluster(of)
    cell = of.asks(cluster, asked.who, asked.to)
    source = of.end(cluster, asked.who)
    home = of.there if asked.who == "db" else of.here
    own = cluster.machines[f"node-{home}"].ips[4]
    wrong = (
        (
            source.address,
            142 if asked.to == "partner" else 141,
            "Follow the packet over each machine. One of them translates it.",
        ),
        (
            own,
            0 if asked.who == "laptop" else 58,
            (f"node-{home} carries the packet. Does it also translate it, and is it the last one that does?"),
        ),
        (BORDER, 143, "The border sees only what goes to the internet or comes from there."),
    )
    return Value(
        asks=f"{asked.story} Which source address does the receiver see?",
        look=of.known(cluster),
        answer=cell.seen_from,
        reads=ADDRESS,
        slips=tuple(Slip(ip, belief, said) for ip, belief, said in wrong if ip != cell.seen_from),
        because=asked.because,
        evidence=way(cell),
        hints=(
            "Name the machines on the way, in order: the node, the router, perhaps the border.",
            (
                "A node translates in an island only, and only what leaves for the outside. The "
                "border "
                "translates what goes to the "
                "internet."
            ),
            asked.because,
        ),
    )


YES, QUESTION, ANSWER, OTHER = (
    "the answer comes back",
    "the question is lost",
    "the answer is lost",
    "another pod answers",
)
ANSWERS = one_of((YES, QUESTION, ANSWER, OTHER))
REACHED = (
    Way("isolated", "client", "laptop", "The cluster is isolated. `client` asks the laptop in the "
                                        "office.",
        "Everybody has a route to the laptop. Nobody outside the cluster has one to the pod."),
    Way("island", "laptop", "web", "The cluster is an island. The laptop in the office asks `web` "
                                   "at its own address.",
        "No router has a route to the pods of an island, so the question itself is lost."),
    Way("flat", "laptop", "db", "The cluster is flat. The laptop in the office asks `db` at its "
                                "own address.",
        "The router has a route to the block of each node. The question and the answer both find "
        "their way."),
    Way("flat", "laptop", "west", "Two flat clusters, east and west, use the same range of pods. "
                                  "The laptop asks `web-1` of "
        "west, whose address a pod of east has too.",
        "The router has one route to this block, and it leads to east.",
        more=(("overlap", "allowed"), ("routes", "cloud")), west=(("podSubnet", "10.244.0.0/16"), ("nodes", 5))),
    Way("island", "client", "laptop", "The cluster is an island with `nonMasqueradeCIDRs: "
                                      "[10.0.0.0/8]`. `client` asks the laptop "
        "in the office.",
        "The laptop's address is in the list, so the packet is not masqueraded, and the answer "
        "goes to an address that no "
        "router knows.", more=(("nonMasqueradeCIDRs", ("10.0.0.0/8",)),)),
    Way("flat", "partner", "client", "The cluster is flat, with private pod addresses. The partner "
                                     "on the internet asks `client` at "
        "its own address.",
        "The internet has no route to a private address."),
    Way("island", "client", "west", "Two islands, east and west, use the same range of pods. "
                                    "`client` of east asks an address "
        "that `web-1` of west has, and no pod of east has it.",
        "The node looks for this address in its own cluster, and no pod there has it.",
        west=(("podSubnet", "10.244.0.0/16"), ("nodes", 1))),
)  # fmt: skip


@defined("04-reach", "Does the answer come?")
def reached(chance: Chance) -> Value:
    asked, of = chance.turn(*REACHED), drawn(chance)
    if asked.west is not None:  # web-1 of west has the first address of block 1
        here = 1 if asked.layout == "flat" else 2
        of = Drawn(here, here + 2, of.office, of.laptop)
    cluster = asked.cluster(of)
    cell = of.asks(cluster, asked.who, asked.to)
    right = (
        YES if cell.reached else OTHER if cell.taken_by and not cell.arrived else ANSWER if cell.arrived else QUESTION
    )
    expected = 28 if asked.west is not None else 142 if asked.who == "partner" else 141
    beliefs = {YES: expected, QUESTION: 140 if asked.layout == "isolated" else 0, ANSWER: 0, OTHER: 0}
    said = {
        YES: "Which route would the packet, and which the answer, take at the router? Look at both.",
        QUESTION: "Look at the way there alone. Does each machine on it have a route to the destination?",
        ANSWER: "Look at the way there first, then at the way back. Which machine on it has no route?",
        OTHER: "Is there a second pod with the address that is asked, and does a route lead to it?",
    }
    return Value(
        asks=f"{asked.story} What becomes of the question and of its answer?",
        look=of.known(cluster),
        answer=right,
        reads=ANSWERS,
        slips=tuple(Slip(one, beliefs[one], said[one]) for one in ANSWERS.words if one != right),
        because=asked.because,
        evidence=way(cell),
        hints=(
            (
                "A question needs a route to the receiver. An answer needs a route to the source "
                "address that the receiver saw."
            ),
            "Which of the two addresses does a machine outside know a route to?",
            asked.because,
        ),
    )
