"""What another mode of kube-proxy would change: every flow to a Service, asked in a world of each mode.

Who asks: a pod of the node, the endpoint itself, a pod elsewhere, the node, a stranger outside. What may come of a flow
hangs on a Service's settings and on where its endpoints are, not on its addresses. So Services that agree in that are
asked once, and the answer is told of each under its own addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from ...linux.namespace.choices import Choices, every
from ...linux.namespace.memory import Memory, Remembered
from ...linux.namespace.trace import Step, Trace
from ...linux.packet.address import Address
from ...linux.packet.packet import Neighbour, Packet
from ...linux.packet.packet import endpoint as spelled
from ...linux.stack.bridge import Fdb
from ...linux.stack.neighbour import Neighbours
from ...linux.verdicts import TraceVerdict, arrival, verdict
from ...linux.walk import ask
from ..model.cluster import Cluster
from ..model.lan import OUTSIDE_HOSTS
from ..model.world import World
from ..proxy.endpoint import Endpoint
from .ask import asker, led, question
from .service_flows import KNOWN, FlowResult, Row, ServiceFlow, Viewpoint, addresses_of


class Change(Struct, frozen=True):
    """A flow that would come otherwise, what comes of it in each mode, and why."""

    flow: ServiceFlow
    before: tuple[FlowResult, ...]
    after: tuple[FlowResult, ...]
    because: str


class AskedFlow(Struct, frozen=True):
    """All outcomes of a flow in one mode, each with what decided it."""

    decided: dict[FlowResult, str]

    @property
    def results(self) -> frozenset[FlowResult]:
        return frozenset(self.decided)


class Warm(Memory):
    """Kernels that know no connection yet, but their neighbours, by namespace. Each is made when it is first looked at."""

    def __init__(self, heard: Mapping[str, tuple[Neighbours, Fdb]]):
        super().__init__()
        self.heard = heard

    def of(self, namespace: str) -> Remembered:
        new = namespace not in self.namespaces
        found = super().of(namespace)
        if new and namespace in self.heard:
            neighbours, fdb = self.heard[namespace]
            found[Neighbours], found[Fdb] = Neighbours(rows=neighbours.rows), fdb
        return found


class Migration:
    """Two clusters that differ in kube-proxy's mode alone, seen from one node."""

    def __init__(self, before: Cluster, after: Cluster, node: str = ""):
        self.before, self.after = before, after
        self.seen = Viewpoint(before, node)
        self._worlds: dict[tuple, World] = {}
        self._last = Memory()
        self._heard: dict[str, dict[str, tuple[Neighbours, Fdb]]] = {one.mode: {} for one in (before, after)}
        self._known: dict[tuple, tuple[AskedFlow, AskedFlow]] = {}

    def flows(self) -> Iterator[Change | None]:
        """Every flow to every Service port: a Change, or None where all stays as it is."""
        for of in self.before.families:
            rows = self.seen.rows(of)
            alike = [self._like(row, of) for row in rows]
            models: dict[tuple, Row] = {}
            for like, row in sorted(zip(alike, rows, strict=True), key=lambda pair: len(pair[1][1])):
                models.setdefault(like, row)  # who has the fewest endpoints stands for all that are alike
            for like, row in zip(alike, rows, strict=True):
                yield from self._of_port(like, row, models[like], of)

    def _like(self, row: Row, of: int) -> tuple:
        return self.seen.like(row, of)

    def _of_port(self, like: tuple, row: Row, model: Row, of: int) -> Iterator[Change | None]:
        flows, models = (list(self.seen.flows_to(one, of)) for one in (row, model))
        for flow, asked in zip(flows, models, strict=True):
            before, after = self._asked((*like, asked.who, asked.kind), flow, asked, row, model)
            if before.results == after.results:
                yield None
            else:
                because = self._because(flow.kind, before, after)
                yield Change(flow, _differing(before, after), _differing(after, before), because)

    # -- asking -------------------------------------------------------------------------------------------------------

    def _asked(
        self, key: tuple, flow: ServiceFlow, asked: ServiceFlow, row: Row, model: Row
    ) -> tuple[AskedFlow, AskedFlow]:
        """What comes of a flow in either mode, as it was found for the model of all that are alike."""
        if key not in self._known:
            self._known[key] = self._outcomes(self.before, asked), self._outcomes(self.after, asked)
        found = self._known[key]
        if row is model:
            return found
        kinds = {str(one): self.seen.kind(one) for one in model[1]}
        names = dict(zip(addresses_of(model[0]), addresses_of(row[0]), strict=True))
        names |= dict(zip(self.seen.own(asked.who), self.seen.own(flow.who), strict=False))
        before, after = (self._told(one, kinds, names, row[1]) for one in found)
        return before, after

    def _told(
        self,
        one: AskedFlow,
        kinds: Mapping[str, tuple],
        names: Mapping[Address, Address],
        endpoints: Iterable[Endpoint],
    ) -> AskedFlow:
        """The same outcomes with the addresses and endpoints of another Service."""
        found: dict[FlowResult, str] = {}
        for result, decided in one.decided.items():
            to, seen = result.delivered_to, names.get(result.seen_from, result.seen_from)
            kind = kinds.get(to)
            places = [str(mine) for mine in endpoints if self.seen.kind(mine) == kind] if kind is not None else [to]
            found |= {FlowResult(result.verdict, place, seen): decided for place in places}
        return AskedFlow(found)

    def _outcomes(self, made: Cluster, flow: ServiceFlow) -> AskedFlow:
        packet = question(made, flow.where)
        found: dict[FlowResult, str] = {}

        def story(choices: Choices) -> Trace:
            world = self._world(made, led(made, packet.flow.dst, choices))
            return ask(world, packet, asker(world, flow.who), self._memory(made), choices, until=_has_arrived)

        for _, trace in every(story):
            for name, held in self._last.namespaces.items():
                self._heard[made.mode].setdefault(name, (held[Neighbours], held[Fdb]))
            said = verdict(trace)
            found.setdefault(FlowResult(said.name, _server(trace), said.seen_from), _decided(trace, said))
        return AskedFlow(found)

    def _world(self, made: Cluster, to: Mapping[Address, Address]) -> World:
        """The cluster's kernels, a load balancer leading to these nodes."""
        key = (made.mode, *to.items())
        if key not in self._worlds:
            base = self._worlds.get((made.mode,)) or made.world(OUTSIDE_HOSTS)
            self._worlds[made.mode,] = base
            self._worlds[key] = base.led_to(to) if to else base
        return self._worlds[key]

    def _memory(self, made: Cluster) -> Memory:
        """Kernels that know no connection yet, but their neighbours: who has asked once need not ask for MACs again."""
        self._last = memory = Warm(self._heard[made.mode])
        return memory

    def _because(self, kind: str, before: AskedFlow, after: AskedFlow) -> str:
        one, other = _differing(before, after)[0], _differing(after, before)[0]
        steps = f"{self.before.mode}: {before.decided[one]}; {self.after.mode}: {after.decided[other]}"
        known = [KNOWN[kind][mode] for mode in (self.before.mode, self.after.mode)] if kind in KNOWN else []
        return f"{'; '.join(known)} ({steps})" if known else steps


