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

from ..namespace.skb import Skb, Verdict
from ..packet.address import Address

NO_KEY: tuple[str, tuple[Any, ...]] = ("", ())
TRANSPORT = "-p"  # as a module's name: the one that is named like the rule's protocol


class Place:
    """Where statements are run: in which kernel, table and hook, and at which rule of which chain.

    `doubts` gathers the rules of which something was not understood and that would have had a say.
    """

    __slots__ = ("chain", "doubts", "hook", "kernel", "number", "table")

    def __init__(self, kernel: Any, table: str, hook: str):
        self.kernel, self.table, self.hook = kernel, table, hook
        self.chain, self.number = hook, 0
        self.doubts: list[Any] = []

    @property
    def rule(self) -> tuple[str, str, int]:
        """The rule that is being run: what it counts by itself, it counts under this name."""
        return self.table, self.chain, self.number


class NotUnderstood(Struct, frozen=True):
    """A statement that the model cannot run. `ways` are the answers that it may have given, the likeliest first."""

    ways: tuple[Any, ...]


class Statement(Struct, frozen=True, gc=False):
    """One part of a rule: what it asks of a packet, or does with it. A rule's statements are run in order.

    `run` answers True: the rule goes on; False: it does not hold for this packet; a Skb: it goes on with this packet; a verdict,
    a jump or a goto: the packet goes elsewhere, alone or with the packet as it now is; NotUnderstood: nobody knows.
    """

    tracks: ClassVar[bool] = False  # whether its presence makes the kernel track connections
    counts: ClassVar[bool] = False  # whether asking it leaves a trace: a count, a time, a draw
    understood: ClassVar[bool] = True  # whether the model can act it out

    def run(self, skb: Skb, at: Place) -> Answer:
        return True

    @property
    def key(self) -> tuple[str, tuple[Any, ...]]:
        """A field and the only values of it with which this can hold, as ("dst", addresses) or ("dport", ports); else nothing."""
        return NO_KEY

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The addresses that it names, which tell the family of its rule."""
        return ()

    def written(self) -> str:
        """Itself as iptables-save prints it, of a match without its `-m`."""
        return ""


class Test(Statement, frozen=True, gc=False):
    """A match: it holds of a packet or does not. `negated` turns it round, as `!` does.

    `module` is the word after its `-m`; where `shared`, several tests stand behind one `-m`.
    """

    __test__: ClassVar[bool] = False  # pytest: not a test case
    module: ClassVar[str] = ""
    shared: ClassVar[bool] = False
    negated: bool = False

    def run(self, skb: Skb, at: Place) -> Answer:
        return self.asks(skb, at) is not self.negated

    def asks(self, skb: Skb, at: Place) -> bool:
        """The question itself, before `!`."""
        return True

    @property
    def protocol(self) -> str:
        """Of `-p`, its protocol: options of that protocol's module may follow."""
        return ""

    @property
    def no(self) -> str:
        return "! " if self.negated else ""


class Target(Statement, frozen=True, gc=False):
    """What stands behind `-j`. `place` says where it may stand: its name, its table, and its base chains (none: all)."""

    place: ClassVar[tuple[str, str, tuple[str, ...]] | None] = None


class Jump(Target, frozen=True):
    """`-j CHAIN`: walk that chain, then come back behind this rule."""

    chain: str

    def run(self, skb: Skb, at: Place) -> Answer:
        return self

    def written(self) -> str:
        return f"-j {self.chain}"


class Goto(Target, frozen=True):
    """`-g CHAIN`: walk that chain and come back where the chain we are in would have."""

    chain: str

    def run(self, skb: Skb, at: Place) -> Answer:
        return self

    def written(self) -> str:
        return f"-g {self.chain}"


Decision = Verdict | Jump | Goto
Answer = bool | Skb | Decision | tuple[Decision, Skb] | NotUnderstood


class Rule(Struct, frozen=True, gc=False):
    """One line of a chain: statements in order, the last of which is its target.

    Of a rule that was read, `text` is its line and `line` its number.
    """

    tests: tuple[Statement, ...]
    target: Statement
    text: str = ""
    line: int = 0

    @property
    def understood(self) -> bool:
        return self.target.understood and all(test.understood for test in self.tests)

    @property
    def tracks(self) -> bool:
        return self.target.tracks or any(test.tracks for test in self.tests)


BROUGHT = {"icmpv6": "icmp6", "ipv6-icmp": "icmp6", "6": "tcp", "17": "udp", "1": "icmp", "58": "icmp6"}


def implied(proto: str) -> str:
    """The module that `-p` brings with it, so that `-p tcp --dport 80` needs no `-m tcp`."""
    return BROUGHT.get(proto, proto)


def rule_text(chain: str, rule: Rule) -> str:
    """One rule as iptables-save prints it, out of what each of its statements writes."""
    words, module, proto = [f"-A {chain}"], "", ""
    for test in rule.tests:
        if isinstance(test, Test):
            proto = test.protocol or proto
            named = implied(proto) if test.module == TRANSPORT else test.module
            if named and (named != module or not test.shared):
                words.append(f"-m {named}")
            module = named
        words.append(test.written())
    words.append(rule.target.written())
    return " ".join(filter(None, words))


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

    A rule that counts before it asks for either has to be asked every time. A set of values puts a rule under each of them.
    """

    def __init__(self, rules: tuple[Rule, ...]):
        self.any: list[int] = []
        self.by_address: dict[str, list[int]] = {}
        self.by_port: dict[int, list[int]] = {}
        for number, rule in enumerate(rules):
            for bucket in self._buckets(rule):
                bucket.append(number)

    def _buckets(self, rule: Rule) -> list[list[int]]:
        ports: tuple[int, ...] = ()
        for test in takewhile(lambda test: not test.counts and test.understood, rule.tests):
            field, values = test.key
            if field == "dst":
                return [self.by_address.setdefault(value, []) for value in values]
            if field == "dport":
                ports = values
        return [self.by_port.setdefault(port, []) for port in ports] or [self.any]

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
        return any(rule.tracks for rule in rules)

    def chain(self, table: str, name: str) -> Chain | None:
        found = self.tables.get(table)
        return found.chains.get(name) if found else None


NO_RULES = Ruleset()
