"""Sending one packet of a case as a program in its namespace would, and what that program is told.

A packet: `from` (namespace), `src` (null: the route chooses), `dst`, `proto` ("udp", "tcp", "icmp"), `sport` and `dport`
(an echo has `id`), and where wanted `mark` (SO_MARK), `ttl`, `length` (payload bytes), `raw` (UDP from the
client or the server, put on the wire as it is, so that `src` may be a lie and `dst` nonsense).
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
import time
from typing import Any

from .listen import ECHO, FAMILIES, ICMP, UDP, told
from .topology import INTERFACES

Packet = dict[str, Any]
PATIENCE = 0.03
ETHERTYPES = {4: 0x0800, 6: 0x86DD}
HOPS = socket.IPV6_UNICAST_HOPS, socket.IPV6_MULTICAST_HOPS


def family_of(packet: Packet) -> int:
    """4 or 6, told by the destination."""
    return 6 if ":" in packet["dst"] else 4


def error_name(number: int) -> str | None:
    """`ECONNREFUSED`; None for 0."""
    return errno.errorcode[number] if number else None


def checksum(data: bytes) -> int:
    """The internet checksum (RFC 1071)."""
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def with_header(packet: Packet) -> bytes:
    """The UDP packet with its IP header, source as it says."""
    family = family_of(packet)
    src, dst = (socket.inet_pton(FAMILIES[family], packet[key]) for key in ("src", "dst"))
    payload, ttl = bytes(packet.get("length", 4)), packet.get("ttl", 64)
    size = 8 + len(payload)
    ports = struct.pack("!HHH", packet["sport"], packet["dport"], size)
    pseudo = src + dst + (struct.pack("!BBH", 0, UDP, size) if family == 4 else struct.pack("!II", size, UDP))
    udp = ports + struct.pack("!H", checksum(pseudo + ports + b"\0\0" + payload) or 0xFFFF) + payload
    if family == 6:
        return struct.pack("!IHBB", 0x60000000, size, UDP, ttl) + src + dst + udp
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + size, 1, 0x4000, ttl, UDP, 0) + src + dst
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + udp


def _prepared(packet: Packet, kind: int, proto: int = 0) -> socket.socket:
    """A socket with the packet's mark, TTL and source."""
    family = family_of(packet)
    sock = socket.socket(FAMILIES[family], kind, proto)
    if kind != socket.SOCK_RAW:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    if packet.get("mark"):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, packet["mark"])
    if packet.get("ttl"):
        level, one, many = (0, socket.IP_TTL, socket.IP_MULTICAST_TTL) if family == 4 else (41, *HOPS)
        sock.setsockopt(level, one, packet["ttl"])
        if kind != socket.SOCK_STREAM:
            sock.setsockopt(level, many, packet["ttl"])
    if packet["src"] or packet.get("sport"):
        sock.bind((packet["src"] or "", packet.get("sport") or 0))
    return sock


class Sent:
    """A packet under way: the socket that sent it and the error met on the spot (its number, or 0)."""

    def __init__(self, packet: Packet) -> None:
        """Sends it, from the namespace where this thread stands."""
        self.packet, self.error, self.at_once = packet, 0, False
        self.sock: socket.socket | None = None
        how = self._raw if packet.get("raw") else getattr(self, f"_{packet['proto']}")
        try:
            how()
        except OSError as wrong:
            self.error, self.at_once = wrong.errno or 0, True

    def _udp(self) -> None:
        self.sock = sock = told(_prepared(self.packet, socket.SOCK_DGRAM), family_of(self.packet))
        sock.connect((self.packet["dst"], self.packet["dport"]))
        sock.send(bytes(self.packet.get("length", 4)))

    def _raw(self) -> None:
        """Straight to the router's device: no table of the sender's is asked, so neither address need be sane."""
        family = family_of(self.packet)
        mine = next(one for one in INTERFACES if one.namespace == self.packet["from"])
        router = next(one for one in INTERFACES if one.net == mine.net and one.namespace == "router")
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as sock:
            to = (mine.device, ETHERTYPES[family], 0, 0, bytes.fromhex(router.mac.replace(":", "")))
            sock.sendto(with_header(self.packet), to)

    def _icmp(self) -> None:
        family = family_of(self.packet)
        self.sock = sock = told(_prepared(self.packet, socket.SOCK_RAW, ICMP[family]), family)
        sock.connect((self.packet["dst"], 0))
        payload = bytes(self.packet.get("length", 4))
        echo = struct.pack("!BBHHH", ECHO[family], 0, 0, self.packet["id"], 1) + payload
        sock.send(echo[:2] + struct.pack("!H", checksum(echo)) + echo[4:])

    def _tcp(self) -> None:
        """A SYN, and patience. The error is asked for at the end: one that comes while connect() runs is a soft one."""
        self.sock = sock = _prepared(self.packet, socket.SOCK_STREAM)
        sock.setblocking(False)
        wrong = sock.connect_ex((self.packet["dst"], self.packet["dport"]))
        if wrong not in (0, errno.EINPROGRESS):
            self.error, self.at_once = wrong, True
            return
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and not select.select([], [sock], [], 0.005)[1]:
            self.error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if self.error:
                return

    def errno(self) -> str | None:
        """The name of the error that the sender met, at once or since."""
        if not self.error and self.sock:
            self.error = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return error_name(self.error)

    def outcome(self) -> str:
        """Of a TCP sender: connected, refused, timeout, unreachable (told by ICMP), or what its own kernel refused."""
        try:
            if self.sock and not self.error and self.sock.getpeername():
                return "connected"
        except OSError:
            pass
        names = {0: "timeout", errno.ECONNREFUSED: "refused"}
        if self.at_once:
            names |= {errno.ENETUNREACH: "no-route", errno.EPERM: "not-permitted"}
        return names.get(self.error, "not sent" if self.at_once else "unreachable")

    def close(self) -> None:
        """Forget the socket; a TCP connection is reset."""
        if self.sock is None:
            return
        if self.packet["proto"] == "tcp":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
        os.sched_yield()
