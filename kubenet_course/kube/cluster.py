"""A cluster: what its manifests say, completed by the same controllers that complete a real one.

Nothing here moves a packet. `world()` gives the kernels that the decisions lead to, each made when it is first looked
at.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property

from msgspec.structs import replace

from ..errors import BadInput
from ..linux.address import FAMILIES, Address, address
from ..linux.rules import Ruleset
from . import flannel
from .collection import Objects
from .endpoints import Candidate, selects, slices_for
from .lan import OUTSIDE_HOSTS
from .mirroring import mirrored
from .node_plan import Machine, machines
from .objects import SERVICE_NAME, EndpointSlice, KubeProxyConfiguration, Pod, Service
from .pod_plan import Placed
from .proxy.iptables import iptables_rules
from .proxy.iptables_frame import Frame
from .proxy.iptables_rows import IptablesServices
from .proxy.node import DEFAULTS, NodeFacts
from .ranges import Ranges, ranges
from .read import read
from .service_plan import services
from .world import World

KUBERNETES = ("default", "kubernetes")  # the API server writes this Service's slice itself


class Cluster:
    """The objects of a cluster, complete. Raises BadInput, when it is made, for what no cluster could be."""

    def __init__(self, objects: Objects):
        self.objects = objects
        self.ranges: Ranges = ranges(objects)
        self.machines: dict[str, Machine] = machines(objects, self.ranges)
        self.placed = Placed(objects, self.machines)
        self.services: list[Service] = services(objects, self.ranges)
        self.slices: dict[tuple[str, str], tuple[EndpointSlice, ...]] = _slices(self)
        self.backend: str = flannel.backend(objects.nodes, objects.conflists)

    @cached_property
    def _orphans(self) -> tuple[str, ...]:
        """Slices whose Service is gone: the API server keeps them, and nobody uses them. The first is named."""
        found = [one for one in self.objects.slices if one.service[1] and one.service not in self._services]
        if not found:
            return ()
        where = f"{self.objects.where(found[0])}: metadata.labels[{SERVICE_NAME}]"
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return (f"{where}: there is no Service {'/'.join(found[0].service)}; nobody uses this slice{more}",)

    @property
    def families(self) -> tuple[int, ...]:
        return self.ranges.families

    @property
    def notices(self) -> tuple[str, ...]:
        """What was not understood, and what was settled for lack of a word."""
        homeless = tuple(f"{pod} waits: there is no node to run it" for pod in self.placed.waiting)
        return self.objects.notices + homeless + self._orphans

    def machine(self, name: str) -> Machine:
        if name not in self.machines:
            raise BadInput(
                "node", f"there is no node {name!r}", f"name one of {', '.join(list(self.machines)[:9]) or 'none'}"
            )
        return self.machines[name]

    def pod(self, namespace: str, name: str) -> Pod:
        found = self.placed.pods.get((namespace, name))
        if found is None:
            near = [f"{ns}/{other}" for ns, other in self.placed.pods if ns == namespace][:9]
            raise BadInput(
                "pod", f"there is no running pod {namespace}/{name}", f"name one of {', '.join(near) or 'none'}"
            )
        return found

    def service(self, namespace: str, name: str) -> Service:
        found = self._services.get((namespace, name))
        if found is None:
            near = [f"{ns}/{other}" for ns, other in self._services][:9]
            raise BadInput(
                "service", f"there is no Service {namespace}/{name}", f"name one of {', '.join(near) or 'none'}"
            )
        return found

    @cached_property
    def _services(self) -> dict[tuple[str, str], Service]:
        return {one.key: one for one in self.services}

    # -- kube-proxy
    # ------------------------------------------------------------------------------------------------------

    @cached_property
    def watched(self) -> dict[int, IptablesServices]:
        """Per family, what every node's kube-proxy watches."""
        found = {of: IptablesServices(self.services, self.slices, FAMILIES[of]) for of in FAMILIES}
        for one in found.values():
            _ = one.by_key, one.is_large, one.counts, one.restricted
        return found

    @cached_property
    def proxy(self) -> KubeProxyConfiguration:
        """As configured; else as kubeadm would have it, which tells kube-proxy the pods' range."""
        said = self.objects.proxy
        return said or replace(DEFAULTS, cluster_cidr=",".join(str(self.ranges.pods[of]) for of in self.families))

    def facts(self, name: str) -> NodeFacts:
        """What the kube-proxy of a node knows of it. Where no Node is given at all, its zone is what its endpoints
        say.
        """
        if not self.machines:
            said = (
                one.zone
                for rows in self.slices.values()
                for part in rows
                for one in part.endpoints
                if one.node_name == name
            )
            return NodeFacts(name, next((zone for zone in said if zone), ""))
        machine = self.machine(name)
        gateways = tuple(machine.gateway(of) for of in machine.blocks if self._is_bridged(machine))
        ends = tuple(block.first for block in machine.blocks.values()) if self.backend == "vxlan" else ()
        blocks = tuple(map(str, machine.blocks.values()))
        more = tuple(address(one.address) for one in machine.node.status.addresses if one.type == "InternalIP")
        return NodeFacts(name, machine.zone, blocks, tuple(machine.ips.values()), gateways + ends + more)

    def _is_bridged(self, machine: Machine) -> bool:
        """Whether a node has its bridge: as in a running cluster, or since the first pod came."""
        pods = self.placed.pods.values()
        return bool(machine.node.pod_cidrs) or any(
            pod.spec.node_name == machine.name and not pod.spec.host_network for pod in pods
        )

    def proxy_rules(self, name: str, of: int) -> Ruleset:
        """What kube-proxy alone writes on a node."""
        return iptables_rules(self.watched[of], self.facts(name), self.proxy)

    def rules(self, name: str, of: int) -> Ruleset:
        """All iptables rules of a node in one family: kube-proxy's, and behind them flannel's."""
        block, pods = self.machine(name).blocks.get(of), self.ranges.pods.get(of)
        others: Frame = flannel.rules(pods, block) if block and pods else {}
        return iptables_rules(self.watched[of], self.facts(name), self.proxy, others)

    @cached_property
    def entrances(self) -> dict[Address, Address]:
        """The addresses of load balancers and externalIPs, each with that of the node that the router leads them to."""
        first = next(iter(self.machines.values()), None)
        ports = [(of, port) for of, services in self.watched.items() for port in services.ports]
        found = {ip: of for of, port in ports for ip in (*port.vips, *port.external_ips)}
        return {ip: first.ips[of] for ip, of in found.items() if first and of in first.ips}

    def world(self, outside: Iterable[Address] = ()) -> World:
        """Every kernel of the cluster by name; `outside` are further hosts beyond the router."""
        return World(self, (*OUTSIDE_HOSTS, *outside))


