"""Rules that somebody wrote, put to work on the client's node in place of kube-proxy's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as with_field
from typing import Any

from msgspec.structs import replace

from ....errors import BadInput
from ....linux.netfilter.iptables.rule_text import rule_text
from ....linux.netfilter.iptables.save import with_rule
from ....linux.netfilter.rules import Ruleset, Table
from ....linux.netfilter.xt.matches import Unknown
from ...questions.kinds import Finding
from ...questions.kinds_made import Write, working
from .shop import Shop, World

LIKE = "write rules as iptables-save prints them, like -A CHAIN -p tcp -j DROP"
Tests = Callable[[Shop, World], tuple[Finding, ...]]


def emptied(of: Shop, name: str, keep: int = 0, table_of: str = "nat") -> World:
    """The world with only the first `keep` rules left in a chain of the client's node."""
    ns = of.world[of.here]
    chains = ns.ruleset(4).tables[table_of].chains
    left = {**chains, name: with_field(chains[name], rules=chains[name].rules[:keep])}
    return {
        **of.world,
        of.here: replace(ns, rules={**ns.rules, 4: Ruleset({**ns.ruleset(4).tables, table_of: Table(table_of, left)})}),
    }


def written(world: World, node: str, text: str, table_of: str) -> World:
    """The world with some lines more in a table of a node. Raises BadInput for the line that cannot be carried out."""
    ns = world[node]
    found = ns.ruleset(4)
    for number, line in enumerate(working(text), 1):
        line = (
            line.removeprefix("sudo ")
            .removeprefix("iptables ")
            .replace(f"-t {table_of} ", "")
            .replace("--table nat ", "")
        )
        line = line.replace("--append ", "-A ").removeprefix("-w ")
        if not line.startswith(("-A ", "-I ")):
            raise BadInput(f"line {number}", "it does not begin with -A and a chain", LIKE)
        found = with_rule(found, table_of, line)
        if any(
            isinstance(test, Unknown) for rule in found.chain(table_of, line.split()[1]).rules for test in rule.tests
        ):
            raise BadInput(f"line {number}", "the model does not know one of its matches", LIKE)
    return {**world, node: replace(ns, rules={**ns.rules, 4: found})}


def lines_of(of: Shop, name: str, table_of: str = "nat", start: int = 0) -> list[str]:
    """The rules of a chain of the client's node, as kube-proxy wrote them, from one on."""
    return [rule_text(name, rule) for rule in of.world[of.here].ruleset(4).tables[table_of].chains[name].rules[start:]]


def put(
    of: Shop, broken: World, name: str, solution: list[str], tests: Tests, table_of: str = "nat", **words: Any
) -> Write:
    """What all four have in common: the lines are put to work on the client's node."""

    def test(text: str) -> tuple[Finding, ...]:
        return tests(of, written(broken, of.here, text, table_of))

    return Write(starts=f"# -A {name} ...\n", tests=test, solution="\n".join(solution), **words)
