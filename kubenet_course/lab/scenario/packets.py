"""What a scenario sends: a packet in the words of a person, as a value of `linux.packet.packet` and back."""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ...errors import BadInput
from ...linux.packet.address import IPV4, address, family, mac
from ...linux.packet.headers import PROTOCOLS
from ...linux.packet.packet import ANSWERS, ECHO, ICMP, Flow, Fragment, Frame, Icmp, Other, Packet, Tcp, Udp, length

LONGEST_PAUSE = 60.0
DISCOVERS = ("", "want", "dont", "do")
BYTES = re.compile(r"(\d{1,5})-(\d{1,5})")
ZEROS = re.compile(r"zeros (\d{1,5})")


class PacketText(Struct, forbid_unknown_fields=True):
    """A packet as it stands in a scenario file. Ports are TCP's and UDP's, `ident`, `number`, `type`, `code` are ICMP's.

    `payload` is text, or "hex 0a0b", or "zeros 1400".
    """

    proto: str
    src: str
    dst: str
    sport: int = 0
    dport: int = 0
    flags: str = "S"
    seq: int = 0
    ack: int = 0
    window: int = 64240
    options: str = ""  # of TCP, in hexadecimal
    ident: int = 1
    number: int = 1
    type: int = -1  # of ICMP; -1 is the echo request of the family
    code: int = 0
    payload: str = ""
    ttl: int = 64
    tos: int = 0
    id: int = 0
    df: bool = True
    label: int = 0
    checksum: bool = True  # of UDP
    fragment: str = (
        ""  # of the packet only these bytes behind the IP header: "0-1479"; the last one is known by its end
    )


class FrameText(Struct, forbid_unknown_fields=True):
    """A frame that arrives from outside: its two MAC addresses and the packet in it."""

    src: str
    dst: str
    packet: PacketText


class SendingText(Struct, forbid_unknown_fields=True):
    """One thing that happens: after a pause in seconds, a program in `at` sends, or a frame arrives on a device there."""

    at: str
    send: PacketText | None = None
    arrives: str = ""  # the device
    frame: FrameText | None = None
    pause: float = 0.0
    says: str = ""  # for people
    discovers: str = ""  # the sender does not write the IP header itself but asks its kernel (ip(7), IP_MTU_DISCOVER)


class Sending(Struct, frozen=True):
    """A packet that a program of the namespace `at` sends, or a frame that arrives there by the device `dev`."""

    at: str
    payload: Packet | Frame
    dev: str = ""
    pause: float = 0.0  # seconds before it
    says: str = ""
    discovers: str = ""

    @property
    def packet(self) -> Packet:
        inside = self.payload.payload if isinstance(self.payload, Frame) else self.payload
        assert isinstance(inside, Packet)
        return inside


LIMITS = {
    "sport": 65535, "dport": 65535, "seq": 2**32 - 1, "ack": 2**32 - 1, "window": 65535, "ident": 65535,
    "number": 65535, "type": 255, "code": 255, "ttl": 255, "tos": 255, "id": 65535, "label": 2**20 - 1,
}  # fmt: skip


def packet(text: PacketText, where: str = "") -> Packet:
    """The packet that a file describes. Raises BadInput with the path of the field that cannot be."""
    src, dst = address(text.src, f"{where}.src"), address(text.dst, f"{where}.dst")
    of = family(src)
    if family(dst) is not of:
        raise BadInput(f"{where}.dst", f"{src} and {dst} are of two families", "give both the same")
    for name, most in LIMITS.items():
        least = {"type": -1, "ttl": 1}.get(name, 0)
        if not least <= getattr(text, name) <= most:
            raise BadInput(
                f"{where}.{name}", f"{getattr(text, name)} does not fit", f"write a number from {least} to {most}"
            )
    proto = of.icmp if text.proto in (*ICMP, "icmpv6") else text.proto
    flow = Flow(proto, src, text.sport, dst, text.dport)
    header: Tcp | Udp | Icmp | Other
    if proto == "tcp":
        header = Tcp(
            _flags(text.flags, where), text.seq, text.ack, text.window, 0, _hex(text.options, f"{where}.options")
        )
    elif proto == "udp":
        header = Udp(text.checksum)
    elif proto == of.icmp:
        kind = ECHO[proto] if text.type < 0 else text.type
        if kind not in ANSWERS[proto]:
            raise BadInput(
                f"{where}.type", f"{kind} is not a query", f"write one of {', '.join(map(str, ANSWERS[proto]))}"
            )
        header, flow = Icmp(text.number), Flow(proto, src, text.ident, dst, kind << 8 | text.code)
    elif proto in PROTOCOLS:
        header, flow = Other(), Flow(proto, src, 0, dst, 0)
    else:
        raise BadInput(
            f"{where}.proto", f"{text.proto!r} is not a protocol", "write tcp, udp, icmp, or another of /etc/protocols"
        )
    built = Packet(flow, header, _payload(text.payload, f"{where}.payload"), **_fields(text, of is IPV4))
    if length(built) > 65535:
        raise BadInput(
            f"{where}.payload", f"the packet would have {length(built)} bytes", "an IP packet has at most 65535"
        )
    return _piece(built, text, where) if text.fragment else built


