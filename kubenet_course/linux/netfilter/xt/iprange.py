"""`-m iprange`: an address lies between two others (net/netfilter/xt_iprange.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from ....errors import BadInput
from ...namespace.skb import Skb
from ...packet.address import Address, address, family, number
from ..statement import Place, Test
from .reading import each


class IpRange(Test, frozen=True, kw_only=True):
    """`-m iprange`: an address lies between two others, both included. In a range that runs backwards lies none."""

    module: ClassVar[str] = "iprange"
    shared: ClassVar[bool] = True
    low: str
    high: str
    source: bool = False

    def asks(self, skb: Skb, at: Place) -> bool:
        flow = skb.packet.flow
        return number(self.low) <= number(flow.src if self.source else flow.dst) <= number(self.high)

    @property
    def addresses(self) -> tuple[Address, ...]:
        return self.low, self.high

    def written(self) -> str:
        return f"{self.no}{'--src-range' if self.source else '--dst-range'} {self.low}-{self.high}"


def _range(source: bool) -> Callable[..., Test]:
    def make(text: str, negated: bool) -> Test:
        low, _, high = text.partition("-")
        low, high = address(low), address(high or low)
        if family(low) is not family(high):
            raise BadInput("", f"the address range {text!r} has two families", "write two addresses of one")
        return IpRange(low=low, high=high, source=source, negated=negated)

    return make


MATCHES = {"iprange": each({"--src-range": _range(True), "--dst-range": _range(False)})}
