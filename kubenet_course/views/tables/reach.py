"""Who reaches whom, as a table: a row for whoever asks, a column for whoever is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...kube.layout.asked.reach import Cell
from .table import Table, table

LOST, ASTRAY = "no", "no: another answers"


def reached_from(found: Mapping[tuple[str, str], Cell], *roles: str, caption: str = "") -> Table:
    """Each cell says which source address was seen, or that no answer came. `roles` are the ends to show; all, if none is named."""
    known = list(dict.fromkeys(one for pair in found for one in pair))
    shown = [role for role in known if not roles or role in roles]
    rows = [(source, *(_cell(found.get((source, target))) for target in shown)) for source in shown]
    said = caption or "Who reaches whom, and which source address is seen there"
    return table(said, ("from, to", *shown), rows)


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    if cell.reached:
        return cell.seen_from
    return ASTRAY if cell.taken_by and not cell.arrived else LOST


def hops(*cells: Cell, caption: str = "") -> Table:
    """The way of each ping: the machines that it came to, and who changed which address."""
    rows = [(f"{one.source.role} to {one.target.role}", *_hop(one)) for one in cells]
    return table(caption or "The way there", ("who asks whom", "way", "addresses changed", "what came of it"), rows)


def _hop(cell: Cell) -> Sequence[str]:
    way = " → ".join(name.rpartition("/")[2] for name in cell.path)
    return way, "; ".join(map(str, cell.translations)) or "none", str(cell)
