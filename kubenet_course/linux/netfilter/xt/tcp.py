"""`-m tcp`: ports, flags and options of a TCP header (net/netfilter/xt_tcpudp.c)."""

from __future__ import annotations

from typing import ClassVar

from ....errors import BadInput
from ...namespace.skb import Skb
from ...packet.packet import Tcp
from ..iptables.words import whole
from ..statement import Place, Test
from .ports import PORTS
from .reading import each

FLAGS = {"FIN": "F", "SYN": "S", "RST": "R", "PSH": "P", "ACK": "A", "URG": "U"}


class TcpFlags(Test, frozen=True, kw_only=True):
    """`--tcp-flags MASK SET`: of the flags in the mask exactly those in the set are on. `--syn` is FIN,SYN,RST,ACK SYN."""

    module: ClassVar[str] = "tcp"
    shared: ClassVar[bool] = True
    mask: frozenset[str]
    set: frozenset[str]

    def run(self, skb: Skb, at: Place) -> bool:
        return not skb.packet.is_later_piece and self.asks(skb, at) is not self.negated

    def asks(self, skb: Skb, at: Place) -> bool:
        header = skb.packet.header
        return isinstance(header, Tcp) and {flag for flag in header.flags if flag in self.mask} == self.set

    def written(self) -> str:
        return f"{self.no}--tcp-flags {_flag_text(self.mask)} {_flag_text(self.set)}"


class TcpOption(Test, frozen=True, kw_only=True):
    """`--tcp-option`: the header has an option of this kind."""

    module: ClassVar[str] = "tcp"
    kind: int

    def run(self, skb: Skb, at: Place) -> bool:
        return not skb.packet.is_later_piece and self.asks(skb, at) is not self.negated

    def asks(self, skb: Skb, at: Place) -> bool:
        header = skb.packet.header
        return isinstance(header, Tcp) and self.kind in option_kinds(header.options)

    def written(self) -> str:
        return f"{self.no}--tcp-option {self.kind}"


def option_kinds(options: bytes) -> set[int]:
    """The kinds of the TCP options in a header (RFC 9293 section 3.1)."""
    kinds, at = set(), 0
    while at < len(options) and options[at]:
        kinds.add(options[at])
        at += 1 if options[at] == 1 else max(2, options[at + 1] if at + 1 < len(options) else 2)
    return kinds


def _flags(text: str) -> frozenset[str]:
    if text in ("ALL", "NONE"):
        return frozenset(FLAGS.values()) if text == "ALL" else frozenset()
    unknown = [word for word in text.split(",") if word not in FLAGS]
    if unknown:
        raise BadInput("", f"{unknown[0]!r} is not a TCP flag", f"write some of {','.join(FLAGS)}, ALL or NONE")
    return frozenset(FLAGS[word] for word in text.split(","))


def _flag_text(flags: frozenset[str]) -> str:
    return ",".join(name for name, letter in FLAGS.items() if letter in flags) or "NONE"


MATCHES = {
    "tcp": each(
        {
            **PORTS,
            "--tcp-flags": lambda mask, on, negated: TcpFlags(mask=_flags(mask), set=_flags(on), negated=negated),
            "--syn": lambda negated: TcpFlags(mask=frozenset("FSRA"), set=frozenset("S"), negated=negated),
            "--tcp-option": lambda text, negated: TcpOption(kind=whole(text, 255), negated=negated),
        },
        {"--tcp-flags": 2, "--syn": 0},
    )
}
