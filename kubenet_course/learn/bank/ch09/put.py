"""Rules that somebody wrote, put to work on the client's node in place of kube-proxy's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as with_field
from typing import Any

from msgspec.structs import replace

from ....errors import BadInput
from ....linux.netfilter.iptables.save import with_rule
from ....linux.netfilter.rules import Ruleset, Table, rule_text
from ....linux.netfilter.xt.unknown import Unknown
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
        line = _bare(line, table_of, f"line {number}")
        found = with_rule(found, table_of, line)
        chain = found.tables[table_of].chains[line.split()[1]]
        if any(isinstance(test, Unknown) for rule in chain.rules for test in rule.tests):
            raise BadInput(f"line {number}", "the model does not know one of its matches", LIKE)
    return {**world, node: replace(ns, rules={**ns.rules, 4: found})}


def _bare(line: str, table_of: str, where: str) -> str:
    """The line as iptables-save has it, of a line as one types it: `sudo iptables -t nat -A ...`."""
    words = line.split(" ")
    while words and words[0] in ("sudo", "iptables", "-w", "--wait"):
        del words[0]
    if words[:1] in (["-t"], ["--table"]):
        if words[1:2] != [table_of]:
            raise BadInput(where, "the rule belongs into another table", f"write -t {table_of}, or leave it out")
        del words[:2]
    if words[:1] == ["--append"]:
        words[0] = "-A"
    if words[:1] not in (["-A"], ["-I"]) or len(words) < 3:
        raise BadInput(where, "it does not begin with -A and a chain", LIKE)
    return " ".join(words)


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
