"""Every flow to a Service, seen from one node: who asks, and on which of its addresses.

Who asks: a pod of the node, the endpoint itself, a pod elsewhere, the node, a stranger outside.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from ...linux.packet.address import Address, family
from ...linux.packet.packet import endpoint as spelled
from ..api.objects import Pod
from ..model.cluster import Cluster
from ..model.lan import OUTSIDE_HOSTS
from ..proxy.endpoint import Endpoint
from ..proxy.service_port import ServicePort

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


class Viewpoint:
    """A cluster as one node sees it."""

    def __init__(self, made: Cluster, node: str = ""):
        self.made = made
        self.node = made.machine(node).name if node else next(iter(made.machines), "")
        self.pods = {ip: pod for pod in made.placed.pods.values() for ip in made.placed.addresses(pod)}
        self.elsewhere = next((pod for name, pods in made.placed.on.items() if name != self.node for pod in pods
                               if self._asks(pod)), None)  # fmt: skip

    def _asks(self, pod: Pod) -> bool:
        return not pod.spec.host_network and not pod.is_pending

    def rows(self, of: int) -> list[Row]:
        """The Service ports of a family that are asked, with all their endpoints."""
        watched = self.made.watched[of]
        return [(port, watched.endpoints(at)) for at, port in enumerate(watched.ports) if port.protocol in PROTOCOLS]

    def like(self, row: Row, of: int) -> tuple:
        """All of a Service port that can matter to the first packet of a flow, addresses aside."""
        port, endpoints = row
        kinds = frozenset(self.kind(one) for one in endpoints)
        first = port.port is port.service.spec.ports[0]
        policies = (port.external_local, port.internal_local, port.source_ranges)
        reached = (bool(port.port.node_port), len(port.external_ips), len(port.vips), first)
        roles = tuple(role for role, _ in self._askers(endpoints, of))
        return (of, port.protocol, *policies, *reached, kinds, roles)

    def flows_to(self, row: Row, of: int) -> Iterator[ServiceFlow]:
        """Every flow to a Service port."""
        port, endpoints = row
        first = port.port is port.service.spec.ports[0]
        for role, who in self._askers(endpoints, of):
            for kind, where in self._destinations(port, of, first, role):
                yield ServiceFlow(who, where, kind)

    def kind(self, one: Endpoint) -> tuple:
        """All of an endpoint that can matter to a flow, but for which of its kind it is."""
        pod, elsewhere = self.pods.get(one.address), self.elsewhere.spec.node_name if self.elsewhere else ""
        place = {self.node: 0, elsewhere: 1}.get(one.node, 2)
        listens = pod is not None and any(port.container_port == one.port for port in pod.answers)
        shared = pod is not None and pod.spec.host_network
        return (place, one.ready, one.serving, one.terminating, one.zones, one.nodes, listens, shared)

    def _askers(self, endpoints: tuple[Endpoint, ...], of: int) -> Iterator[tuple[str, str]]:
        serving = {one.address for one in endpoints}
        mine = [pod for pod in self.made.placed.on.get(self.node, ()) if self._asks(pod)]
        other = next((pod for pod in mine if not serving & set(self.made.placed.addresses(pod))), None)
        itself = next((pod for pod in mine if serving & set(self.made.placed.addresses(pod))), None)
        for role, pod in (("pod", other), ("endpoint", itself), ("elsewhere", self.elsewhere)):
            if pod is not None and any(family(ip).number == of for ip in self.made.placed.addresses(pod)):
                own = "is endpoint" if serving & set(self.made.placed.addresses(pod)) else ""
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
        machine = self.made.machines.get(self.node)
        if not node_port or machine is None or of not in machine.ips:
            return
        yield "nodePort", f"{spelled(machine.ips[of], node_port)}{proto}"
        if of in machine.blocks and role != "outside":
            yield OTHER, f"{spelled(machine.gateway(of), node_port)}{proto}"
        if role == "node" and of == 4:
            yield LOOPBACK, f"127.0.0.1:{node_port}{proto}"

    def own(self, who: str) -> tuple[Address, ...]:
        kind, *name = who.split("/")
        return self.made.placed.addresses(self.made.pod(*name)) if kind == "pod" else ()


def addresses_of(port: ServicePort) -> tuple[Address, ...]:
    return (port.cluster_ip, *port.external_ips, *port.vips)
