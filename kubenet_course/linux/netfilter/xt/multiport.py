"""`-m multiport`: a port is one of a list (net/netfilter/xt_multiport.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from ....errors import BadInput
from ...namespace.skb import Skb
from ..iptables.words import port_range, port_text
from ..statement import Place, Test
from .reading import each


class MultiPort(Test, frozen=True, kw_only=True):
    """`-m multiport`: a port is one of a list of ranges. `side` is sports, dports, or ports for either."""

    module: ClassVar[str] = "multiport"
    side: str
    ranges: tuple[tuple[int, int], ...]

    def run(self, skb: Skb, at: Place) -> bool:
        return not skb.packet.is_later_piece and self.asks(skb, at) is not self.negated

    def asks(self, skb: Skb, at: Place) -> bool:
        flow = skb.packet.flow
        ports = {"sports": (flow.sport,), "dports": (flow.dport,), "ports": (flow.sport, flow.dport)}[self.side]
        return any(low <= port <= high for port in ports for low, high in self.ranges)

    def written(self) -> str:
        return f"{self.no}--{self.side} {','.join(port_text(*ends) for ends in self.ranges)}"


def _many_ports(side: str) -> Callable[..., Test]:
    def make(text: str, negated: bool) -> Test:
        ranges = tuple(port_range(part) for part in text.split(","))
        if sum(1 + (low != high) for low, high in ranges) > 15:
            raise BadInput("", f"{text!r} names more than 15 ports", "multiport takes 15, a range counting as two")
        return MultiPort(side=side, ranges=ranges, negated=negated)

    return make


MATCHES = {"multiport": each({f"--{side}": _many_ports(side) for side in ("sports", "dports", "ports")})}