def _has_arrived(step: Step) -> bool:
    """Whether a program has taken the packet: what it answers changes nothing about that."""
    return step.stage == "local_deliver" and step.end == "local" and not step.skb.packet.is_error


def _differing(one: AskedFlow, other: AskedFlow) -> tuple[FlowResult, ...]:
    """The outcomes that the other mode has not; where it has them all, all of them."""
    return tuple(sorted(one.results - other.results or one.results))


def _server(trace: Trace) -> str:
    at = arrival(trace)
    if at < 0 or verdict(trace).name != "delivered":
        return ""
    flow = trace.steps[at].skb.packet.flow
    return spelled(flow.dst, flow.dport)


def _decided(trace: Trace, said: TraceVerdict) -> str:
    """Where the packet's way ended, and how; without addresses, so that it holds of every Service alike."""
    if said.name == "delivered":
        return "delivered"
    ends = (step for step in trace.steps if step.end and _is_own(step))
    step = next(ends, trace.last)
    return f"{step.end} at {step.stage} of {step.namespace.partition('/')[0]}"


def _is_own(step: Step) -> bool:
    """Whether it is about the packet, and not about a question for a MAC address."""
    packet = step.skb.packet
    return isinstance(packet, Packet) and not isinstance(packet.payload, Neighbour)
