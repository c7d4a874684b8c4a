"""Which table is asked for a packet: the rules of `ip rule` (net/core/fib_rules.c, net/ipv4/fib_rules.c)."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from ..packet.address import Address, Prefix, prefix
from .route import NO_ROUTE, ByLength, Route, longest

FORBIDS = ("unreachable", "prohibit", "blackhole")
ANYWHERE = {4: prefix("0.0.0.0/0"), 6: prefix("::/0")}


class RouteRule(Struct, frozen=True):
    """One line of `ip rule`: whom it suits, and the table that it then asks. `type` is lookup, unreachable, prohibit or blackhole.

    `suppress` turns away a row with a prefix as short as that, or shorter.
    """

    priority: int
    table: str = "main"
    src: Prefix | None = None
    dst: Prefix | None = None
    mark: int = 0
    mask: int = 0
    iif: str = ""
    negated: bool = False
    type: str = "lookup"
    suppress: int = -1

    def suits(self, src: Address, to: Address, mark: int, iif: str) -> bool:
        """Whether it is about such a packet (fib_rule_match). A sender that is not chosen yet lies in no block."""
        holds = (not self.iif or self.iif == iif) and not (mark ^ self.mark) & self.mask
        holds = holds and (self.src is None or (bool(src) and src in self.src))
        return (holds and (self.dst is None or to in self.dst)) is not self.negated

    def finds(self, tables: Mapping[str, ByLength], to: Address, dev: str = "") -> Route:
        """The row that its table has for an address; NO_ROUTE where it has none: then the next rule is asked."""
        if self.type in FORBIDS:
            return Route(ANYWHERE[6 if ":" in to else 4], type=self.type)
        found = longest(tables[self.table], to, dev) if self.table in tables else NO_ROUTE
        suppressed = found is not NO_ROUTE and found.prefix.mask.bit_count() <= self.suppress
        return NO_ROUTE if suppressed or found.type == "throw" else found


Policy = Mapping[int, tuple[RouteRule, ...]]  # by family; where one has none, everyone's
EVERYONES = (RouteRule(0, "local"), RouteRule(32766, "main"), RouteRule(32767, "default"))
NO_POLICY: Policy = {}
