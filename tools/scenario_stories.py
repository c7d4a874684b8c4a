"""More named scenarios: kube-proxy's own rules, what a sender's own kernel refuses, frames from outside, odd ways back."""

from __future__ import annotations

from msgspec.structs import replace

from kubenet_course.data import data
from kubenet_course.lab.scenario.packets import Sending
from kubenet_course.lab.scenario.scenario import QUIET, Scenario
from kubenet_course.linux.namespace.device import Device, ifaddr
from kubenet_course.linux.namespace.netns import Netns, netns
from kubenet_course.linux.netfilter.iptables.save import read
from kubenet_course.linux.packet.packet import Frame, Packet, ping, tcp, udp
from kubenet_course.shell import rows
from tools.lab_clusters import Plan, cluster, made_mac, node_address, pod_address

DUMPS = "../reference/kube-proxy-1.36.2"
SAVED = {4: "iptables.iptables-save.txt", 6: "iptables.ip6tables-save.txt"}
PODS = {
    1: ["pod-a", "pod-b"],
    2: ["pod-c"],
    3: ["pod-d"],
}  # as in the captures: .10 and .11 on the first node, .10 on the others
OPEN = ["tcp [::]:8080 web", "tcp [::]:9090 metrics", "udp [::]:5353 dns"]
OUTSIDE, STRANGER6 = "203.0.113.5", "2001:db8::5"
A, B = pod_address(1, 0), pod_address(1, 1)


def dumped(name: str, about: str, dump: str, *sent: tuple[str, Packet], **plan) -> Scenario:
    """A scenario whose first node has the rules that kube-proxy really wrote, named by their files."""
    families = plan.get("families", (4,))
    world = cluster(Plan(**({"pods": PODS, "listens": {pod: OPEN for pods in PODS.values() for pod in pods}} | plan)))
    files = {("node-1", of): f"{DUMPS}/{dump}/{SAVED[of]}" for of in families}
    rules = {of: read((data("scenarios") / path).read_text()).rules for (_, of), path in files.items()}
    world["node-1"] = replace(world["node-1"], rules=rules)
    return Scenario(name, about, world, tuple(Sending(at, packet) for at, packet in sent), files=files)


def dumps() -> list[Scenario]:
    """kube-proxy 1.36.2's own rules, as they were saved."""
    multi, none, sticky = "10.96.10.3", "10.96.10.11", "10.96.10.9"
    node, both = node_address(1), {"families": (4, 6)}
    return [
        dumped("kube-proxy-clusterip", "three ports of one Service, and one that it has not", "03_multiport_udp",
               ("pod-b", tcp(B, 40000, multi, 80)), ("pod-b", tcp(B, 40001, multi, 9090)),
               ("pod-b", udp(B, 40002, multi, 53, b"who?")), ("pod-b", tcp(B, 40003, multi, 81))),
        dumped("kube-proxy-clusterip-vxlan", "the same through a tunnel", "03_multiport_udp",
               ("pod-b", tcp(B, 40000, multi, 80)), ("pod-b", udp(B, 40002, multi, 53, b"who?")), backend="vxlan"),
        dumped("kube-proxy-maybe-itself", "one of two endpoints is the asker", "03_multiport_udp",
               ("pod-a", tcp(A, 40000, multi, 80)), ("pod-a", tcp(A, 40001, multi, 80)), hairpin=True),
        dumped("kube-proxy-node-asks", "the node itself", "03_multiport_udp", ("node-1", tcp(node, 40000, multi, 80))),
        dumped("kube-proxy-local-policy", "from outside, from a pod, from the node: externalTrafficPolicy Local",
               "05_nodeport_local_haslocal", ("outside", tcp(OUTSIDE, 40000, node, 30081)),
               ("pod-b", tcp(B, 40001, node, 30081)), ("node-1", tcp(node, 40002, "10.96.10.5", 80))),
        dumped("kube-proxy-affinity", "the same endpoint again", "09_affinity",
               *(("pod-b", tcp(B, 40000 + n, sticky, 80)) for n in range(3)), ("outside", tcp(OUTSIDE, 40009, node, 30085))),
        dumped("kube-proxy-no-endpoints", "refused, whoever asks", "11_no_endpoints", ("pod-a", tcp(A, 40000, none, 80)),
               ("outside", tcp(OUTSIDE, 40001, node, 30086)), ("node-1", tcp(node, 40002, none, 80))),
        dumped("kube-proxy-dual-stack", "both families, inside and from outside", "12_dual_stack",
               ("pod-b", tcp(B, 40000, "10.96.10.12", 80)), ("pod-b", tcp(pod_address(1, 1, 6), 40001, "fd00:10:96::12", 80)),
               ("outside", tcp(OUTSIDE, 40002, node, 30087)),
               ("outside", tcp(STRANGER6, 40003, node_address(1, 6), 30087)), **both),
    ]  # fmt: skip


