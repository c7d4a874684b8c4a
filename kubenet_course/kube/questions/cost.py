"""What a connection to a Service costs the machines on its way: rules that are compared, and look-ups by a hash.

A rule is compared with the packet one after the other, so a list costs what it is long. A look-up costs the same in a set of
ten and of ten thousand: in a map of nftables, a set that iptables asks, the virtual servers of IPVS.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from ...linux.namespace.choices import Seeded
from ...linux.namespace.memory import Memory
from ...linux.namespace.trace import Step
from ...linux.netfilter.statement import LookUps
from ...linux.packet.packet import Packet, Tcp
from ...linux.walk import ask
from ..model.cluster import Cluster
from ..model.world import World
from .ask import asker, led, outsiders, question


class Cost(Struct, frozen=True):
    """What the nodes have done for one packet."""

    rules: int
    lookups: int


class Costs(Struct, frozen=True):
    """Of a connection: its first packet, and each later one."""

    first: Cost
    later: Cost


def costs(made: Cluster, who: str, where: str, sport: int = 40000, world: World | None = None) -> Costs:
    """What a new connection costs from `who` to `where`, each in the words of `ask`; until its packet has arrived."""
    packet, memory = question(made, where, sport), Memory()
    world = world or made.world(outsiders(who), led(made, packet.flow.dst, Seeded()))
    first = _cost(made, world, packet, who, memory)
    header = replace(packet.header, flags="A") if isinstance(packet.header, Tcp) else packet.header
    return Costs(first, _cost(made, world, replace(packet, header=header), who, memory))


def _cost(made: Cluster, world: World, packet: Packet, who: str, memory: Memory) -> Cost:
    before = _looked_up(made, memory)
    trace = ask(world, packet, asker(world, who), memory, until=_is_delivered)
    rules = sum(step.walked for step in trace.steps if step.namespace in made.machines)
    return Cost(rules, _looked_up(made, memory) - before)


def _looked_up(made: Cluster, memory: Memory) -> int:
    return sum(kept[LookUps].count for name, kept in memory.namespaces.items() if name in made.machines)


def _is_delivered(step: Step) -> bool:
    return step.stage == "local_deliver" and step.end in ("local", "refused")
