"""Lines of iptables for the table nat of one node, with numbers as people use them: -I CHAIN 2, -R CHAIN 2, -D CHAIN 2."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace as with_field

from msgspec.structs import replace

from ....errors import BadInput
from ....linux.netfilter.iptables.save import with_rule
from ....linux.netfilter.rules import Rule, Ruleset, Table
from ...questions.kinds_made import working
from .shop import World

LIKE = "write lines like 'iptables -t nat -D CHAIN NUMBER', with -A, -I, -R or -D"


def with_lines(world: World, node: str, name: str, lines: Sequence[str]) -> World:
    """The world with these rules, and no others, in a chain of a node."""
    ns = world[node]
    chains = ns.ruleset(4).tables["nat"].chains
    bare = Ruleset({**ns.ruleset(4).tables, "nat": Table("nat", {**chains, name: with_field(chains[name], rules=())})})
    for line in lines:
        bare = with_rule(bare, "nat", f"-A {name} {line}")
    return {**world, node: replace(ns, rules={**ns.rules, 4: bare})}


def carried_out(world: World, node: str, text: str) -> World:
    """The world after lines of `iptables -t nat`, with -A, -I, -R, -D and -F. Raises BadInput naming the line that cannot be."""
    for number, line in enumerate(working(text), 1):
        where = f"line {number}"
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise BadInput(where, str(error), LIKE) from None
        world = _one(world, node, [word for word in words if word not in ("sudo", "-w", "--wait")], where)
    return world


def _one(world: World, node: str, words: list[str], where: str) -> World:
    words = words[4:] if words[:4] == ["ip", "netns", "exec", node] else words
    if words[:3] != ["iptables", "-t", "nat"] or len(words) < 5:
        raise BadInput(where, "it is no line of iptables about the table nat", LIKE)
    verb, name, rest = words[3], words[4], words[5:]
    rules_now = world[node].ruleset(4)
    chain = rules_now.chain("nat", name)
    if chain is None or verb not in ("-A", "-I", "-R", "-D", "-F"):
        what = f"the table nat has no chain {name!r}" if chain is None else f"{verb!r} is not understood here"
        raise BadInput(where, what, LIKE)
    kept = list(chain.rules)
    at = int(rest[0]) if rest and rest[0].isdecimal() else 0
    if at > len(kept) or (verb == "-R" and not at):
        raise BadInput(
            where, f"{name} has no rule {rest[0] if rest else 'without a number'}", f"it has {len(kept)} rules"
        )
    if verb == "-F":
        kept = []
    elif verb == "-D":
        del kept[at - 1 if at else _place(rules_now, kept, name, rest, where)]
    else:
        rule = _rule(rules_now, name, rest[1:] if at else rest)
        place = {"-A": len(kept), "-I": max(at - 1, 0), "-R": at - 1}[verb]
        kept[place : place + (verb == "-R")] = [rule]
    tables = rules_now.tables
    made = Table("nat", {**tables["nat"].chains, name: with_field(chain, rules=tuple(kept))})
    return {**world, node: replace(world[node], rules={**world[node].rules, 4: Ruleset({**tables, "nat": made})})}


def _rule(now: Ruleset, name: str, words: list[str]) -> Rule:
    line = " ".join(f'"{word}"' if " " in word else word for word in words)
    return with_rule(now, "nat", f"-A {name} {line}").tables["nat"].chains[name].rules[-1]


def _place(now: Ruleset, kept: list[Rule], name: str, words: list[str], where: str) -> int:
    """Which rule `-D` means by what it says; a comment need not be repeated."""
    wanted = _rule(now, name, words)
    for number, rule in enumerate(kept):
        if (frozenset(rule.tests), rule.target) == (frozenset(wanted.tests), wanted.target):
            return number
    raise BadInput(where, f"{name} has no such rule", "repeat the rule as it is printed, or give its number")
