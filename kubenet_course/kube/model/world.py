"""The kernels that a cluster's decisions lead to: nodes, pods, the LAN, the router, hosts outside.

Each namespace is made when it is first looked up, so that five thousand nodes cost nothing until somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from ...linux.namespace.device import Device, IfAddr
from ...linux.namespace.netns import Netns, Socket, netns
from ...linux.packet.address import FAMILIES, IPV4, Address, family
from ..api.objects import Pod
from ..network import backends
from ..network.backends import Rows
from ..proxy.node import settings
from . import names
from .lan import FORWARDS, OUTSIDE_HOSTS, QUIET, Lan, default, device, node_mac
from .node_plan import Machine
from .pod_plan import of_family


class World(Mapping[str, Netns]):
    """Namespaces by name: "node-1", "pod/default/client", "lan", "router", "host/203.0.113.5".

    It is made of a Cluster, which makes it: the type is not named here, because the two modules would import each other.
    """

    def __init__(self, cluster: Any, outside: Iterable[Address] = OUTSIDE_HOSTS):
        self.cluster = cluster
        self.outside = tuple(dict.fromkeys(outside))
        self.lan = Lan(cluster.machines, cluster.entrances, self.outside)
        self._made: dict[str, Netns] = {}
        if self.lan.is_warm:
            _ = self[names.LAN].fib, self[names.ROUTER].fib

    def __getitem__(self, name: str) -> Netns:
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        yield from self.cluster.machines
        yield from (names.pod_namespace(*key) for key, pod in self._pods.items() if not pod.spec.host_network)
        yield from (names.LAN, names.ROUTER)
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
            return self.lan.switch()
        if name == names.ROUTER:
            return self.lan.router()
        if kind == "host" and rest in self.outside:
            return self.lan.host(rest)
        raise KeyError(name)

    def _pod(self, pod: Pod) -> Netns:
        """One veth to the node's bridge, a default route to the bridge's address, a socket for each declared port."""
        machine = self.cluster.machines[pod.spec.node_name]
        ips = self.cluster.placed.addresses(pod)
        own = [IfAddr(ip, machine.blocks[family(ip).number].length) for ip in ips]
        mac = names.mac(names.POD, ips[0]) if ips else ""
        peer = (machine.name, names.host_end(*pod.key))
        eth0 = device("eth0", "veth", mac, own, peer=peer, mtu=self.mtu)
        routes = tuple(default(family(ip).number, machine.gateway(family(ip).number)) for ip in ips)
        name = names.pod_namespace(*pod.key)
        return netns(name, (eth0,), routes=routes, sockets=_sockets(pod, ips), sysctls=QUIET)

    @cached_property
    def mtu(self) -> int:
        return backends.mtu(self.cluster.backend, self.cluster.families)

    def _node(self, machine: Machine) -> Netns:
        """eth0 on the LAN, the bridge of its pods, the way to other nodes, kube-proxy's rules."""
        cluster, name = self.cluster, machine.name
        pods = cluster.placed.on[name]
        devices = [self._eth0(machine), *self._bridge(machine, pods), *backends.tunnels(machine, cluster.backend)]
        out = tuple(default(of, self.lan.router_ips[of]) for of in machine.ips if of in cluster.families)
        near = self.lan.neighbours
        ways = (cluster.machines, name, cluster.backend)
        far = sum(len(one.blocks) for other, one in cluster.machines.items() if other != name)
        tunnelled = far if cluster.backend == "vxlan" else 0
        shared = [pod for pod in pods if pod.spec.host_network]
        return netns(
            name,
            tuple(devices),
            routes=Rows(len(out) + far, lambda: (*out, *backends.routes(*ways))),
            neighbours=Rows(tunnelled + len(near), lambda: (*backends.neighbours(*ways), *near.values())),
            fdb=Rows(tunnelled, lambda: backends.fdb(*ways)),
            rules={of: cluster.rules(name, of) for of in FAMILIES},
            sysctls=self._node_sysctls(name),
            sockets=tuple(one for pod in shared for one in _sockets(pod, cluster.placed.addresses(pod))),
        )

    def _eth0(self, machine: Machine) -> Device:
        own = [IfAddr(ip, self.lan.ranges[of].length) for of, ip in machine.ips.items()]
        return device("eth0", "veth", node_mac(machine), own, peer=(names.LAN, names.link_end(machine.name)))

    def _bridge(self, machine: Machine, pods: list[Pod]) -> list[Device]:
        """cni0 with the block's first address, and the node's end of each pod's cable as its port."""
        if not machine.blocks:
            return []
        own = [IfAddr(machine.gateway(of), block.length) for of, block in machine.blocks.items()]
        mac = names.mac(names.BRIDGE, own[0].address)
        return [device(names.POD_BRIDGE, "bridge", mac, own, mtu=self.mtu), *map(self._port, self._bridged(pods))]

    def _bridged(self, pods: list[Pod]) -> list[Pod]:
        return [pod for pod in pods if not pod.spec.host_network and self.cluster.placed.addresses(pod)]

    def _port(self, pod: Pod) -> Device:
        return Device(
            names.host_end(*pod.key),
            "veth",
            names.mac(names.POD_HOST_END, self.cluster.placed.addresses(pod)[0]),
            mtu=self.mtu,
            peer=(names.pod_namespace(*pod.key), "eth0"),
            master=names.POD_BRIDGE,
            hairpin=self.hairpin,
        )

    @cached_property
    def hairpin(self) -> bool:
        """As the CNI list says; without one as flannel's has it: a pod may reach itself through its Service."""
        plugins = [plugin for one in self.cluster.objects.conflists for plugin in one.plugins]
        parts = [part for plugin in plugins for part in (plugin, plugin.get("delegate")) if isinstance(part, dict)]
        said = [part["hairpinMode"] for part in parts if "hairpinMode" in part]
        return bool(said[0]) if said else not any(plugin.get("type") == "bridge" for plugin in plugins)

    def _node_sysctls(self, name: str) -> dict[str, int]:
        """What a node needs to be one, and what kube-proxy sets when it starts."""
        proxy = settings(self.cluster.proxy, self.cluster.facts(name), IPV4)
        said = {**FORWARDS, "net.bridge.bridge-nf-call-iptables": 1, "net.bridge.bridge-nf-call-ip6tables": 1}
        said["net.ipv4.conf.all.route_localnet"] = int(proxy.localhost_node_ports)
        said["net.netfilter.nf_conntrack_tcp_be_liberal"] = int(proxy.liberal)
        return said


def _sockets(pod: Pod, ips: tuple[Address, ...]) -> tuple[Socket, ...]:
    """A program listens on every port that a container declares, on all addresses; on no other."""
    name = pod.metadata.name
    return tuple(
        Socket(port.protocol.lower(), FAMILIES[of].any, port.container_port, name)
        for port in pod.listens
        for of in FAMILIES
        if of_family(ips, of)
    )
