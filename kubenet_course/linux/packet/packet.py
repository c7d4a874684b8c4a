"""Packets and frames as values: every header field but lengths and checksums, which only bytes have (see `wire`).

Who talks to whom is a `Flow`. It is the connection tracker's tuple too, so that translating an address is nothing but giving a
packet another flow. Nothing here is checked when made by code that already holds canonical values; the functions `tcp`, `udp`
and `ping` at the end take what a person types.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from ...errors import BadInput
from .address import BROADCAST_MAC, IPV6, Address, Mac, address, family

ICMP = ("icmp", "ipv6-icmp")
ECHO = {"icmp": 8, "ipv6-icmp": 128}
ECHO_REPLY = {"icmp": 0, "ipv6-icmp": 129}
# Which ICMP query is the answer to which (nf_conntrack_proto_icmp.c, nf_conntrack_proto_icmpv6.c). Types that are absent
# have no answer, so no connection.
ANSWERS = {
    "icmp": {8: 0, 0: 8, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17},
    "ipv6-icmp": {128: 129, 129: 128, 139: 140, 140: 139},
}
ERRORS = {"icmp": (3, 4, 5, 11, 12), "ipv6-icmp": (1, 2, 3, 4)}  # types that quote the packet they complain about


class Flow(Struct, frozen=True, cache_hash=True):
    """Who talks to whom: the five numbers that name a conversation, and conntrack's tuple (nf_conntrack_tuple.h).

    For ICMP, `sport` is the query's identifier and `dport` is 256 * type + code; protocols without ports have zeros.
    """

    proto: str
    src: Address
    sport: int
    dst: Address
    dport: int

    @property
    def reverse(self) -> Flow:
        """The flow that an answer has. Asking for it where no answer exists (an ICMP error) is a KeyError."""
        if self.proto in ICMP:
            return Flow(
                self.proto, self.dst, self.sport, self.src, ANSWERS[self.proto][self.dport >> 8] << 8 | self.dport & 255
            )
        return Flow(self.proto, self.dst, self.dport, self.src, self.sport)

    @property
    def has_reverse(self) -> bool:
        return self.proto not in ICMP or self.dport >> 8 in ANSWERS[self.proto]

    def __str__(self) -> str:
        if self.proto in ICMP:
            return (
                f"{self.proto} {self.src} -> {self.dst} type {self.dport >> 8} code {self.dport & 255} id {self.sport}"
            )
        return f"{self.proto} {endpoint(self.src, self.sport)} -> {endpoint(self.dst, self.dport)}"


class Tcp(Struct, frozen=True):
    """The rest of a TCP header (RFC 9293 section 3.1). `flags` in the order FSRPAUEC, a letter each."""

    flags: str = "S"
    seq: int = 0
    ack: int = 0
    window: int = 64240
    urgent: int = 0
    options: bytes = b""


class Udp(Struct, frozen=True):
    """The rest of a UDP header (RFC 768). Without `checksum` the field is zero, as flannel's VXLAN sends it."""

    checksum: bool = True


class Icmp(Struct, frozen=True):
    """The four bytes after an ICMP checksum; of a query only the sequence number, its identifier being the flow's."""

    rest: int = 0


class Other(Struct, frozen=True):
    """A protocol that the model carries without reading it; its whole content is the payload."""


class Quote(Struct, frozen=True):
    """What an ICMP error says it is about: a packet as it stood, cut after `length` bytes of IP."""

    packet: Packet
    length: int


class Neighbour(Struct, frozen=True):
    """The body of a neighbour solicitation or advertisement (RFC 4861 sections 4.3 and 4.4): whose MAC, and whose it is."""

    target: Address
    lladdr: Mac = ""  # empty: no link-layer address option


class Vxlan(Struct, frozen=True):
    """A frame inside a UDP packet, for one virtual network (RFC 7348 section 5)."""

    vni: int
    frame: Frame


class Geneve(Struct, frozen=True):
    """A frame inside a UDP packet, for one virtual network, without options (RFC 8926 section 3.4)."""

    vni: int
    frame: Frame


class Sealed(Struct, frozen=True):
    """A packet in WireGuard's data message, filled up to `size` bytes. On the wire nobody can read it (its paper, 5.4.6)."""

    packet: Packet
    size: int


class Fragment(Struct, frozen=True):
    """A piece of a packet: `size` bytes of what stands behind the IP header, from byte `at` on; `more` follow, or none.

    (RFC 791 section 3.2, RFC 8200 section 4.5.) A kernel has only the bytes of the piece; `whole` is where they come from.
    """

    whole: Packet
    at: int
    size: int
    more: bool

    @property
    def end(self) -> int:
        return self.at + self.size


