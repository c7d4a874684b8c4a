"""The kernels that a cluster's decisions lead to: nodes, pods, the LAN, the router, hosts outside.

Each namespace is made when it is first looked up, so that five thousand nodes cost nothing until somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from ..linux.address import FAMILIES, IPV4, IPV6, Address, Mac, Prefix, family, prefix, spelled
from ..linux.route import IfAddr, Route
from ..linux.tables import Device, FdbEntry, NeighbourEntry, Netns, Socket, netns
from . import backends, names
from .backends import METRIC, Rows
from .node_plan import Machine
from .objects import Pod
from .pod_plan import of_family
from .ranges import OUTSIDE, covering

if TYPE_CHECKING:
    from .cluster import Cluster

OUTSIDE_HOSTS: tuple[Address, ...] = ("203.0.113.5", "203.0.113.200", "2001:db8::5")
WARM_FROM = 17  # nodes: in a larger cluster everybody on the LAN knows everybody, or every question would wake them all
ANY = {4: prefix("0.0.0.0/0"), 6: prefix("::/0")}
FORWARDS = {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1, "net.ipv4.conf.all.send_redirects": 0}
SWITCH = {"net.bridge.bridge-nf-call-iptables": 0, "net.bridge.bridge-nf-call-ip6tables": 0}


def device(name: str, kind: str, mac: Mac, own: Iterable[IfAddr] = (), **more) -> Device:
    """A device; with an IPv6 address it has a link-local one too, as a kernel gives it by itself."""
    own = tuple(own)
    if any(family(one.address) is IPV6 for one in own):
        own += (IfAddr(names.link_local(mac), 64),)
    return Device(name, kind, mac, own, **more)


def default(of: int, via: Address, dev: str = "eth0") -> Route:
    return Route(ANY[of], dev, via, metric=METRIC[of])


class World(Mapping[str, Netns]):
    """Namespaces by name: "node-1", "pod/default/client", "lan", "router", "host/203.0.113.5"."""

    def __init__(self, cluster: Cluster, outside: Iterable[Address] = OUTSIDE_HOSTS):
        self.cluster = cluster
        self.outside = tuple(dict.fromkeys(outside))
        self._made: dict[str, Netns] = {}
        if self.is_warm:
            _ = self[names.LAN].fib, self[names.ROUTER_NAMESPACE].fib

    def __getitem__(self, name: str) -> Netns:
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        yield from self.cluster.machines
        yield from (names.pod_namespace(*key) for key, pod in self._pods.items() if not pod.spec.host_network)
        yield from (names.LAN, names.ROUTER_NAMESPACE)
        yield from map(names.host_namespace, self.outside)

    def __len__(self) -> int:
        pods = sum(not pod.spec.host_network for pod in self._pods.values())
        return len(self.cluster.machines) + pods + 2 + len(self.outside)

    @property
    def _pods(self) -> dict[tuple[str, str], Pod]:
        return self.cluster.placed.pods

    def of_pod(self, pod: Pod) -> str:
        """The namespace that a pod lives in: its own, or with hostNetwork its node's."""
        return pod.spec.node_name if pod.spec.host_network else names.pod_namespace(*pod.key)

    def _make(self, name: str) -> Netns:
        kind, _, rest = name.partition("/")
        if name in self.cluster.machines:
            return self._node(self.cluster.machines[name])
        if kind == "pod" and rest.count("/") == 1:
            pod = self._pods.get((rest.split("/")[0], rest.split("/")[1]))
            if pod is not None and not pod.spec.host_network:
                return self._pod(pod)
        if name == names.LAN:
            return self._lan()
        if name == names.ROUTER_NAMESPACE:
            return self._router()
        if kind == "host" and rest in self.outside:
            return self._host(rest)
        raise KeyError(name)

    # -- pods ----------------------------------------------------------------------------------------------------------

    def _pod(self, pod: Pod) -> Netns:
        """One veth to the node's bridge, a default route to the bridge's address, a socket for each declared port."""
        machine = self.cluster.machines[pod.spec.node_name]
        ips = self.cluster.placed.addresses(pod)
        own = [IfAddr(ip, machine.blocks[family(ip).number].length) for ip in ips]
        mac = names.mac(names.POD, ips[0]) if ips else ""
        peer = (machine.name, names.host_end(*pod.key))
        eth0 = device("eth0", "veth", mac, own, peer=peer, mtu=self.mtu)
        routes = tuple(default(family(ip).number, machine.gateway(family(ip).number)) for ip in ips)
        return netns(names.pod_namespace(*pod.key), (eth0,), routes=routes, sockets=_sockets(pod, ips), sysctls=_QUIET)

    @cached_property
    def mtu(self) -> int:
        return backends.mtu(self.cluster.backend, self.cluster.families)

    # -- nodes ---------------------------------------------------------------------------------------------------------

    def _node(self, machine: Machine) -> Netns:
        """eth0 on the LAN, the bridge of its pods, the way to other nodes, kube-proxy's rules."""
        cluster, name = self.cluster, machine.name
        pods = cluster.placed.on[name]
        devices = [self._eth0(machine), *self._bridge(machine, pods), *backends.tunnels(machine, cluster.backend)]
        ways = (cluster.machines, name, cluster.backend)
        lan = tuple(default(of, self.router_ip(of)) for of in machine.ips if of in cluster.families)
        near = self.lan_neighbours if self.is_warm else {}
        far = sum(len(one.blocks) for other, one in cluster.machines.items() if other != name)
        tunnelled = far if cluster.backend == "vxlan" else 0
        sockets = tuple(socket for pod in pods if pod.spec.host_network for socket in _sockets(pod, cluster.placed.addresses(pod)))
        return netns(
            name,
            tuple(devices),
            routes=Rows(len(lan) + far, lambda: (*lan, *backends.routes(*ways))),
            neighbours=Rows(tunnelled + len(near), lambda: (*backends.neighbours(*ways), *near.values())),
            fdb=Rows(tunnelled, lambda: backends.fdb(*ways)),
            rules={of: cluster.rules(name, of) for of in FAMILIES},
            sysctls=self._node_sysctls(),
            sockets=sockets,
        )

    def _eth0(self, machine: Machine) -> Device:
        own = [IfAddr(ip, self.lan_range(of).length) for of, ip in machine.ips.items()]
        return device("eth0", "veth", self.node_mac(machine), own, peer=(names.LAN, names.link_end(machine.name)))

    def node_mac(self, machine: Machine) -> Mac:
        return names.mac(names.NODE, next(iter(machine.ips.values())))

    def _bridge(self, machine: Machine, pods: list[Pod]) -> list[Device]:
        """cni0 with the block's first address, and the node's end of each pod's cable as its port."""
        if not machine.blocks:
            return []
        own = [IfAddr(machine.gateway(of), block.length) for of, block in machine.blocks.items()]
        bridge = device(names.POD_BRIDGE, "bridge", names.mac(names.BRIDGE, own[0].address), own, mtu=self.mtu)
        ports = [
            Device(
                names.host_end(*pod.key), "veth", names.mac(names.POD_HOST_END, self.cluster.placed.addresses(pod)[0]), mtu=self.mtu,
                peer=(names.pod_namespace(*pod.key), "eth0"), master=names.POD_BRIDGE, hairpin=self.hairpin,
            )
            for pod in pods if not pod.spec.host_network and self.cluster.placed.addresses(pod)
        ]  # fmt: skip
        return [bridge, *ports]

    @cached_property
    def hairpin(self) -> bool:
        """As the CNI list says; without one as flannel's own list has it: a pod may reach itself through its Service."""
        plugins = [plugin for one in self.cluster.objects.conflists for plugin in one.plugins]
        said = [part["hairpinMode"] for plugin in plugins for part in (plugin, plugin.get("delegate") or {}) if "hairpinMode" in part]
        return bool(said[0]) if said else not any(plugin.get("type") == "bridge" for plugin in plugins)

    def _node_sysctls(self) -> dict[str, int]:
        proxy = self.cluster.proxy
        said = {**FORWARDS, "net.bridge.bridge-nf-call-iptables": 1, "net.bridge.bridge-nf-call-ip6tables": 1}
        said["net.ipv4.conf.all.route_localnet"] = int(proxy.iptables.localhost_node_ports and not proxy.node_port_addresses)
        said["net.netfilter.nf_conntrack_tcp_be_liberal"] = int(proxy.conntrack.tcp_be_liberal)
        return said

    # -- the LAN, the router, the world ----------------------------------------------------------------------------------

    @property
    def is_warm(self) -> bool:
        return len(self.cluster.machines) >= WARM_FROM

    def lan_range(self, of: int) -> Prefix:
        """The range that all nodes' addresses lie in."""
        return self._lan_ranges[of]

    @cached_property
    def _lan_ranges(self) -> dict[int, Prefix]:
        found = {}
        for of, whole in FAMILIES.items():
            ips = [one.ips[of] for one in self.cluster.machines.values() if of in one.ips]
            if ips:
                found[of] = covering(ips, whole, 24 if whole is IPV4 else 64)
        return found

    def router_ip(self, of: int) -> Address:
        """The first address of the LAN that no node has."""
        return self._router_ips[of]

    @cached_property
    def _router_ips(self) -> dict[int, Address]:
        found = {}
        for of, block in self._lan_ranges.items():
            taken = {one.ips.get(of) for one in self.cluster.machines.values()}
            value = block.network + 1
            while spelled(value, block.family) in taken:
                value += 1
            found[of] = spelled(value, block.family)
        return found

    @cached_property
    def router_mac(self) -> Mac:
        return names.mac(names.ROUTER, next(iter(self._router_ips.values()), "0.0.0.0"))

    @cached_property
    def lan_neighbours(self) -> dict[Address, NeighbourEntry]:
        """Everybody on the LAN, for those who need not ask."""
        found = {ip: NeighbourEntry(ip, "eth0", self.router_mac) for ip in self._router_ips.values()}
        for machine in self.cluster.machines.values():
            mac = self.node_mac(machine)
            found.update({ip: NeighbourEntry(ip, "eth0", mac) for ip in machine.ips.values()})
        return found

    def _lan(self) -> Netns:
        """A switch: it has no address, and no rule ever sees what it carries."""
        ends = [(machine.name, self.node_mac(machine)) for machine in self.cluster.machines.values()]
        ends.append((names.ROUTER_NAMESPACE, self.router_mac))
        bridge = Device(names.LAN_BRIDGE, "bridge", _port_mac(self.router_mac, 0xFE))
        ports = [
            Device(names.link_end(name), "veth", _port_mac(mac, names.NODE_LINK), peer=(name, "eth0"), master=names.LAN_BRIDGE)
            for name, mac in ends
        ]
        fdb = tuple(FdbEntry(mac, names.link_end(name)) for name, mac in ends) if self.is_warm else ()
        return netns(names.LAN, (bridge, *ports), fdb=fdb, sysctls=SWITCH)

    def _router(self) -> Netns:
        """Between the LAN and the world. It leads the addresses of load balancers and externalIPs to the first node."""
        own = [IfAddr(ip, self.lan_range(of).length) for of, ip in self._router_ips.items()]
        eth0 = device("eth0", "veth", self.router_mac, own, peer=(names.LAN, names.link_end(names.ROUTER_NAMESPACE)))
        gateways = [IfAddr(_gateway(of), OUTSIDE[of].length) for of in FAMILIES]
        bridge = device(names.OUTSIDE_BRIDGE, "bridge", names.mac(names.OUTSIDE_LINK, _gateway(4)), gateways)
        ports = [
            Device(
                names.link_end(ip), "veth", names.mac(names.OUTSIDE_LINK, ip), peer=(names.host_namespace(ip), "eth0"),
                master=names.OUTSIDE_BRIDGE,
            )
            for ip in self.outside
        ]  # fmt: skip
        strange = [Route(prefix(ip), names.OUTSIDE_BRIDGE, metric=METRIC[family(ip).number]) for ip in self.outside if not _is_planned(ip)]
        near = tuple(self.lan_neighbours.values()) if self.is_warm else ()
        return netns(
            names.ROUTER_NAMESPACE, (eth0, bridge, *ports), routes=(*strange, *self._entrances()), neighbours=near,
            sysctls={**FORWARDS, **SWITCH},
        )  # fmt: skip

    def _entrances(self) -> list[Route]:
        first = next(iter(self.cluster.machines.values()), None)
        watched = [(of, port) for of, services in self.cluster.watched.items() for port in services.ports]
        found = {ip: of for of, port in watched for ip in (*port.vips, *port.external_ips)}
        return [Route(prefix(ip), "eth0", first.ips[of], metric=METRIC[of]) for ip, of in found.items() if first and of in first.ips]

    def _host(self, ip: Address) -> Netns:
        """A machine outside: it knows nothing of the cluster but the router."""
        of = family(ip).number
        length = OUTSIDE[of].length if _is_planned(ip) else FAMILIES[of].bits
        eth0 = device("eth0", "veth", names.mac(names.OUTSIDE, ip), [IfAddr(ip, length)], peer=(names.ROUTER_NAMESPACE, names.link_end(ip)))
        way = Route(ANY[of], "eth0", _gateway(of), metric=METRIC[of], onlink=not _is_planned(ip))
        return netns(names.host_namespace(ip), (eth0,), routes=(way,), sysctls=_QUIET)


_QUIET = {"net.ipv4.conf.all.send_redirects": 0}


def _gateway(of: int) -> Address:
    return spelled(OUTSIDE[of].network + 1, OUTSIDE[of].family)


def _is_planned(ip: Address) -> bool:
    return ip in OUTSIDE[family(ip).number]


def _port_mac(of: Mac, kind: int) -> Mac:
    """The switch's end of a cable: the machine's MAC with another kind."""
    return f"0a:{kind:02x}{of[5:]}"


def _sockets(pod: Pod, ips: tuple[Address, ...]) -> tuple[Socket, ...]:
    """A program listens on every port that a container declares, on all addresses; on no other."""
    name = pod.metadata.name
    return tuple(
        Socket(port.protocol.lower(), FAMILIES[of].any, port.container_port, name)
        for port in pod.listens
        for of in FAMILIES
        if of_family(ips, of)
    )
