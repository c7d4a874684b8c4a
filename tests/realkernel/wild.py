"""The rich style: every table, match and target, and packets on ways that nobody plans for."""

from __future__ import annotations

from random import Random
from typing import Any

from .actions import targets
from .matches import MATCHES
from .plain import a_packet
from .rulesets import HOOKS, Style

Packet = dict[str, Any]


def wild(*protocols: tuple[str, int]) -> Style:
    """The rich style, its rules about these protocols."""
    return Style(tables=HOOKS, protocols=protocols, matches=MATCHES, targets=targets, drop=0.08, sided=True)


ODD = {
    4: {
        "client": "10.0.1.1 10.0.2.1 10.0.1.255 10.0.2.255 255.255.255.255 224.0.0.1 224.1.2.3 10.0.2.9 10.9.0.1 240.0.0.1",
        "router": "127.0.0.1 127.0.0.2 10.0.1.1 10.0.2.1 10.0.1.2 10.0.2.3 10.0.1.255 255.255.255.255 224.0.0.1 10.0.2.9 10.9.0.1",
        "server": "10.0.1.1 10.0.2.1 10.0.1.3 10.0.1.255 10.0.2.255 10.9.0.1 10.0.1.9",
    },
    6: {
        "client": "fd00:10:0:1::1 fd00:10:0:2::1 fd00:10:0:2::9 fd00:10:0:9::1 fd00:10:0:2:: fd00:10:0:1::",
        "router": "::1 fd00:10:0:1::1 fd00:10:0:2::1 fd00:10:0:1::2 fd00:10:0:2::3 fd00:10:0:2::9 fd00:10:0:9::1",
        "server": "fd00:10:0:1::1 fd00:10:0:2::1 fd00:10:0:1::3 fd00:10:0:9::1 fd00:10:0:1::9",
    },
}
LIES = {
    4: [
        "127.0.0.1",
        "10.0.2.2",
        "10.0.1.1",
        "10.0.2.1",
        "0.0.0.0",
        "10.0.1.255",
        "224.0.0.1",
        "203.0.113.7",
        "10.0.1.2",
        "255.255.255.255",
    ],
    6: ["::1", "fd00:10:0:2::2", "fd00:10:0:1::1", "fd00:10:0:2::1", "::", "ff02::1", "fd00:10:0:9::7"],
}
SANE = {4: "10.0.1.1 10.0.2.2 10.0.2.3 10.9.0.1", 6: "fd00:10:0:1::1 fd00:10:0:2::2 fd00:10:0:2::3"}
NONSENSE = {
    4: "127.0.0.1 0.0.0.0 255.255.255.255 224.0.0.1 10.0.1.2 240.0.0.1",
    6: "::1 ff02::1 fd00:10:0:1::2 ::",
}
SOURCES = {
    4: {
        "client": ("10.0.1.2", "10.0.1.3"),
        "router": (None, None, "10.0.1.1", "10.0.2.1"),
        "server": ("10.0.2.2", "10.0.2.3"),
    },
    6: {
        "client": ("fd00:10:0:1::2", "fd00:10:0:1::3"),
        "router": (None, None, "fd00:10:0:1::1", "fd00:10:0:2::1"),
        "server": ("fd00:10:0:2::2", "fd00:10:0:2::3"),
    },
}


def _odd_way(rng: Random, number: int, family: int) -> Packet:
    sender = rng.choice(("client", "client", "router", "server"))
    way = {"from": sender, "src": rng.choice(SOURCES[family][sender]), "dst": rng.choice(ODD[family][sender].split())}
    return a_packet(rng, number, family) | way


def _lie(rng: Random, number: int, family: int) -> Packet:
    """A packet with a source that is not its sender's."""
    dst = rng.choice(rng.choice((SANE[family], SANE[family], SANE[family], NONSENSE[family])).split())
    way = {"from": "client", "src": rng.choice(LIES[family]), "dst": dst, "raw": True}
    return a_packet(rng, number, family) | way


def udp_packet(rng: Random, number: int, family: int = 4) -> Packet:
    """A datagram: half of them as the reference's, the others odd; often answered, sometimes marked or near their end."""
    draw = rng.random()
    packet = a_packet(rng, number, family) if draw < 0.5 else (_odd_way if draw < 0.88 else _lie)(rng, number, family)
    if rng.random() < 0.5 and not packet.get("raw"):
        packet["reply"] = True
    if rng.random() < 0.12:
        packet["ttl"] = rng.choice((1, 1, 2, 3, 200))
    if rng.random() < 0.15:
        packet["length"] = rng.choice((0, 1, 24, 32, 72, 100, 500))
    if packet["from"] == "router" and rng.random() < 0.3:
        packet["mark"] = rng.choice((1, 2, 3, 0x4000))
    if rng.random() < 0.06:
        packet["dport"] = rng.choice((53, 5004, 7000))
    return packet


def tcp_packet(rng: Random, number: int, family: int = 4) -> Packet:
    """A SYN to an open port, now and then to a closed one."""
    packet = a_packet(rng, number, family) if rng.random() < 0.6 else _odd_way(rng, number, family)
    packet |= {"proto": "tcp", "dport": rng.choice((5000, 5001, 5002, 5003, 5003, 5004))}
    if rng.random() < 0.08:
        packet["ttl"] = rng.choice((1, 2))
    if packet["from"] == "router" and rng.random() < 0.3:
        packet["mark"] = rng.choice((1, 3, 0x4000))
    return packet


def echo(rng: Random, number: int, family: int = 4) -> Packet:
    """An echo request."""
    packet = a_packet(rng, number, family) if rng.random() < 0.5 else _odd_way(rng, number, family)
    for key in ("sport", "dport"):
        packet.pop(key)
    packet |= {"proto": "icmp", "id": 100 + number}
    if rng.random() < 0.1:
        packet["ttl"] = rng.choice((1, 2))
    return packet


def again(rng: Random, packets: list[Packet]) -> list[Packet]:
    """Now and then a datagram is sent a second time, in the connection that the first one made."""
    for at in range(1, len(packets)):
        if packets[at]["proto"] == "udp" and packets[at - 1]["proto"] == "udp" and rng.random() < 0.15:
            packets[at] = packets[at - 1] | {"keep": True}
    return packets
