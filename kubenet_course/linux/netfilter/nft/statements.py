"""The statements of nftables: comparisons, sets, verdict maps, counters (man nft; net/netfilter/nft_*.c).

They stand in a Rule as the matches and targets of iptables do, in any order: what counts between two comparisons counts the
packets of which the first one held. Limits, translations and verdicts are those of `netfilter.xt`: the kernel does the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, ClassVar

from msgspec.structs import replace

from ...namespace.skb import NO_CONNECTION, UNTRACKED, Skb, Verdict
from ...packet.address import Address, family
from ...packet.packet import length
from ..connections import Connections
from ..nat import Range, translate
from ..statement import NO_KEY, Answer, LookUps, NotUnderstood, Place, Statement
from .readings import Field, Members, Reading

# The names under which the index of a long chain finds a rule by the one address or port that it asks for.
INDEXED = {"daddr": "dst", "ip daddr": "dst", "ip6 daddr": "dst", "dport": "dport", "th dport": "dport"}


class Compare(Statement, frozen=True, kw_only=True):
    """`ip daddr 10.0.0.1`, `th dport { 53, 80 }`, `meta mark & 0x4000 != 0`: the rule goes on for these values only."""

    reading: Reading
    members: Members
    negated: bool = False

    @property
    def tracks(self) -> bool:  # type: ignore[override]
        return self.reading.tracks

    @property
    def counts(self) -> bool:  # type: ignore[override]
        return self.reading.counts

    @property
    def key(self) -> tuple[str, tuple[Any, ...]]:
        name = self.reading.name if isinstance(self.reading, Field) else ""
        if name not in INDEXED or self.negated or self.members.wide:
            return NO_KEY
        return INDEXED[name], tuple(sorted(self.members.exact))

    def run(self, skb: Skb, at: Place) -> bool:
        value = self.reading.read(skb, at)
        return value is not None and (self.members.get(value) is not None) is not self.negated


class Between(Statement, frozen=True, kw_only=True):
    """`th dport >= 1024`: a number that is at least one and at most another."""

    reading: Reading
    low: int = 0
    high: int = 1 << 128

    @property
    def tracks(self) -> bool:  # type: ignore[override]
        return self.reading.tracks

    def run(self, skb: Skb, at: Place) -> bool:
        value = self.reading.read(skb, at)
        return value is not None and self.low <= value <= self.high


class AnyBit(Statement, frozen=True, kw_only=True):
    """`ct status dnat`: any of these bits is set."""

    reading: Reading
    bits: int

    @property
    def tracks(self) -> bool:  # type: ignore[override]
        return self.reading.tracks

    def run(self, skb: Skb, at: Place) -> bool:
        value = self.reading.read(skb, at)
        return value is not None and bool(value & self.bits)


class VerdictMap(Statement, frozen=True, kw_only=True):
    """`ip daddr . th dport vmap { ... }`: the verdict under the packet's element; where there is none, the rule ends here."""

    element: Reading
    verdicts: Members

    @property
    def tracks(self) -> bool:  # type: ignore[override]
        return self.element.tracks

    @property
    def counts(self) -> bool:  # type: ignore[override]
        return self.element.counts

    def run(self, skb: Skb, at: Place) -> Answer:
        key = self.element.read(skb, at)
        at.kernel.remembers[LookUps].count += 1
        said = None if key is None else self.verdicts.get(key)
        return False if said is None else said.run(skb, at)


@dataclass(slots=True)
class Tallies:
    """What each counter has counted, by family, rule and place in the rule: packets and bytes."""

    packets: Counter = field(default_factory=Counter)
    bytes: Counter = field(default_factory=Counter)


class Count(Statement, frozen=True, kw_only=True):
    """`counter`: counts each packet that the rule has come to here with. `number` counts the counters of its rule."""

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

    def now(self, name: str, when: int) -> dict[Any, int]:
        """The elements of a set that are still there."""
        held = self.elements.setdefault(name, {})
        for key in [key for key, until in held.items() if until <= when]:
            del held[key]
        return held


FOR_EVER = 1 << 62


