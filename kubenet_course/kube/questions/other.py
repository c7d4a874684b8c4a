"""Requests in a cluster whose Services no rule translates: through the process of userspace mode, and with eBPF programs."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from ...linux.namespace.choices import Choices, Seeded
from ...linux.namespace.memory import Memory
from ...linux.namespace.trace import Trace
from ...linux.packet.address import Address, family
from ...linux.packet.packet import Flow, Packet
from ...linux.verdicts import TraceVerdict, verdict
from ...linux.walk import ask
from ..model.cluster import Cluster
from ..model.world import World
from ..proxy.modes import EBPF, USERSPACE
from ..proxy.other.ebpf import Backend, Frontend, Maps, at_connect, at_device, maps
from ..proxy.other.userspace import Portal, Tried, Turn, portals, tries
from .ask import asker, outsiders, question


class TwoConnections(Struct, frozen=True):
    """What userspace mode makes of one request: the client's connection, the tries of the process, and its own connection."""

    first: Trace
    portal: Portal | None
    tried: tuple[Tried, ...]
    second: Trace | None
    turn: Turn

    @property
    def verdict(self) -> TraceVerdict:
        """The server's view: it sees the node, never the client. Where no endpoint answers the client's connection is closed."""
        if self.second is not None:
            return verdict(self.second)
        return verdict(self.first) if self.portal is None else TraceVerdict("refused")


def through_the_process(
    made: Cluster,
    who: str,
    where: str,
    turn: Turn | None = None,
    sport: int = 40000,
    dead: frozenset[Address] = frozenset(),
) -> TwoConnections:
    """A request in userspace mode. `turn` is whose turn it was; `dead` are addresses of endpoints at which nobody answers."""
    inside = Cluster(made.objects, USERSPACE)
    world, packet, turn = inside.world(outsiders(who)), question(inside, where, sport), turn or Turn()
    first = ask(world, packet, asker(world, who), Memory())
    node, portal = _accepted(inside, first)
    if portal is None:
        return TwoConnections(first, None, (), None, turn)
    tried, turn = tries(portal, turn, verdict(first).seen_from, lambda one: one.address not in dead)
    answered = next((one.endpoint for one in tried if one.answers), None)
    if answered is None:
        return TwoConnections(first, portal, tried, None, turn)
    flow = Flow(packet.flow.proto, family(answered.address).any, 50000, answered.address, answered.port)
    return TwoConnections(first, portal, tried, ask(world, replace(packet, flow=flow), node, Memory()), turn)


def _accepted(made: Cluster, first: Trace) -> tuple[str, Portal | None]:
    """The node whose process took the connection, and for which Service port."""
    step = first.steps[verdict(first).step]
    if step.namespace not in made.machines or verdict(first).name != "delivered":
        return step.namespace, None
    flow = step.skb.packet.flow
    every = (one for watched in made.watched.values() for one in portals(watched))
    return step.namespace, next(
        (one for one in every if (one.port.protocol, one.proxy_port) == (flow.proto, flow.dport)), None
    )


class Translated(Struct, frozen=True):
    """What eBPF programs make of one request: where it was asked, what it became, and the packet's way."""

    asked: Packet
    became: Backend | Frontend | None
    trace: Trace | None

    @property
    def verdict(self) -> TraceVerdict:
        """Without backends connect() itself fails; what comes from outside a program at the device has."""
        if self.trace is not None:
            return verdict(self.trace)
        return TraceVerdict("unreachable" if isinstance(self.became, Frontend) else "handed-over")


def by_ebpf(made: Cluster, who: str, where: str, choices: Choices | None = None, sport: int = 40000) -> Translated:
    """A request of a pod or a node, translated at connect(). A stranger's is translated at the node's device, which the walk
    does not have: ask `at_device` what that would choose."""
    inside, choices = Cluster(made.objects, EBPF), choices or Seeded()
    world, packet = inside.world(outsiders(who)), question(inside, where, sport)
    found, flow = node_maps(inside, _node(inside, world, who), packet.flow.dst), packet.flow
    if who.startswith("host/"):
        src = who.removeprefix("host/")
        return Translated(packet, at_device(found, src, sport, flow.dst, flow.dport, flow.proto), None)
    row = found.frontends.get((flow.dst, flow.dport, flow.proto))
    draw = choices.pick(("ebpf", who, flow), range(len(row.inner))) if row and row.inner else 0
    became = at_connect(found, flow.dst, flow.dport, flow.proto, draw)
    if isinstance(became, Frontend):
        return Translated(packet, became, None)
    sent = packet if became is None else replace(packet, flow=replace(flow, dst=became.address, dport=became.port))
    return Translated(packet, became, ask(world, sent, asker(world, who), Memory(), choices))


def _node(made: Cluster, world: World, who: str) -> str:
    kind, _, name = who.partition("/")
    if kind == "pod":
        return made.pod(*name.split("/")).spec.node_name
    return name if kind == "node" else next(iter(made.machines))


def node_maps(made: Cluster, node: str, to: Address) -> Maps:
    """The maps of a node in the family of an address."""
    watched = made.watched[family(to).number]
    return maps(watched, made.facts(node)) if node else maps(watched, made.facts(next(iter(made.machines))))
