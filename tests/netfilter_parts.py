"""What the netfilter tests share: a kernel with rules, a packet in its hands, and the first steps of a walk."""

from kubenet_course.linux.namespace.choices import Choices, Seeded
from kubenet_course.linux.namespace.device import Device, ifaddr
from kubenet_course.linux.namespace.fib import Route
from kubenet_course.linux.namespace.kernel import Kernel
from kubenet_course.linux.namespace.memory import Memory
from kubenet_course.linux.namespace.netns import Netns, netns
from kubenet_course.linux.namespace.skb import Skb
from kubenet_course.linux.netfilter.iptables.save import read
from kubenet_course.linux.netfilter.rules import Ruleset
from kubenet_course.linux.packet.address import prefix
from kubenet_course.linux.packet.packet import Packet, udp

SWITCHES = {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1}
PACKET = udp("10.244.1.10", 40000, "10.96.0.10", 53, b"question")


def rules(text: str) -> Ruleset:
    """A rule set; lines without a table are the filter table's FORWARD chain."""
    if not text.lstrip().startswith("*"):
        text = "*filter\n" + "".join(f"-A FORWARD {line.strip()}\n" for line in text.strip().splitlines()) + "COMMIT\n"
    return read(text).rules


def router(text: str = "", six: str = "", **more) -> Netns:
    """A node between its pods (10.244.1.0/24 at pods) and the world (eth0); nobody is known to listen on it."""
    devices = (
        Device("eth0", addresses=(ifaddr("192.168.1.11/24"), ifaddr("fd00:192:168:1::11/64"))),
        Device("pods", addresses=(ifaddr("10.244.1.1/24"), ifaddr("fd00:10:244:1::1/64"))),
    )
    ways = (("0.0.0.0/0", "192.168.1.1"), ("::/0", "fd00:192:168:1::1"))
    routes = tuple(Route(prefix(to), "eth0", via) for to, via in ways)
    loaded = {of: rules(said) for of, said in ((4, text), (6, six)) if said}
    tables = {"routes": routes, "rules": loaded, "sysctls": SWITCHES, "sockets_known": False}
    return netns("node-1", devices, **tables | more)


def kernel(ns: Netns | None = None, memory: Memory | None = None, choices: Choices | None = None) -> Kernel:
    return Kernel(ns or router(), memory or Memory(), choices or Seeded())


def held(packet: Packet = PACKET, **notes) -> Skb:
    """A packet on its way from the pods to the world."""
    return Skb(packet, **{"dev_in": "pods", "dev_out": "eth0"} | notes)