class Update(Statement, frozen=True, kw_only=True):
    """`update @name { ip saddr }`: puts an element into a set, for `timeout` nanoseconds from now; 0: for ever.

    `add` leaves the time of one that is there as it is, `delete` takes it out. Into a full set nothing goes: the rule ends.
    """

    counts: ClassVar[bool] = True
    set: str
    element: Reading
    timeout: int
    operator: str = "update"
    size: int = 0

    def run(self, skb: Skb, at: Place) -> bool:
        named = at.kernel.remembers[Sets].now(self.set, at.kernel.now)
        key = self.element.read(skb, at)
        if key is None:
            return False
        if self.operator == "delete":
            return named.pop(key, None) is not None
        if key not in named and self.size and len(named) >= self.size:
            return False
        if self.operator == "update" or key not in named:
            named[key] = at.kernel.now + self.timeout if self.timeout else FOR_EVER
        return True


class InSet(Statement, frozen=True, kw_only=True):
    """`ip saddr @name`: the element is in a named set, from the beginning (`members`) or because a rule put it there."""

    set: str
    element: Reading
    members: Members = Members({})
    negated: bool = False

    @property
    def tracks(self) -> bool:  # type: ignore[override]
        return self.element.tracks

    def run(self, skb: Skb, at: Place) -> bool:
        key = self.element.read(skb, at)
        if key is None:
            return False
        at.kernel.remembers[LookUps].count += 1
        until = at.kernel.remembers[Sets].elements.get(self.set, {}).get(key, -1)
        return (until > at.kernel.now or self.members.get(key) is not None) is not self.negated


class SetMark(Statement, frozen=True):
    """`meta mark set`, and with `of_connection` `ct mark set`: a new mark for the packet, or for its connection."""

    value: Reading
    of_connection: bool = False

    @property
    def tracks(self) -> bool:  # type: ignore[override]
        return self.of_connection or self.value.tracks

    def run(self, skb: Skb, at: Place) -> Answer:
        mark = self.value.read(skb, at)
        if mark is None:
            return False
        if not self.of_connection:
            return replace(skb, mark=mark & 0xFFFFFFFF)
        if skb.connection is NO_CONNECTION or skb.connection is UNTRACKED:
            return True
        known = replace(skb.connection, mark=mark & 0xFFFFFFFF)
        connections = at.kernel.remembers[Connections]
        if known.original in connections.by_flow:
            connections.update(known)
        return replace(skb, connection=known)


class Translate(Statement, frozen=True):
    """`dnat to`, `snat to` what is read: an address, a port, or both (nft_nat.c). `end` is the one that changes."""

    tracks: ClassVar[bool] = True
    end: str
    address: Reading
    port: Reading
    flags: Range = Range()

    @property
    def counts(self) -> bool:  # type: ignore[override]
        return self.address.counts

    def run(self, skb: Skb, at: Place) -> Answer:
        address, port = self.address.read(skb, at), self.port.read(skb, at)
        if address is None:
            return False
        if isinstance(address, tuple):
            address, port = address
        low, high = _ends(address, "")
        first, last = _ends(port, -1)
        return translate(skb, replace(self.flags, low=low, high=high, first=first, last=last), self.end, at.kernel)


def _ends(value: Any, nothing: Address | int) -> tuple[Any, Any]:
    """The first and the last of a range, of one value itself."""
    if value is None:
        return nothing, nothing
    return (value.first, value.last) if hasattr(value, "first") else (value, value)


class Rejected(Statement, frozen=True):
    """`reject with ...`: by family number the kind of the answer. A reset answers TCP only (the rule asks for it unsaid)."""

    kinds: tuple[str, str]

    def run(self, skb: Skb, at: Place) -> Answer:
        kind = self.kinds[family(skb.packet.flow.dst).number == 6]
        if kind == "tcp-reset" and skb.packet.flow.proto != "tcp":
            return False
        return Verdict("REJECT", kind)


class NotKnown(Statement, frozen=True):
    """What the model cannot run, as nft wrote it. It may hold or not, and may end the packet's way."""

    understood: ClassVar[bool] = False
    text: str
    ways: tuple[Any, ...]
    tracks_connections: bool = False

    @property
    def tracks(self) -> bool:  # type: ignore[override]
        return self.tracks_connections

    def run(self, skb: Skb, at: Place) -> Answer:
        return NotUnderstood(self.ways)
