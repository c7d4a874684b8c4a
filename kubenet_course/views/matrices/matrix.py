"""Who reaches whom, as a square: a heat map that is also a table, in colour, in signs and in words.

The heads say by which addresses everybody is known, the cells under which address the receiver saw the sender. So one can
compare with the eyes alone, also where a machine has several addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from msgspec import Struct

from ...kube.questions.connectivity import RULES, Pair, Reached
from ..drawing.theme import CELL, CODE

STYLES = {
    "good": "background:#1b6e3c;color:#ffffff",  # 6.2 to 1
    "bad": "background:#a32020;color:#ffffff;border:3px dashed #ffffff",  # 7.6 to 1
    "": "",
}
TIGHT = f"{CELL};{CODE};font-size:13px;line-height:1.4;padding:3px 7px;white-space:nowrap;overflow-wrap:normal"
HEAD = f"{TIGHT};position:sticky;left:0;background:var(--jp-layout-color0, Canvas)"  # stays while a wide matrix is scrolled
SIGNS = {"good": "✓", "bad": "✗", "": ""}
ITSELF = "itself"


class Cell(Struct, frozen=True):
    """What came of one pair: the words, how it is judged ("good", "bad", or "" for not at all), and the rules that it breaks."""

    said: str
    state: str = ""
    rules: tuple[int, ...] = ()

    def __str__(self) -> str:
        broken = f" (rule {', '.join(map(str, self.rules))})" if self.rules else ""
        return f"{SIGNS[self.state]} {self.said}{broken}".strip()

    @property
    def lines(self) -> tuple[str, ...]:
        """The same in short lines: how it is judged, whom the receiver saw, as whom it was addressed."""
        broken = f"rule {', '.join(map(str, self.rules))}" if self.rules else ""
        seen, to, name = self.said.partition(" to ")
        return tuple(line for line in (f"{SIGNS[self.state]} {broken}".strip(), seen, f"{to}{name}".strip()) if line)


class Matrix(Struct, frozen=True):
    """Rows send, columns receive. `known_as` has the addresses of whoever stands at a head; who was not asked has no cell."""

    caption: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Mapping[Pair, Cell]
    known_as: Mapping[str, tuple[str, ...]] = {}

    def __str__(self) -> str:
        names = labels((*self.rows, *self.columns))
        heads = ["from \\ to", *(f"{names[one]} {self._known(one)}".strip() for one in self.columns)]
        lines = [heads]
        for row in self.rows:
            said = [str(self.cells.get((row, column), ITSELF)) for column in self.columns]
            lines.append([f"{names[row]} {self._known(row)}".strip(), *said])
        wide = [max(len(line[at]) for line in lines) for at in range(len(heads))]
        told = ["  ".join(word.ljust(n) for word, n in zip(line, wide, strict=True)).rstrip() for line in lines]
        return "\n".join([self.caption, *told])

    __repr__ = __str__

    def _known(self, one: str) -> str:
        return " or ".join(self.known_as.get(one, ()))

    def _repr_html_(self) -> str:
        heads = "".join(self._head(one, "col") for one in self.columns)
        body = "".join(
            f"<tr>{self._head(row, 'row')}{''.join(self._cell(row, one) for one in self.columns)}</tr>"
            for row in self.rows
        )
        caption = f'<caption style="text-align:left;padding:2px 0">{escape(self.caption)}</caption>'
        corner = f'<td style="{HEAD}">from ↓<br>to →</td>'
        return (
            f'<div style="overflow-x:auto"><table style="border-collapse:collapse">{caption}'
            f"<thead><tr>{corner}{heads}</tr></thead><tbody>{body}</tbody></table></div>"
        )

    def _head(self, one: str, scope: str) -> str:
        name = labels((*self.rows, *self.columns))[one]
        lines = "<br>".join(map(breakable, self.known_as.get(one, ())))
        return f'<th scope="{scope}" style="{HEAD}"><b>{escape(name)}</b><br><span style="font-weight:normal">{lines}</span></th>'

    def _cell(self, row: str, column: str) -> str:
        cell = self.cells.get((row, column))
        if cell is None:
            return f'<td style="{TIGHT}">{ITSELF}</td>'
        lines = "<br>".join(map(breakable, cell.lines))
        return f'<td style="{TIGHT};{STYLES[cell.state]}">{lines}</td>'


def breakable(text: str) -> str:
    """In HTML; a long IPv6 address may be broken where it leaves out zeros."""
    return escape(text).replace("::", "<wbr>::")


def labels(names: Iterable[str]) -> dict[str, str]:
    """Each name without what stands before its last slash; the whole name where another one would read the same."""
    whole = tuple(dict.fromkeys(names))
    short = [name.rpartition("/")[2] for name in whole]
    return {name: one if short.count(one) == 1 else name for name, one in zip(whole, short, strict=True)}


def words(ping: Reached) -> str:
    """Under which address the receiver saw the sender; and as whom it was asked, where that is not whom the sender asked for."""
    if ping.verdict != "delivered":
        return ping.verdict
    return ping.seen_from if ping.received_as == ping.dialled else f"{ping.seen_from} to {ping.received_as}"


def matrix(
    found: Mapping[Pair, Reached], judged: bool = True, rules: Iterable[int] = RULES, caption: str = ""
) -> Matrix:
    """The matrix of a cluster's pings. Not `judged` it only shows what arrived, and leaves comparing to the reader.

    `rules` are those that it is judged by; a cell that breaks one says so.
    """
    cells, known = {}, {}
    for (who, to), ping in found.items():
        hit = tuple(rule for rule in rules if rule in ping.broken) if judged else ()
        cells[who, to] = Cell(words(ping), ("bad" if hit else "good") if judged else "", hit)
        known[who], known[to] = ping.known_as, (ping.dialled,)
    said = caption or "Each cell: the source address that the receiver saw"
    rows, asked = (dict.fromkeys(pair[end] for pair in found) for end in (0, 1))
    columns = sorted(asked, key=list(rows).index) if asked.keys() <= rows.keys() else asked
    return Matrix(said, tuple(rows), tuple(columns), cells, known)
