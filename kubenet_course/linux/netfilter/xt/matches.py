"""What a rule can ask of a packet's own headers, its devices and its mark: the tests that need no memory.

Each class is one option of iptables (man iptables-extensions); each asks what the kernel's match of that name asks
(net/netfilter/xt_*.c). `module` is the word after `-m`; empty for what needs none.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ...namespace.kernel import Kernel
from ...namespace.skb import Skb
from ...packet.address import Prefix, number
from ...packet.packet import ICMP, Tcp, length
from ..rules import NO_KEY, Test

PORTS = ("tcp", "udp", "udplite", "sctp", "dccp")  # protocols whose first four bytes are two ports
TRANSPORT = "-p"  # stands for "the module that is named like the rule's protocol"


class Source(Test, frozen=True, kw_only=True):
    """`-s`: the source lies in a block."""

    prefix: Prefix

    def holds(self, skb: Skb, kernel: Kernel) -> bool:
        return (number(skb.packet.flow.src) & self.prefix.mask == self.prefix.network) is not self.negated


class Destination(Test, frozen=True, kw_only=True):
    """`-d`: the destination lies in a block."""

    prefix: Prefix

    @property
    def key(self) -> tuple[str, Any]:
        return NO_KEY if self.negated or not self.prefix.is_host else ("dst", self.prefix.first)

    def holds(self, skb: Skb, kernel: Kernel) -> bool:
        return (number(skb.packet.flow.dst) & self.prefix.mask == self.prefix.network) is not self.negated


class Interface(Test, frozen=True, kw_only=True):
    """`-i` or `-o`: the packet came in by, or will leave by, a device; a `+` at the end stands for any rest of the name."""

    name: str
    out: bool = False

    def asks(self, skb: Skb, kernel: Kernel) -> bool:
        dev = skb.dev_out if self.out else skb.dev_in
        return dev.startswith(self.name[:-1]) if self.name.endswith("+") else dev == self.name


class Protocol(Test, frozen=True, kw_only=True):
    """`-p`: the protocol, by name, or by number where it has none."""

    name: str

    def holds(self, skb: Skb, kernel: Kernel) -> bool:
        return (skb.packet.flow.proto == self.name) is not self.negated


class Fragment(Test, frozen=True):
    """`-f`: a second or further fragment. The model's packets are whole, so it never holds (DEV-1)."""

    def asks(self, skb: Skb, kernel: Kernel) -> bool:
        return False


class Loaded(Test, frozen=True, kw_only=True):
    """`-m tcp` and the like without any option: it asks nothing."""

    name: str

    @property
    def module(self) -> str:  # type: ignore[override]
        return self.name


class Comment(Test, frozen=True, kw_only=True):
    """`-m comment`: a note for people."""

    module: ClassVar[str] = "comment"
    text: str


class PortRange(Test, frozen=True, kw_only=True):
    """`--sport`, `--dport` of tcp, udp and their like: one port or an inclusive range."""

    module: ClassVar[str] = TRANSPORT
    low: int
    high: int
    source: bool = False

    @property
    def key(self) -> tuple[str, Any]:
        return NO_KEY if self.low != self.high or self.source or self.negated else ("dport", self.low)

    def holds(self, skb: Skb, kernel: Kernel) -> bool:
        flow = skb.packet.flow
        return (self.low <= (flow.sport if self.source else flow.dport) <= self.high) is not self.negated


class MultiPort(Test, frozen=True, kw_only=True):
    """`-m multiport`: a port is one of a list of ranges. `side` is sports, dports, or ports for either."""

    module: ClassVar[str] = "multiport"
    side: str
    ranges: tuple[tuple[int, int], ...]

    def asks(self, skb: Skb, kernel: Kernel) -> bool:
        flow = skb.packet.flow
        ports = {"sports": (flow.sport,), "dports": (flow.dport,), "ports": (flow.sport, flow.dport)}[self.side]
        return any(low <= port <= high for port in ports for low, high in self.ranges)


