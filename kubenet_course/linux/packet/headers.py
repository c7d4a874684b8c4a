"""The headers as their RFCs draw them: tables of (name, width in bits, how to read it aloud), which `fields` walks."""

from collections.abc import Callable

from .address import IPV4, IPV6, spelled
from .packet import ANSWERS, ERRORS

Layout = tuple[tuple[str, int, Callable[[int], str]], ...]

# The names that iptables, conntrack and /etc/protocols use (IANA, Assigned Internet Protocol Numbers).
PROTOCOLS = {
    "hopopt": 0, "icmp": 1, "igmp": 2, "ipencap": 4, "tcp": 6, "udp": 17, "dccp": 33, "ipv6": 41, "ipv6-route": 43,
    "ipv6-frag": 44, "gre": 47, "esp": 50, "ah": 51, "ipv6-icmp": 58, "ipv6-nonxt": 59, "ipv6-opts": 60, "ospf": 89,
    "sctp": 132, "mobility-header": 135, "udplite": 136,
}  # fmt: skip
PROTOCOL_NAMES = {number: name for name, number in PROTOCOLS.items()}
ARP = 0x0806
ETHERTYPES = {0x0800: "IPv4", ARP: "ARP", 0x86DD: "IPv6", 0x8100: "802.1Q"}
VXLAN_PORTS = (8472, 4789)  # Linux's own, which flannel uses, and IANA's (RFC 7348 section 8)
GENEVE_PORT, WIREGUARD_PORT = 6081, 51820  # IANA's (RFC 8926 section 3.3), and what wg(8) proposes
FRAMES = 0x6558  # what a GENEVE packet carries: Ethernet frames (RFC 8926 section 3.4)
WIREGUARD_DATA = b"\4\0\0\0"  # type 4: sealed data (the WireGuard paper, section 5.4.6)
VXLAN_FLAGS = 0x08  # "this VNI is valid"; every other bit is reserved
TCP_FLAGS = "FSRPAUEC"  # from the lowest bit up (RFC 9293 section 3.1)
TCP_OPTIONS = {0: "end", 1: "NOP", 2: "MSS", 3: "window scale", 4: "SACK permitted", 5: "SACK", 8: "timestamps"}
SOLICITATION, ADVERTISEMENT = 135, 136
LLADDR_OPTION = {SOLICITATION: 1, ADVERTISEMENT: 2}  # whose MAC the option tells (RFC 4861 section 4.6.1)
ICMP_TYPES = {
    "icmp": {
        0: "echo reply", 3: "destination unreachable", 4: "source quench", 5: "redirect", 8: "echo request",
        11: "time exceeded", 12: "parameter problem", 13: "timestamp request", 14: "timestamp reply",
    },
    "ipv6-icmp": {
        1: "destination unreachable", 2: "packet too big", 3: "time exceeded", 4: "parameter problem",
        128: "echo request", 129: "echo reply", 133: "router solicitation", 134: "router advertisement",
        135: "neighbour solicitation", 136: "neighbour advertisement", 143: "MLDv2 report",
    },
}  # fmt: skip


def named(names: dict[int, str], shape: str = "{}") -> Callable[[int], str]:
    """A reader that puts the name behind the number, where there is one."""
    return lambda v: f"{shape.format(v)} ({names[v]})" if v in names else shape.format(v)


def flags(*names: str) -> Callable[[int], str]:
    """A reader that lists the bits that are set, named from the lowest bit up."""
    return lambda v: ", ".join(name for bit, name in enumerate(names) if v >> bit & 1) or "none"


def units(size: int) -> Callable[[int], str]:
    """A reader for lengths that count in units of so many bytes."""
    return lambda v: f"{v} ({v * size} bytes)"


def mac(v: int) -> str:
    return v.to_bytes(6, "big").hex(":")


def ipv4(v: int) -> str:
    return spelled(v, IPV4)


def ipv6(v: int) -> str:
    return spelled(v, IPV6)


