"""`--sport`, `--dport` where the first four bytes are two ports (net/netfilter/xt_tcpudp.c, xt_sctp.c, xt_dccp.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ...namespace.skb import Skb
from ..iptables.words import port_range, port_text
from ..statement import NO_KEY, TRANSPORT, Place, Test
from .reading import each


class PortRange(Test, frozen=True, kw_only=True):
    """`--sport`, `--dport` of tcp, udp and their like: one port or an inclusive range."""

    module: ClassVar[str] = TRANSPORT
    shared: ClassVar[bool] = True
    low: int
    high: int
    source: bool = False

    @property
    def key(self) -> tuple[str, tuple[Any, ...]]:
        return NO_KEY if self.low != self.high or self.source or self.negated else ("dport", (self.low,))

    def run(self, skb: Skb, at: Place) -> bool:
        flow = skb.packet.flow
        if skb.packet.is_later_piece:  # it has no ports, so that neither the rule nor its contrary holds
            return False
        return (self.low <= (flow.sport if self.source else flow.dport) <= self.high) is not self.negated

    def written(self) -> str:
        return f"{self.no}{'--sport' if self.source else '--dport'} {port_text(self.low, self.high)}"


def _ports(source: bool, backwards: bool) -> Callable[..., Test]:
    def make(text: str, negated: bool) -> Test:
        low, high = port_range(text, backwards=backwards)
        return PortRange(low=low, high=high, source=source, negated=negated)

    return make


# iptables refuses a range that runs backwards behind tcp and sctp, and takes it behind the others (libxt_tcp.c, libxt_udp.c).
PORTS: dict[str, Callable[..., Test]] = {"--sport": _ports(True, False), "--dport": _ports(False, False)}
EITHER_WAY: dict[str, Callable[..., Test]] = {"--sport": _ports(True, True), "--dport": _ports(False, True)}
MATCHES = {"sctp": each(PORTS)} | {name: each(EITHER_WAY) for name in ("udp", "udplite", "dccp")}
