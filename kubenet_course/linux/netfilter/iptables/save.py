"""The text that `iptables-save` prints and `iptables-restore` takes, read into rules and written back.

What cannot be understood is kept as it stood and listed; what is wrong is refused with its line. Nothing is dropped silently.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ....errors import BadInput
from ..circle import circle, refusal
from ..rules import Chain, Rule, Ruleset, Table, rule_text
from ..statement import Goto, Jump
from .legal import check_place, family_in
from .rule_text import rules_of
from .words import shown

TABLES = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
LEADING = (Jump, Goto)  # targets that lead to a chain
TOLD_EVERY = 1 << 14  # lines
POLICIES = ("ACCEPT", "DROP", "-", "QUEUE")


@dataclass
class Draft:
    """A table while it is being read."""

    name: str
    policies: dict[str, str] = field(default_factory=dict)
    rules: dict[str, list[Rule]] = field(default_factory=dict)
    jumps: dict[str, dict[str, int]] = field(default_factory=dict)  # chain -> chain it jumps to -> line


@dataclass(frozen=True)
class Dump:
    """What a dump holds, and each line of it that the model cannot act out, with its number."""

    rules: Ruleset
    not_understood: tuple[tuple[int, str], ...] = ()
    family: int = 0  # of the addresses in it; 0 where it has none


def read(
    text: str,
    where: str = "dump",
    sets: Container[str] = (),
    begins: int = 1,
    progress: Callable[[int], object] | None = None,
) -> Dump:
    """Reads what iptables-save or ip6tables-save printed. Raises BadInput naming the line and what would be right.

    `sets` names the sets that the machine is known to have: rules that ask any other are not understood. `begins` is the
    number of the first line in its file; `progress` is told, every so often, how many lines were read.
    """
    with _without_collecting():
        return _read(text, where, sets, begins, progress)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """What is read is kept, and nothing of it goes in circles: looking for garbage among a million rules takes half of the time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _read(text: str, where: str, sets: Container[str], begins: int, progress: Callable[[int], object] | None) -> Dump:
    tables: dict[str, Draft] = {}
    strange: list[tuple[int, str]] = []
    table: Draft | None = None
    number = begins - 1
    for number, line in enumerate(text.removesuffix("\n").split("\n"), begins):
        if progress is not None and not number & TOLD_EVERY - 1:
            progress(TOLD_EVERY)
        line = line.strip()
        if not line or line[0] == "#":
            continue
        try:
            if line[0] == "*":
                table = _opened(line, table, tables)
            elif table is None:
                raise BadInput(
                    "",
                    f"{shown(line)} stands outside of any table",
                    "begin a table with *nat, *filter, *mangle or *raw",
                )
            elif line == "COMMIT":
                _closed(table)
                table = None
            elif line[0] == ":":
                _declare(table, line)
            elif not _add(table, line, number, sets):
                strange.append((number, line))
        except BadInput as error:
            raise BadInput(f"{where}:{error.where or number}", error.what, error.right) from None
    if table is not None:
        raise BadInput(
            f"{where}:{number}", f"table {table.name} does not end", "the dump is cut off: its last line must be COMMIT"
        )
    built = {draft.name: _built(draft) for draft in tables.values()}
    return Dump(Ruleset(built), tuple(strange), family_in(built, text, where, begins))


def _opened(line: str, table: Draft | None, tables: dict[str, Draft]) -> Draft:
    name = line[1:].strip()
    if table is not None:
        raise BadInput("", f"table {table.name} does not end before {line}", "write COMMIT after each table")
    if name not in TABLES:
        raise BadInput("", f"{shown(name)} is not a table", f"write one of {', '.join(TABLES)}")
    return tables.setdefault(name, Draft(name))


