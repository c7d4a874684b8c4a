"""Chapter 10: what a connection costs. The model leads it through a cluster with many Services and counts the rules."""

from __future__ import annotations

from functools import lru_cache

from ....kube.questions.ask import request
from ....linux.namespace.memory import Memory
from ....views.tables.table import Table, table
from ...questions.kinds import Slip, Value
from ...questions.reading import NUMBER
from ...worlds.modes import many_services
from .. import Chance, defined

STAGE, CLIENT = "nat PREROUTING", "pod/default/client"
Told = tuple[str, int, tuple[tuple[int, int, str], ...], str, str, Table]


@lru_cache(maxsize=64)
def compared(mode: str, services: int, asked: int) -> tuple[int, int]:
    """Rules that the table nat compares a connection's first and second packet with, before it is routed."""
    made, memory = many_services(services, mode), Memory()
    world, where = made.world(), f"service/default/s{asked:05}:80"
    packets = [request(made, CLIENT, where, 40_000, memory, world=world) for _ in range(2)]
    first, second = (sum(step.walked for step in one.steps if step.stage == STAGE) for one in packets)
    return first, second


def _seen(*asked: tuple[str, int, int]) -> Table:
    rows = [(mode, services, f"number {at + 1}", *compared(mode, services, at)) for mode, services, at in asked]
    heads = ("mode", "Services", "which is asked", "first packet", "second packet")
    return table("Rules of the table nat that are compared with a packet", heads, rows)


def _later(chance: Chance) -> Told:
    many = chance.choice((60, 80, 120))
    at = many - 1
    first, second = compared("iptables", many, at)
    return (
        (f"A cluster in iptables mode has {many} Services. A pod connects to the one whose rule "
         f"stands last. The first packet is compared with {first} rules of the table nat. With how "
         "many is the **second** packet of the same connection compared?"),
        second,
        ((first, 194, ("The kernel has seen the first packet of this connection. Does it have to "
                       "look again?")),
         (first // 2, 194, ("The kernel does not read half of the list. It has remembered "
                            "something."))),
        ("The table nat is read for the first packet of a connection only. For all later packets "
         "the kernel finds the connection in its memory, and does what stands there."),
        "Remember conntrack, the kernel's memory of connections.",
        _seen(("iptables", many, at)),
    )  # fmt: skip


def _grows(chance: Chance) -> Told:
    few = chance.choice((40, 50, 60))
    many = few * chance.choice((3, 4))
    before, after = compared("iptables", few, few - 1)[0], compared("iptables", many, many - 1)[0]
    return (
        (f"In iptables mode with {few} Services the first packet to the last one is compared with "
         f"{before} rules of the table nat. The cluster grows to **{many}** Services. How many "
         "rules will it be then, for the last one?"),
        after,
        ((before, 0, ("That would be so if the kernel found the Service by one look. The chain "
                      "KUBE-SERVICES is a list.")),
         (before * many // few, 194, (f"Some of the {before} rules are not about Services, and "
                                      "their number stays. Only the list of Services grows."))),
        ("Each Service has one rule in the chain KUBE-SERVICES, and the kernel reads them one by "
         f"one. {many - few} Services more are {many - few} rules more before the last one."),
        f"{many - few} Services are added. How many rules does each put into KUBE-SERVICES?",
        _seen(("iptables", few, few - 1), ("iptables", many, many - 1)),
    )  # fmt: skip


def _map(chance: Chance) -> Told:
    few = chance.choice((40, 50, 60))
    many = few * chance.choice((3, 4))
    before, after = compared("nftables", few, few - 1)[0], compared("nftables", many, many - 1)[0]
    return (
        (f"In nftables mode with {few} Services the first packet to the last one is compared with "
         f"{before} rules of the hook nat PREROUTING. The cluster grows to **{many}** Services. "
         "How many rules will it be then?"),
        after,
        ((before + many - few, 194, ("That is how a list grows. In nftables mode the Services "
                                     "stand in a map.")),
         (before * many // few, 194, ("The number of rules does not grow with the number of "
                                      "Services."))),
        ("In nftables mode one rule looks up address, protocol and port in a map. Such a look-up "
         "takes about as long for ten thousand entries as for ten."),
        "One rule asks the map `service-ips`. How many rules ask it when it has more entries?",
        _seen(("nftables", few, few - 1), ("nftables", many, many - 1)),
    )  # fmt: skip


def _early(chance: Chance) -> Told:
    many = chance.choice((60, 80, 120))
    last, first = compared("iptables", many, many - 1)[0], compared("iptables", many, 0)[0]
    return (
        (f"In iptables mode with {many} Services the first packet to the **last** Service in the "
         f"list is compared with {last} rules of the table nat. Another pod connects "
         "to the Service that stands **first** in the list. With how many rules is its first packet "
         "compared?"),
        first,
        ((last, 194, "The kernel stops reading a chain at the first rule that fits and leads on."),
         (1, 0, ("Before the list of Services and behind it there are some more rules, for "
                 "everybody."))),
        ("The kernel reads the list from the top until a rule fits. For the first Service that is "
         f"at once: {many - 1} rules less than for the last one."),
        f"Behind the first Service stand {many - 1} others. Are their rules read?",
        _seen(("iptables", many, 0), ("iptables", many, many - 1)),
    )  # fmt: skip


@defined("10-cost", "Count the rules")
def cost(chance: Chance) -> Value:
    asks, answer, slips, because, hint, evidence = chance.turn(_later, _grows, _map, _early)(chance)
    return Value(
        asks=asks,
        answer=answer,
        reads=NUMBER,
        slips=tuple(Slip(wrong, belief, said, evidence) for wrong, belief, said in slips if wrong != answer),
        because=because,
        evidence=evidence,
        hints=(
            "Which packets of a connection does the kernel lead through the table nat?"
            if "**second** packet" in asks
            else "How does the kernel find the rule of a Service: does it read a list, or ask a map?",
            hint,
            f"{because.split('. ')[0].rstrip('.')}.",
        ),
    )
