"""The one evaluator: it walks a packet through rules (ipt_do_table in net/ipv4/netfilter/ip_tables.c)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from msgspec import Struct

from ..namespace.kernel import Kernel
from ..namespace.skb import ACCEPT, RETURN, Skb, Verdict
from ..packet.address import family
from ..packet.packet import length
from .rules import Chain, Rule, Table, rule_text
from .statement import HOTDROP, Answer, Goto, Jump, NotUnderstood, Place, Statement

INDEXED_FROM = 16  # rules: a shorter chain is walked plainly


class Matched(Struct, frozen=True):
    """A rule that matched, and where it stands: what iptables would count. Number 0 is a chain's policy.

    A rule whose test threw the packet away (HOTDROP) stands here too, as the last one, but is not `counted`.
    """

    table: str
    chain: str
    number: int
    rule: Rule | None
    counted: bool = True

    @property
    def text(self) -> str:
        """The rule as iptables-save prints it; of a policy, that it is one."""
        return rule_text(self.chain, self.rule) if self.rule else "the end of the chain: its policy"

    def __str__(self) -> str:
        return f"{self.table} {self.chain} {self.number or 'policy'}: {self.text}"


class Walked(Struct, frozen=True):
    """What one table said at one hook: the verdict, the packet as the rules left it, the rules that matched in order.

    `compared` counts the rules that a kernel would have looked at, whether or not the index spared us the look. `hangs_on` are
    rules on the way that were not understood: had they answered otherwise, it might have come otherwise.
    """

    verdict: Verdict
    skb: Skb
    matched: tuple[Matched, ...]
    compared: int
    hangs_on: tuple[Matched, ...] = ()


_DECIDED = frozenset({Verdict, Jump, Goto})  # what most targets answer: there is nothing to settle
NOTHING_ASKED = Walked(ACCEPT, Skb(None), (), 0)


def walk(chain: Chain, skb: Skb, kernel, table: Table, hook: str = "", plainly: bool = False) -> Walked:
    """Takes a packet through a base chain. `kernel` answers what tests ask of the machine (see `kernel.Kernel`).

    A jump comes back behind itself, a goto behind the jump that led to it; RETURN and the end of a chain go back one level,
    and from the base chain to its policy. Matching rules are counted in the kernel's memory.
    """
    stack: list[tuple[Chain, int]] = []
    matched: list[Matched] = []
    at = Place(kernel, table.name, hook or chain.name)
    compared, here, start = 0, chain, 0
    while True:
        verdict, number, skb, seen = _next(here, start, skb, at, matched, plainly)
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
    count(kernel, skb, matched)
    return Walked(verdict, skb, tuple(matched), compared, tuple(at.doubts))


def _next(here: Chain, start: int, skb: Skb, at: Place, matched: list[Matched], plainly: bool):
    """From rule `start` of a chain to the first that sends the packet elsewhere: verdict, its number, the packet, rules seen."""
    rules = here.rules
    short = plainly or len(rules) < INDEXED_FROM
    at.chain = here.name
    for number in range(start, len(rules)) if short else here.index.candidates(skb, start):
        rule = rules[number]
        at.number = number
        said: Answer = True
        for test in rule.tests:
            said = test.run(skb, at)
            if said is not True:
                if said is not False:
                    said, skb = _settled(said, skb, at, rule, test)
                if said is not True:
                    break
        else:
            said = rule.target.run(skb, at)
            if said is not True and type(said) not in _DECIDED:
                said, skb = _settled(said, skb, at, rule, rule.target)
        if said is not False:
            matched.append(Matched(at.table, here.name, number + 1, rule, said is not HOTDROP))
            if said is not True:
                return said, number, skb, number + 1 - start
    return RETURN, len(rules), skb, len(rules) - start


def _settled(said: Answer, skb: Skb, at: Place, rule: Rule, by: Statement) -> tuple[Answer, Skb]:
    """What a statement answered, and the packet as it left it; of what was not understood one of the ways is taken.

    Where another test of the same rule fails, it does not matter what nobody understood. Of several such
    tests in one rule the first stands for all.
    """
    if isinstance(said, NotUnderstood):
        if any(test.understood and not test.counts and test.run(skb, at) is False for test in rule.tests):
            return False, skb
        if by is not rule.target and by is not next((test for test in rule.tests if not test.understood), by):
            return True, skb
        at.doubts.append(Matched(at.table, at.chain, at.number + 1, rule))
        question = ("not understood", at.kernel.ns.name, *at.rule)
        said = next((way for way in said.ways[1:] if at.kernel.choices.supposes(question)), said.ways[0])
    if isinstance(said, Skb):
        return True, said
    return said if isinstance(said, tuple) else (said, skb)


def asked(kernel: Kernel, table: str, name: str, skb: Skb, hook: str = "") -> Walked:
    """What a base chain says at a hook, by default at that of its name; an absent chain lets everything pass."""
    rules = kernel.ns.ruleset(6 if ":" in skb.packet.flow.dst else 4)
    chain = rules.chain(table, name)
    if chain is None:
        return Walked(ACCEPT, skb, (), 0)
    return walk(chain, skb, kernel, rules.tables[table], hook)


@dataclass(slots=True)
class Counters:
    """What each rule has counted, by (family, table, chain, number from 1; 0 is the policy)."""

    packets: Counter = field(default_factory=Counter)
    bytes: Counter = field(default_factory=Counter)


def count(kernel: Kernel, skb: Skb, matched: list[Matched]) -> None:
    """Adds a packet to the counters of the rules that matched it."""
    counters, of, size = kernel.remembers[Counters], family(skb.packet.flow.dst).number, length(skb.packet)
    packets, octets = counters.packets, counters.bytes
    for row in matched:
        if not row.counted:
            continue
        place = (of, row.table, row.chain, row.number)
        packets[place] = packets.get(place, 0) + 1  # a Counter takes longer to find that it has nothing there
        octets[place] = octets.get(place, 0) + size
