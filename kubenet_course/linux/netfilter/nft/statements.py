"""The statements of nftables: comparisons, sets, verdict maps, counters (man nft; net/netfilter/nft_*.c).

They stand in a Rule as the matches and targets of iptables do, in any order: what counts between two comparisons counts the
packets of which the first one held. Marks, limits, translations and verdicts are those of `netfilter.xt`: the kernel does the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from msgspec import Struct

from ...namespace.skb import Skb
from ...packet.address import Prefix, family
from ...packet.packet import length
from ..statement import NO_KEY, Answer, Place, Statement

# What an expression reads of a packet. Under the keys that the index of a long chain knows, it is found by them.
FIELDS: dict[str, Callable[[Skb], Any]] = {
    "saddr": lambda skb: skb.packet.flow.src,
    "daddr": lambda skb: skb.packet.flow.dst,
    "sport": lambda skb: skb.packet.flow.sport,
    "dport": lambda skb: skb.packet.flow.dport,
    "l4proto": lambda skb: skb.packet.flow.proto,
    "mark": lambda skb: skb.mark,
    "iifname": lambda skb: skb.dev_in,
    "oifname": lambda skb: skb.dev_out,
    "ct state": lambda skb: skb.ctinfo,
}
INDEXED = {"daddr": "dst", "dport": "dport"}


class Element(Struct, frozen=True):
    """What a set or map is asked for: one field, or several taken as one (`ip daddr . th dport`)."""

    fields: tuple[str, ...]

    def of(self, skb: Skb) -> Any:
        found = tuple(FIELDS[name](skb) for name in self.fields)
        return found if len(found) > 1 else found[0]


class Compare(Statement, frozen=True, kw_only=True):
    """`ip daddr 10.0.0.1`, `th dport { 53, 80 }`, `meta mark & 0x4000 == 0x4000`: the rule goes on for these values only."""

    field: str
    values: frozenset[Any]
    blocks: tuple[Prefix, ...] = ()
    mask: int = 0  # of a number: the bits that are compared; 0: all
    negated: bool = False

    @property
    def tracks(self) -> bool:  # type: ignore[override]
        return self.field.startswith("ct ")

    @property
    def key(self) -> tuple[str, tuple[Any, ...]]:
        if self.field not in INDEXED or self.negated or self.blocks or self.mask:
            return NO_KEY
        return INDEXED[self.field], tuple(sorted(self.values))

    def run(self, skb: Skb, at: Place) -> bool:
        value = FIELDS[self.field](skb)
        value = value & self.mask if self.mask else value
        return (value in self.values or any(value in block for block in self.blocks)) is not self.negated


class VerdictMap(Statement, frozen=True, kw_only=True):
    """`ip daddr . th dport vmap { ... }`: the verdict under the packet's element; where there is none, the rule goes on."""

    element: Element
    verdicts: Mapping[Any, Statement]

    @property
    def tracks(self) -> bool:  # type: ignore[override]
        return any(name.startswith("ct ") for name in self.element.fields)

    def run(self, skb: Skb, at: Place) -> Answer:
        said = self.verdicts.get(self.element.of(skb))
        return True if said is None else said.run(skb, at)


@dataclass(slots=True)
class Tallies:
    """What each counter has counted, by family, rule and place in the rule: packets and bytes."""

    packets: Counter = field(default_factory=Counter)
    bytes: Counter = field(default_factory=Counter)


class Count(Statement, frozen=True, kw_only=True):
    """`counter`: counts each packet that the rule has come to here with. `number` tells it from others in its rule."""

    counts: ClassVar[bool] = True
    number: int = 0

    def run(self, skb: Skb, at: Place) -> bool:
        tallies, mine = at.kernel.remembers[Tallies], (family(skb.packet.flow.dst).number, at.rule, self.number)
        tallies.packets[mine] += 1
        tallies.bytes[mine] += length(skb.packet)
        return True


@dataclass(slots=True)
class Sets:
    """The elements that rules have put into sets, each with the time (nanoseconds) until which it stays."""

    elements: dict[str, dict[Any, int]] = field(default_factory=dict)


class Update(Statement, frozen=True, kw_only=True):
    """`update @name { ip saddr }`: puts an element into a set, for `timeout` nanoseconds from now."""

    counts: ClassVar[bool] = True
    set: str
    element: Element
    timeout: int

    def run(self, skb: Skb, at: Place) -> bool:
        named = at.kernel.remembers[Sets].elements.setdefault(self.set, {})
        named[self.element.of(skb)] = at.kernel.now + self.timeout
        return True


class InSet(Statement, frozen=True, kw_only=True):
    """`ip saddr @name`: the element is in a set that rules fill."""

    set: str
    element: Element
    negated: bool = False

    def run(self, skb: Skb, at: Place) -> bool:
        until = at.kernel.remembers[Sets].elements.get(self.set, {}).get(self.element.of(skb), -1)
        return (until > at.kernel.now) is not self.negated
