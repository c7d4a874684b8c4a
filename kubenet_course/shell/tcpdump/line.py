"""A frame as one line of tcpdump (tcpdump's print-ether.c, print-arp.c, print-icmp.c, print-icmp6.c, print-udp.c)."""

from __future__ import annotations

import re

from msgspec.structs import replace

from ...linux.netfilter.iptables.words import SERVICES
from ...linux.packet.address import Mac, family
from ...linux.packet.headers import PROTOCOLS
from ...linux.packet.packet import ICMP, Arp, Fragment, Frame, Neighbour, Packet, Quote, Tcp, Vxlan, length

NAMES = {str(port): name for name, port in SERVICES.items()}
ERRORS = {  # by 256 * type + code
    0x300: "net {dst} unreachable", 0x301: "host {dst} unreachable", 0x302: "{dst} protocol {proto} unreachable",
    0x303: "{dst} {proto} port {port} unreachable", 0x304: "{dst} unreachable - need to frag (mtu {mtu})",
    0x309: "net {dst} unreachable - admin prohibited", 0x30A: "host {dst} unreachable - admin prohibited",
    0x30D: "host {dst} unreachable - admin prohibited filter", 0xB00: "time exceeded in-transit",
}  # fmt: skip
ERRORS6 = {
    0x100: "destination unreachable, unreachable route {dst}", 0x101: "destination unreachable, unreachable prohibited {dst}",
    0x103: "destination unreachable, unreachable address {dst}",
    0x104: "destination unreachable, unreachable port, {dst} {proto} port {port}",
    0x200: "packet too big, mtu {mtu}", 0x300: "time exceeded in-transit for {dst}",
}  # fmt: skip
NEIGHBOURS = {135: "solicitation, who has", 136: "advertisement, tgt is"}
OTV = 8472  # flannel's port for VXLAN, which was first that of another tunnel; tcpdump names it by that one


def line(frame: Frame, numeric: bool = True, ethernet: bool = False) -> str:
    """What tcpdump prints of a frame behind the time."""
    what = frame.payload
    name = (
        "ARP"
        if isinstance(what, Arp)
        else "IP6"
        if isinstance(what, Packet) and family(what.flow.src).number == 6
        else "IP"
    )
    body = (
        _arp(what, numeric)
        if isinstance(what, Arp)
        else _packet(what, numeric)
        if isinstance(what, Packet)
        else f"{len(what)} bytes"
    )
    if not ethernet:
        return f"{name}{',' if name == 'ARP' else ''} {body}"
    kind = {"ARP": "ARP (0x0806)", "IP": "IPv4 (0x0800)", "IP6": "IPv6 (0x86dd)"}[name]
    ends = f"{_mac(frame.src, numeric)} > {_mac(frame.dst, numeric)}"
    return f"{ends}, ethertype {kind}, length {14 + _size(what)}: {body}"


def _mac(mac: Mac, numeric: bool) -> str:
    if numeric:
        return mac
    return "Broadcast" if mac == "ff:ff:ff:ff:ff:ff" else f"{mac} (oui Unknown)"


def _arp(arp: Arp, numeric: bool) -> str:
    if arp.op == 2:
        return f"Reply {arp.sender} is-at {_mac(arp.sender_mac, numeric)}, length 28"
    known = "" if arp.target_mac in ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff") else f" ({arp.target_mac})"
    return f"Request who-has {arp.target}{known} tell {arp.sender}, length 28"


def _piece(packet: Packet, piece: Fragment, numeric: bool) -> str:
    """A fragment: the first tells what it begins, the others only which bytes they are (print-ip.c, print-frag6.c)."""
    flow, whole = packet.flow, piece.whole
    six, ends = family(flow.src).number == 6, f"{flow.src} > {flow.dst}:"
    if piece.at and not six:
        return f"{ends} {f'ip-proto-{PROTOCOLS.get(flow.proto, flow.proto)}' if numeric else flow.proto}"
    bytes_of = f"{ends} frag ({piece.at}|{piece.size})"
    if piece.at:
        return bytes_of
    first = _packet(replace(packet, payload=whole.payload, header=whole.header), numeric)
    if isinstance(whole.header, Tcp):
        size = piece.size - 20 - len(whole.header.options)
        first = _packet(replace(packet, payload=bytes(size), header=whole.header), numeric)
    elif flow.proto in ICMP:
        first = re.sub(r"length \d+$", f"length {piece.size}", first)
    if not six:
        return first
    if flow.proto in ICMP:
        return f"{bytes_of} {first.removeprefix(ends).strip()}"
    return f"{bytes_of} {first.replace(f'{flow.src}.', '', 1).replace(f'{flow.dst}.', '', 1)}"