def _slices(cluster: Cluster) -> dict[tuple[str, str], tuple[EndpointSlice, ...]]:
    """The slices of every Service: as they are written down, else as the controller would write them."""
    found: dict[tuple[str, str], list[EndpointSlice]] = {}
    for one in sorted(cluster.objects.slices, key=lambda one: one.key):
        found.setdefault(one.service, []).append(one)
    written = {key: tuple(rows) for key, rows in found.items()}
    missing = [one for one in cluster.services if one.key not in written]
    mirrors = mirrored(cluster.objects.endpoints, missing)
    return written | mirrors | controlled(missing, cluster.placed, cluster.machines)


def _zone(machines: Mapping[str, Machine], pod: Pod) -> str:
    machine = machines.get(pod.spec.node_name)
    return machine.zone if machine else ""


def checked(made: Cluster) -> Cluster:
    """Refuses what kube-proxy and the controllers can bear, but where something was most likely forgotten: pods without
    any Node, a Service that nobody can ever answer for.
    """
    objects = made.objects
    for pod in made.placed.pods.values() if not made.machines else ():
        said = f"there is no node {pod.spec.node_name!r}, and no Node at all"
        raise BadInput(f"{objects.where(pod)}: spec.nodeName", said, "give the Nodes too")
    for one in objects.services:
        nobody = not one.spec.selector and one.key not in made.slices
        if nobody and one.spec.type != "ExternalName" and one.key != KUBERNETES:
            where = f"{objects.where(one)}: spec.selector"
            right = f"write a selector, or an EndpointSlice with the label kubernetes.io/service-name: {one.key[1]}"
            raise BadInput(where, "it has neither a selector nor an EndpointSlice", right)
    return made


def controlled(
    wanted: Iterable[Service], placed: Placed, machines: Mapping[str, Machine], existing: Iterable[EndpointSlice] = ()
) -> dict[tuple[str, str], tuple[EndpointSlice, ...]]:
    """What the EndpointSlice controller keeps for these Services."""
    selectors = [(one, next(iter(one.spec.selector.items()))) for one in wanted if one.spec.selector]
    by_label: dict[tuple[str, str, str], list[Pod]] = {(one.key[0], *first): [] for one, first in selectors}
    for pod in placed.pods.values() if by_label else ():
        for name, value in pod.metadata.labels.items():
            rows = by_label.get((pod.metadata.namespace, name, value))
            if rows is not None:
                rows.append(pod)
    known: dict[tuple[str, str], list[EndpointSlice]] = {}
    for part in existing:
        known.setdefault(part.service, []).append(part)
    found = {}
    for service, first in selectors:
        pods = by_label[(service.key[0], *first)]
        if len(service.spec.selector or ()) > 1:
            pods = [pod for pod in pods if selects(service, pod)]
        candidates = [Candidate(pod, placed.addresses(pod), _zone(machines, pod)) for pod in pods]
        found[service.key] = slices_for(service, candidates, known.get(service.key, ()))
    return found


def cluster(paths: Iterable[str]) -> Cluster:
    """A cluster from files, whose Services can all be answered for."""
    return checked(Cluster(read(paths)))
