"""What a rule can ask of the kernel's memory: connections, address types, lists of who was seen, counters, chance."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import ClassVar

from ...namespace.fib import address_types
from ...namespace.kernel import Kernel
from ...namespace.memory import SECOND
from ...namespace.skb import NO_CONNECTION, UNTRACKED, Skb
from ...packet.address import IPV4, Address, family, number, spelled
from ..rules import Test

STATES = ("INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT")
STATUSES = ("NONE", "EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED")


class CtCondition(Test, frozen=True, kw_only=True):
    """One option of `-m conntrack`: `what` is its name, `values` what it was given."""

    what: str
    values: tuple

    def asked_of(self, skb: Skb, now: int) -> bool:
        return CONDITIONS[self.what](skb, self.values, now) is not self.negated


def _state(skb: Skb, values: tuple[str, ...]) -> bool:
    known = skb.connection is not NO_CONNECTION and skb.connection is not UNTRACKED
    state = skb.ctinfo if known or skb.connection is UNTRACKED else "INVALID"
    return (
        state in values
        or (known and "DNAT" in values and skb.connection.dnat)
        or (known and "SNAT" in values and skb.connection.snat)
    )


def _status(skb: Skb, values: tuple[str, ...]) -> bool:
    c = skb.connection
    has = {"SEEN_REPLY": c.seen_reply, "ASSURED": c.assured, "CONFIRMED": c.confirmed}
    return any(has.get(value, False) for value in values)


def _expires(skb: Skb, values: tuple[int, int], now: int) -> bool:
    """Seconds left. A connection that is not confirmed yet has none (nf_ct_expires; DEV-10)."""
    left = max(0, skb.connection.expires - now) // SECOND if skb.connection.confirmed else 0
    return values[0] <= left <= values[1]


# In the order in which iptables-save prints them (libxt_conntrack.c).
CONDITIONS = {
    "ctstate": lambda skb, values, now: _state(skb, values),
    "ctproto": lambda skb, values, now: skb.connection.original.proto == values[0],
    "ctorigsrc": lambda skb, values, now: skb.connection.original.src in values[0],
    "ctorigdst": lambda skb, values, now: skb.connection.original.dst in values[0],
    "ctreplsrc": lambda skb, values, now: skb.connection.reply.src in values[0],
    "ctrepldst": lambda skb, values, now: skb.connection.reply.dst in values[0],
    "ctorigsrcport": lambda skb, values, now: values[0] <= skb.connection.original.sport <= values[1],
    "ctorigdstport": lambda skb, values, now: values[0] <= skb.connection.original.dport <= values[1],
    "ctreplsrcport": lambda skb, values, now: values[0] <= skb.connection.reply.sport <= values[1],
    "ctrepldstport": lambda skb, values, now: values[0] <= skb.connection.reply.dport <= values[1],
    "ctstatus": lambda skb, values, now: _status(skb, values),
    "ctexpire": _expires,
    "ctdir": lambda skb, values, now: skb.reply is (values[0] == "REPLY"),
}


class Conntrack(Test, frozen=True, kw_only=True):
    """`-m conntrack` (xt_conntrack.c) and the older `-m state`: all of its conditions hold.

    A packet without a connection is asked for its state alone; where no state is asked, it does not match.
    """

    tracks: ClassVar[bool] = True
    conditions: tuple[CtCondition, ...]
    older: bool = False

    @property
    def module(self) -> str:  # type: ignore[override]
        return "state" if self.older else "conntrack"

    def holds(self, skb: Skb, kernel: Kernel) -> bool:
        if skb.connection is NO_CONNECTION or skb.connection is UNTRACKED:
            states = [condition for condition in self.conditions if condition.what == "ctstate"]
            return bool(states) and all(condition.asked_of(skb, kernel.now) for condition in states)
        return all(condition.asked_of(skb, kernel.now) for condition in self.conditions)


class ConnMark(Test, frozen=True, kw_only=True):
    """`-m connmark`: the mark that the connection keeps."""

    module: ClassVar[str] = "connmark"
    tracks: ClassVar[bool] = True
    value: int
    mask: int = 0xFFFFFFFF

    def holds(self, skb: Skb, kernel: Kernel) -> bool:
        if skb.connection is NO_CONNECTION or skb.connection is UNTRACKED:
            return False
        return (skb.connection.mark & self.mask == self.value) is not self.negated


class AddrType(Test, frozen=True, kw_only=True):
    """`-m addrtype` (xt_addrtype.c): what kind of address the source and the destination are to this machine.

    An empty set is not asked. With `limit` "in" or "out" only that device's addresses count as local.
    """

    module: ClassVar[str] = "addrtype"
    src: frozenset[str] = frozenset()
    dst: frozenset[str] = frozenset()
    not_src: bool = False
    not_dst: bool = False
    limit: str = ""

    def holds(self, skb: Skb, kernel: Kernel) -> bool:
        flow, dev = skb.packet.flow, {"in": skb.dev_in, "out": skb.dev_out, "": ""}[self.limit]
        if self.src and _is_one_of(self.src, flow.src, kernel, dev) is self.not_src:
            return False
        return not self.dst or _is_one_of(self.dst, flow.dst, kernel, dev) is not self.not_dst


SHAPES = frozenset({"UNSPEC", "UNICAST", "MULTICAST"})  # what an IPv6 address tells by itself


def _is_one_of(wanted: frozenset[str], subject: Address, kernel: Kernel, dev: str) -> bool:
    """IPv4 asks for any of the types; IPv6 for all that the address itself tells, then for any of the rest (match_type6)."""
    types = address_types(kernel.ns.fib, subject, dev)
    if family(subject) is IPV4:
        return bool(wanted & types)
    rest = wanted - SHAPES
    return wanted & SHAPES <= types and (not rest or bool(rest & types))


class Random(Test, frozen=True, kw_only=True):
    """`-m statistic --mode random`: holds with a probability, kept as a fraction of 2^31 as the kernel keeps it."""

    module: ClassVar[str] = "statistic"
    counts: ClassVar[bool] = True
    of_2_31: int

    @property
    def probability(self) -> float:
        share = self.of_2_31 / (1 << 31)
        return 1 - share if self.negated else share

    def holds(self, skb: Skb, kernel: Kernel) -> bool:
        return kernel.choices.happens(("statistic", kernel.ns.name, self.of_2_31), self.probability)


@dataclass(slots=True)
class Turns:
    """How far each nth rule has counted, by family and place."""

    seen: dict[tuple, int] = field(default_factory=dict)


class Nth(Test, frozen=True, kw_only=True):
    """`-m statistic --mode nth`: holds for one packet in `every`; the first time for number `packet` of those asked, from 0."""

    module: ClassVar[str] = "statistic"
    counts: ClassVar[bool] = True
    every: int
    packet: int = 0

    def asks(self, skb: Skb, kernel: Kernel) -> bool:
        counters, mine = kernel.remembers[Turns].seen, (family(skb.packet.flow.dst).number, kernel.rule)
        seen = counters.get(mine, self.every - 1 - self.packet)  # libxt_statistic.c turns it round
        counters[mine] = 0 if seen >= self.every - 1 else seen + 1
        return counters[mine] == 0


@dataclass(slots=True)
class Accounts:
    """The named counters (nfacct objects)."""

    packets: Counter = field(default_factory=Counter)


class Nfacct(Test, frozen=True, kw_only=True):
    """`-m nfacct`: adds the packet to a named counter, and always holds (DEV-3)."""

    module: ClassVar[str] = "nfacct"
    counts: ClassVar[bool] = True
    name: str

    def holds(self, skb: Skb, kernel: Kernel) -> bool:
        kernel.remembers[Accounts].packets[self.name] += 1
        return True


MOST_ADDRESSES, MOST_TIMES = 100, 255


@dataclass(slots=True)
class Lists:
    """Per list, its addresses and when each was seen; the oldest stands first."""

    seen: dict[str, dict[Address, list[int]]] = field(default_factory=dict)


class Recent(Test, frozen=True, kw_only=True):
    """`-m recent` (xt_recent.c): a list of addresses and when each was seen. `action` is set, rcheck, update or remove."""

    module: ClassVar[str] = "recent"
    counts: ClassVar[bool] = True
    action: str
    name: str = "DEFAULT"
    seconds: int = 0
    reap: bool = False
    hitcount: int = 0
    source: bool = True
    mask: Address = "255.255.255.255"

    def asks(self, skb: Skb, kernel: Kernel) -> bool:
        subject = skb.packet.flow.src if self.source else skb.packet.flow.dst
        of = family(subject)
        mask = number(self.mask) if family(self.mask) is of else (1 << of.bits) - 1
        seen_by, mine = kernel.remembers[Lists].seen.setdefault(self.name, {}), spelled(number(subject) & mask, of)
        if self.action == "set":
            _saw(seen_by, mine, kernel.now)
            return True
        if mine not in seen_by:
            return False
        if self.action == "remove":
            del seen_by[mine]
            return True
        since = kernel.now - self.seconds * SECOND if self.seconds else 0
        found = sum(at >= since for at in seen_by[mine]) >= max(1, self.hitcount)
        updates = self.action == "update" and found is not self.negated
        oldest = next(iter(seen_by))
        if self.reap and not (updates and oldest == mine) and seen_by[oldest][-1] < since:
            del seen_by[oldest]
        if updates:
            _saw(seen_by, mine, kernel.now)
        return found


def _saw(seen_by: dict[Address, list[int]], subject: Address, now: int) -> None:
    """Adds a time to an address and makes it the youngest. A list keeps a hundred addresses (ip_list_tot): the oldest goes."""
    if subject not in seen_by and len(seen_by) >= MOST_ADDRESSES:
        del seen_by[next(iter(seen_by))]
    seen_by[subject] = [*seen_by.pop(subject, []), now][-MOST_TIMES:]


@dataclass(slots=True)
class Buckets:
    """How full each limit's bucket is, and since when, by family and place."""

    left: dict[tuple, tuple[int, int]] = field(default_factory=dict)


class Limit(Test, frozen=True, kw_only=True):
    """`-m limit`: a bucket that `burst` packets empty and that one packet's worth refills every 1/rate seconds."""

    module: ClassVar[str] = "limit"
    counts: ClassVar[bool] = True
    rate: int
    per: str = "second"
    burst: int = 5

    def asks(self, skb: Skb, kernel: Kernel) -> bool:
        cost = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}[self.per] * SECOND // self.rate
        mine = (family(skb.packet.flow.dst).number, kernel.rule)
        when, credit = kernel.remembers[Buckets].left.get(mine, (kernel.now, cost * self.burst))
        credit = min(credit + kernel.now - when, cost * self.burst)
        passes = credit >= cost
        kernel.remembers[Buckets].left[mine] = (kernel.now, credit - cost if passes else credit)
        return passes