def _fields(text: PacketText, is_ipv4: bool) -> dict:
    own = {"id": text.id, "df": text.df} if is_ipv4 else {"label": text.label, "id": text.id if text.fragment else 0}
    return {"ttl": text.ttl, "tos": text.tos, **own}


def _piece(whole: Packet, text: PacketText, where: str) -> Packet:
    """The part of a packet that a sender sends as a fragment; its identification tells which others belong to it."""
    size = length(whole) - family(whole.flow.src).header
    found = BYTES.fullmatch(text.fragment)
    at, last = (int(found[1]), int(found[2])) if found else (0, -1)
    if not 0 <= at <= last < size or at % 8 or ((last + 1) % 8 and last + 1 < size):
        right = f"write first-last within 0-{size - 1}, the first and the number of bytes multiples of 8"
        raise BadInput(f"{where}.fragment", f"{text.fragment!r} is no piece of this packet", right)
    if not text.id:
        raise BadInput(f"{where}.id", "a fragment without an identification belongs to nothing", "write 1 or more")
    piece = Fragment(whole, at, last + 1 - at, last + 1 < size)
    if at == 0:
        return replace(whole, payload=piece)
    return replace(whole, flow=replace(whole.flow, sport=0, dport=0), header=Other(), payload=piece)


def _flags(text: str, where: str) -> str:
    if len(set(text)) != len(text) or not set(text) <= set("FSRPAUEC"):
        raise BadInput(f"{where}.flags", f"{text!r} are not TCP flags", "write letters of FSRPAUEC, each once")
    return "".join(letter for letter in "FSRPAUEC" if letter in text)


def _hex(text: str, where: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise BadInput(where, f"{text!r} is not hexadecimal", "write two digits for each byte") from None


def _payload(text: str, where: str) -> bytes:
    if zeros := ZEROS.fullmatch(text):
        return bytes(int(zeros[1]))
    return _hex(text[4:], where) if text.startswith("hex ") else text.encode()


def sending(text: SendingText, where: str = "") -> Sending:
    """What happens, as a value."""
    if not 0 <= text.pause <= LONGEST_PAUSE:
        raise BadInput(f"{where}.pause", f"{text.pause} seconds is no pause", f"write 0 to {LONGEST_PAUSE:g}")
    if text.frame is not None and text.arrives and text.send is None:
        inside = packet(text.frame.packet, f"{where}.frame.packet")
        frame = Frame(mac(text.frame.src, f"{where}.frame.src"), mac(text.frame.dst, f"{where}.frame.dst"), inside)
        return Sending(text.at, frame, text.arrives, text.pause, text.says)
    if text.send is None or text.frame is not None or text.arrives:
        raise BadInput(where, "it must be sent or arrive", "write either `send`, or `arrives` with a `frame`")
    if text.discovers not in DISCOVERS:
        right = "write want, dont, do, or nothing for a sender that writes the header itself"
        raise BadInput(f"{where}.discovers", f"{text.discovers!r} is no way to discover the path's MTU", right)
    sent = packet(text.send, f"{where}.send")
    if text.discovers and (sent.flow.proto == "tcp" or text.send.fragment):
        raise BadInput(f"{where}.discovers", "a segment or a fragment needs its own header", "leave it out")
    return Sending(text.at, sent, "", text.pause, text.says, text.discovers)


def packet_text(value: Packet) -> PacketText:
    """The packet in a file's words. What a file has no word for (a quote, a tunnel) is a TypeError."""
    if isinstance(piece := value.payload, Fragment):
        text = packet_text(replace(piece.whole, id=value.id, ttl=value.ttl, tos=value.tos, df=value.df))
        text.fragment = f"{piece.at}-{piece.end - 1}"
        return text
    flow, header = value.flow, value.header
    if not isinstance(value.payload, bytes):
        raise TypeError(f"a scenario sends bytes, not a {type(value.payload).__name__}")
    said: dict[str, Any] = {
        "proto": flow.proto,
        "src": flow.src,
        "dst": flow.dst,
        "payload": _payload_text(value.payload),
    }
    if flow.proto in ICMP:
        kind = flow.dport >> 8
        said |= {"ident": flow.sport, "number": header.rest, "code": flow.dport & 255}  # type: ignore[union-attr]
        said |= {"type": -1 if kind == ECHO[flow.proto] else kind}
    else:
        said |= {"sport": flow.sport, "dport": flow.dport}
    if isinstance(header, Tcp):
        said |= {name: getattr(header, name) for name in ("flags", "seq", "ack", "window")}
        said |= {"options": header.options.hex()}
    if isinstance(header, Udp):
        said |= {"checksum": header.checksum}
    said |= {name: getattr(value, name) for name in ("ttl", "tos", "id", "df", "label")}
    return PacketText(**said)


def _payload_text(payload: bytes) -> str:
    if payload and not payload.strip(b"\0"):
        return f"zeros {len(payload)}"
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        text = ""
    is_plain = text.isprintable() and not text.startswith("hex ") and not ZEROS.fullmatch(text)
    return text if is_plain and text.encode() == payload else f"hex {payload.hex()}"


def sending_text(value: Sending) -> SendingText:
    if isinstance(value.payload, Frame):
        frame = FrameText(value.payload.src, value.payload.dst, packet_text(value.packet))
        return SendingText(value.at, None, value.dev, frame, value.pause, value.says)
    return SendingText(value.at, packet_text(value.payload), "", None, value.pause, value.says, value.discovers)
