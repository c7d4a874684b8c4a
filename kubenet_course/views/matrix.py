"""A square of who reaches whom: a heat map that is also a table, in colour and in letters."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from msgspec import Struct

from .theme import CELL

GOOD = "background:#1b6e3c;color:#ffffff"  # 6.2 to 1
BAD = "background:#a32020;color:#ffffff"  # 7.6 to 1
SELF = "background:transparent"


class Matrix(Struct, frozen=True):
    """Rows send, columns receive. `cells` has a word for each pair that was asked; a pair in `bad` is a failure."""

    caption: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Mapping[tuple[str, str], str]
    bad: frozenset[tuple[str, str]] = frozenset()

    def __str__(self) -> str:
        wide = max(map(len, self.rows))
        each = [
            max(len(column), *(len(self.cells.get((row, column), "")) for row in self.rows)) + 2
            for column in self.columns
        ]
        heads = zip(self.columns, each, strict=True)
        lines = [self.caption, " " * wide + "".join(f"{column:>{n}}" for column, n in heads)]
        for row in self.rows:
            words = [self.cells.get((row, column), "-") for column in self.columns]
            lines.append(f"{row:<{wide}}" + "".join(f"{word:>{n}}" for word, n in zip(words, each, strict=True)))
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        heads = "".join(f'<th scope="col" style="{CELL}">{escape(column)}</th>' for column in self.columns)
        body = "".join(
            f'<tr><th scope="row" style="{CELL}">{escape(row)}</th>{"".join(self._cell(row, c) for c in self.columns)}</tr>'
            for row in self.rows
        )
        caption = f'<caption style="text-align:left;padding:2px 0">{escape(self.caption)}; rows send, columns receive</caption>'
        corner = f'<td style="{CELL}"></td>'
        return (
            f'<div style="overflow-x:auto"><table style="border-collapse:collapse">{caption}'
            f"<thead><tr>{corner}{heads}</tr></thead><tbody>{body}</tbody></table></div>"
        )

    def _cell(self, row: str, column: str) -> str:
        word = self.cells.get((row, column))
        colour = SELF if word is None else BAD if (row, column) in self.bad else GOOD
        return f'<td style="{CELL};{colour};text-align:center">{escape(word if word is not None else "-")}</td>'


def matrix(caption: str, cells: Mapping[tuple[str, str], str], bad: frozenset[tuple[str, str]] = frozenset()) -> Matrix:
    """A matrix of whatever pairs there are, in the order in which they were asked; long names lose their first parts."""
    short = {name: name.rpartition("/")[2] for pair in cells for name in pair}
    rows = tuple(dict.fromkeys(short[row] for row, _ in cells))
    columns = tuple(dict.fromkeys(short[column] for _, column in cells))
    return Matrix(
        caption,
        rows,
        columns,
        {(short[row], short[column]): word for (row, column), word in cells.items()},
        frozenset((short[row], short[column]) for row, column in bad),
    )
