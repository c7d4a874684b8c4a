"""Rules as data: what must hold of a packet, what then happens, chains and tables of them (net/netfilter/x_tables.c)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from heapq import merge
from itertools import takewhile
from typing import Any, ClassVar

from msgspec import Struct

from ..namespace.skb import CONTINUE, Skb, Verdict

NO_KEY = ("", None)


class Test(Struct, frozen=True, gc=False):
    """Something that holds of a packet or does not. `negated` turns it round, as `!` does."""

    __test__: ClassVar[bool] = False  # pytest: not a test case
    module: ClassVar[str] = ""
    tracks: ClassVar[bool] = False  # whether asking it makes the kernel track connections
    counts: ClassVar[bool] = False  # whether asking it leaves a trace: a count, a time, a draw
    negated: bool = False

    def holds(self, skb: Skb, kernel: Any) -> bool:
        return self.asks(skb, kernel) is not self.negated

    @property
    def key(self) -> tuple[str, Any]:
        """The one value of a field without which it cannot hold, as ("dst", address) or ("dport", port); else nothing."""
        return NO_KEY

    def asks(self, skb: Skb, kernel: Any) -> bool:
        """The question itself, before `!`."""
        return True


class Act(Struct, frozen=True):
    """Where a target acts: in which kernel, table and hook."""

    kernel: Any
    table: str
    hook: str


class Target(Struct, frozen=True, gc=False):
    """What stands behind `-j`. Subclasses say which module they are in `name` and act in `act`."""

    tracks: ClassVar[bool] = False  # whether its presence makes the kernel track connections

    def act(self, skb: Skb, at: Act) -> tuple[Verdict | Jump | Goto, Skb]:
        return CONTINUE, skb


class Jump(Target, frozen=True):
    """`-j CHAIN`: walk that chain, then come back behind this rule."""

    chain: str

    def act(self, skb: Skb, at: Act):
        return self, skb


class Goto(Target, frozen=True):
    """`-g CHAIN`: walk that chain and come back where the chain we are in would have."""

    chain: str

    def act(self, skb: Skb, at: Act):
        return self, skb


class Rule(Struct, frozen=True, gc=False):
    """One line of a chain: what must hold, and what then happens. `text` is the line it was read from, if it was read."""

    tests: tuple[Test, ...]
    target: Target
    text: str = ""


@dataclass(frozen=True)
class Chain:
    """Rules in order. A base chain has a `policy`, what happens at its end; a user chain has none and returns."""

    name: str
    rules: tuple[Rule, ...] = ()
    policy: str = ""

    @cached_property
    def index(self) -> Index:
        return Index(self.rules)


class Index:
    """Which rules of a long chain can match at all, by the one address or port that they ask for. Order is kept.

    A rule that counts before it asks for either has to be asked every time.
    """

    def __init__(self, rules: tuple[Rule, ...]):
        self.any: list[int] = []
        self.by_address: dict[str, list[int]] = {}
        self.by_port: dict[int, list[int]] = {}
        for number, rule in enumerate(rules):
            self._bucket(rule).append(number)

    def _bucket(self, rule: Rule) -> list[int]:
        port = None
        for test in takewhile(lambda test: not test.counts, rule.tests):
            field, value = test.key
            if field == "dst":
                return self.by_address.setdefault(value, [])
            if field == "dport":
                port = value
        return self.any if port is None else self.by_port.setdefault(port, [])

    def candidates(self, skb: Skb, start: int) -> Iterator[int]:
        """The numbers of the rules from `start` on that the packet has to be compared with."""
        flow = skb.packet.flow
        rows = (self.any, self.by_address.get(flow.dst, ()), self.by_port.get(flow.dport, ()))
        return merge(*(row[bisect_left(row, start) :] if start else row for row in rows if row))


class Table(Struct, frozen=True):
    """A table of chains by name (`iptables -t nat`)."""

    name: str
    chains: Mapping[str, Chain]


@dataclass(frozen=True)
class Ruleset:
    """All tables of one family, as iptables-save prints them."""

    tables: Mapping[str, Table] = field(default_factory=dict)

    @cached_property
    def tracks(self) -> bool:
        """Whether any rule needs connections: only then does the kernel track them (nf_ct_netns_get)."""
        rules = (rule for table in self.tables.values() for chain in table.chains.values() for rule in chain.rules)
        return any(rule.target.tracks or any(test.tracks for test in rule.tests) for rule in rules)

    def chain(self, table: str, name: str) -> Chain | None:
        found = self.tables.get(table)
        return found.chains.get(name) if found else None


NO_RULES = Ruleset()