class Packet(Struct, frozen=True):
    """One IP packet. `ttl` is IPv6's hop limit, `tos` its traffic class; `df` exists in IPv4 only, `label` in IPv6.

    `id` stands in every IPv4 header, and in IPv6 in the header that only a fragment has.
    """

    flow: Flow
    header: Tcp | Udp | Icmp | Other
    payload: bytes | Quote | Neighbour | Vxlan | Geneve | Sealed | Packet | Fragment = b""  # a packet: of IP in IP
    ttl: int = 64
    tos: int = 0
    id: int = 0
    df: bool = True
    label: int = 0

    @property
    def icmp_type(self) -> int:
        """The ICMP type, or -1 for any other protocol."""
        return self.flow.dport >> 8 if self.flow.proto in ICMP else -1

    @property
    def is_error(self) -> bool:
        return isinstance(self.payload, Quote)

    @property
    def is_later_piece(self) -> bool:
        """Whether it is a second or further fragment: of ports and the like it has none."""
        return isinstance(self.payload, Fragment) and self.payload.at > 0

    def __str__(self) -> str:
        flags = f" [{self.header.flags}]" if isinstance(self.header, Tcp) else ""
        piece = self.payload
        bytes_of = f" bytes {piece.at}-{piece.end - 1} of {self.id}" if isinstance(piece, Fragment) else ""
        return f"{self.flow}{flags} ttl {self.ttl}{bytes_of}"


class Arp(Struct, frozen=True):
    """Who has an address, or who is it (RFC 826). `op` is 1 for a question, 2 for an answer."""

    op: int
    sender_mac: Mac
    sender: Address
    target_mac: Mac
    target: Address

    def __str__(self) -> str:
        if self.op == 1:
            return f"ARP who has {self.target}? tell {self.sender}"
        return f"ARP {self.sender} is at {self.sender_mac}"


class Frame(Struct, frozen=True):
    """What a device sends: two MAC addresses and what they carry (IEEE 802.3). The type field follows from the content."""

    src: Mac
    dst: Mac
    payload: Packet | Arp | bytes
    ethertype: int = 0  # only of content that is bytes

    def __str__(self) -> str:
        said = f"{len(self.payload)} bytes" if isinstance(self.payload, bytes) else self.payload
        return f"{self.src} > {self.dst} {said}"


def endpoint(host: Address, port: int) -> str:
    """`10.244.1.10:80`, `[fd00:10:244::1]:80`; the address alone where no port is meant."""
    return f"[{host}]:{port}" if ":" in host and port else f"{host}:{port}" if port else host


def is_multicast(mac: Mac) -> bool:
    """Whether a frame to this MAC is for many: the lowest bit of its first byte is set. Broadcast counts."""
    return mac == BROADCAST_MAC or int(mac[:2], 16) & 1 == 1


def _flow(proto: str, src: str, sport: int, dst: str, dport: int) -> Flow:
    src, dst = address(src, "src"), address(dst, "dst")
    if family(src) is not family(dst):
        raise BadInput("dst", f"{src} and {dst} are of two families", "both must be IPv4 or both IPv6")
    for name, value in (("sport", sport), ("dport", dport)):
        if not isinstance(value, int) or not 0 <= value <= 65535:
            raise BadInput(name, f"{value!r} is not a port", "write a number from 0 to 65535")
    return Flow(proto, src, sport, dst, dport)


def tcp(src: str, sport: int, dst: str, dport: int, flags: str = "S", payload: bytes = b"", **fields) -> Packet:
    """A TCP segment as a person would write it; other fields of the packet by name."""
    return Packet(_flow("tcp", src, sport, dst, dport), Tcp(flags), payload, **fields)


def udp(src: str, sport: int, dst: str, dport: int, payload: bytes = b"", **fields) -> Packet:
    """A UDP datagram as a person would write it; other fields of the packet by name."""
    return Packet(_flow("udp", src, sport, dst, dport), Udp(), payload, **fields)


def ping(src: str, dst: str, id: int = 1, seq: int = 1, payload: bytes = b"", **fields) -> Packet:
    """An echo request in the family of its addresses."""
    proto = IPV6.icmp if ":" in dst else "icmp"
    return Packet(_flow(proto, src, id, dst, ECHO[proto] << 8), Icmp(seq), payload, **fields)


def answer(packet: Packet, header: Tcp | Udp | Icmp | None = None, payload: bytes = b"") -> Packet:
    """What the receiver of a packet sends back, as far as addresses and ports go."""
    return Packet(packet.flow.reverse, header or packet.header, payload)


def lowered(packet: Packet) -> Packet:
    """The packet one hop further."""
    return replace(packet, ttl=packet.ttl - 1)


def length(packet: Packet) -> int:
    """Bytes of the whole IP packet: what IPv4's total length says, and what a device's MTU limits."""
    header, payload = packet.header, packet.payload
    if isinstance(payload, Fragment):
        of = family(packet.flow.src)
        return of.header + of.fragment_header + payload.size
    if isinstance(header, Tcp):
        own = 20 + (len(header.options) + 3) // 4 * 4 if header.options else 20
    else:
        own = 0 if isinstance(header, Other) else 8
    if isinstance(payload, bytes):
        carried = len(payload)
    elif isinstance(payload, Quote):
        carried = payload.length
    elif isinstance(payload, Neighbour):
        carried = 16 + (8 if payload.lladdr else 0)
    elif isinstance(payload, Sealed):
        carried = 16 + payload.size + 16  # its header, and the tag of the seal
    elif isinstance(payload, Packet):
        carried = length(payload)
    else:
        carried = 8 + frame_length(payload.frame)
    return family(packet.flow.src).header + own + carried


def frame_length(frame: Frame) -> int:
    """Bytes of a frame, from its first MAC address to the end of its content."""
    payload = frame.payload
    return 14 + (len(payload) if isinstance(payload, bytes) else 28 if isinstance(payload, Arp) else length(payload))
