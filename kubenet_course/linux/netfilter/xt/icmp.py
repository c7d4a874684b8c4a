"""`-m icmp`, `-m icmp6`: the type and code of an ICMP message (net/netfilter/xt_tcpudp.c, ip_tables.c, ip6_tables.c)."""

from __future__ import annotations

from collections.abc import Callable

from ...namespace.skb import Skb
from ...packet.packet import ICMP
from ..iptables.words import whole
from ..statement import Place, Test
from .reading import each

ICMP_TYPES = {
    "any": 255, "echo-reply": 0, "pong": 0, "destination-unreachable": 3, "network-unreachable": (3, 0), "host-unreachable": (3, 1),
    "protocol-unreachable": (3, 2), "port-unreachable": (3, 3), "fragmentation-needed": (3, 4), "source-quench": 4, "redirect": 5,
    "echo-request": 8, "ping": 8, "router-advertisement": 9, "router-solicitation": 10, "time-exceeded": 11, "ttl-exceeded": 11,
    "parameter-problem": 12, "timestamp-request": 13, "timestamp-reply": 14,
}  # fmt: skip
ICMP6_TYPES = {
    "any": 255, "destination-unreachable": 1, "no-route": (1, 0), "communication-prohibited": (1, 1), "address-unreachable": (1, 3),
    "port-unreachable": (1, 4), "packet-too-big": 2, "time-exceeded": 3, "ttl-exceeded": 3, "parameter-problem": 4,
    "echo-request": 128, "ping": 128, "echo-reply": 129, "pong": 129, "router-solicitation": 133, "router-advertisement": 134,
    "neighbour-solicitation": 135, "neighbor-solicitation": 135, "neighbour-advertisement": 136, "neighbor-advertisement": 136,
    "redirect": 137,
}  # fmt: skip


class IcmpType(Test, frozen=True, kw_only=True):
    """`--icmp-type`, `--icmpv6-type`: the type, and the code within a range. Type 255 is any."""

    type: int
    low: int = 0
    high: int = 255
    six: bool = False  # of ICMPv6

    @property
    def module(self) -> str:  # type: ignore[override]
        return "icmp6" if self.six else "icmp"

    def run(self, skb: Skb, at: Place) -> bool:
        return not skb.packet.is_later_piece and self.asks(skb, at) is not self.negated

    def asks(self, skb: Skb, at: Place) -> bool:
        flow = skb.packet.flow
        right = self.type == 255 or (flow.dport >> 8 == self.type and self.low <= flow.dport & 255 <= self.high)
        return flow.proto in ICMP and right

    def written(self) -> str:
        kind = "any" if self.type == 255 else f"{self.type}" + (f"/{self.low}" if self.low == self.high else "")
        return f"{self.no}--icmp{'v6' if self.six else ''}-type {kind}"


def _icmp(names: dict, six: bool) -> Callable[..., Test]:
    def make(text: str, negated: bool) -> Test:
        if text in names:
            named = names[text]
            kind, codes = named if isinstance(named, tuple) else (named, None)
        else:
            first, slash, code = text.partition("/")
            kind, codes = whole(first, 255, "ICMP type"), whole(code, 255, "ICMP code") if slash else None
        low, high = (0, 255) if codes is None else (codes, codes)
        return IcmpType(type=kind, low=low, high=high, six=six, negated=negated)

    return make


MATCHES = {
    "icmp": each({"--icmp-type": _icmp(ICMP_TYPES, six=False)}),
    "icmp6": each({"--icmpv6-type": _icmp(ICMP6_TYPES, six=True)}),
}
