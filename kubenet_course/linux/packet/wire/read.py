"""Bytes to values. What was read is written again at once: only what gives the same bytes is believed."""

from __future__ import annotations

from functools import lru_cache

from msgspec.structs import replace

from ....errors import BadInput
from ..address import FAMILIES, IPV6, Family, address, spelled
from ..fields import layers
from ..headers import (
    ARP,
    FRAMES,
    GENEVE_PORT,
    LLADDR_OPTION,
    PROTOCOL_NAMES,
    PROTOCOLS,
    TCP_FLAGS,
    VXLAN_FLAGS,
    VXLAN_PORTS,
)
from ..packet import (
    ANSWERS,
    ERRORS,
    Arp,
    Flow,
    Fragment,
    Frame,
    Geneve,
    Icmp,
    Neighbour,
    Other,
    Packet,
    Quote,
    Tcp,
    Udp,
    Vxlan,
)
from .quotes import completed, total_length
from .scapy_headers import scapy_headers
from .write import Header, Payload, content_bytes, packet_bytes

DEPTH = 4  # tunnels and quotes inside each other that are still read; deeper ones stay bytes


class NoPlace(BadInput):
    """Bytes that are sound, but that the types of `packet` cannot say exactly."""


@lru_cache(maxsize=4096)
def frame_from(data: bytes) -> Frame:
    """The frame that these bytes are; `frame_bytes` gives them again.

    Raises BadInput for a cut frame, a version that does not fit the type field, a length or a checksum that is wrong.
    """
    return _frame(data, 0)


@lru_cache(maxsize=4096)
def packet_from(data: bytes, of: Family) -> Packet:
    """The packet that these bytes start with; `packet_bytes` gives them again. Raises BadInput as `frame_from` does.

    Raises NoPlace, a kind of BadInput, for a sound packet that has options or sets a reserved bit.
    """
    return _packet(data, of, 0)


def _frame(data: bytes, depth: int) -> Frame:
    _enough("Ethernet header", data, 14)
    dst, src, ethertype, content = data[:6].hex(":"), data[6:12].hex(":"), int.from_bytes(data[12:14], "big"), data[14:]
    try:
        if ethertype == ARP:
            return Frame(src, dst, _arp(content))
        for of in FAMILIES.values():
            if ethertype == of.ethertype:
                return Frame(src, dst, _packet(content, of, depth))
    except NoPlace:
        pass
    return Frame(src, dst, content, ethertype)


def _arp(data: bytes) -> Arp:
    _enough("ARP packet", data, 28)
    if data[:6] != b"\x00\x01\x08\x00\x06\x04":
        raise NoPlace("ARP", "it is not about IPv4 over Ethernet", "keep the frame's bytes")
    arp = scapy_headers().ARP(data[:28])
    return Arp(arp.op, arp.hwsrc, arp.psrc, arp.hwdst, arp.pdst)


def _packet(data: bytes, of: Family, depth: int) -> Packet:
    packet = _as_its_fields_say(data, of, depth)
    written, given = packet_bytes(packet), data[: total_length(data, of)]
    if written != given:
        _complain(given, written, of)
    return packet


def _complain(given: bytes, written: bytes, of: Family) -> None:
    """Names the first field that would be written otherwise. A checksum follows all that differs in its own header."""
    for field, right in zip(layers(given, of.name), layers(written, of.name), strict=False):
        if field != right:
            where = f"{field.layer} {field.name}, byte {field.bit // 8} of the packet"
            if field.name.endswith("checksum"):
                what = f"it is {field.value}, and the bytes add up to {right.value}"
                raise BadInput(where, what, "capture with checksum offload off, and whole packets")
            raise NoPlace(where, f"{field.value} has no place in a Packet", "keep the frame's bytes")
    raise NoPlace(of.name, "it has more bytes than its fields account for", "keep the frame's bytes")


def _enough(where: str, data: bytes, size: int) -> None:
    if len(data) < size:
        raise BadInput(where, f"it is cut off after {len(data)} bytes", f"it needs {size}")


def _as_its_fields_say(data: bytes, of: Family, depth: int) -> Packet:
    """The packet, not yet compared with the bytes that it would be written as."""
    _enough(f"{of.name} header", data, of.header)
    if data[0] >> 4 != of.number:
        raise BadInput(of.name, f"the version field says {data[0] >> 4}", f"it must say {of.number}")
    total = total_length(data, of)
    _enough(f"{of.name} packet", data, total)
    if of is IPV6:
        ip = scapy_headers().IPv6(data[:40])
        proto, fields = ip.nh, {"ttl": ip.hlim, "tos": ip.tc, "label": ip.fl}
    else:
        ip = scapy_headers().IP(data[:20])
        if min(total, 4 * ip.ihl) < of.header:
            raise BadInput("IPv4", f"header length {4 * ip.ihl}, total length {total}", "both are at least 20")
        if ip.ihl > 5:
            raise NoPlace("IPv4", "options have no place in a Packet", "keep the frame's bytes")
        proto, fields = ip.proto, {"ttl": ip.ttl, "tos": ip.tos, "id": ip.id, "df": bool(ip.flags.DF)}
    flow = Flow(PROTOCOL_NAMES.get(proto, str(proto)), address(ip.src), 0, address(ip.dst), 0)
    carried = data[of.header : total]
    if of is IPV6 and proto == PROTOCOLS["ipv6-frag"]:
        _enough("fragment header", carried, 8)
        flow = replace(flow, proto=PROTOCOL_NAMES.get(carried[0], str(carried[0])))
        at, fields["id"] = int.from_bytes(carried[2:4], "big"), int.from_bytes(carried[4:8], "big")
        return _fragment(flow, carried[8:], at & ~7, bool(at & 1), fields)
    if of is not IPV6 and (ip.frag or ip.flags.MF):
        return _fragment(flow, carried, 8 * ip.frag, bool(ip.flags.MF), fields)
    if flow.proto == "tcp":
        return Packet(*_tcp(flow, carried), **fields)
    if flow.proto == "udp":
        return Packet(*_udp(flow, carried, depth), **fields)
    if flow.proto == of.icmp:
        return Packet(*_icmp(flow, carried, of, depth), **fields)
    if flow.proto == "ipencap":
        return Packet(flow, Other(), _inside(carried, depth) or carried, **fields)
    return Packet(flow, Other(), carried, **fields)


