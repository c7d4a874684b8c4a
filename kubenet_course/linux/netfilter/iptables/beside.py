"""Several dumps of one machine side by side: the legacy tables and those of nf_tables, both of which a kernel asks, and tables
that a dump only names.

Both kinds register at the same hooks with the same priorities. Among equals the one that was registered last is asked first
(nf_hook_entries_grow), and no dump tells which that was: so there are several orders.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice, product
from typing import ClassVar

from msgspec.structs import replace

from ...namespace.skb import DROP, Skb
from ..hooks import BEHIND, base_of
from ..rules import Base, Chain, Rule, Ruleset, Table
from ..statement import Answer, NotUnderstood, Place, Target
from .save import TABLES

MOST_ORDERS = 8


class Hidden(Target, frozen=True):
    """The rules of a table that a dump names and does not show: they may let a packet go on, or drop it; of nat, change it."""

    understood: ClassVar[bool] = False
    tracks: ClassVar[bool] = True
    text: str

    def run(self, skb: Skb, at: Place) -> Answer:
        return NotUnderstood((True,) if at.table.startswith("nat") else (True, DROP))

    def written(self) -> str:
        return self.text


def hidden(name: str, line: int, text: str) -> Table:
    """A table of which only the name is known: at each of its hooks stands one rule that nobody understands."""
    home = name if name in TABLES else "filter"
    plain = Table(home, {hook: Chain(hook) for hook in (TABLES[home] if name in TABLES else BEHIND)})
    rule = Rule((), Hidden(text), text, line)
    chains = {
        hook: Chain(hook, (rule,), "ACCEPT", base_of(plain, chain) or Base(hook, 0))
        for hook, chain in plain.chains.items()
    }
    return Table(f"{name} (not shown)", chains)


def told_apart(table: Table, backend: str) -> Table:
    """The same table under a name of its own, registered where it was."""
    chains = {
        name: Chain(chain.name, chain.rules, chain.policy, base_of(table, chain))
        for name, chain in table.chains.items()
    }
    return replace(table, name=f"{table.name} ({backend})", chains=chains)


def orders(backends: Mapping[str, Mapping[str, Table]], more: tuple[Table, ...] = ()) -> list[Ruleset]:
    """The rule sets that these tables of each backend may be: one for each order in which those of one name may be asked."""
    first: Mapping[str, Table] = next(iter(backends.values()), {})
    groups: list[list[Table]] = [[table] for table in first.values()]
    for backend, tables in list(backends.items())[1:]:
        for name, table in tables.items():
            apart = told_apart(table, backend)
            same = next((group for group in groups if group[0].name == name), None)
            if same is not None and _acts(table) and _acts(same[0]):
                same.append(apart)
            else:
                groups.append([apart])
    ways = [[group, group[::-1]] if len(group) > 1 else [group] for group in groups]
    chosen = islice(product(*ways), MOST_ORDERS)
    return [
        Ruleset({table.name: table for group in way for table in group} | {t.name: t for t in more}) for way in chosen
    ]


def _acts(table: Table) -> bool:
    """Whether a table does anything: a base chain with rules, or with a policy other than ACCEPT."""
    return any(chain.policy not in ("", "ACCEPT") or (chain.policy and chain.rules) for chain in table.chains.values())
