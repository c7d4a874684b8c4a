"""The tables of the small clusters of data/scenarios/, and of random ones for the lab: whatever tables can be made to say.

The course's own clusters come from `kube`. These are its scenarios' recipe, whose frames were recorded: tunnels over the other
family or with checksums, bridges that forget soon, nodes without br_netfilter.

The addresses are the course's: pods of node n in 10.244.n.0/24 and fd00:10:244:n::/64, nodes 192.168.1.(10+n) and
fd00:192:168:1::(10+n), the router 192.168.1.1, through which lies an outside machine with 203.0.113.5 and 2001:db8::5.
MACs tell what they are: 02:00:0a is a pod, 0b its port on the node, 0c the bridge, 0e the node, 0f the tunnel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kubenet_course.lab.scenario.scenario import QUIET, with_link_local
from kubenet_course.linux.namespace.device import Device, Vxlan, ifaddr
from kubenet_course.linux.namespace.fib import Route
from kubenet_course.linux.namespace.netns import FdbEntry, NeighbourEntry, Netns, netns
from kubenet_course.linux.namespace.overhead import overhead
from kubenet_course.linux.netfilter.iptables.save import read
from kubenet_course.linux.packet.address import FAMILIES, Address, Mac
from kubenet_course.shell import rows

ROUTER = {4: "192.168.1.1", 6: "fd00:192:168:1::1"}
OUTSIDE = {4: "203.0.113.5", 6: "2001:db8::5"}


class Plan(Struct, frozen=True):
    """What a cluster is to be: pods by node, and how its network is set up."""

    pods: Mapping[int, Sequence[str]]  # node number -> names of its pods
    backend: str = "host-gw"  # or vxlan, or none
    families: tuple[int, ...] = (4,)
    outer: int = 4  # the family of tunnel packets
    checksum: bool = False  # of tunnel packets
    call_iptables: bool = True
    hairpin: bool = False
    warm: bool = False  # every neighbour is known
    rules: Mapping[int, str] = {}  # iptables (4) and ip6tables (6) text of every node
    listens: Mapping[str, Sequence[str]] = {}  # pod or "outside" -> sockets
    ageing: float = 300.0


def pod_address(node: int, number: int, of: int = 4) -> Address:
    """The address of a node's pod; the first has number 0."""
    return f"10.244.{node}.{10 + number}" if of == 4 else f"fd00:10:244:{node}::{10 + number}"


def node_address(node: int, of: int = 4) -> Address:
    return f"192.168.1.{10 + node}" if of == 4 else f"fd00:192:168:1::{10 + node}"


def gateway(node: int, of: int = 4) -> Address:
    """The bridge's address on a node."""
    return f"10.244.{node}.1" if of == 4 else f"fd00:10:244:{node}::1"


def made_mac(kind: str, node: int = 0, number: int = 0) -> Mac:
    return f"02:00:{kind}:{node:02x}:00:{number:02x}"


def _device(name: str, kind: str, mac: Mac, addresses: Sequence[str] = (), **more: Any) -> Device:
    return Device(name, kind, mac, with_link_local(tuple(ifaddr(a) for a in addresses), mac), **more)


def _length(of: int, short: int) -> str:
    return f"/{short if of == 4 else 64}"


def cluster(plan: Plan) -> dict[str, Netns]:
    """The namespaces of a plan: pods, nodes, the LAN between them, and the router that is the outside machine too."""
    world: dict[str, Netns] = {}
    for node, names in plan.pods.items():
        for number, name in enumerate(names):
            world[name] = _pod(plan, node, number, name)
        world[f"node-{node}"] = _node(plan, node)
    outer = [*plan.families, *([plan.outer] if plan.backend == "vxlan" and plan.outer not in plan.families else [])]
    addresses = [ROUTER[of] + _length(of, 24) for of in outer] + [
        f"{OUTSIDE[of]}/{FAMILIES[of].bits}" for of in plan.families
    ]
    eth0 = _device("eth0", "veth", made_mac("cb"), addresses, peer=("lan", "outside"))
    near = (
        tuple(NeighbourEntry(node_address(n, of), "eth0", made_mac("0e", n)) for n in plan.pods for of in outer)
        if plan.warm
        else ()
    )
    world["outside"] = netns("outside", (eth0,), neighbours=near, sysctls=QUIET, sockets=_sockets(plan, "outside"))
    ports = [(f"node-{node}", node) for node in plan.pods] + [("outside", 0)]
    lan = [_device("br0", "bridge", made_mac("1a"), ageing=round(plan.ageing * 1e9))]
    lan += [_device(name, "veth", made_mac("1b", number), peer=(name, "eth0"), master="br0") for name, number in ports]
    world["lan"] = netns("lan", tuple(lan), sysctls=QUIET)
    return world


def _sockets(plan: Plan, name: str) -> tuple:
    return tuple(rows.socket(text) for text in plan.listens.get(name, ()))


