"""Rules as data, and the one evaluator that walks them (net/netfilter/x_tables.c, net/ipv4/netfilter/ip_tables.c)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from heapq import merge
from itertools import takewhile

from msgspec import Struct

from .matches import Destination, PortRange, Test
from .skb import CONTINUE, RETURN, Skb, Verdict
from .targets import Act, Goto, Jump, Target

INDEXED_FROM = 16  # rules: a shorter chain is walked plainly


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
            if isinstance(test, Destination) and not test.negated and test.prefix.is_host:
                return self.by_address.setdefault(test.prefix.first, [])
            if isinstance(test, PortRange) and test.exact_destination:
                port = test.low
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


class Matched(Struct, frozen=True):
    """A rule that matched, and where it stands: what iptables would count. Number 0 is a chain's policy."""

    table: str
    chain: str
    number: int
    rule: Rule | None

    @property
    def text(self) -> str:
        """The rule as iptables-save prints it; of a policy, that it is one."""
        from .rule_text import rule_text

        return rule_text(self.chain, self.rule) if self.rule else "the end of the chain: its policy"

    def __str__(self) -> str:
        return f"{self.table} {self.chain} {self.number or 'policy'}: {self.text}"


class Walked(Struct, frozen=True):
    """What one table said at one hook: the verdict, the packet as the rules left it, the rules that matched in order.

    `compared` counts the rules that a kernel would have looked at, whether or not the index spared us the look.
    """

    verdict: Verdict
    skb: Skb
    matched: tuple[Matched, ...]
    compared: int


def walk(chain: Chain, skb: Skb, kernel, table: Table, hook: str = "", plainly: bool = False) -> Walked:
    """Takes a packet through a base chain. `kernel` answers what tests ask of the machine (see `kernel.Kernel`).

    A jump comes back behind itself, a goto behind the jump that led to it; RETURN and the end of a chain go back one level,
    and from the base chain to its policy. Matching rules are counted in the kernel's memory.
    """
    stack: list[tuple[Chain, int]] = []
    matched: list[Matched] = []
    compared, here, start = 0, chain, 0
    while True:
        verdict, number, skb, seen = _next(here, start, skb, kernel, (table.name, hook or chain.name), matched, plainly)
        compared += seen
        if isinstance(verdict, Jump | Goto):
            if isinstance(verdict, Jump):
                stack.append((here, number + 1))
            here, start = table.chains[verdict.chain], 0
        elif verdict is not RETURN:
            break
        elif stack:
            here, start = stack.pop()
        else:
            matched.append(Matched(table.name, chain.name, 0, None))
            verdict = Verdict(chain.policy or "ACCEPT")
            break
    kernel.count(skb, matched)
    return Walked(verdict, skb, tuple(matched), compared)


def _next(here: Chain, start: int, skb: Skb, kernel, place, matched: list[Matched], plainly: bool):
    """From rule `start` of a chain to the first that sends the packet elsewhere: verdict, its number, the packet, rules seen."""
    rules = here.rules
    short = plainly or len(rules) < INDEXED_FROM
    for number in range(start, len(rules)) if short else here.index.candidates(skb, start):
        rule = rules[number]
        kernel.rule = (place[0], here.name, number)
        for test in rule.tests:
            if not test.holds(skb, kernel):
                break
        else:
            matched.append(Matched(place[0], here.name, number + 1, rule))
            said, skb = rule.target.act(skb, Act(kernel, *place))
            if said is not CONTINUE:
                return said, number, skb, number + 1 - start
    return RETURN, len(rules), skb, len(rules) - start