def _told(name: str, about: str, first: Packet, change, then: Packet, **plan) -> Scenario:
    """The asker's own kernel refuses the first packet, and lets the second go."""
    listens = {pod: ["tcp [::]:80 web"] for pod in ("pod-a", "pod-b", "pod-c")}
    world = cluster(Plan(**({"pods": {1: ["pod-a", "pod-b"], 2: ["pod-c"]}, "listens": listens} | plan)))
    world["pod-a"] = change(world["pod-a"])
    return Scenario(name, about, world, (Sending("pod-a", first), Sending("pod-a", then)))


def refused() -> list[Scenario]:
    """What never becomes a frame: the sender is told by an error, and the capture notes which."""
    ruled = "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n{}\nCOMMIT\n"
    drop = {4: read(ruled.format("-A OUTPUT -p tcp --dport 81 -j DROP")).rules}
    reject = {4: read(ruled.format("-A OUTPUT -p tcp --dport 81 -j REJECT")).rules}
    ways = [rows.route(f"{kind} 203.0.113.0/24") for kind in ("unreachable", "prohibit", "blackhole")]
    fine, far = tcp(A, 40000, B, 80), tcp(A, 40001, OUTSIDE, 80)
    a6, b6 = pod_address(1, 0, 6), pod_address(1, 1, 6)

    def alone(ns: Netns) -> Netns:
        return replace(ns, routes=())

    fine6, six = tcp(a6, 40000, b6, 80), {"families": (6,)}
    return [
        _told("no-route-at-the-sender", "ENETUNREACH", far, alone, fine),
        _told("no-route-at-the-sender-ipv6", "ENETUNREACH", tcp(a6, 1, STRANGER6, 80), alone, fine6, **six),
        *(_told(f"{row.type}-at-the-sender", f"a route of type {row.type}", far,
                lambda ns, row=row: replace(ns, routes=(*ns.routes, row)), fine) for row in ways),
        _told("dropped-in-output", "EPERM", tcp(A, 40001, B, 81), lambda ns: replace(ns, rules=drop), fine),
        _told("rejected-in-output", "EPERM", tcp(A, 40001, B, 81), lambda ns: replace(ns, rules=reject), fine),
        _told("too-big-at-the-sender", "EMSGSIZE", udp(A, 40001, B, 80, bytes(1473)), lambda ns: ns, fine),
        _told("too-big-at-the-sender-ipv6", "EMSGSIZE", udp(a6, 40001, b6, 80, bytes(1453)), lambda ns: ns, fine6, **six),
    ]  # fmt: skip


def _router(name: str, about: str, *arriving: Sending, **tables) -> Scenario:
    """One router with two devices whose far ends are not in the picture; 10.244.1.1 and 10.244.2.1 are its own."""
    devices = tuple(
        Device(f"eth{n}", "eth", made_mac("0e", 1, n), (ifaddr(f"10.244.{n}.1/24"),), mtu=1500 - 200 * (n == 2))
        for n in (1, 2)
    )
    near = tuple(rows.neighbour(f"10.244.{n}.10 lladdr {made_mac('0a', n, 10)} dev eth{n}") for n in (1, 2))
    sysctls = {**QUIET, "net.ipv4.ip_forward": 1, **tables.pop("sysctls", {})}
    return Scenario(
        name, about, {"router": netns("router", devices, neighbours=near, sysctls=sysctls, **tables)}, arriving
    )


