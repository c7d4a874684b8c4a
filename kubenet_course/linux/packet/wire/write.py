"""Values to bytes: scapy makes each header; what spans several (lengths, sums) is given to it from here."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ....errors import BadInput
from ..address import IPV4, IPV6, Address, Family, address, family, mac, number
from ..headers import ARP, FRAMES, LLADDR_OPTION, PROTOCOLS, TCP_FLAGS, VXLAN_FLAGS, WIREGUARD_DATA
from ..packet import (
    ANSWERS,
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
    Sealed,
    Tcp,
    Udp,
    Vxlan,
)
from .quotes import CHECKSUM_AT, pseudo_header
from .scapy_headers import scapy_headers

Header = Tcp | Udp | Icmp | Other
Payload = bytes | Quote | Neighbour | Vxlan | Geneve | Sealed | Packet


@lru_cache(maxsize=4096)
def frame_bytes(frame: Frame) -> bytes:
    """A frame as it is on the wire, without preamble, padding and check sequence, as a veth carries it."""
    match frame.payload:
        case Packet() as packet:
            return _ethernet(frame.dst, frame.src, family(packet.flow.src).ethertype) + packet_bytes(packet)
        case Arp() as arp:
            return _ethernet(frame.dst, frame.src, ARP) + _arp_bytes(arp)
        case content:
            return _ethernet(frame.dst, frame.src, frame.ethertype) + content


@lru_cache(maxsize=4096)
def packet_bytes(packet: Packet) -> bytes:
    """An IP packet as it is on the wire: header, what it carries, lengths and checksums."""
    flow, of = packet.flow, family(packet.flow.src)
    if isinstance(packet.payload, Fragment):
        carried = _fragment_header(packet, packet.payload, of) + _piece(packet.payload)
    else:
        carried = _carried(flow, packet.header, packet.payload)
    if len(carried) + (of.header if of is IPV4 else 0) > 65535:
        raise BadInput("packet", f"it carries {len(carried)} bytes", "an IP packet has at most 65535")
    return _ip_header(packet, of, len(carried)) + carried


def _built(layer: Any) -> bytes:
    """One header's bytes. Every field is given, so scapy need not unfold sets of packets: that is half of its time."""
    return layer.post_build(layer.self_build(), b"")


def _fits(name: str, value: int, bits: int) -> int:
    if not 0 <= value < 1 << bits:
        raise BadInput(name, f"{value} does not fit its {bits} bits", f"write a number from 0 to {(1 << bits) - 1}")
    return value


@lru_cache(maxsize=4096)
def _ethernet(dst: str, src: str, ethertype: int) -> bytes:
    kind = _fits("ethertype", ethertype, 16)
    return _built(scapy_headers().Ether(dst=mac(dst, "frame destination"), src=mac(src, "frame source"), type=kind))


def _arp_bytes(arp: Arp) -> bytes:
    return _built(
        scapy_headers().ARP(
            hwtype=1, ptype=IPV4.ethertype, hwlen=6, plen=4, op=_fits("ARP operation", arp.op, 16),
            hwsrc=mac(arp.sender_mac, "sender MAC"), psrc=address(arp.sender, "sender"),
            hwdst=mac(arp.target_mac, "target MAC"), pdst=address(arp.target, "target"),
        )
    )  # fmt: skip


def _ip_header(packet: Packet, of: Family, length: int) -> bytes:
    flow, ttl, tos = packet.flow, _fits("ttl", packet.ttl, 8), _fits("tos", packet.tos, 8)
    ends = {"src": address(flow.src, "source"), "dst": address(flow.dst, "destination")}
    proto, piece = _proto(flow.proto), packet.payload if isinstance(packet.payload, Fragment) else None
    if of is IPV6:
        label, proto = _fits("label", packet.label, 20), PROTOCOLS["ipv6-frag"] if piece else proto
        return _built(scapy_headers().IPv6(version=6, tc=tos, fl=label, plen=length, nh=proto, hlim=ttl, **ends))
    number, flags, at = _fits("id", packet.id, 16), 2 * packet.df, 0
    if piece:
        flags, at = flags + piece.more, _fits("fragment offset", piece.at, 16) // 8
    return _built(
        scapy_headers().IP(
            version=4, ihl=5, tos=tos, len=of.header + length, id=number, flags=flags, frag=at, ttl=ttl,
            proto=proto, chksum=None, options=[], **ends,
        )
    )  # fmt: skip


def _fragment_header(packet: Packet, piece: Fragment, of: Family) -> bytes:
    """The header that only IPv6 needs (RFC 8200 section 4.5): IPv4 has room for a fragment's fields in its own."""
    if of is IPV4:
        return b""
    ident = _fits("id", packet.id, 32).to_bytes(4, "big")
    return bytes((_proto(packet.flow.proto), 0)) + (piece.at | piece.more).to_bytes(2, "big") + ident


