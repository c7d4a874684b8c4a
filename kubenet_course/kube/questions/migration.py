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
from ...linux.packet.address import Address, family
from ...linux.packet.packet import Neighbour, Packet
from ...linux.packet.packet import endpoint as spelled
from ...linux.stack.bridge import Fdb
from ...linux.stack.neighbour import Neighbours
from ...linux.verdicts import TraceVerdict, arrival, verdict
from ...linux.walk import ask
from ..api.objects import Pod
from ..model.cluster import Cluster
from ..model.lan import OUTSIDE_HOSTS
from ..model.world import World
from ..proxy.endpoint import Endpoint
from ..proxy.service_port import ServicePort
from .ask import asker, led, question

PROTOCOLS = ("tcp", "udp")
OTHER, LOOPBACK, WRONG = "another address of the node", "127.0.0.1", "a port that the Service has not"
# What is known of the modes, where a kind of destination tells it.
KNOWN = {
    OTHER: {
        "iptables": "iptables mode answers NodePorts on every address of the node",
        "nftables": "nftables mode answers NodePorts on the node's primary address only, unless nodePortAddresses says otherwise",
        "ipvs": "IPVS mode answers NodePorts on every address of the node but loopback",
    },
    LOOPBACK: {
        "iptables": "iptables mode answers NodePorts on 127.0.0.1",
        "nftables": "nftables mode does not answer NodePorts on 127.0.0.1",
        "ipvs": "IPVS mode has no virtual server on 127.0.0.1",
    },
    WRONG: {
        "iptables": "iptables mode lets what is for a ClusterIP pass untranslated on a port that the Service has not",
        "nftables": "nftables mode rejects what is for a ClusterIP on a port that the Service has not",
        "ipvs": "in IPVS mode a ClusterIP is the node's own, and its filter rejects a port that no Service has",
    },
}


Row = tuple[ServicePort, tuple[Endpoint, ...]]


class FlowResult(Struct, frozen=True, order=True):
    """One outcome of a flow: the verdict, which endpoint has it, and whom that sees as the sender."""

    verdict: str
    delivered_to: str = ""
    seen_from: str = ""


