"""Several dumps of one machine side by side: the legacy tables and those of nf_tables, both of which a kernel asks, and tables
that a dump only names.

Both kinds register at the same hooks with the same priorities; in which order, no dump tells (hooks.ties).
"""

from __future__ import annotations

from typing import ClassVar

from msgspec.structs import replace

from ...namespace.skb import DROP, Skb
from ..hooks import BEHIND, base_of
from ..rules import Base, Chain, Rule, Table
from ..statement import Answer, NotUnderstood, Place, Target
from .save import TABLES


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
