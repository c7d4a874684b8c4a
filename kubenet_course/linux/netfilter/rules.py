"""Rules as data: what must hold of a packet, what then happens, chains and tables of them (net/netfilter/x_tables.c)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from heapq import merge
from itertools import takewhile

from msgspec import Struct

from ..namespace.skb import Skb
from .statement import TRANSPORT, Statement, Test


class Rule(Struct, frozen=True, gc=False):
    """One line of a chain: statements in order, the last of which is its target.

    Of a rule that was read, `text` is its line and `line` its number. `of_nft`: the line is all that there is to print.
    """

    tests: tuple[Statement, ...]
    target: Statement
    text: str = ""
    line: int = 0
    of_nft: bool = False

    @property
    def understood(self) -> bool:
        return self.target.understood and all(test.understood for test in self.tests)

    @property
    def sets(self) -> tuple[str, ...]:
        """The sets that it asks or changes (`-m set`, `-j SET`)."""
        return tuple(name for statement in (*self.tests, self.target) for name in statement.sets)

    @property
    def tracks(self) -> bool:
        return self.target.tracks or any(test.tracks for test in self.tests)


BROUGHT = {"icmpv6": "icmp6", "ipv6-icmp": "icmp6", "6": "tcp", "17": "udp", "1": "icmp", "58": "icmp6"}


def implied(proto: str) -> str:
    """The module that `-p` brings with it, so that `-p tcp --dport 80` needs no `-m tcp`."""
    return BROUGHT.get(proto, proto)


def rule_text(chain: str, rule: Rule) -> str:
    """One rule as iptables-save prints it, out of what each of its statements writes; of nftables as nft prints it."""
    if rule.of_nft:
        return rule.text
    text, module, proto = f"-A {chain}", "", ""
    for test in rule.tests:
        if isinstance(test, Test):
            proto = test.protocol or proto
            named = test.module if test.module != TRANSPORT else implied(proto)
            if named and (named != module or not test.shared):
                text += f" -m {named}"
            module = named
        if said := test.written():
            text += f" {said}"
    said = rule.target.written()
    return f"{text} {said}" if said else text


class Base(Struct, frozen=True):
    """Where a base chain of nftables is registered: its hook, its priority, its type (filter, route, nat)."""

    hook: str
    priority: int
    kind: str = "filter"


@dataclass(frozen=True)
class Chain:
    """Rules in order. A base chain has a `policy`, what happens at its end; a user chain has none and returns.

    Where it is registered says `base`; the chains of iptables' own tables need none (hooks.base_of).
    """

    name: str
    rules: tuple[Rule, ...] = ()
    policy: str = ""
    base: Base | None = None

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
    """A table of chains by name: `iptables -t nat` is "nat", a table of nftables has its family before its name: "inet filter"."""

    name: str
    chains: Mapping[str, Chain]


Turn = tuple[str, int, str]  # a hook, a priority, and "nat" for the chains that are asked within nat's one entry


@dataclass(frozen=True)
class Ruleset:
    """All tables that see the packets of one family, in the order in which they were registered.

    `turns` says otherwise for some that stand at one hook with one priority: who is asked first there, by stage.
    """

    tables: Mapping[str, Table] = field(default_factory=dict)
    turns: Mapping[Turn, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def tracks(self) -> bool:
        """Whether any rule needs connections: only then does the kernel track them (nf_ct_netns_get)."""
        rules = (rule for table in self.tables.values() for chain in table.chains.values() for rule in chain.rules)
        return any(rule.tracks for rule in rules)

    def in_turn(self, turns: Mapping[Turn, tuple[str, ...]]) -> Ruleset:
        """The same tables, asked in this order where they stand at one hook with one priority."""
        again = Ruleset(self.tables, turns)
        again.__dict__["tracks"] = self.tracks  # the same rules: nobody has to look again
        return again

    def chain(self, table: str, name: str) -> Chain | None:
        found = self.tables.get(table)
        return found.chains.get(name) if found else None


NO_RULES = Ruleset()
