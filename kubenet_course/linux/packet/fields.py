"""The fields of a frame, bit by bit, read from its bytes alone.

Reading never fails: bytes that fit no table are shown as data, so that a broken frame can be looked at too.
"""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from .headers import (
    ETHERTYPES,
    FRAMES,
    GENEVE_PORT,
    LAYOUTS,
    LLADDR,
    LLADDR_OPTION,
    PROTOCOL_NAMES,
    TCP_OPTIONS,
    VXLAN_FLAGS,
    VXLAN_PORTS,
    WIREGUARD_DATA,
    WIREGUARD_PORT,
    Layout,
    icmp_layout,
)
from .packet import ERRORS
from .tls import is_hello, parts

ICMP_OF = {"ICMP": "icmp", "ICMPv6": "ipv6-icmp"}
CARRIED = {"tcp": "TCP", "udp": "UDP", "icmp": "ICMP", "ipv6-icmp": "ICMPv6", "ipv6-frag": "Fragment"}
CARRIED |= {"ipencap": "IPv4", "ipv6": "IPv6"}  # a packet in a packet


class Field(Struct, frozen=True):
    """One field of one header: where it stands, how wide it is, what it holds.

    `bit` counts from the frame's first bit and `bits` is the width. `raw` has every byte that the field touches: of a
    field narrower than a byte, its neighbours' bits too. `header` counts the frame's headers from 0. `layer` is the
    header's name, after `inner` in a tunnel and after `quoted` in an ICMP error.
    """

    layer: str
    name: str
    value: str
    bit: int
    bits: int
    raw: bytes
    header: int


class Header(Struct, frozen=True):
    """Where reading stands: the header to come, its first byte, and the end of what it may use."""

    layer: str
    at: int
    end: int
    within: str = ""
    number: int = 0

    def then(self, layer: str, after: int, end: int | None = None, within: str | None = None) -> "Header":
        """The header that follows after so many bytes; its end can only shrink."""
        stop = self.end if end is None else min(self.end, self.at + end)
        return Header(layer, self.at + after, stop, self.within if within is None else within, self.number + 1)


def layers(data: bytes, first: str = "Ethernet") -> tuple[Field, ...]:
    """Every field of a frame, in order, so that each bit belongs to exactly one.

    `first` is "IPv4" or "IPv6" where the bytes are those of a packet. Tunnels and the packets quoted by ICMP errors
    are read too; what lies behind the packet's own end is padding.
    """
    found: list[Field] = []
    here = Header(first, 0, len(data))
    while here.at < here.end:
        if here.layer == "TLS":
            found += _hello(data, here)
            here = replace(here, at=here.end, number=here.number + 1)
            break
        layout = _layout(data, here)
        size = sum(bits for _, bits, _ in layout) // 8
        if not size or here.end - here.at < size:
            name = "cut off" if here.layer in LAYOUTS or here.layer in ICMP_OF else "data"
            found.append(_bytes(data, here, name, here.at, here.end))
            here = replace(here, at=here.end, number=here.number + 1)
            break
        found += _read(data, here, layout, here.at)
        after = _follows(data, here, size)
        found += _options(data, here, here.at + size, min(after.at, here.end))
        here = after
    if here.end < len(data):
        found.append(_bytes(data, replace(here, layer="Padding", within=""), "data", here.end, len(data)))
    return tuple(found)


def _layout(data: bytes, here: Header) -> Layout:
    if here.layer in ICMP_OF and here.end - here.at >= 2:
        return icmp_layout(ICMP_OF[here.layer], data[here.at], data[here.at + 1])
    return LAYOUTS.get(here.layer, ())