def _declare(table: Draft, line: str) -> None:
    words = line[1:].split()
    if len(words) not in (2, 3) or words[1] not in POLICIES:
        raise BadInput(
            "",
            f"{shown(line)} does not declare a chain",
            "write :NAME POLICY [packets:bytes], or :NAME - for a user chain",
        )
    if words[1] != "-" and words[0] not in TABLES[table.name]:
        raise BadInput(
            "", f"{words[0]} is no base chain of {table.name}", f"only {', '.join(TABLES[table.name])} have a policy"
        )
    table.policies[words[0]] = "" if words[1] == "-" else words[1]
    table.rules.setdefault(words[0], [])


def _add(table: Draft, line: str, number: int, sets: Container[str] = ()) -> bool:
    """Adds a rule. False: something in it was not understood."""
    words = line.split(None, 3) if line[0] == "[" else ["", *line.split(None, 2)]
    if len(words) < 3 or words[1] not in ("-A", "--append", "-I", "--insert"):
        raise BadInput("", f"{shown(line)} is not a rule", "a rule begins with -A CHAIN")
    chain, first, text = words[2], words[1] in ("-I", "--insert"), words[3] if len(words) > 3 else ""
    if chain not in table.rules:
        if chain not in TABLES[table.name]:
            raise BadInput("", f"chain {chain} is not declared", f"declare it with :{chain} - before its rules")
        _declare(table, f":{chain} ACCEPT")
    understood = True
    here = table.rules[chain]
    for rule in rules_of(text, table.rules, line, number):
        check_place(table.name, TABLES[table.name], chain, rule)
        if first:
            here.insert(0, rule)
        else:
            here.append(rule)
        if isinstance(rule.target, LEADING):
            table.jumps.setdefault(chain, {}).setdefault(rule.target.chain, number)
        understood = understood and _is_understood(rule, sets)
    return understood


def _is_understood(rule: Rule, sets: Container[str]) -> bool:
    for statement in (*rule.tests, rule.target):
        if not statement.understood or (statement.sets and any(name not in sets for name in statement.sets)):
            return False
    return True


def _closed(table: Draft) -> None:
    """Chains must not jump in circles: the kernel would refuse them."""
    if found := circle(table.jumps):
        raise refusal(str(table.jumps[found[-2]][found[-1]]), found)


def _built(draft: Draft) -> Table:
    for name in TABLES[draft.name]:
        draft.policies.setdefault(name, "ACCEPT")
    ordered = [*TABLES[draft.name], *(name for name in draft.policies if name not in TABLES[draft.name])]
    chains = {name: Chain(name, tuple(draft.rules.get(name, ())), draft.policies[name]) for name in ordered}
    return Table(draft.name, chains)


# -- writing -----------------------------------------------------------------------------------------------------------


def write(rules: Ruleset) -> str:
    """The text that iptables-restore takes, one table after the other, as iptables-save prints them but for counters."""
    return "".join(_table_text(table) for table in rules.tables.values())


def _table_text(table: Table) -> str:
    lines, chains = [f"*{table.name}"], list(table.chains.values())
    lines += [f":{chain.name} {chain.policy or '-'} [0:0]" for chain in chains]
    lines += [rule_text(chain.name, rule) for chain in chains for rule in chain.rules]
    return "\n".join([*lines, "COMMIT", ""])


def with_rule(rules: Ruleset, table: str, line: str) -> Ruleset:
    """The same rules and one more: `-A CHAIN ...` behind the others of its chain, `-I CHAIN ...` before them."""
    chains = dict(rules.tables[table].chains) if table in rules.tables else {}
    draft = Draft(
        table,
        {name: chain.policy for name, chain in chains.items()},
        {name: list(c.rules) for name, c in chains.items()},
    )
    try:
        if not _add(draft, line, 1):
            raise BadInput(
                "", f"{shown(line)} is not understood", "write it with the matches and targets that the model knows"
            )
    except BadInput as error:
        raise BadInput(f"rule for {table}", error.what, error.right) from None
    _closed(draft)
    return Ruleset({**rules.tables, table: _built(draft)})
