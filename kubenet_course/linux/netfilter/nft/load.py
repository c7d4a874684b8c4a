"""A ruleset of nftables made into the tables and chains that the evaluator walks (net/netfilter/nf_tables_api.c)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from .. import rules as netfilter
from ..rules import Base
from ..xt.standard import Continue
from .acting import acting, members, value_of
from .readings import Members
from .ruleset import Chain, Concat, Element, Rule, Ruleset, Set, Table
from .write import rule_text

FAMILIES = {"ip": (4,), "ip6": (6,), "inet": (4, 6)}
HOOKS = {
    "prerouting": "PREROUTING",
    "input": "INPUT",
    "forward": "FORWARD",
    "output": "OUTPUT",
    "postrouting": "POSTROUTING",
}


def key_of(one: Element) -> Any:
    """The key of a set's member, as one constant."""
    return one.key[0] if len(one.key) == 1 else Concat(one.key)


def loaded(rules: Ruleset, of: int) -> dict[str, netfilter.Table]:
    """The tables that see packets of one family, by family and name as in "ip kube-proxy", in their order."""
    found = (Loaded(one).table for one in rules.tables if of in FAMILIES.get(one.family, ()))
    return {one.name: one for one in found}


class Loaded:
    """One table, and what its rules look up in it."""

    def __init__(self, given: Table):
        self.given = given
        self.name = f"{given.family} {given.name}"
        self._members: dict[str, Members] = {}

    @cached_property
    def table(self) -> netfilter.Table:
        return netfilter.Table(self.name, {name: self._chain(chain) for name, chain in self.given.chains.items()})

    def _chain(self, chain: Chain) -> netfilter.Chain:
        made: Any = Rules(self, chain.rules)
        if chain.hook is None or chain.hook.hook not in HOOKS:
            return netfilter.Chain(chain.name, made)
        base = Base(HOOKS[chain.hook.hook], chain.hook.priority, chain.hook.type)
        return netfilter.Chain(chain.name, made, chain.hook.policy.upper(), base)

    def members(self, name: str) -> Members:
        """What a named set or map holds."""
        if name not in self._members:
            rows = ((key_of(one), value_of(one.value)) for one in self.given.sets[name].elements)
            self._members[name] = members(rows, self.given.sets[name].types == ("inet_proto",))
        return self._members[name]

    def set(self, name: str) -> Set:
        return self.given.sets[name]


class Rules(Sequence[netfilter.Rule]):
    """The rules of a chain, made when one of them is first asked for: a table has thousands that no packet meets."""

    def __init__(self, table: Loaded, given: Sequence[Rule]):
        self.table, self.given = table, given

    @cached_property
    def made(self) -> tuple[netfilter.Rule, ...]:
        return tuple(_rule(one, self.table) for one in self.given)

    def __len__(self) -> int:
        return len(self.given)

    def __getitem__(self, number: Any) -> Any:
        return self.made[number]

    def __iter__(self) -> Iterator[netfilter.Rule]:
        return iter(self.made)


def _rule(given: Rule, table: Loaded) -> netfilter.Rule:
    """A rule's statements, the last of which decides; one that only compares and counts goes on to the next rule."""
    made = acting(given, table)
    return netfilter.Rule(made, Continue(), rule_text(given), given.line, True)