def _read(data: bytes, here: Header, layout: Layout, at: int) -> Iterator[Field]:
    bit = 8 * at
    for name, bits, text in layout:
        raw = data[bit // 8 : (bit + bits + 7) // 8]
        value = int.from_bytes(raw, "big") >> (-(bit + bits) % 8) & ((1 << bits) - 1)
        yield Field(here.within + here.layer, name, text(value), bit, bits, raw, here.number)
        bit += bits


def _bytes(data: bytes, here: Header, name: str, at: int, end: int) -> Field:
    raw = data[at:end]
    text = f'"{raw.decode()}"' if raw.isascii() and raw.decode().isprintable() else f"{len(raw)} bytes"
    return Field(here.within + here.layer, name, text, 8 * at, 8 * len(raw), raw, here.number)


def _hello(data: bytes, here: Header) -> Iterator[Field]:
    """A ClientHello, whose fields have lengths of their own."""
    for name, value, start, size in parts(data[here.at : here.end]):
        at = here.at + start
        yield Field(here.within + here.layer, name, value, 8 * at, 8 * size, data[at : at + size], here.number)


def _follows(data: bytes, here: Header, size: int) -> Header:
    """What comes behind a header, as the header itself says."""
    at = here.at
    match here.layer:
        case "Ethernet":
            return here.then(ETHERTYPES.get(_number(data, at + 12), "Data"), size)
        case "IPv4":
            total, header = _number(data, at + 2), max(size, 4 * (data[at] & 15))
            is_first = _number(data, at + 6) & 0x1FFF == 0
            carried = _carried(data[at + 9]) if is_first else "Data"
            end = total if total >= size else None
            return here.then(carried, header, end, _within(here, carried))
        case "IPv6":
            carried = _carried(data[at + 6])
            return here.then(carried, size, size + _number(data, at + 4), _within(here, carried))
        case "Fragment":
            return here.then("Data" if _number(data, at + 2) >> 3 else _carried(data[at]), size)
        case "TCP":
            header = max(size, 4 * (data[at + 12] >> 4))
            return here.then("TLS" if is_hello(data[at + header : here.end]) else "Data", header)
        case "UDP":
            return here.then(_tunnel(data, at), size, max(size, _number(data, at + 4)))
        case "VXLAN":
            return here.then("Ethernet", size, within="inner ")
        case "GENEVE":
            carried = "Ethernet" if _number(data, at + 2) == FRAMES else "Data"
            return here.then(carried, size + 4 * (data[at] & 0x3F), within="inner ")
        case "ICMP" | "ICMPv6" if data[at] in ERRORS[ICMP_OF[here.layer]] and here.within != "quoted ":
            return here.then("IPv4" if here.layer == "ICMP" else "IPv6", size, within="quoted ")
        case "ICMPv6" if data[at] in LLADDR_OPTION:
            return here.then("Data", here.end - at)
        case "ARP":
            return here.then("Data", size, size)
    return here.then("Data", size)


def _carried(number: int) -> str:
    return CARRIED.get(PROTOCOL_NAMES.get(number, ""), "Data")


def _within(here: Header, carried: str) -> str:
    return "inner " if carried in ("IPv4", "IPv6") else here.within


def _tunnel(data: bytes, at: int) -> str:
    """Which tunnel a UDP packet belongs to, by its port and its first bytes."""
    port, first = _number(data, at + 2), data[at + 8 : at + 12]
    if port in VXLAN_PORTS and first[:1] == bytes([VXLAN_FLAGS]):
        return "VXLAN"
    if port == GENEVE_PORT and first[2:] == FRAMES.to_bytes(2, "big"):
        return "GENEVE"
    return "WireGuard" if port == WIREGUARD_PORT and first == WIREGUARD_DATA else "Data"


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "big")


def _options(data: bytes, here: Header, at: int, end: int) -> Iterator[Field]:
    """The options behind a header's fixed part; from the first that makes no sense on, they are one field."""
    while at < end:
        left = end - at
        if here.layer == "TCP" and data[at] in (0, 1):
            yield replace(_bytes(data, here, "option", at, at + 1), value=TCP_OPTIONS[data[at]])
            at += 1
        elif here.layer == "TCP" and left >= 2 and 2 <= (size := data[at + 1]) <= left:
            yield replace(_bytes(data, here, "option", at, at + size), value=_tcp_option(data[at : at + size]))
            at += size
        elif here.layer == "ICMPv6" and left >= 8 and data[at] in (1, 2) and data[at + 1] == 1:
            yield from _read(data, here, LLADDR, at)
            at += 8
        else:
            yield _bytes(data, here, "options", at, end)
            return


def _tcp_option(raw: bytes) -> str:
    name = TCP_OPTIONS.get(raw[0], f"kind {raw[0]}")
    width = 4 if raw[0] in (5, 8) else max(1, len(raw) - 2)
    values = [str(int.from_bytes(raw[at : at + width], "big")) for at in range(2, len(raw), width)]
    return " ".join([name, *values])
