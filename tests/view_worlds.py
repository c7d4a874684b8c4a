"""Worlds to look at, made by hand: nodes with a bridge and pods, a LAN between them, a router with a host outside."""

from __future__ import annotations

from kubenet_course.linux.namespace.device import Device, IfAddr, Vxlan, ifaddr
from kubenet_course.linux.namespace.fib import Route
from kubenet_course.linux.namespace.netns import FdbEntry, NeighbourEntry, Netns, Socket, netns
from kubenet_course.linux.netfilter.iptables.save import read
from kubenet_course.linux.packet.address import prefix

FORWARDS = {"net.ipv4.ip_forward": 1, "net.ipv4.conf.all.send_redirects": 0}
NAMES = ("client", "web-1", "web-2-6d4cf56db6-x7k2p", "log")
SERVICE = """*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-WEB - [0:0]
:KUBE-SEP-1 - [0:0]
:KUBE-SEP-2 - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-POSTROUTING - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-SERVICES -d 10.96.0.80/32 -p tcp -m comment --comment "default/web cluster IP" -m tcp --dport 80 -j KUBE-SVC-WEB
-A KUBE-SVC-WEB ! -s 10.244.0.0/16 -d 10.96.0.80/32 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ
-A KUBE-SVC-WEB -m comment --comment "default/web -> 10.244.2.11:8080" -j KUBE-SEP-1
-A KUBE-SEP-1 -s 10.244.2.11/32 -j KUBE-MARK-MASQ
-A KUBE-SEP-1 -p tcp -m tcp -j DNAT --to-destination 10.244.2.11:8080
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -j MASQUERADE --random-fully
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate INVALID -j DROP
COMMIT
"""


def mac(*parts: int) -> str:
    return ":".join(["02", *(f"{part:02x}" for part in parts), *["00"] * (5 - len(parts))])


def pod_name(node: int, at: int) -> str:
    return f"default/{NAMES[at] if node == 1 and at < len(NAMES) else f'web-{node}{at + 1}'}"


def pod(node: int, at: int) -> Netns:
    """A pod with one cable to its node's bridge, a default route, and a program on port 8080."""
    own = Device(
        "eth0", "veth", mac(10, node, at + 1), (IfAddr(f"10.244.{node}.{10 + at}", 24),), 1450, True,
        (f"node-{node}", f"veth{node}{at}"),
    )  # fmt: skip
    back = Route(prefix("0.0.0.0/0"), "eth0", f"10.244.{node}.1")
    return netns(pod_name(node, at), (own,), routes=(back,), sockets=(Socket("tcp", "0.0.0.0", 8080, "web"),))


def node(number: int, pods: int, nodes: int, is_overlay: bool) -> Netns:
    """A node: a bridge with its pods, a device on the LAN, routes to the other nodes' blocks, kube-proxy's rules."""
    devices = [
        Device("eth0", "veth", mac(192, number), (ifaddr(f"192.168.1.{10 + number}/24"),), peer=("lan", f"port{number}")),
        Device("cni0", "bridge", mac(244, number), (ifaddr(f"10.244.{number}.1/24"),), 1450),
        *(
            Device(f"veth{number}{at}", "veth", mac(11, number, at + 1), (), 1450, True,
                   (pod_name(number, at), "eth0"), "cni0", hairpin=True)
            for at in range(pods)
        ),
    ]  # fmt: skip
    routes = [Route(prefix("0.0.0.0/0"), "eth0", "192.168.1.1")]
    fdb, neighbours = [], []
    others = [other for other in range(1, nodes + 1) if other != number]
    if is_overlay:
        end = Vxlan(1, f"192.168.1.{10 + number}", "eth0")
        devices.append(
            Device("flannel.1", "vxlan", mac(96, number), (ifaddr(f"10.244.{number}.0/32"),), 1450, tunnel=end)
        )
        for other in others:
            routes.append(Route(prefix(f"10.244.{other}.0/24"), "flannel.1", f"10.244.{other}.0", onlink=True))
            fdb.append(FdbEntry(mac(96, other), "flannel.1", f"192.168.1.{10 + other}"))
            neighbours.append(NeighbourEntry(f"10.244.{other}.0", "flannel.1", mac(96, other)))
    else:
        routes += [Route(prefix(f"10.244.{other}.0/24"), "eth0", f"192.168.1.{10 + other}") for other in others]
    return netns(
        f"node-{number}", tuple(devices), routes=tuple(routes), fdb=tuple(fdb), neighbours=tuple(neighbours),
        rules={4: read(SERVICE).rules}, sysctls=FORWARDS,
    )  # fmt: skip


def lan(nodes: int, has_outside: bool) -> Netns:
    """The switch between the nodes and the router."""
    ends = [(f"port{number}", (f"node-{number}", "eth0")) for number in range(1, nodes + 1)]
    ends += [("uplink", ("router", "lan0"))] if has_outside else []
    ports = [Device(name, "veth", mac(1, at), peer=end, master="br0", mtu=1500) for at, (name, end) in enumerate(ends)]
    bridge = Device("br0", "bridge", mac(1, 99))
    return netns("lan", (bridge, *ports), sysctls={"net.bridge.bridge-nf-call-iptables": 0})


def outside() -> tuple[Netns, Netns]:
    """A router, and a host behind it that is in no cluster."""
    router = netns(
        "router",
        (
            Device("lan0", "veth", mac(2, 1), (ifaddr("192.168.1.1/24"),), peer=("lan", "uplink")),
            Device("wan0", "veth", mac(2, 2), (ifaddr("203.0.113.1/24"),), peer=("browser", "eth0")),
        ),
        routes=(Route(prefix("10.96.0.0/16"), "lan0", "192.168.1.11"),),
        sysctls=FORWARDS,
    )
    cable = Device("eth0", "veth", mac(3, 1), (ifaddr("203.0.113.5/24"),), peer=("router", "wan0"))
    host = netns("browser", (cable,), routes=(Route(prefix("0.0.0.0/0"), "eth0", "203.0.113.1"),))
    return router, host


def cluster(nodes: int = 2, pods: int = 2, is_overlay: bool = False, has_outside: bool = True) -> dict[str, Netns]:
    """The whole world by name."""
    made = [node(number, pods, nodes, is_overlay) for number in range(1, nodes + 1)]
    made += [pod(number, at) for number in range(1, nodes + 1) for at in range(pods)]
    made += [lan(nodes, has_outside), *(outside() if has_outside else ())]
    return {ns.name: ns for ns in made}


def machine() -> Netns:
    """One node of which only the rules and devices are known."""
    devices = (
        Device("veth0", addresses=(ifaddr("10.244.1.1/24"),)),
        Device("eth0", addresses=(ifaddr("192.168.1.11/24"),)),
    )
    routes = (Route(prefix("10.244.2.0/24"), "eth0", "192.168.1.12"), Route(prefix("0.0.0.0/0"), "eth0", "192.168.1.1"))
    return netns(
        "node-1", devices, routes=routes, rules={4: read(SERVICE).rules}, sysctls=FORWARDS, sockets_known=False
    )
