"""Who hears what: open ports in every namespace, and raw sockets that see each SYN, echo and ICMP error delivered there.

A raw socket gets its copy after the INPUT hook and before any port is looked up: it hears a SYN to a closed port too.
"""

from __future__ import annotations

import socket
import struct
from typing import Any

from .places import Places
from .topology import NAMES

PORTS = range(5000, 5004)
ECHO = {4: 8, 6: 128}
ECHO_REPLY = {4: 0, 6: 129}
ERRORS = {4: (3, 4, 5, 11, 12), 6: (1, 2, 3, 4)}
REDIRECT = 137
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
ICMP = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}
UDP, TCP = socket.IPPROTO_UDP, socket.IPPROTO_TCP
PROTOCOLS = {UDP: "udp", TCP: "tcp", 1: "icmp", 58: "icmp"}
IP_PKTINFO, IP_RECVTTL, IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_PKTINFO, IPV6_HOPLIMIT = 8, 12, 49, 51, 50, 52

Heard = dict[str, Any]


def told(sock: socket.socket, family: int) -> socket.socket:
    """A socket that is told the destination and the TTL of what it receives, and never waits."""
    if family == 4:
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1)
    sock.setblocking(False)
    return sock


def _notes(ancillary: list[tuple[int, int, bytes]]) -> tuple[str, int]:
    """The destination and the TTL of a datagram, from its control messages."""
    dst, ttl = "", 0
    for level, kind, data in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
            dst = socket.inet_ntop(socket.AF_INET, data[8:12])
        elif (level, kind) == (socket.IPPROTO_IPV6, IPV6_PKTINFO):
            dst = socket.inet_ntop(socket.AF_INET6, data[:16])
        elif (level, kind) in ((socket.IPPROTO_IP, socket.IP_TTL), (socket.IPPROTO_IPV6, IPV6_HOPLIMIT)):
            ttl = struct.unpack("=i", data[:4])[0]
    return dst, ttl


def datagram(sock: socket.socket) -> tuple[bytes, str, int, str, int] | None:
    """What waits in a socket: payload, source address and port, destination, TTL. None when nothing does, or an error."""
    try:
        data, ancillary, _, source = sock.recvmsg(2048, 256)
    except OSError:
        return None
    dst, ttl = _notes(ancillary)
    return data, source[0], source[1], dst, ttl


def quoted(data: bytes, family: int) -> Heard:
    """The packet that an ICMP error quotes: protocol, addresses, and the ports or the echo id."""
    if family == 4:
        proto, at = data[9], (data[0] & 15) * 4
        src, dst = data[12:16], data[16:20]
    else:
        proto, at, src, dst = data[6], 40, data[8:24], data[24:40]
    heard = {"proto": PROTOCOLS.get(proto, proto)}
    heard |= {"src": socket.inet_ntop(FAMILIES[family], src), "dst": socket.inet_ntop(FAMILIES[family], dst)}
    if proto in (UDP, TCP):
        return heard | dict(zip(("sport", "dport"), struct.unpack("!HH", data[at : at + 4]), strict=True))
    return heard | {"id": struct.unpack("!H", data[at + 4 : at + 6])[0]}


class Ears:
    """Every open port and raw socket of one namespace and one family."""

    def __init__(self, name: str, family: int) -> None:
        """Opens them where this thread stands."""
        self.name, self.family = name, family
        self.udp = {port: told(self._bound(socket.SOCK_DGRAM, port), family) for port in PORTS}
        self.tcp = [self._bound(socket.SOCK_STREAM, port) for port in PORTS]
        for sock in self.tcp:
            sock.listen(16)
            sock.setblocking(False)
        self.raw_icmp = told(socket.socket(FAMILIES[family], socket.SOCK_RAW, ICMP[family]), family)
        self.raw_tcp = told(socket.socket(FAMILIES[family], socket.SOCK_RAW, TCP), family)

    def _bound(self, kind: int, port: int) -> socket.socket:
        sock = socket.socket(FAMILIES[self.family], kind)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.family == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(("", port))
        return sock

    def datagrams(self) -> list[tuple[int, Heard]]:
        """Each UDP datagram that came, with the port's number."""
        found = []
        for port, sock in self.udp.items():
            while got := datagram(sock):
                _, src, sport, dst, ttl = got
                found.append(
                    (port, {"rx": self.name, "dst": dst, "dport": port, "src": src, "sport": sport, "ttl": ttl})
                )
        return found

    def _raw(self, sock: socket.socket) -> list[tuple[bytes, str, str, int]]:
        """What a raw socket got, without its IP header: data, source, destination, TTL."""
        found = []
        while got := datagram(sock):
            data, src, _, dst, ttl = got
            found.append((data[(data[0] & 15) * 4 :] if self.family == 4 else data, src, dst, ttl))
        return found

    def syns(self) -> list[Heard]:
        """Each SYN (without ACK) that was delivered here."""
        found = []
        for data, src, dst, ttl in self._raw(self.raw_tcp):
            sport, dport = struct.unpack("!HH", data[:4])
            if data[13] & 0x12 == 0x02:
                found.append({"rx": self.name, "dst": dst, "dport": dport, "src": src, "sport": sport, "ttl": ttl})
        return found

    def icmp(self) -> list[Heard]:
        """Echoes with their id, errors with what they quote, redirects; the rest of ICMPv6 housekeeping is left out."""
        found = []
        for data, src, dst, ttl in self._raw(self.raw_icmp):
            heard = {"rx": self.name, "dst": dst, "src": src, "ttl": ttl, "type": data[0], "code": data[1]}
            if data[0] in (ECHO[self.family], ECHO_REPLY[self.family]):
                found.append(heard | {"id": struct.unpack("!H", data[4:6])[0]})
            elif data[0] == REDIRECT:
                found.append(heard)
            elif data[0] in ERRORS[self.family]:
                found.append(heard | {"quotes": quoted(data[8:], self.family)})
        return found

    def hang_up(self) -> None:
        """Accept what was connected, and reset it."""
        for sock in self.tcp:
            try:
                while True:
                    answered, _ = sock.accept()
                    answered.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    answered.close()
            except OSError:
                continue

    def close(self) -> None:
        """Close every socket."""
        for sock in (*self.udp.values(), *self.tcp, self.raw_icmp, self.raw_tcp):
            sock.close()


def everywhere(places: Places) -> list[Ears]:
    """The ears of all namespaces, in both families."""
    found = []
    for name in NAMES:
        with places.inside(name):
            found += [Ears(name, family) for family in FAMILIES]
    return found
