"""nftables through `nft`: rules found by their comments, and changes as one script that holds as a whole or not at all.

The reference plugins tell whose rule it is by its comment, and so do these (`sigs.k8s.io/knftables` there).
"""

import json
from typing import NamedTuple

from ..contract.spec import quoted
from .commands import Command, Failed, execute

LONGEST_COMMENT = 128  # bytes, as many as the kernel keeps


class Rule(NamedTuple):
    """A rule that stands in a chain: the kernel's number for it and its comment."""

    handle: int
    comment: str


class Chain(NamedTuple):
    """Where rules stand; prints as `nft` names it."""

    family: str
    table: str
    name: str

    def __str__(self) -> str:
        return " ".join(self)


def rules_of(chain: Chain) -> list[Rule]:
    """A chain's rules in order; none when there is no such chain."""
    try:
        listed = json.loads(execute(Command(("nft", "-j", "list", "chain", *chain))) or "{}")
    except Failed:
        return []
    found = [each["rule"] for each in listed.get("nftables", []) if "rule" in each]
    return [Rule(rule["handle"], rule.get("comment", "")) for rule in found]


def added(chain: Chain, *words: object, comment: str = "") -> str:
    """The line that appends a rule."""
    told = ("comment", quoted(comment)) if comment else ()
    return " ".join(["add rule", str(chain), *map(str, (*words, *told))])


def base_chain(chain: Chain, kind: str, hook: str, priority: int) -> str:
    """The line that hangs a chain on one of the kernel's hooks; a chain that hangs there already stays."""
    return f"add chain {chain} {{ type {kind} hook {hook} priority {priority} ; }}"


def deleted(chain: Chain, rules: list[Rule]) -> list[str]:
    """The lines that take rules out."""
    return [f"delete rule {chain} handle {rule.handle}" for rule in rules]


def script(lines: list[str], purpose: str = "", tolerant: bool = False) -> Command:
    """One change of the ruleset."""
    return Command(("nft", "-f", "-"), stdin="\n".join([*lines, ""]), purpose=purpose, tolerant=tolerant)