def _fragment(flow: Flow, piece: bytes, at: int, more: bool, fields: dict) -> Packet:
    """A piece. Of the whole packet nobody knows what came before it: zeros stand in for that. The first one has the ports."""
    if at == 0 and len(piece) >= 8 and flow.proto in ("tcp", "udp"):
        flow = replace(flow, sport=int.from_bytes(piece[:2], "big"), dport=int.from_bytes(piece[2:4], "big"))
    if at == 0 and len(piece) >= 8 and flow.proto in ANSWERS:
        is_query = piece[0] in ANSWERS[flow.proto]
        ident = int.from_bytes(piece[4:6], "big") if is_query else 0
        flow = replace(flow, sport=ident, dport=int.from_bytes(piece[:2], "big"))
    whole = Packet(flow, Other(), bytes(at) + piece)
    return Packet(flow, Other(), Fragment(whole, at, len(piece), more), **fields)


def _inside(content: bytes, depth: int) -> Packet | None:
    """The packet in a packet, where the content is one."""
    try:
        inner = None if depth == DEPTH else _packet(content, FAMILIES[4], depth + 1)
    except BadInput:
        return None
    return inner if inner is not None and packet_bytes(inner) == content else None


def _tcp(flow: Flow, data: bytes) -> tuple[Flow, Header, Payload]:
    _enough("TCP header", data, 20)
    tcp = scapy_headers().TCP(data[:20])
    size = 4 * tcp.dataofs
    if size < 20:
        raise BadInput("TCP data offset", f"it says {size} bytes", "a TCP header has at least 20")
    _enough("TCP header", data, size)
    letters = "".join(letter for bit, letter in enumerate(TCP_FLAGS) if int(tcp.flags) >> bit & 1)
    header = Tcp(letters, tcp.seq, tcp.ack, tcp.window, tcp.urgptr, data[20:size])
    return replace(flow, sport=tcp.sport, dport=tcp.dport), header, data[size:]


def _udp(flow: Flow, data: bytes, depth: int) -> tuple[Flow, Header, Payload]:
    _enough("UDP header", data, 8)
    udp = scapy_headers().UDP(data[:8])
    _enough("UDP datagram", data, udp.len)
    flow, content = replace(flow, sport=udp.sport, dport=udp.dport), data[8:]
    return flow, Udp(udp.chksum != 0), _tunnelled(flow, content, depth) or content


def _icmp(flow: Flow, data: bytes, of: Family, depth: int) -> tuple[Flow, Header, Payload]:
    _enough(f"{flow.proto} header", data, 8)
    icmp = scapy_headers().Icmp(data[:8])
    rest, content = int.from_bytes(data[4:8], "big"), data[8:]
    is_query = icmp.type in ANSWERS[flow.proto]
    sport, rest = (rest >> 16, rest & 0xFFFF) if is_query else (0, rest)
    flow = replace(flow, sport=sport, dport=icmp.type << 8 | icmp.code)
    return flow, Icmp(rest), _quote(flow, content, of, depth) or _neighbour(flow, content) or content


def _tunnelled(flow: Flow, content: bytes, depth: int) -> Vxlan | Geneve | None:
    """The frame in a VXLAN or GENEVE packet, where the content is one."""
    is_vxlan = flow.dport in VXLAN_PORTS and content[:1] == bytes([VXLAN_FLAGS])
    is_geneve = flow.dport == GENEVE_PORT and content[:4] == FRAMES.to_bytes(4, "big")
    if not (is_vxlan or is_geneve) or len(content) < 8 or depth == DEPTH:
        return None
    vni = int.from_bytes(content[4:7], "big")
    try:
        tunnelled = (Vxlan if is_vxlan else Geneve)(vni, _frame(content[8:], depth + 1))
    except BadInput:
        return None
    return tunnelled if content_bytes(flow, tunnelled) == content else None


def _quote(flow: Flow, content: bytes, of: Family, depth: int) -> Quote | None:
    """The packet that an ICMP error is about; where it is cut, a stand-in for the rest (see `quotes`)."""
    if flow.dport >> 8 not in ERRORS[flow.proto] or depth == DEPTH:
        return None
    try:
        quote = Quote(_as_its_fields_say(completed(content, of), of, depth + 1), len(content))
        return quote if content_bytes(flow, quote) == content else None
    except BadInput:
        return None


def _neighbour(flow: Flow, content: bytes) -> Neighbour | None:
    """The body of a solicitation or advertisement, where it has no other option than the MAC's."""
    if flow.proto != IPV6.icmp or flow.dport >> 8 not in LLADDR_OPTION or len(content) not in (16, 24):
        return None
    lladdr = scapy_headers().Lladdr(content[16:]).lladdr if content[16:] else ""
    neighbour = Neighbour(spelled(int.from_bytes(content[:16], "big"), IPV6), lladdr)
    return neighbour if content_bytes(flow, neighbour) == content else None
