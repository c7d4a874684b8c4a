"""Random small clusters and packets, for the comparison of the model with the real kernel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from random import Random

from kubenet_course.lab.scenario.capture import Capture
from kubenet_course.lab.scenario.packets import Sending
from kubenet_course.lab.scenario.scenario import FrameHex, Scenario
from kubenet_course.linux.packet.packet import Packet, Tcp, ping, tcp, udp
from tools.lab_clusters import OUTSIDE, Plan, cluster, node_address, pod_address
from tools.lab_service_rules import CLUSTER, Service, service_rules

REDIRECT = (
    137  # ICMPv6: sent by routers that send back out of the device a packet came in by; it cannot be switched off
)
SIZES = (0, 5, 100, 1200, 1300, 1392, 1400, 1445, 1472)
ODD = ("A", "FA", "R", "SA", "PA")
ELSEWHERE = {4: "10.0.0.0/8", 6: "fd00::/16"}

Where = dict[str, tuple[int, int]]  # pod -> its node, its number there


def drawn(chance: Random, packets: int = 10) -> Scenario:
    """A cluster of two or three nodes, and packets in it: between pods, nodes and the outside, through Services or not."""
    pods = {1: ["a", "b"], 2: ["c"] + ["d"] * chance.randint(0, 1)}
    if chance.random() < 0.3:
        pods[3] = ["e"]
    where = {name: (node, number) for node, names in pods.items() for number, name in enumerate(names)}
    families = chance.choice([(4,), (4,), (6,), (4, 6)])
    services = {of: _services(chance, where, of) for of in families}
    backend = chance.choice(["host-gw", "vxlan", "vxlan"])
    host = "[::]" if 6 in families else "0.0.0.0"
    plan = Plan(
        pods=pods,
        backend=backend,
        families=families,
        outer=chance.choice([4, 4, 6]) if backend == "vxlan" else 4,
        checksum=chance.random() < 0.3,
        # Without it, IPv6 Services on one bridge are routed back out of it, and that brings redirects (DEV-5).
        call_iptables=6 in families or chance.random() < 0.7,
        hairpin=chance.random() < 0.5,
        warm=chance.random() < 0.5,
        rules={of: _rules(chance, services[of], of) for of in families} if chance.random() < 0.9 else {},
        listens={name: [f"tcp {host}:80 web", f"udp {host}:53 dns"] for name in [*where, "outside"]},
    )
    sent: list[Sending] = []
    for number in range(packets):
        of = chance.choice(families)
        again = sent and chance.random() < 0.15
        sent.append(
            chance.choice(sent) if again else _sending(chance, where, of, [s.address for s in services[of]], number)
        )
    return Scenario("drawn", "", cluster(plan), tuple(sent))


def _services(chance: Random, where: Where, of: int) -> list[Service]:
    def ends(port: int, most: int) -> list[tuple[str, int]]:
        return [
            (pod_address(*place, of), port) for place in chance.sample(list(where.values()), chance.randint(1, most))
        ]

    def vip(number: int) -> str:
        return f"10.96.0.{number}" if of == 4 else f"fd00:10:96::{number}"

    return [
        Service("web", vip(10), 80, ends(80, 3), node_port=30080),
        Service("dns", vip(11), 53, ends(53, 3), proto="udp", node_port=30053),
        Service("closed", vip(12), 80, ends(81, 1)),
        Service("sticky", vip(13), 80, ends(80, 2), affinity=60),
        Service("deaf", vip(14), 53, ends(54, 1), proto="udp"),
        Service("local", vip(15), 80, ends(80, 1), node_port=30081, local_only=True),
        Service("none", vip(99), 80),
    ]


def _rules(chance: Random, services: list[Service], of: int) -> str:
    text = service_rules(services, of, fully=chance.random() < 0.5)
    leaving = f"-A POSTROUTING -s {CLUSTER[of]} ! -d {ELSEWHERE[of]} -j MASQUERADE\nCOMMIT"
    return text.replace("COMMIT", leaving, 1) if chance.random() < 0.5 else text


def _sending(chance: Random, where: Where, of: int, vips: list[str], number: int) -> Sending:
    nodes = sorted({node for node, _ in where.values()})
    asker = chance.choice([*where, *where, "outside", *(f"node-{node}" for node in nodes)])
    hosts = [node_address(node, of) for node in nodes]
    if asker in where:
        src = pod_address(*where[asker], of)
    else:
        src = OUTSIDE[of] if asker == "outside" else node_address(int(asker[-1]), of)
    nobody = pod_address(chance.choice([1, 2]), 77, of)
    inside = [*(pod_address(*place, of) for place in where.values()), *vips, *hosts, OUTSIDE[of], nobody]
    to = chance.choice(hosts if asker == "outside" else inside)
    return Sending(asker, _packet(chance, src, to, number))


def _packet(chance: Random, src: str, to: str, number: int) -> Packet:
    sport, payload = chance.choice([40000 + number, 40000, 1000, 300]), bytes(chance.choice(SIZES))
    more = {"ttl": chance.choice([64, 64, 64, 64, 64, 3, 2, 1]), "tos": chance.choice([0, 0, 0x10, 0xB8])}
    match chance.choice(["tcp", "tcp", "udp", "udp", "ping", "odd"]):
        case "tcp":
            return tcp(src, sport, to, chance.choice([80, 80, 81, 30080, 30081]), **more)
        case "udp":
            return udp(src, sport, to, chance.choice([53, 53, 80, 30053]), payload, **more)
        case "ping":
            return ping(src, to, number + 1, 1, payload, **more)
        case _:
            return Packet(tcp(src, sport, to, chance.choice([80, 30080])).flow, Tcp(chance.choice(ODD), 5, 6))


def has_redirect(capture: Capture) -> bool:
    """Whether the kernel sent a redirect, which the model does not (DEV-5), or asked for the MAC of one whom it would redirect:
    it does when an IPv6 packet leaves by the device that it came in by. Byte 54 follows Ethernet and IPv6 headers."""
    came = set()
    for frame in capture.frames:
        data = bytes.fromhex(frame.hex)
        if data[12:14] != b"\x86\xdd":
            continue
        if data[20] == 58 and data[54] == REDIRECT:
            return True
        if frame.direction == "in":
            came.add((frame.namespace, frame.device, data[18:21], data[21]))
        elif (frame.namespace, frame.device, data[18:21], data[21] + 1) in came:
            return True
    return False


def is_rationed(frames: Iterable[FrameHex]) -> bool:
    """Whether a machine would tell one other of more than five unreachable destinations: a kernel then keeps silent (DEV-4)."""
    told: Counter = Counter()
    for frame in frames:
        data = bytes.fromhex(frame.hex)
        if frame.direction == "out" and data[12:14] == b"\x08\x00" and (data[23], data[34]) == (1, 3):
            told[frame.namespace, frame.device, data[30:34]] += 1
    return max(told.values(), default=0) > 5