def _in(packet: Packet, device: str = "eth1", to: str = "") -> Sending:
    number = int(device[-1])
    return Sending("router", Frame(made_mac("0a", number, 10), to or made_mac("0e", 1, number), packet), device)


def arrivals() -> list[Scenario]:
    """Frames that come from outside the picture: what one router does with each."""
    there, spoofed = udp(A, 40000, "10.244.2.10", 53, b"x"), udp("10.244.2.99", 40000, "10.244.2.10", 53, b"x")
    strict = {"net.ipv4.conf.eth1.rp_filter": 1}
    return [
        _router("arrives-and-is-forwarded", "in by one device, out by the other", _in(there)),
        _router("arrives-for-another-mac", "not its MAC, not its business", _in(there, to=made_mac("0e", 9))),
        _router("arrives-too-big", "the way on is narrower", _in(udp(A, 40000, "10.244.2.10", 53, bytes(1300)))),
        _router("arrives-with-a-lie-strict", "rp_filter: answers would not go back there", _in(spoofed), sysctls=strict),
        _router("arrives-with-a-lie", "nobody looks", _in(spoofed)),
        _router("arrives-with-the-routers-own-source", "a martian", _in(udp("10.244.2.1", 40000, "10.244.2.10", 53, b"x"))),
        _router("arrives-and-nothing-forwards", "not for this machine", _in(there), sysctls={"net.ipv4.ip_forward": 0}),
        _router("arrives-without-a-route", "net unreachable", _in(udp(A, 40000, OUTSIDE, 53, b"x"))),
        _router("arrives-at-a-prohibition", "administratively prohibited", _in(udp(A, 40000, OUTSIDE, 53, b"x")),
                routes=(rows.route("prohibit 203.0.113.0/24"),)),
        _router("arrives-at-a-black-hole", "silence", _in(udp(A, 40000, OUTSIDE, 53, b"x")),
                routes=(rows.route("blackhole 203.0.113.0/24"),)),
    ]  # fmt: skip


def ways_back() -> list[Scenario]:
    """What a model gets wrong: which address an error comes from, what is reflected, what is too long only after translation."""
    plan = Plan(pods={1: ["pod-a", "pod-b"], 2: ["pod-c"]}, families=(6,), backend="vxlan", outer=6)
    world, c6, a6 = cluster(plan), pod_address(2, 0, 6), pod_address(1, 0, 6)
    stranger = Sending("pod-c", udp(STRANGER6, 40000, a6, 53, b"x", ttl=2))
    node = Sending("outside", ping(STRANGER6, node_address(1, 6), tos=0xB8))
    rule = "*nat\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT\n{}\nCOMMIT\n".format(
        f"-A OUTPUT -d 10.96.0.10/32 -p udp -j DNAT --to-destination {A}:53"
    )
    narrow = cluster(Plan(pods={1: ["pod-a"], 2: ["pod-c"]}, backend="vxlan", rules={4: rule}))
    own = [Sending("node-1", udp(node_address(1), 40000 + n, "10.96.0.10", 53, bytes(n))) for n in (1422, 1423)]
    return [
        Scenario("ipv6-error-from-where-it-came-in", "in by the tunnel, the answer out by eth0", world, (stranger,)),
        Scenario("ipv6-echo-reflects-the-class", "and discovery answers past all routes", world, (node,)),
        Scenario("too-big-after-translation", "it fits eth0, and not the bridge that it is translated to", narrow, tuple(own)),
        Scenario("ipv6-far-pod-answers", "the tunnel's own family is IPv6", world, (Sending("pod-c", ping(c6, a6)),)),
    ]  # fmt: skip


def more_scenarios() -> list[Scenario]:
    return [*dumps(), *refused(), *arrivals(), *ways_back()]
