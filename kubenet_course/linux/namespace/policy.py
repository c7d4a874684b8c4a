"""Which table is asked for a packet: the rules of `ip rule` (net/core/fib_rules.c, net/ipv4/fib_rules.c, fib6_rules.c)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from ..packet.address import Address, Prefix, prefix
from ..packet.packet import Flow, Packet
from .route import NO_ROUTE, ByLength, Route, longest

FORBIDS = ("unreachable", "prohibit", "blackhole")
ANYWHERE = {4: prefix("0.0.0.0/0"), 6: prefix("::/0")}
WITH_PORTS = ("tcp", "udp", "udplite", "sctp", "dccp")
EVERY_PORT = (0, 65535)
DSCP = 0xFC  # the bits of the TOS byte that rules may ask for; the other two are ECN's (RFC 3168)


class Asked(Struct, frozen=True):
    """What a lookup tells of a packet beside its destination (struct flowi4, flowi6).

    `iif` is the device that it came in by; `lo` for what this machine sends. `quoted` is the flow that an ICMP error
    is about: the error takes the way of that flow (ip_multipath_l3_keys).
    """

    src: Address = ""
    mark: int = 0
    iif: str = "lo"
    proto: str = ""
    sport: int = 0
    dport: int = 0
    tos: int = 0
    quoted: Flow | None = None

    @property
    def back(self) -> Asked:
        """The same of an answer, as far as protocol and ports go: `src` and `iif` are for the asker to say."""
        return Asked(proto=self.proto, sport=self.dport, dport=self.sport, tos=self.tos)


def asked_of(packet: Packet, mark: int = 0, iif: str = "lo") -> Asked:
    """What a packet tells."""
    flow = packet.flow
    ports = (flow.sport, flow.dport) if flow.proto in WITH_PORTS else (0, 0)
    quoted = packet.payload.packet.flow if packet.is_error else None  # type: ignore[union-attr]
    return Asked(flow.src, mark, iif, flow.proto, *ports, packet.tos, quoted)


ANYTHING = Asked()


class RouteRule(Struct, frozen=True):
    """One line of `ip rule`: whom it suits, and what is then done.

    `type` is lookup (`table` is asked), unreachable, prohibit, blackhole, goto (on from the rule with priority `to`) or
    nop. `suppress` turns away a row whose prefix is as short as that, or shorter.
    """

    priority: int
    table: str = "main"
    src: Prefix | None = None
    dst: Prefix | None = None
    mark: int = 0
    mask: int = 0
    iif: str = ""
    oif: str = ""
    negated: bool = False
    type: str = "lookup"
    to: int = 0
    suppress: int = -1
    proto: str = ""
    sport: tuple[int, int] = EVERY_PORT
    dport: tuple[int, int] = EVERY_PORT
    tos: int = 0

    def suits(self, to: Address, dev: str, asked: Asked) -> bool:
        """Whether it is about such a packet (fib_rule_match). A sender that is not chosen yet lies in no block."""
        holds = not (asked.mark ^ self.mark) & self.mask
        holds = holds and self.iif in ("", asked.iif) and self.oif in ("", dev)
        holds = holds and (self.src is None or (bool(asked.src) and asked.src in self.src))
        holds = holds and (self.dst is None or to in self.dst)
        holds = holds and self.proto in ("", asked.proto) and self.tos in (0, asked.tos & DSCP)
        holds = holds and self.sport[0] <= asked.sport <= self.sport[1]
        return (holds and self.dport[0] <= asked.dport <= self.dport[1]) is not self.negated

    def finds(self, tables: Mapping[str, ByLength], to: Address, dev: str = "") -> Route:
        """The row that it leads to; NO_ROUTE where it leads to none: then the next rule is asked.

        `unreachable` of a rule says that there is no route; of a row it says that there is no host (fib4_rule_action).
        """
        if self.type in FORBIDS:
            return Route(ANYWHERE[6 if ":" in to else 4], type="none" if self.type == "unreachable" else self.type)
        found = longest(tables[self.table], to, dev) if self.table in tables else NO_ROUTE
        suppressed = found.type not in FORBIDS and found.prefix.mask.bit_count() <= self.suppress
        return NO_ROUTE if suppressed or found.type == "throw" else found


Policy = Mapping[int, tuple[RouteRule, ...]]  # by family; where one has none, everyone's
EVERYONES = {
    4: (RouteRule(0, "local"), RouteRule(32766, "main"), RouteRule(32767, "default")),
    6: (RouteRule(0, "local"), RouteRule(32766, "main")),
}
NO_POLICY: Policy = {}


def decided(rules: Sequence[RouteRule], tables: Mapping[str, ByLength], to: Address, dev: str, asked: Asked) -> Route:
    """The row that the first of the rules finds which suits a packet and finds one at all (fib_rules_lookup)."""
    if rules is EVERYONES[6 if ":" in to else 4]:  # they suit everybody
        return next((row for rule in rules if (row := rule.finds(tables, to, dev)) is not NO_ROUTE), NO_ROUTE)
    at = 0
    while at < len(rules):
        rule, at = rules[at], at + 1
        if rule.type == "nop" or not rule.suits(to, dev, asked):
            continue
        if rule.type == "goto":
            at = next((number for number, one in enumerate(rules) if one.priority == rule.to), at)
        elif (found := rule.finds(tables, to, dev)) is not NO_ROUTE:
            return found
    return NO_ROUTE
