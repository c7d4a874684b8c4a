"""Lines of iptables that a learner writes, carried out on the nodes of a cluster: add, insert, delete, flush, policy."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace as with_field

from msgspec.structs import replace

from ....errors import BadInput
from ....linux.namespace.netns import Netns
from ....linux.netfilter.iptables.save import with_rule
from ....linux.netfilter.rules import Chain, Rule, Ruleset, Table
from ...questions.kinds_made import working

World = Mapping[str, Netns]
PROGRAMS = {"iptables": 4, "ip6tables": 6}
LIKE = "write lines like 'ip netns exec node-1 iptables -t nat -D POSTROUTING 1'"


def carried_out(world: World, text: str) -> World:
    """The world after some lines of iptables. Raises BadInput naming the line that cannot be carried out."""
    for number, line in enumerate(working(text), 1):
        where = f"line {number}"
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise BadInput(where, str(error), LIKE) from None
        node, of, words = _addressed(words, world, where)
        rules = _changed(world[node].ruleset(of), words, where)
        world = {**world, node: replace(world[node], rules={**world[node].rules, of: rules})}
    return world


def _addressed(words: list[str], world: World, where: str) -> tuple[str, int, list[str]]:
    """On which node, in which family, and what is left of the line."""
    words = words[1:] if words[:1] == ["sudo"] else words
    if words[:3] != ["ip", "netns", "exec"] or len(words) < 6:
        raise BadInput(where, "it does not say on which node", LIKE)
    node, program = words[3:5]
    if node not in world:
        raise BadInput(where, f"there is no node {node!r}", f"name one of {', '.join(_nodes(world))}")
    if program not in PROGRAMS:
        raise BadInput(where, f"{program!r} is not understood here", LIKE)
    return node, PROGRAMS[program], words[5:]


def _line(words: list[str]) -> str:
    """Words as iptables-save prints them: only those with spaces, such as comments, between quotation marks."""
    return " ".join(f'"{word}"' if " " in word else word for word in words)


def _nodes(world: World) -> Iterator[str]:
    return (name for name in world if name.startswith("node-"))


def _changed(rules: Ruleset, words: list[str], where: str) -> Ruleset:
    name = "filter"
    if words[:1] in (["-t"], ["--table"]) and len(words) > 1:
        name, words = words[1], words[2:]
    if name not in rules.tables:
        raise BadInput(where, f"there is no table {name!r}", f"name one of {', '.join(rules.tables)}")
    if words == ["-F"]:
        emptied = {chain.name: with_field(chain, rules=()) for chain in rules.tables[name].chains.values()}
        return Ruleset({**rules.tables, name: Table(name, emptied)})
    if len(words) < 2 or words[0] not in ("-A", "-I", "-D", "-F", "-P"):
        raise BadInput(where, "it neither adds nor deletes a rule", "begin with -A, -I, -D, -F or -P and the chain")
    verb, chain, *rest = words
    known = rules.tables[name].chains
    if chain not in known:
        raise BadInput(where, f"table {name} has no chain {chain!r}", f"name one of {', '.join(list(known)[:5])}")
    if verb in ("-A", "-I"):
        rest = rest[1:] if verb == "-I" and rest[:1] == ["1"] else rest
        return with_rule(rules, name, _line([verb, chain, *rest]))
    return _without(rules, name, known[chain], verb, rest, where)


def _without(rules: Ruleset, name: str, chain: Chain, verb: str, rest: list[str], where: str) -> Ruleset:
    """Less than before: a rule deleted, a chain flushed; or another policy."""
    if verb == "-F":
        made = with_field(chain, rules=())
    elif verb == "-P":
        if rest not in (["ACCEPT"], ["DROP"]) or not chain.policy:
            raise BadInput(where, f"{' '.join(rest) or 'nothing'} is no policy of {chain.name}", "write ACCEPT or DROP")
        made = with_field(chain, policy=rest[0])
    else:
        gone = _meant(rules, name, chain, rest, where)
        made = with_field(chain, rules=(*chain.rules[:gone], *chain.rules[gone + 1 :]))
    return Ruleset({**rules.tables, name: Table(name, {**rules.tables[name].chains, chain.name: made})})


def _meant(rules: Ruleset, name: str, chain: Chain, rest: list[str], where: str) -> int:
    """Which rule of a chain `-D` means: by its number from 1, or by what it says."""
    if len(rest) == 1 and rest[0].isdecimal():
        number = int(rest[0]) - 1
        if number not in range(len(chain.rules)):
            raise BadInput(where, f"{chain.name} has no rule {rest[0]}", f"it has {len(chain.rules)}")
        return number
    alone = with_rule(rules, name, _line(["-A", chain.name, *rest]))
    wanted: Rule = alone.tables[name].chains[chain.name].rules[-1]
    for number, rule in enumerate(chain.rules):
        if (frozenset(rule.tests), rule.target) == (frozenset(wanted.tests), wanted.target):
            return number
    raise BadInput(where, f"{chain.name} has no rule {_line(rest)!r}", "repeat the rule as iptables -S prints it")
