"""Chapter 04: what a node remembers of a masqueraded connection, and which destinations are left out of masquerading."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

from msgspec import Struct

from ....kube.questions.ask import request
from ....linux.namespace.choices import Seeded
from ....linux.namespace.memory import Memory
from ....linux.netfilter.connections import Connections
from ....linux.packet.packet import Flow
from ....views.tables.show import connections
from ....views.tables.table import table
from ...questions.kinds import Slip, Value
from ...questions.kinds_lists import Choose, Statement
from ...questions.reading import ADDRESS, PORT
from .. import Chance, defined
from .drawn import drawn, way

ASKED = ("opened", "seen", "port", "home")


@defined("04-conntrack", "Read a masqueraded connection")
def conntrack(chance: Chance) -> Value:
    """One line of conntrack holds the addresses at both sides of the translation."""
    what, of = chance.turn(*ASKED), drawn(chance)
    cluster = of.cluster("island")
    who, memory = chance.choice(("client", "web")), Memory()
    sport, node = chance.randrange(32768, 60999), f"node-{of.here}"
    request(cluster, f"pod/default/{who}", f"{of.laptop}:443", sport=sport, memory=memory, choices=Seeded(sport))
    (kept,) = {id(one): one for one in memory.of(node)[Connections].by_flow.values()}.values()
    out = kept.reply.reverse
    case = _cases(kept.original, out, of.laptop)[what]
    return Value(
        asks=f"`conntrack -L` on {node} shows one connection. {case.asks}",
        look=connections(memory, node),
        answer=case.answer,
        reads=PORT if what == "port" else ADDRESS,
        slips=tuple(Slip(ip, belief, said) for ip, belief, said in case.wrong if str(ip) != str(case.answer)),
        because=case.because,
        evidence=table(
            "The connection, on both sides of the node",
            ("where", "question", "answer"),
            [("between pod and node", str(kept.original), str(kept.original.reverse)),
             ("between node and laptop", str(out), str(kept.reply))],
            code=(1, 2),
        ),
        hints=(
            ("The first flow is the question as it came to the node. The second is the answer as "
             "it "
            "will come to the node."),
            "Turn the second flow round: then you have the question as it left the node.",
            case.because,
        ),
    )  # fmt: skip


class Asked(Struct, frozen=True):
    asks: str
    answer: Any
    wrong: tuple[tuple[Any, int, str], ...]
    because: str


def _cases(original: Flow, out: Flow, laptop: str) -> dict[str, Asked]:
    node = (out.src, 0, "This is the address that the node put in. The question did not come from there.")
    return {
        "opened": Asked(
            "Which address has the pod that opened it?", original.src,
            (node, (laptop, 0, "That is whom the pod asked.")),
            "The first flow is the question as the node got it, so its source is the pod.",
        ),
        "seen": Asked(
            "Which source address does the laptop see?", out.src,
            ((original.src, 141, ("This address stands in the first flow only, before the "
                                 "translation.")),
             (laptop, 0, "That is the laptop itself.")),
            "The answer will go to this address, so the question left with it as its source.",
        ),
        "port": Asked(
            "From which source port does the packet come, as the laptop sees it?", out.sport,
            ((original.sport, 148, ("This is the port that the pod chose. The node has chosen "
                                   "another one.")),
             (443, 15, "This is the port that the pod asked.")),
            "The node chose this port. It takes a random one, so that the connections of two pods "
            "seldom collide.",
        ),
        "home": Asked(
            "The laptop's answer comes to the node. Which destination address does it have when it "
            "leaves the node for the pod?",
            original.src,
            ((out.src, 148, ("That is the destination with which the answer comes to the node. The "
                            "node replaces it.")),
             (laptop, 0, "That is where the answer comes from.")),
            "The node finds the connection in its memory and puts the pod's address back. No rule "
            "is asked.",
        ),
    }  # fmt: skip


LISTS = (("10.244.0.0/16",), ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"), (), ("192.168.0.0/16",))


@defined("04-list", "Which packets keep the pod's address?")
def listed(chance: Chance) -> Choose:
    """The list is compared with the destination, whoever sends."""
    ranges, of = chance.turn(*LISTS), drawn(chance)
    cluster = of.cluster("island", nonMasqueradeCIDRs=list(ranges))
    told = f"[{', '.join(ranges)}]"
    source = ip_address(of.end(cluster, "client").address)
    by_source = any(source in ip_network(one) for one in ranges)  # then belief 22 keeps all four, else none
    statements, cells = [], []
    for to, what in (
        ("db", "a pod on another node"),
        (f"node-{of.there}", "another node"),
        ("laptop", "the laptop in the office"),
        ("partner", "the partner on the internet"),
    ):
        cell = of.asks(cluster, "client", to)
        cells.append(cell)
        kept = not any(one.at == f"node-{of.here}" for one in cell.translations)
        ip = of.end(cluster, to).address
        said = f"{ip} lies in {'one' if kept else 'none'} of the ranges."
        said = said if ranges else f"The list is empty. So it leaves nothing out, and {ip} neither."
        statements.append(Statement(f"the packet to {what}, {ip}", kept, 22 if by_source and not kept else 0, said))
    if not any(one.right for one in statements):
        statements.append(Statement("none of these", True))
    else:
        statements.append(
            Statement("none of these", False, 0 if by_source else 22, "Compare each destination with each range.")
        )
    return Choose(
        asks=f"The cluster is an island, and its agent has `nonMasqueradeCIDRs: {told}`. `client` "
        f"sends four packets. Which of them "
        f"leave node-{of.here} with the pod's own address? Mark all.",
        look=of.known(cluster),
        statements=tuple(statements),
        several=True,
        because="The list is compared with the destination of a packet. Whose packet it is makes no difference.",
        evidence=way(*cells),
        hints=(
            "Write the four destinations below each other. Which of them lie in one of the ranges?",
            "A range such as 10.0.0.0/8 holds every address that begins with 10.",
            "The list is compared with the destination only. An empty list leaves nothing out.",
        ),
    )