class TcpFlags(Test, frozen=True, kw_only=True):
    """`--tcp-flags MASK SET`: of the flags in the mask exactly those in the set are on. `--syn` is FIN,SYN,RST,ACK SYN."""

    module: ClassVar[str] = "tcp"
    mask: frozenset[str]
    set: frozenset[str]

    def asks(self, skb: Skb, kernel: Kernel) -> bool:
        header = skb.packet.header
        return isinstance(header, Tcp) and {flag for flag in header.flags if flag in self.mask} == self.set


class TcpOption(Test, frozen=True, kw_only=True):
    """`--tcp-option`: the header has an option of this kind."""

    module: ClassVar[str] = "tcp"
    kind: int

    def asks(self, skb: Skb, kernel: Kernel) -> bool:
        header = skb.packet.header
        return isinstance(header, Tcp) and self.kind in option_kinds(header.options)


def option_kinds(options: bytes) -> set[int]:
    """The kinds of the TCP options in a header (RFC 9293 section 3.1)."""
    kinds, at = set(), 0
    while at < len(options) and options[at]:
        kinds.add(options[at])
        at += 1 if options[at] == 1 else max(2, options[at + 1] if at + 1 < len(options) else 2)
    return kinds


class IcmpType(Test, frozen=True, kw_only=True):
    """`--icmp-type`, `--icmpv6-type`: the type, and the code within a range. Type 255 is any."""

    type: int
    low: int = 0
    high: int = 255
    six: bool = False  # of ICMPv6

    @property
    def module(self) -> str:  # type: ignore[override]
        return "icmp6" if self.six else "icmp"

    def asks(self, skb: Skb, kernel: Kernel) -> bool:
        flow = skb.packet.flow
        right = self.type == 255 or (flow.dport >> 8 == self.type and self.low <= flow.dport & 255 <= self.high)
        return flow.proto in ICMP and right


class Mark(Test, frozen=True, kw_only=True):
    """`-m mark`: the packet's mark, seen through a mask, has a value."""

    module: ClassVar[str] = "mark"
    value: int
    mask: int = 0xFFFFFFFF

    def holds(self, skb: Skb, kernel: Kernel) -> bool:
        return (skb.mark & self.mask == self.value) is not self.negated


class IpRange(Test, frozen=True, kw_only=True):
    """`-m iprange`: an address lies between two others, both included."""

    module: ClassVar[str] = "iprange"
    low: str
    high: str
    source: bool = False

    def asks(self, skb: Skb, kernel: Kernel) -> bool:
        flow = skb.packet.flow
        return number(self.low) <= number(flow.src if self.source else flow.dst) <= number(self.high)


class Length(Test, frozen=True, kw_only=True):
    """`-m length`: the bytes of the IP packet."""

    module: ClassVar[str] = "length"
    low: int
    high: int

    def asks(self, skb: Skb, kernel: Kernel) -> bool:
        return self.low <= length(skb.packet) <= self.high


class Ttl(Test, frozen=True, kw_only=True):
    """`-m ttl`, `-m hl`: hops that the packet has left, compared by eq, lt or gt."""

    compare: str
    value: int
    hop_limit: bool = False

    @property
    def module(self) -> str:  # type: ignore[override]
        return "hl" if self.hop_limit else "ttl"

    def asks(self, skb: Skb, kernel: Kernel) -> bool:
        ttl = skb.packet.ttl
        return {"eq": ttl == self.value, "lt": ttl < self.value, "gt": ttl > self.value}[self.compare]


class MacSource(Test, frozen=True, kw_only=True):
    """`-m mac`: the frame came from a MAC."""

    module: ClassVar[str] = "mac"
    mac: str

    def asks(self, skb: Skb, kernel: Kernel) -> bool:
        return skb.frame.src == self.mac


class Unknown(Test, frozen=True, kw_only=True):
    """A match that the model cannot ask. It never holds, and the reader has named the line (`not_understood`)."""

    text: str

    def holds(self, skb: Skb, kernel: Kernel) -> bool:
        return False