hex8, hex16, hex20 = "0x{:02x}".format, "0x{:04x}".format, "0x{:05x}".format
PORTS: Layout = (("source port", 16, str), ("destination port", 16, str))
CHECKSUM: Layout = (("checksum", 16, hex16),)
LAYOUTS: dict[str, Layout] = {
    "Ethernet": (("destination", 48, mac), ("source", 48, mac), ("type", 16, named(ETHERTYPES, "0x{:04x}"))),
    "ARP": (
        ("hardware type", 16, named({1: "Ethernet"})), ("protocol type", 16, named(ETHERTYPES, "0x{:04x}")),
        ("hardware length", 8, str), ("protocol length", 8, str), ("operation", 16, named({1: "request", 2: "reply"})),
        ("sender MAC", 48, mac), ("sender address", 32, ipv4), ("target MAC", 48, mac), ("target address", 32, ipv4),
    ),
    "IPv4": (
        ("version", 4, str), ("header length", 4, units(4)), ("TOS", 8, hex8), ("total length", 16, str),
        ("id", 16, str), ("flags", 3, flags("MF", "DF", "reserved")), ("fragment offset", 13, units(8)),
        ("TTL", 8, str), ("protocol", 8, named(PROTOCOL_NAMES)), ("header checksum", 16, hex16),
        ("source", 32, ipv4), ("destination", 32, ipv4),
    ),
    "IPv6": (
        ("version", 4, str), ("traffic class", 8, hex8), ("flow label", 20, hex20), ("payload length", 16, str),
        ("next header", 8, named(PROTOCOL_NAMES)), ("hop limit", 8, str),
        ("source", 128, ipv6), ("destination", 128, ipv6),
    ),
    "Fragment": (
        ("next header", 8, named(PROTOCOL_NAMES)), ("reserved", 8, str), ("fragment offset", 13, units(8)),
        ("reserved", 2, str), ("flags", 1, flags("M")), ("id", 32, str),
    ),
    "TCP": (
        *PORTS, ("sequence number", 32, str), ("acknowledgment number", 32, str), ("data offset", 4, units(4)),
        ("reserved", 4, str), ("flags", 8, flags("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")),
        ("window", 16, str), *CHECKSUM, ("urgent pointer", 16, str),
    ),
    "UDP": (*PORTS, ("length", 16, str), *CHECKSUM),
    "VXLAN": (("flags", 8, hex8), ("reserved", 24, str), ("VNI", 24, str), ("reserved", 8, str)),
    "GENEVE": (
        ("version", 2, str), ("option length", 6, units(4)), ("flags", 2, flags("critical", "control")),
        ("reserved", 6, str), ("protocol", 16, hex16), ("VNI", 24, str), ("reserved", 8, str),
    ),
    "WireGuard": (
        ("type", 8, named({1: "initiation", 2: "response", 3: "cookie", 4: "data"})), ("reserved", 24, str),
        ("receiver", 32, str), ("counter", 64, str),
    ),
}  # fmt: skip
QUERY: Layout = (("identifier", 16, str), ("sequence number", 16, str))
NEIGHBOUR: Layout = (
    ("flags", 3, flags("override", "solicited", "router")), ("reserved", 29, str), ("target", 128, ipv6),
)  # fmt: skip
LLADDR: Layout = (
    ("option type", 8, named({1: "source MAC", 2: "target MAC"})), ("option length", 8, units(8)),
    ("option MAC", 48, mac),
)  # fmt: skip


def icmp_layout(proto: str, kind: int, code: int) -> Layout:
    """The table of an ICMP message, whose second half depends on its type (RFC 792, 1191, 4443, 4861)."""
    rest: Layout = (("unused" if kind in ERRORS[proto] else "rest of header", 32, str),)
    if kind in ANSWERS[proto]:
        rest = QUERY
    elif (proto, kind, code) == ("icmp", 3, 4):
        rest = (("unused", 16, str), ("next-hop MTU", 16, str))
    elif (proto, kind) == ("ipv6-icmp", 2):
        rest = (("MTU", 32, str),)
    elif proto == "ipv6-icmp" and kind in LLADDR_OPTION:
        rest = NEIGHBOUR
    return (("type", 8, named(ICMP_TYPES[proto])), ("code", 8, str), *CHECKSUM, *rest)
