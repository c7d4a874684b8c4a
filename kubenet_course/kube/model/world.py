"""The kernels that a cluster's decisions lead to: nodes, pods, the LAN, the router, hosts outside.

Each namespace is made when it is first looked up, so that five thousand nodes cost nothing until somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from functools import cached_property
from typing import Any

from ...errors import BadInput
from ...linux.namespace.device import Device, IfAddr
from ...linux.namespace.netns import Netns, Socket, netns
from ...linux.packet.address import FAMILIES, IPV4, Address, family
from ..api.objects import Pod
from ..network import backends, routed
from ..network.backends import Rows
from ..proxy.ipvs.loaded import dummy, sets_of, virtual_servers
from ..proxy.node import settings
from . import names
from .lan import FORWARDS, OUTSIDE_HOSTS, QUIET, Lan, default, device, node_mac
from .node_plan import Machine
from .pod_plan import of_family


class World(Mapping[str, Netns]):
    """Namespaces by name: "node-1", "pod/default/client", "lan", "router", "host/203.0.113.5".

    It is made of a Cluster, which makes it: the type is not named here, because the two modules would import each other.
    """

    def __init__(self, cluster: Any, outside: Iterable[Address] = OUTSIDE_HOSTS, led: Mapping[Address, Address] = {}):
        self.cluster = cluster
        self.outside = tuple(dict.fromkeys(outside))
        entrances = {ip: led.get(ip, nodes[0]) for ip, nodes in cluster.entrances.items()}
        self.lan = Lan(cluster.machines, entrances, self.outside)
        self._made: dict[str, Netns] = {}
        self._base: World | None = None
        if self.lan.is_warm:
            _ = self[names.LAN].fib, self[names.ROUTER].fib

    def led_to(self, led: Mapping[Address, Address]) -> World:
        """The same kernels, but that a load balancer leads to these nodes: only the router differs."""
        other = copy(self)
        entrances = {ip: led.get(ip, nodes[0]) for ip, nodes in self.cluster.entrances.items()}
        other.lan, other._made, other._base = Lan(self.cluster.machines, entrances, self.outside), {}, self
        return other

    def __getitem__(self, name: str) -> Netns:
        if self._base is not None and name != names.ROUTER:
            return self._base[name]
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        yield from self.cluster.machines
        yield from (names.pod_namespace(*key) for key, pod in self._pods.items() if self._has_own(pod))
        yield from (names.LAN, names.ROUTER)
        yield from map(names.host_namespace, self.outside)

    def __len__(self) -> int:
        pods = sum(map(self._has_own, self._pods.values()))
        return len(self.cluster.machines) + pods + 2 + len(self.outside)

    @property
    def _pods(self) -> dict[tuple[str, str], Pod]:
        return self.cluster.placed.pods

    def _has_own(self, pod: Pod) -> bool:
        """Whether a pod has a namespace of its own: a pending one has none yet."""
        return not pod.spec.host_network and pod.spec.node_name in self.cluster.machines and not pod.is_pending

    def of_pod(self, pod: Pod) -> str:
        """The namespace that a pod lives in: its own, or with hostNetwork its node's. Raises BadInput for one that has none."""
        if not pod.spec.host_network and not self._has_own(pod):
            raise BadInput("from", f"{pod} is pending: it has no network yet", "name a pod that runs")
        return pod.spec.node_name if pod.spec.host_network else names.pod_namespace(*pod.key)

    def _make(self, name: str) -> Netns:
        kind, _, rest = name.partition("/")
        if name in self.cluster.machines:
            return self._node(self.cluster.machines[name])
        if kind == "pod" and rest.count("/") == 1:
            pod = self._pods.get((rest.split("/")[0], rest.split("/")[1]))
            if pod is not None and self._has_own(pod):
                return self._pod(pod)
        if name == names.LAN:
            return self.lan.switch()
        if name == names.ROUTER:
            return self.lan.router()
        if kind == "host" and rest in self.outside:
            return self.lan.host(rest)
        raise KeyError(name)

    def _pod(self, pod: Pod) -> Netns:
        """One veth to the node, a default route, a socket for each port behind which a program runs."""
        machine, placed = self.cluster.machines[pod.spec.node_name], self.cluster.placed
        ips, name = placed.addresses(pod), names.pod_namespace(*pod.key)
        mac, peer = names.mac(names.POD, ips[0]) if ips else "", (machine.name, names.host_end(*pod.key))
        near, routes = routed.pod_tables(pod.key, ips)
        lengths = dict.fromkeys(ips, 0)
        if placed.is_bridged(pod):
            near, routes = (), tuple(default(family(ip).number, machine.gateway(family(ip).number)) for ip in ips)
            lengths = {ip: machine.blocks[family(ip).number].length for ip in ips}
        own = [IfAddr(ip, lengths[ip] or FAMILIES[family(ip).number].bits) for ip in ips]
        eth0 = device("eth0", "veth", mac, own, peer=peer, mtu=self.mtu)
        return netns(name, (eth0,), routes=routes, neighbours=near, sockets=_sockets(pod, ips), sysctls=QUIET)

    @cached_property
    def mtu(self) -> int:
        return backends.mtu(self.cluster.backend, self.cluster.families)

    def _node(self, machine: Machine) -> Netns:
        """eth0 on the LAN, the bridge of its pods, the way to other nodes, kube-proxy's rules."""
        cluster, name = self.cluster, machine.name
        pods = cluster.placed.on[name]
        devices = [self._eth0(machine), *self._bridge(machine, pods), *backends.tunnels(machine, cluster.backend)]
        alone = [pod for pod in pods if self._has_own(pod) and not cluster.placed.is_bridged(pod)]
        devices += [routed.host_end(pod.key, self.mtu, cluster.placed.addresses(pod)) for pod in alone]
        balanced = cluster.ipvs(name)
        devices += [dummy(ip for one in balanced for ip in one.addresses)] if balanced else []
        strange = tuple(routed.routes(cluster.placed, cluster.machines, name))
        lan = self.lan_of(name)
        out = tuple(default(of, lan.router_ips[of]) for of in machine.ips if of in cluster.families)
        near = lan.neighbours
        ways = (cluster.machines, name, cluster.backend)
        far = sum(len(one.blocks) for other, one in cluster.machines.items() if other != name)
        far = 0 if cluster.backend == "cloud" else far  # the provider's table has the routes, the nodes have none
        tunnelled = far if cluster.backend == "vxlan" else 0
        shared = [pod for pod in pods if pod.spec.host_network]
        return netns(
            name,
            tuple(devices),
            routes=Rows(len(out) + far + len(strange), lambda: (*out, *backends.routes(*ways), *strange)),
            neighbours=Rows(tunnelled + len(near), lambda: (*backends.neighbours(*ways), *near.values())),
            fdb=Rows(tunnelled, lambda: backends.fdb(*ways)),
            rules={of: cluster.rules(name, of) for of in FAMILIES},
            sets=sets_of(balanced),
            virtual_servers=virtual_servers(balanced),
            sysctls=self._node_sysctls(name) | (balanced[0].sysctls if balanced else {}),
            sockets=(
                *(one for pod in shared for one in _sockets(pod, cluster.placed.addresses(pod))),
                *cluster.proxy_sockets(),
            ),
        )

    def _eth0(self, machine: Machine) -> Device:
        lan = self.lan_of(machine.name)
        own = [IfAddr(ip, lan.ranges[of].length) for of, ip in machine.ips.items()]
        return device("eth0", "veth", node_mac(machine), own, peer=(lan.name, names.link_end(machine.name)))

    def lan_of(self, node: str) -> Lan:
        """The LAN that a node is on."""
        return self.lan

    def _bridge(self, machine: Machine, pods: list[Pod]) -> list[Device]:
        """cni0 with the block's first address, and the node's end of each pod's cable as its port."""
        if not machine.blocks:
            return []
        own = [IfAddr(machine.gateway(of), block.length) for of, block in machine.blocks.items()]
        mac = names.mac(names.BRIDGE, own[0].address)
        return [device(names.POD_BRIDGE, "bridge", mac, own, mtu=self.mtu), *map(self._port, self._bridged(pods))]

    def _bridged(self, pods: list[Pod]) -> list[Pod]:
        placed = self.cluster.placed
        return [pod for pod in pods if self._has_own(pod) and placed.addresses(pod) and placed.is_bridged(pod)]

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
        """As the CNI list says; a list that does not say it leaves it off. Without a list as flannel's own manifest has it."""
        plugins = [plugin for one in self.cluster.objects.conflists for plugin in one.plugins]
        parts = [part for plugin in plugins for part in (plugin, plugin.get("delegate")) if isinstance(part, dict)]
        return any(part.get("hairpinMode") is True for part in parts) if plugins else True

    def _node_sysctls(self, name: str) -> dict[str, int]:
        """What a node needs to be one, and what kube-proxy sets when it starts."""
        proxy = settings(self.cluster.proxy, self.cluster.facts(name), IPV4)
        said = {**FORWARDS, "net.bridge.bridge-nf-call-iptables": 1, "net.bridge.bridge-nf-call-ip6tables": 1}
        said["net.ipv4.conf.all.route_localnet"] = int(proxy.localhost_node_ports and self.cluster.mode == "iptables")
        said["net.netfilter.nf_conntrack_tcp_be_liberal"] = int(proxy.liberal)
        return said


def _sockets(pod: Pod, ips: tuple[Address, ...]) -> tuple[Socket, ...]:
    """A program listens on every port that a container declares, on all addresses; on no other."""
    name = pod.metadata.name
    return tuple(
        Socket(port.protocol.lower(), FAMILIES[of].any, port.container_port, name)
        for port in pod.answers
        for of in FAMILIES
        if of_family(ips, of)
    )
