"""`-m length`: how long the packet is (net/netfilter/xt_length.c)."""

from __future__ import annotations

from typing import ClassVar

from ...namespace.skb import Skb
from ...packet.packet import length
from ..iptables.words import port_text, whole
from ..statement import Place, Test
from .reading import each


class Length(Test, frozen=True, kw_only=True):
    """`-m length`: the bytes of the IP packet. In a range that runs backwards lies no length."""

    module: ClassVar[str] = "length"
    low: int
    high: int

    def asks(self, skb: Skb, at: Place) -> bool:
        return self.low <= length(skb.packet) <= self.high

    def written(self) -> str:
        return f"{self.no}--length {port_text(self.low, self.high)}"


def _length(text: str, negated: bool) -> Test:
    low, colon, high = text.partition(":")
    first = whole(low, 65535, "length") if low else 0
    last = (whole(high, 65535, "length") if high else 65535) if colon else first
    return Length(low=first, high=last, negated=negated)


MATCHES = {"length": each({"--length": _length})}
