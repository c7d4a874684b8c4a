"""Chapter 07: which way between nodes for which network."""

from __future__ import annotations

from msgspec import Struct

from ....views.tables.envelopes import envelopes
from ...questions.kinds_lists import Choose, Statement
from .. import Chance, defined

ROUTES, CLOUD, VXLAN, IPIP, WIREGUARD = "routes", "cloud", "vxlan", "ipip", "wireguard"
TEXTS = {
    ROUTES: "flat: each node has a route to every other node's pods (host routes)",
    CLOUD: "flat: the provider's route table has a row for each node",
    VXLAN: "overlay: VXLAN",
    IPIP: "overlay: IP in IP",
    WIREGUARD: "overlay: WireGuard",
}


class Need(Struct, frozen=True):
    """An organisation, the way that suits it, why; and of the other ways offered why they do not, with the belief behind."""

    story: str
    right: str
    because: str
    others: dict[str, tuple[int, str]]


NEEDS = (
    Need(
        "A company runs 12 nodes in one rack, on one switch. The pods exchange large files, and "
        "every percent of throughput "
        "counts. Nobody outside needs to reach pods, and the administrators may do on the nodes "
        "what they like.",
        ROUTES,
        "All nodes are on one link, so each of them can hand a packet directly to the right node. "
        "Nothing is wrapped, and the "
        "pods keep the full MTU.",
        {
            VXLAN: (226, "VXLAN would work, but it adds 50 bytes to each packet and work to each node, and nothing here needs it."),
            CLOUD: (0, "There is no provider here, and so no route table of a provider."),
        },
    ),
    Need(
        "A company has nodes in three buildings, with routers between them that belong to the "
        "network team. The team adds no "
        "routes for pods. Microsoft Windows nodes are among them, and the firewall between the "
        "buildings lets UDP through, but no "
        "unusual protocols.",
        VXLAN,
        "The routers see packets from node to node only, so they need no routes for pods. VXLAN "
        "is UDP, which the firewall lets "
        "through.",
        {
            ROUTES: (227, ("A route on a node can only name a next hop on the node's own link. The other nodes are behind routers, "
                          "which would have to know the pods too.")),
            IPIP: (226, "IP in IP is a protocol of its own (number 4), not UDP. This firewall does not let it through."),
        },
    ),
    Need(
        "A company's nodes are in two data centres. The line between them belongs to somebody "
        "else, and the law forbids to send "
        "customers' data over it in the clear. 2 % less throughput is acceptable.",
        WIREGUARD,
        "WireGuard seals each packet before it leaves the node. VXLAN and IP in IP wrap a packet, "
        "but everybody on the line can "
        "read what is inside.",
        {
            VXLAN: (228, "VXLAN hides nothing. Whoever holds the line reads the inner packets, as you did in this chapter."),
            ROUTES: (228, "With routes the packets of the pods cross the line as they are."),
        },
    ),
    Need(
        "A start-up has 80 nodes in the network of one cloud provider. The provider's load "
        "balancers and data bases must reach "
        "pods directly, by their own addresses. The route table of the provider takes 500 rows.",
        CLOUD,
        "The provider's network then knows where each node's block of pods is, so everything in "
        "that network can reach pods. 80 "
        "nodes need 80 rows.",
        {
            VXLAN: (25, "Behind VXLAN nobody outside the cluster has a route to a pod. The data bases would not reach them."),
            IPIP: (25, "An overlay hides the pods from everything that is not a node of the cluster."),
        },
    ),
)  # fmt: skip


@defined("07-choose", "Flat or overlay?")
def choose(chance: Chance) -> Choose:
    need = chance.turn(*NEEDS)
    statements = [Statement(TEXTS[need.right], True)]
    statements += [
        Statement(TEXTS[kind], False, belief, said, envelopes()) for kind, (belief, said) in need.others.items()
    ]
    return Choose(
        asks=f"{need.story} Which way between the nodes do you choose?",
        statements=tuple(statements),
        because=need.because,
        evidence=envelopes(),
        hints=(
            (
                "Ask three things. Who must know where pods are? What do the machines between the "
                "nodes let through? Who may read it?"
            ),
            (
                "An overlay needs nothing from the machines in between, and costs bytes. A flat "
                "network costs nothing on the wire, and "
                "needs routes everywhere."
            ),
            need.because,
        ),
    )