def _pod(plan: Plan, node: int, number: int, name: str) -> Netns:
    own = [pod_address(node, number, of) + _length(of, 24) for of in plan.families]
    eth0 = _device(
        "eth0", "veth", made_mac("0a", node, 10 + number), own, mtu=_mtu(plan), peer=(f"node-{node}", f"veth{number}")
    )
    routes = tuple(_default(of, gateway(node, of)) for of in plan.families)
    near = (
        tuple(NeighbourEntry(gateway(node, of), "eth0", made_mac("0c", node)) for of in plan.families)
        if plan.warm
        else ()
    )
    return netns(name, (eth0,), routes=routes, neighbours=near, sysctls=QUIET, sockets=_sockets(plan, name))


def _default(of: int, via: Address) -> Route:
    return replace(rows.route(f"{'0.0.0.0/0' if of == 4 else '::/0'} via {via} dev eth0"))


def _mtu(plan: Plan) -> int:
    return 1500 - overhead("vxlan", plan.outer) if plan.backend == "vxlan" else 1500


def _node(plan: Plan, node: int) -> Netns:
    outer = [*plan.families, *([plan.outer] if plan.backend == "vxlan" and plan.outer not in plan.families else [])]
    eth0 = _device(
        "eth0",
        "veth",
        made_mac("0e", node),
        [node_address(node, of) + _length(of, 24) for of in outer],
        peer=("lan", f"node-{node}"),
    )
    blocks = [gateway(node, of) + _length(of, 24) for of in plan.families]
    cni0 = _device("cni0", "bridge", made_mac("0c", node), blocks, mtu=_mtu(plan), ageing=round(plan.ageing * 1e9))
    ports = [
        _device(
            f"veth{n}",
            "veth",
            made_mac("0b", node, 10 + n),
            mtu=_mtu(plan),
            peer=(name, "eth0"),
            master="cni0",
            hairpin=plan.hairpin,
        )
        for n, name in enumerate(plan.pods[node])
    ]
    tunnel = [_tunnel(plan, node)] if plan.backend == "vxlan" else []
    routes, near, fdb = _ways(plan, node)
    call = int(plan.call_iptables)
    sysctls = {"net.bridge.bridge-nf-call-iptables": call, "net.bridge.bridge-nf-call-ip6tables": call}
    sysctls |= {"net.ipv4.ip_forward": 1} if 4 in plan.families else {}
    sysctls |= {"net.ipv6.conf.all.forwarding": 1} if 6 in plan.families else {}
    rules = {of: read(text, f"node-{node}").rules for of, text in plan.rules.items()}
    return netns(
        f"node-{node}", (eth0, cni0, *ports, *tunnel), routes=tuple(routes), neighbours=tuple(near), fdb=tuple(fdb),
        sysctls={**QUIET, **sysctls}, rules=rules,
    )  # fmt: skip


def _ways(plan: Plan, node: int) -> tuple[list[Route], list[NeighbourEntry], list[FdbEntry]]:
    """How a node reaches the others' pods: the tables that its network plugin keeps."""
    routes = [_default(of, ROUTER[of]) for of in plan.families]
    near, fdb = _neighbours(plan, node), []
    for other in plan.pods:
        if other != node and plan.backend == "host-gw":
            ways = [f"{_block(other, of)} via {node_address(other, of)} dev eth0" for of in plan.families]
            routes += [rows.route(way) for way in ways]
        if other != node and plan.backend == "vxlan":
            ways = [f"{_block(other, of)} via {_end(other, of)} dev flannel.1 onlink" for of in plan.families]
            routes += [rows.route(way) for way in ways]
            near += [NeighbourEntry(_end(other, of), "flannel.1", made_mac("0f", other)) for of in plan.families]
            fdb.append(FdbEntry(made_mac("0f", other), "flannel.1", node_address(other, plan.outer)))
    return routes, near, fdb


def _block(node: int, of: int) -> str:
    return f"10.244.{node}.0/24" if of == 4 else f"fd00:10:244:{node}::/64"


def _end(node: int, of: int) -> Address:
    """The tunnel device's own address: the block's first, as flannel gives it."""
    return f"10.244.{node}.0" if of == 4 else f"fd00:10:244:{node}::"


def _tunnel(plan: Plan, node: int) -> Device:
    own = [f"{_end(node, of)}/{FAMILIES[of].bits}" for of in plan.families]
    tunnel = Vxlan(1, node_address(node, plan.outer), "eth0", 8472, (40000, 40001), plan.checksum)
    return _device("flannel.1", "vxlan", made_mac("0f", node), own, mtu=_mtu(plan), tunnel=tunnel)


def _neighbours(plan: Plan, node: int) -> list[NeighbourEntry]:
    """Those that a node would have to ask for: nothing while cold."""
    if not plan.warm:
        return []
    outer = {*plan.families, *([plan.outer] if plan.backend == "vxlan" else [])}
    found = [NeighbourEntry(ROUTER[of], "eth0", made_mac("cb")) for of in sorted(outer)]
    found += [
        NeighbourEntry(node_address(n, of), "eth0", made_mac("0e", n))
        for n in plan.pods
        if n != node
        for of in sorted(outer)
    ]
    return found + [
        NeighbourEntry(pod_address(node, n, of), "cni0", made_mac("0a", node, 10 + n))
        for n in range(len(plan.pods[node]))
        for of in plan.families
    ]