def _piece(piece: Fragment) -> bytes:
    whole = piece.whole
    return _carried(whole.flow, whole.header, whole.payload)[piece.at : piece.end]


def _proto(name: str) -> int:
    number = PROTOCOLS.get(name, int(name) if name.isdecimal() else -1)
    if not 0 <= number <= 255:
        raise BadInput(
            "protocol", f"{name!r} is unknown", "write its name in /etc/protocols, or a number from 0 to 255"
        )
    return number


@lru_cache(maxsize=4096)
def _carried(flow: Flow, header: Header, payload: Payload) -> bytes:
    """What follows the IP header. A hop changes only that header, so these bytes are made once for the whole way."""
    content = content_bytes(flow, payload)
    match header:
        case Tcp():
            segment = _tcp_header(flow, header) + header.options + content
        case Udp(checksum=has_checksum):
            ports = {"sport": _fits("sport", flow.sport, 16), "dport": _fits("dport", flow.dport, 16)}
            segment = _built(scapy_headers().UDP(**ports, len=8 + len(content), chksum=0)) + content
            if not has_checksum:
                return segment
        case Icmp():
            rest = _fits("rest", header.rest, 32) | (flow.sport << 16 if _is_query(flow) else 0)
            kind, code = _fits("type and code", flow.dport, 16) >> 8, flow.dport & 255
            segment = _built(
                scapy_headers().Icmp(type=kind, code=code, cksum=0, msgbody=rest.to_bytes(4, "big") + content)
            )
        case _:
            return content
    proto, of = _proto(flow.proto), family(flow.src)
    total = scapy_headers().checksum(pseudo_header(_addresses(flow, of), proto, len(segment)) + segment)
    if isinstance(header, Udp) and total == 0:
        total = 0xFFFF  # zero would say "no checksum" (RFC 768)
    at = CHECKSUM_AT[proto]
    return segment[:at] + total.to_bytes(2, "big") + segment[at + 2 :]


def _is_query(flow: Flow) -> bool:
    return flow.dport >> 8 in ANSWERS.get(flow.proto, ())


def _packed(address: Address) -> bytes:
    """An address as the wire has it."""
    return number(address).to_bytes(family(address).bits // 8, "big")


def _addresses(flow: Flow, of: Family) -> bytes:
    if family(flow.dst) is not of:
        raise BadInput("destination", f"{flow.dst} is not {of.name}, as {flow.src} is", "use one family")
    return _packed(address(flow.src, "source")) + _packed(address(flow.dst, "destination"))


def _tcp_header(flow: Flow, tcp: Tcp) -> bytes:
    if len(tcp.options) > 40 or len(tcp.options) % 4:
        raise BadInput("TCP options", f"they have {len(tcp.options)} bytes", "pad to a multiple of 4, at most 40")
    if not set(tcp.flags) <= set(TCP_FLAGS):
        raise BadInput("TCP flags", f"{tcp.flags!r} has a letter that is no flag", f"use the letters of {TCP_FLAGS}")
    return _built(
        scapy_headers().TCP(
            sport=_fits("sport", flow.sport, 16), dport=_fits("dport", flow.dport, 16), seq=_fits("seq", tcp.seq, 32),
            ack=_fits("ack", tcp.ack, 32), dataofs=5 + len(tcp.options) // 4, reserved=0, flags=tcp.flags,
            window=_fits("window", tcp.window, 16), chksum=0, urgptr=_fits("urgent", tcp.urgent, 16), options=[],
        )
    )  # fmt: skip


def content_bytes(flow: Flow, payload: Payload) -> bytes:
    """What stands behind the header of TCP, UDP or ICMP; the flow tells an ICMP type."""
    match payload:
        case Quote(packet=packet, length=length):
            return packet_bytes(packet)[:length]
        case Vxlan(vni=vni, frame=frame):
            tunnel = scapy_headers().VXLAN(flags=VXLAN_FLAGS, reserved1=0, vni=_fits("vni", vni, 24), reserved2=0)
            return _built(tunnel) + frame_bytes(frame)
        case Sealed(size=size):
            return WIREGUARD_DATA + bytes(12) + bytes(size + 16)  # receiver, counter, and what nobody reads
        case Packet() as inner:
            return packet_bytes(inner)
        case Geneve(vni=vni, frame=frame):
            return (
                bytes(2)
                + FRAMES.to_bytes(2, "big")
                + (_fits("vni", vni, 24) << 8).to_bytes(4, "big")
                + frame_bytes(frame)
            )
        case Neighbour(target=target, lladdr=lladdr):
            kind = LLADDR_OPTION.get(flow.dport >> 8, 1)
            option = _built(scapy_headers().Lladdr(type=kind, len=1, lladdr=mac(lladdr, "lladdr"))) if lladdr else b""
            return _packed(address(target, "target")) + option
    return payload