def _packet(packet: Packet, numeric: bool) -> str:
    if isinstance(packet.payload, Fragment):
        return _piece(packet, packet.payload, numeric)
    flow, header = packet.flow, packet.header
    ports = flow.proto in ("tcp", "udp")

    def end(address: str, port: int) -> str:
        named = str(port) if numeric else NAMES.get(str(port), str(port))
        return f"{address}.{named}" if ports else address

    ends = f"{end(flow.src, flow.sport)} > {end(flow.dst, flow.dport)}"
    if isinstance(header, Tcp):
        return f"{ends}: {_tcp(header, packet)}"
    if flow.proto == "udp":
        return f"{ends}: {_udp(packet, numeric)}"
    if flow.proto in ("icmp", "ipv6-icmp"):
        return f"{ends}: {_icmp(packet)}"
    return f"{ends}: {flow.proto} {len(packet.payload) if isinstance(packet.payload, bytes) else ''}".rstrip()


def _tcp(header: Tcp, packet: Packet) -> str:
    flags = "".join(letter for letter in "FSRPU" if letter in header.flags) + "." * ("A" in header.flags)
    size = len(packet.payload) if isinstance(packet.payload, bytes) else 0
    parts = [f"Flags [{flags}]"]
    parts += [f"seq {header.seq}"] if set("SFR") & set(header.flags) and size == 0 else []
    parts += [f"seq {header.seq}:{header.seq + size}"] if size else []
    parts += [f"ack {header.ack}"] if "A" in header.flags else []
    return ", ".join([*parts, f"win {header.window}", f"length {size}"])


def _udp(packet: Packet, numeric: bool) -> str:
    inside = packet.payload
    if isinstance(inside, Vxlan):
        about = f"overlay 0, instance {inside.vni}" if packet.flow.dport == OTV else f"vni {inside.vni}"
        return f"{'OTV' if packet.flow.dport == OTV else 'VXLAN'}, flags [I] (0x08), {about}\n{line(inside.frame, numeric)}"
    return f"UDP, length {length(packet) - family(packet.flow.src).header - 8}"


def _icmp(packet: Packet) -> str:
    flow, six = packet.flow, packet.flow.proto == "ipv6-icmp"
    kind, inside, head = flow.dport >> 8, packet.payload, "ICMP6, " if six else "ICMP "
    size = length(packet) - (40 if six else 20)
    if isinstance(inside, Neighbour):
        said = (
            f"neighbor solicitation, who has {inside.target}"
            if kind == 135
            else f"neighbor advertisement, tgt is {inside.target}"
        )
    elif isinstance(inside, Quote):
        about, rest = inside.packet.flow, getattr(packet.header, "rest", 0)
        form = (ERRORS6 if six else ERRORS).get(flow.dport, f"type-#{kind}")
        mtu = rest & 0xFFFFFFFF if six else rest & 0xFFFF
        said = form.format(dst=about.dst, proto=about.proto, port=about.dport, mtu=mtu)
    elif kind in (8, 0, 128, 129):
        which = "request" if kind in (8, 128) else "reply"
        said = f"echo {which}, id {flow.sport}, seq {getattr(packet.header, 'rest', 0) & 0xFFFF}"
    else:
        said = f"type-#{kind}"
    return f"{head}{said}, length {size}"


def _size(what: Packet | Arp | bytes) -> int:
    return length(what) if isinstance(what, Packet) else 28 if isinstance(what, Arp) else len(what)
