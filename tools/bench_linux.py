"""What a packet costs on its way through one machine's rules, and what reading the rules costs.

The small rules are a real kube-proxy dump of 50 Services with 10 endpoints; the large ones are text in the very form of
that dump, with 10,000 Services. Each packet of a *new* connection gets a memory of its own, so that none finds an
earlier one.
"""

from functools import cache
from itertools import count
from pathlib import Path

from kubenet_course.linux.namespace.choices import Seeded
from kubenet_course.linux.namespace.device import Device, ifaddr
from kubenet_course.linux.namespace.fib import Route
from kubenet_course.linux.namespace.memory import Memory
from kubenet_course.linux.namespace.netns import Netns, netns
from kubenet_course.linux.namespace.skb import Skb
from kubenet_course.linux.namespace.trace import Step
from kubenet_course.linux.netfilter.iptables.save import read
from kubenet_course.linux.packet.address import prefix
from kubenet_course.linux.packet.packet import Packet, Tcp, answer, tcp
from kubenet_course.linux.walk import send
from tools.bench import Timed, measurement

DUMP = Path(__file__).parent.parent / "data/reference/kube-proxy-1.36.2/14_50x10/iptables.iptables-save.txt"
SWITCHES = {"net.ipv4.ip_forward": 1, "net.ipv4.conf.all.route_localnet": 1}
ENDPOINTS = 10
HEAD = """*filter
:KUBE-FORWARD - [0:0]
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A KUBE-FORWARD -m conntrack --ctstate INVALID -m nfacct --nfacct-name ct_state_invalid_dropped_pkts -j DROP
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
COMMIT
*nat
:KUBE-MARK-MASQ - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-SERVICES - [0:0]
"""
TAIL = """-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
"""


def service(number: int) -> tuple[str, str, str]:
    """A Service's lines in the three places where kube-proxy writes them: chains, the way to it, endpoints."""
    ip, name = f"10.96.{number // 250}.{number % 250 + 1}", f"default/svc-{number}:http"
    comment, svc = f'-m comment --comment "{name}', f"KUBE-SVC-{number:016X}"
    chains, rules = [f":{svc} - [0:0]"], []
    rules.append(
        f'-A {svc} ! -s 10.244.0.0/16 -d {ip}/32 -p tcp {comment} cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ'
    )
    for at in range(ENDPOINTS):
        pod, sep = (
            f"10.{128 + number // 6000}.{number // 25 % 240}.{number % 25 * 10 + at + 1}",
            f"KUBE-SEP-{number:013X}{at:03X}",
        )
        chains.append(f":{sep} - [0:0]")
        share = f" -m statistic --mode random --probability {1 / (ENDPOINTS - at):.11f}" if at < ENDPOINTS - 1 else ""
        rules.append(f'-A {svc} {comment} -> {pod}:8080"{share} -j {sep}')
        rules.append(f'-A {sep} -s {pod}/32 {comment}" -j KUBE-MARK-MASQ')
        rules.append(f'-A {sep} -p tcp {comment}" -m tcp -j DNAT --to-destination {pod}:8080')
    portal = f'-A KUBE-SERVICES -d {ip}/32 -p tcp {comment} cluster IP" -m tcp --dport 80 -j {svc}'
    return "\n".join(chains), portal, "\n".join(rules)


@cache
def many(services: int) -> str:
    """A dump of so many Services with ten endpoints."""
    chains, portals, rules = zip(*map(service, range(services)), strict=True)
    return "\n".join([HEAD.rstrip(), *chains, TAIL.rstrip(), *portals, *rules, "COMMIT", ""])


@cache
def node(text: str) -> Netns:
    """node1 with these rules."""
    devices = (
        Device("eth0", addresses=(ifaddr("192.168.60.11/24"),)),
        Device("vethA", addresses=(ifaddr("10.244.1.1/32"),)),
    )
    routes = (Route(prefix("0.0.0.0/0"), "eth0", "192.168.60.1"), Route(prefix("10.244.1.10/32"), "vethA"))
    return netns("node1", devices, routes=routes, rules={4: read(text).rules}, sysctls=SWITCHES, sockets_known=False)


def to_service(ip: str, sport: int = 40000, flags: str = "S") -> Packet:
    return tcp("10.244.1.10", sport, ip, 80, flags)


def first_service(text: str) -> str:
    """The address of the dump's last Service portal: the farthest that a new connection has to walk."""
    portals = [line for line in text.splitlines() if line.startswith("-A KUBE-SERVICES -d ") and "--dport 80 " in line]
    return portals[-1].split()[3].removesuffix("/32")


def as_many_steps() -> Timed:
    """The same number of steps with a packet's notes in each, made and joined, but nothing decided."""
    ns, packet = node(DUMP.read_text()), to_service(first_service(DUMP.read_text()))
    steps = len(send(ns, packet, dev="vethA").steps)
    return lambda: [Step("node1", "stage", Skb(packet, dev_in="vethA", dev_out="eth0")) for _ in range(steps)]


@measurement("a known connection's packet, through a kube-proxy dump", figure=60e-6, floor=as_many_steps)
def known_connection() -> Timed:
    text = DUMP.read_text()
    ns, memory, choices, ip = node(text), Memory(), Seeded(), first_service(text)
    there = send(ns, to_service(ip), dev="vethA", memory=memory, choices=choices).last.skb
    send(ns, answer(there.packet, Tcp("SA")), dev=there.dev_out, memory=memory, choices=choices)
    again = to_service(ip, flags="A")
    assert send(ns, again, dev="vethA", memory=memory, choices=choices).last.skb.ctinfo == "ESTABLISHED"
    return lambda: send(ns, again, dev="vethA", memory=memory, choices=choices)


def new_connections(text: str) -> Timed:
    """A first packet each time; the source port changes, so that no cache of an earlier one helps."""
    ns, ip, ports, choices = node(text), first_service(text), count(), Seeded()
    return lambda: send(ns, to_service(ip, 1024 + next(ports) % 60000), dev="vethA", memory=Memory(), choices=choices)


@measurement("a new connection's packet, through a kube-proxy dump", figure=250e-6, floor=as_many_steps)
def new_connection() -> Timed:
    return new_connections(DUMP.read_text())


@measurement(
    "a new connection past 10,000 Services (floor: past 10)", figure=1e-3, floor=lambda: new_connections(many(10))
)
def past_ten_thousand() -> Timed:
    walked = sum(step.walked for step in new_connections(many(10_000))().steps)  # type: ignore[attr-defined]
    assert walked > 10_000, "what a kernel would have compared is still counted"
    return new_connections(many(10_000))


def only_words() -> Timed:
    """Its lines cut into words."""
    text = many(10_000)
    return lambda: [line.split() for line in text.splitlines()]


@measurement("reading 10,000 Services with 10 endpoints (floor: words)", figure=3.0, floor=only_words)
def reading() -> Timed:
    text = many(10_000)
    return lambda: read(text)


@measurement("reading a million rules", figure=30.0)
def reading_a_million() -> Timed:
    lines = (
        f"-A INPUT -s 10.{n >> 16}.{n >> 8 & 255}.{n & 255}/32 -p tcp -m tcp --dport {1024 + n % 60000} -j DROP"
        for n in range(1_000_000)
    )
    text = "\n".join(["*filter", ":INPUT ACCEPT [0:0]", *lines, "COMMIT", ""])
    return lambda: read(text)
