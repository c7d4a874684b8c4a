"""What the kernel would refuse of a ruleset, and which of its rules the model cannot act out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from ....errors import BadInput
from ..circle import circle, refusal
from .acting import acting
from .load import FAMILIES, HOOKS, Loaded
from .ruleset import Named, Rule, Ruleset, Table, Update, Verdict


def check(rules: Ruleset, where: str) -> None:
    """Raises BadInput where a rule names a chain or a set that is not there, and where chains jump in a circle."""
    for table in rules.tables:
        for chain in table.chains.values():
            for rule in chain.rules:
                _named(table, rule, where)
        for one in table.sets.values():
            for element in one.elements:
                if isinstance(element.value, Verdict) and element.value.chain:
                    _there(table, element.value.chain, f"{where}: map {one.name}")
        _circle(table, where)


def _named(table: Table, rule: Rule, where: str) -> None:
    at = f"{where}:{rule.line}" if rule.line else where
    for part in parts(rule.statements):
        if isinstance(part, Verdict) and part.chain:
            _there(table, part.chain, at)
        name = part.name if isinstance(part, Named) else part.set if isinstance(part, Update) else None
        if name is not None and name not in table.sets:
            what = f"there is no set or map {name!r} in table {table.family} {table.name}"
            raise BadInput(at, what, f"it has {', '.join(list(table.sets)[:9]) or 'none'}")


def _there(table: Table, chain: str, at: str) -> None:
    if chain not in table.chains:
        what = f"there is no chain {chain!r} in table {table.family} {table.name}"
        raise BadInput(at, what, f"it has {', '.join(list(table.chains)[:9]) or 'none'}")


def parts(one: Any) -> Iterator[Any]:
    """A value and all that it is made of."""
    yield one
    if isinstance(one, tuple):
        for part in one:
            yield from parts(part)
    elif isinstance(one, msgspec.Struct):
        for name in one.__struct_fields__:
            value = getattr(one, name)
            if isinstance(value, tuple | msgspec.Struct):
                yield from parts(value)


def _circle(table: Table, where: str) -> None:
    """Chains must not lead back to themselves (nf_tables_check_loops)."""
    leads: dict[str, list[str]] = {}
    for name, chain in table.chains.items():
        found = [part for rule in chain.rules for part in parts(rule.statements)]
        maps = [table.sets[part.name] for part in found if isinstance(part, Named)]
        verdicts = [part for part in found if isinstance(part, Verdict)]
        verdicts += [e.value for one in maps for e in one.elements if isinstance(e.value, Verdict)]
        leads[name] = list(dict.fromkeys(one.chain for one in verdicts if one.chain))
    if way := circle(leads):
        raise refusal(where, way)


def not_acted(rules: Ruleset) -> Iterator[int]:
    """The lines of rules that the model cannot act out; those of tables that see no packets of IP are none of its business."""
    for table in rules.tables:
        sets = Loaded(table)
        for chain in table.chains.values():
            beyond = table.family in FAMILIES and chain.hook is not None and chain.hook.hook not in HOOKS
            for rule in chain.rules:
                if beyond or (table.family in FAMILIES and not all(one.understood for one in acting(rule, sets))):
                    yield rule.line
