"""A cluster: what its manifests say, completed by the same controllers that complete a real one.

Nothing here moves a packet. `world()` gives the kernels that the decisions lead to, each made when it is first looked
at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from msgspec.structs import replace

from ...errors import BadInput
from ...linux.namespace.netns import Socket
from ...linux.netfilter.rules import Ruleset
from ...linux.packet.address import FAMILIES, Address, address
from ..api.layout import LayoutSpec
from ..api.objects import EndpointSlice, KubeProxyConfiguration, Pod, Service
from ..layout.check import fits
from ..layout.machines import others
from ..layout.machines.on_node import beside_proxy
from ..layout.plan import unrouted
from ..layout.world import WiderWorld
from ..manifest.collection import Objects
from ..manifest.read import read
from ..network import flannel
from ..proxy.iptables.frame import Frame
from ..proxy.iptables.rows import IptablesServices
from ..proxy.iptables.rules import iptables_rules
from ..proxy.ipvs.tables import IpvsTables, ipvs_tables
from ..proxy.modes import USERSPACE, rules_in
from ..proxy.nftables.settings import service_ranges
from ..proxy.node import DEFAULTS, NodeFacts
from ..proxy.other.userspace import portals, sockets
from ..service.service_plan import services
from .lan import OUTSIDE_HOSTS
from .node_plan import Machine, check_nodes, given_blocks, machines, said_blocks
from .pod_plan import Placed, check_pods
from .ranges import Ranges, ranges
from .slice_plan import all_slices, orphans
from .world import World

KUBERNETES = ("default", "kubernetes")  # the API server writes this Service's slice itself


class Cluster:
    """The objects of a cluster, complete. What kube-proxy and the controllers can bear is borne; `checked` asks for more."""

    def __init__(self, objects: Objects, mode: str = ""):
        """`mode`: how kube-proxy shall work, whatever the files say."""
        self.objects, self._mode = objects, mode
        self.ranges: Ranges = ranges(objects)
        self.machines: dict[str, Machine] = machines(objects, self.ranges, self.blocks)
        self.placed = Placed(objects, self.machines)
        self.services: list[Service] = services(objects, self.ranges)
        parts = (self.services, self.placed, self.machines)
        self.slices: dict[tuple[str, str], tuple[EndpointSlice, ...]] = all_slices(objects, *parts)
        self.backend: str = flannel.backend(objects.nodes, objects.conflists, objects.net_conf)
        # What surrounds it, and how that looks.
        self.part: LayoutSpec | None = objects.layout.spec if objects.layout else None
        self.beside = {one.name: Cluster(others.objects(one)) for one in self.part.clusters} if self.part else {}
        if self.part and (self.part.layout, self.part.routes) == ("flat", "cloud"):
            self.backend = "cloud"

    @cached_property
    def blocks(self) -> dict[str, tuple[str, ...]]:
        """The nodes' blocks; those that nodes say themselves where the controller could give none."""
        try:
            return given_blocks(self.objects, self.ranges)
        except BadInput:
            return said_blocks(self.objects)

    @property
    def mode(self) -> str:
        """How kube-proxy works on every node, by its own name (KubeProxyConfiguration: mode)."""
        return self._mode or self.proxy.mode or "iptables"

    @property
    def families(self) -> tuple[int, ...]:
        return self.ranges.families

    @property
    def notices(self) -> tuple[str, ...]:
        """What was not understood, and what was settled for lack of a word."""
        why = "it has not been scheduled" if self.machines else "there is no node to run it"
        homeless = tuple(f"{pod} waits: {why}" for pod in self.placed.waiting)
        return self.objects.notices + homeless + orphans(self.objects, self._services) + self._assumed + unrouted(self)

    @property
    def _assumed(self) -> tuple[str, ...]:
        strangers = self.placed.strangers
        if not strangers:
            return ()
        count = sum(map(len, strangers.values()))
        one = f"the pod address {next(iter(strangers.values()))[0]} lies"
        many = f"{count} pod addresses lie" if count > 1 else one
        said = "the network between them is assumed: a route to each by its node, no translation on the way out"
        return (f"{many} outside the nodes' blocks; {said}",)

    @cached_property
    def unanswered(self) -> tuple[str, ...]:
        """Of each Service that neither a selector nor a slice gives an endpoint, a sentence that says so."""
        return tuple(
            f"{one} has neither a selector nor an EndpointSlice: nobody answers for it"
            for one in self.objects.services
            if not one.spec.selector
            and one.key not in self.slices
            and one.spec.type != "ExternalName"
            and one.key != KUBERNETES
        )

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

    @cached_property
    def watched(self) -> dict[int, IptablesServices]:
        """Per family, what every node's kube-proxy watches."""
        found = {of: IptablesServices(self.services, self.slices, FAMILIES[of]) for of in FAMILIES}
        for one in found.values():
            _ = one.by_key, one.is_large, one.counts, one.restricted
        return found

    @cached_property
    def proxy(self) -> KubeProxyConfiguration:
        """As configured; else as kubeadm would have it, which tells kube-proxy the pods' range, if one is known."""
        if self.objects.proxy:
            return self.objects.proxy
        if self.placed.strangers and "pods" not in self.ranges.said:
            return DEFAULTS
        return replace(DEFAULTS, cluster_cidr=",".join(str(self.ranges.pods[of]) for of in self.families))

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
        here = (pod for pod in self.placed.pods.values() if pod.spec.node_name == machine.name)
        return bool(machine.node.pod_cidrs) or any(not pod.spec.host_network for pod in here)

    def proxy_rules(self, name: str, of: int) -> Ruleset:
        """What kube-proxy alone writes on a node."""
        return iptables_rules(self.watched[of], self.facts(name), self.proxy)

    def rules(self, name: str, of: int) -> Ruleset:
        """All rules of a node in one family: kube-proxy's, and flannel's."""
        block, pods = self.machine(name).blocks.get(of), self.ranges.pods.get(of)
        others: Frame = beside_proxy(self, name, pods, block) if block and pods else {}
        free = service_ranges(self.ranges)
        return rules_in(self.mode, self.watched[of], self.facts(name), self.proxy, free, others)

    def proxy_sockets(self) -> tuple[Socket, ...]:
        """The ports at which kube-proxy itself accepts connections on every node: in userspace mode alone."""
        watched = self.watched.values() if self.mode == USERSPACE else ()
        return tuple(socket for one in watched for socket in sockets(portals(one), one))

    def ipvs(self, name: str) -> tuple[IpvsTables, ...]:
        """What kube-proxy gives a node's IPVS in each family; nothing in any other mode."""
        balanced = FAMILIES if self.mode == "ipvs" else ()
        return tuple(ipvs_tables(self.watched[of], self.facts(name), self.proxy) for of in balanced)

    @cached_property
    def entrances(self) -> dict[Address, tuple[Address, ...]]:
        """The addresses of load balancers and externalIPs, each with those of the nodes that it may lead to.

        A load balancer asks every node whether it has a ready endpoint when the Service's external policy is Local
        (healthCheckNodePort), and leaves the others out; where no node has one, most ask them all again (DEV-23).
        """
        found: dict[Address, tuple[Address, ...]] = {}
        for of, watched in self.watched.items():
            all_nodes = tuple(machine.ips[of] for machine in self.machines.values() if of in machine.ips)
            for port in watched.ports:
                for ip in port.vips:
                    found.setdefault(ip, self.healthy(port.service, of) if port.external_local else all_nodes)
                for ip in port.external_ips:
                    found.setdefault(ip, all_nodes)
        return {ip: nodes for ip, nodes in found.items() if nodes}

    def healthy(self, service: Service, of: int) -> tuple[Address, ...]:
        """The addresses of nodes whose kube-proxy says on the health port that it has a ready endpoint."""
        ready = {one.node_name for part in self.slices.get(service.key, ()) for one in part.endpoints if one.is_ready}
        ips = {name: machine.ips[of] for name, machine in self.machines.items() if of in machine.ips}
        return tuple(ip for name, ip in ips.items() if name in ready) or tuple(ips.values())

    def world(self, outside: Iterable[Address] = (), led: Mapping[Address, Address] = {}) -> World:
        """Every kernel of the cluster by name; `outside` are further hosts beyond the router. `led` says to which node's address
        a load balancer leads; where nothing is said, to the first that it may.
        """
        if self.part:
            return WiderWorld(self, self.part, outside, led)
        return World(self, (*OUTSIDE_HOSTS, *outside), led)


def checked(made: Cluster) -> Cluster:
    """Refuses what no network could be built from, which kube-proxy and the controllers can bear all the same."""
    given_blocks(made.objects, made.ranges)
    check_nodes(made.objects, made.machines, made.ranges)
    check_pods(made.objects, made.placed)
    fits(made, made.objects.layout)
    return made


def cluster(paths: Iterable[str], mode: str = "") -> Cluster:
    """A cluster from files, whose Services can all be answered for; with `mode`, kube-proxy works in that one."""
    return checked(Cluster(read(paths), mode))