class ServiceFlow(Struct, frozen=True):
    """Who asks, and where; `kind` says what sort of destination that is."""

    who: str
    where: str
    kind: str


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
        self.node = before.machine(node).name if node else next(iter(before.machines), "")
        self._worlds: dict[tuple, World] = {}
        self._last = Memory()
        self._heard: dict[str, dict[str, tuple[Neighbours, Fdb]]] = {one.mode: {} for one in (before, after)}
        self.pods = {ip: pod for pod in before.placed.pods.values() for ip in before.placed.addresses(pod)}
        self.elsewhere = next((pod for name, pods in before.placed.on.items() if name != self.node for pod in pods
                               if self._asks(pod)), None)  # fmt: skip
        self._known: dict[tuple, tuple[AskedFlow, AskedFlow]] = {}

    def _asks(self, pod: Pod) -> bool:
        return not pod.spec.host_network and not pod.is_pending

    def flows(self) -> Iterator[Change | None]:
        """Every flow to every Service port: a Change, or None where all stays as it is."""
        for of in self.before.families:
            watched = self.before.watched[of]
            rows = [
                (port, watched.endpoints(at)) for at, port in enumerate(watched.ports) if port.protocol in PROTOCOLS
            ]
            alike = [self._like(port, endpoints, of) for port, endpoints in rows]
            models: dict[tuple, Row] = {}
            for like, row in sorted(zip(alike, rows, strict=True), key=lambda pair: len(pair[1][1])):
                models.setdefault(like, row)  # who has the fewest endpoints stands for all that are alike
            for like, row in zip(alike, rows, strict=True):
                yield from self._of_port(like, row, models[like], of)

    def _like(self, port: ServicePort, endpoints: tuple[Endpoint, ...], of: int) -> tuple:
        """All of a Service port that can matter to the first packet of a flow, addresses aside."""
        kinds = frozenset(self._kind(one) for one in endpoints)
        first = port.port is port.service.spec.ports[0]
        policies = (port.external_local, port.internal_local, port.source_ranges)
        reached = (bool(port.port.node_port), len(port.external_ips), len(port.vips), first)
        roles = tuple(role for role, _ in self._askers(endpoints, of))
        return (of, port.protocol, *policies, *reached, kinds, roles)

    def _of_port(self, like: tuple, row: Row, model: Row, of: int) -> Iterator[Change | None]:
        flows, models = (list(self._asked_of(one, of)) for one in (row, model))
        for flow, asked in zip(flows, models, strict=True):
            before, after = self._asked((*like, asked.who, asked.kind), flow, asked, row, model)
            if before.results == after.results:
                yield None
            else:
                because = self._because(flow.kind, before, after)
                yield Change(flow, _differing(before, after), _differing(after, before), because)

    def _asked_of(self, row: Row, of: int) -> Iterator[ServiceFlow]:
        """Every flow to a Service port."""
        port, endpoints = row
        first = port.port is port.service.spec.ports[0]
        for role, who in self._askers(endpoints, of):
            for kind, where in self._destinations(port, of, first, role):
                yield ServiceFlow(who, where, kind)

    def _kind(self, one: Endpoint) -> tuple:
        """All of an endpoint that can matter to a flow, but for which of its kind it is."""
        pod, elsewhere = self.pods.get(one.address), self.elsewhere.spec.node_name if self.elsewhere else ""
        place = {self.node: 0, elsewhere: 1}.get(one.node, 2)
        listens = pod is not None and any(port.container_port == one.port for port in pod.answers)
        shared = pod is not None and pod.spec.host_network
        return (place, one.ready, one.serving, one.terminating, one.zones, one.nodes, listens, shared)

    def _askers(self, endpoints: tuple[Endpoint, ...], of: int) -> Iterator[tuple[str, str]]:
        serving = {one.address for one in endpoints}
        mine = [pod for pod in self.before.placed.on.get(self.node, ()) if self._asks(pod)]
        other = next((pod for pod in mine if not serving & set(self.before.placed.addresses(pod))), None)
        itself = next((pod for pod in mine if serving & set(self.before.placed.addresses(pod))), None)
        for role, pod in (("pod", other), ("endpoint", itself), ("elsewhere", self.elsewhere)):
            if pod is not None and any(family(ip).number == of for ip in self.before.placed.addresses(pod)):
                own = "is endpoint" if serving & set(self.before.placed.addresses(pod)) else ""
                yield f"{role} {own}", f"pod/{pod.key[0]}/{pod.key[1]}"
        if self.node:
            yield "node", f"node/{self.node}"
        yield "outside", f"host/{next(ip for ip in OUTSIDE_HOSTS if family(ip).number == of)}"

    def _destinations(self, port: ServicePort, of: int, first: bool, role: str) -> Iterator[tuple[str, str]]:
        proto, number, node_port = ("" if port.protocol == "tcp" else "/udp"), port.port.port, port.port.node_port
        yield "clusterIP", f"{spelled(port.cluster_ip, number)}{proto}"
        if first:
            taken = {one.port for one in port.service.spec.ports}
            unused = next(n for n in range(number + 1, number + 99) if n % 65536 not in taken) % 65536
            yield WRONG, f"{spelled(port.cluster_ip, unused)}{proto}"
        for at, ip in enumerate(port.external_ips):
            yield f"externalIP {at}", f"{spelled(ip, number)}{proto}"
        for at, ip in enumerate(port.vips):
            yield f"load balancer {at}", f"{spelled(ip, number)}{proto}"
        machine = self.before.machines.get(self.node)
        if not node_port or machine is None or of not in machine.ips:
            return
        yield "nodePort", f"{spelled(machine.ips[of], node_port)}{proto}"
        if of in machine.blocks and role != "outside":
            yield OTHER, f"{spelled(machine.gateway(of), node_port)}{proto}"
        if role == "node" and of == 4:
            yield LOOPBACK, f"127.0.0.1:{node_port}{proto}"

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
        kinds = {str(one): self._kind(one) for one in model[1]}
        names = dict(zip(_addresses(model[0]), _addresses(row[0]), strict=True))
        names |= dict(zip(self._own(asked.who), self._own(flow.who), strict=False))
        before, after = (self._told(one, kinds, names, row[1]) for one in found)
        return before, after

    def _own(self, who: str) -> tuple[Address, ...]:
        kind, *name = who.split("/")
        return self.before.placed.addresses(self.before.pod(*name)) if kind == "pod" else ()

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
            places = [str(mine) for mine in endpoints if self._kind(mine) == kind] if kind is not None else [to]
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


def _addresses(port: ServicePort) -> tuple[Address, ...]:
    return (port.cluster_ip, *port.external_ips, *port.vips)


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
