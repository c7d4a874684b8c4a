"""A capture filter as libpcap reads it (pcap-filter(7)): host, net, port, proto, ether, joined by and, or, not, and parentheses.

`and` and `or` bind alike, from left to right; `not` binds tighter. A value alone takes the words that stood before the last one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ...errors import BadInput
from ...linux.netfilter.iptables.words import PROTOCOLS, SERVICES
from ...linux.packet.address import family, mac, number, prefix
from ...linux.packet.packet import Arp, Frame, Packet
from ..state import Refused

Test = Callable[[Frame], bool]
WORD = re.compile(r"[()!]|&&|\|\||[^\s()!]+")
SAME = {"!": "not", "&&": "and", "||": "or"}
PLAIN = {
    "ip": "ip",
    "ip6": "ip6",
    "arp": "arp",
    "icmp": "icmp",
    "icmp6": "ipv6-icmp",
    "tcp": "tcp",
    "udp": "udp",
    "sctp": "sctp",
}
KINDS = ("host", "net", "port", "portrange", "proto")
PORTED = ("tcp", "udp", "sctp", "udplite", "dccp")


def expression(words: Sequence[str]) -> Test:
    """The test that a frame has to pass; without words every frame does."""
    left = [SAME.get(word, word) for word in WORD.findall(" ".join(words))]
    if not left:
        return lambda frame: True
    reader = _Reader(left)
    test = reader.several()
    if reader.left:
        raise syntax(reader.left[0])
    return test


def syntax(word: str) -> Refused:
    said = f"The filter is not understood at {word!r}. It takes host, net, port, proto and ether, with and, or, not."
    return Refused(said, "tcpdump: can't parse filter expression: syntax error")


class _Reader:
    """The words that are left, and the words that the last value had before it."""

    def __init__(self, left: list[str]):
        self.left, self.before = left, ("", "", "host")  # protocol, direction, kind

    def several(self) -> Test:
        test = self.one()
        while self.left and self.left[0] in ("and", "or"):
            joined, other = self.left.pop(0), self.one()
            test = _both(test, other) if joined == "and" else _either(test, other)
        return test

    def one(self) -> Test:
        word = self.take()
        if word == "not":
            test = self.one()
            return lambda frame: not test(frame)
        if word == "(":
            test = self.several()
            if self.take() != ")":
                raise syntax("(")
            return test
        return self.primitive(word)

    def take(self) -> str:
        if not self.left:
            raise syntax("the end")
        return self.left.pop(0)

    def primitive(self, word: str) -> Test:
        """Perhaps a protocol, perhaps a direction, perhaps what kind of value, and the value."""
        proto, way, kind = "", "", ""
        if word in PLAIN or word == "ether":
            proto, word = word, self.left[0] if self.left else ""
            is_alone = word not in ("src", "dst", *KINDS) and proto != "ether"
            if is_alone:
                return _of_protocol(PLAIN[proto])
            word = self.take()
        if word in ("src", "dst"):
            way, word = word, self.take()
        if word in ("broadcast", "multicast"):
            return _is_for_all if word == "broadcast" else _is_for_many
        if word in KINDS:
            kind, word = word, self.take()
        if proto or way or kind:
            self.before = (proto, way, kind or "host")
        elif word in ("and", "or", ")", "not"):
            raise syntax(word)
        return _test(*self.before, word)


def _both(one: Test, other: Test) -> Test:
    return lambda frame: one(frame) and other(frame)


def _either(one: Test, other: Test) -> Test:
    return lambda frame: one(frame) or other(frame)


def _is_for_all(frame: Frame) -> bool:
    return frame.dst == "ff:ff:ff:ff:ff:ff"


def _is_for_many(frame: Frame) -> bool:
    return bool(int(frame.dst[:2], 16) & 1)


def _of_protocol(name: str) -> Test:
    def asks(frame: Frame) -> bool:
        packet = frame.payload
        if name == "arp" or not isinstance(packet, Packet):
            return name == "arp" and isinstance(packet, Arp)
        if name in ("ip", "ip6"):
            return (family(packet.flow.src).number == 6) is (name == "ip6")
        return packet.flow.proto == name

    return asks


def _test(proto: str, way: str, kind: str, value: str) -> Test:
    """The test of one value."""
    if proto == "ether" and kind == "proto":
        return _of_protocol(_known(PLAIN, value))
    try:
        test = _ether(way, value) if proto == "ether" else _value(way, kind, value)
    except (BadInput, ValueError):
        raise syntax(value) from None
    return _both(_of_protocol(PLAIN[proto]), test) if proto in PLAIN else test


def _known(names: dict[str, str], value: str) -> str:
    """A protocol behind `proto`: a word of the language too, so that it wants a backslash."""
    if not value.startswith("\\") or value[1:] not in names:
        raise syntax(value)
    return names[value[1:]]


def _ether(way: str, value: str) -> Test:
    wanted = mac(value)
    return lambda frame: wanted in _ends(way, frame.src, frame.dst)


def _ends(way: str, source: object, destination: object) -> tuple:
    return (source,) if way == "src" else (destination,) if way == "dst" else (source, destination)


def _value(way: str, kind: str, value: str) -> Test:
    if kind in ("host", "net"):
        block = prefix(value)

        def is_in(frame: Frame) -> bool:
            return any(
                family(own) is block.family and number(own) & block.mask == block.network
                for own in _ends(way, *_addresses(frame))
            )

        return lambda frame: bool(_addresses(frame)) and is_in(frame)
    if kind == "proto":
        names = {str(code): name for name, code in PROTOCOLS.items()}
        return _of_protocol(names.get(value) or _known(PLAIN, value))
    low, _, high = value.partition("-") if kind == "portrange" else (value, "", value)
    first, last = (int(SERVICES.get(port, port)) for port in (low, high))

    def has_port(frame: Frame) -> bool:
        packet = frame.payload
        if not isinstance(packet, Packet) or packet.flow.proto not in PORTED:
            return False
        return any(first <= port <= last for port in _ends(way, packet.flow.sport, packet.flow.dport))

    return has_port


def _addresses(frame: Frame) -> tuple:
    """Who sends and who receives; of ARP those that it asks about."""
    what = frame.payload
    if isinstance(what, Arp):
        return what.sender, what.target
    return (what.flow.src, what.flow.dst) if isinstance(what, Packet) else ()
