"""A small table: text for a terminal and for comparing, HTML for a notebook. What it says, both say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import pairwise

from msgspec import Struct

from ..drawing.theme import CELL, CODE

MOST_LINES, MOST_WIDTH = 40, 140  # of the text: what a reader takes in, and what a notebook shows without a wrap


class Table(Struct, frozen=True):
    """A caption, column heads, and rows of text. The first column names its row; those in `code` are set as code.

    `marked` are the numbers of rows that matter most: bold in HTML, with a star in text.
    """

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    code: tuple[int, ...] = ()
    marked: tuple[int, ...] = ()

    def __str__(self) -> str:
        if not self.rows:
            return self.caption
        shown = abridged(len(self.rows), MOST_LINES - 2, self.marked)
        texts = [self.heads, *(self.rows[number] for number in shown if number >= 0)]
        width = [max(len(row[at]) for row in texts) for at in range(len(self.heads))]
        lines = [self.caption, _line("  " if self.marked else "", self.heads, width)]
        for number in shown:
            star = ("* " if number in self.marked else "  ") if self.marked else ""
            lines.append(_line(star, self.rows[number], width) if number >= 0 else f"... {-number} more")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html(self)


def table(
    caption: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[object]],
    code: Sequence[int] = (),
    marked: Sequence[int] = (),
) -> Table:
    """A table of anything that has a text."""
    made = tuple(tuple(str(cell) for cell in row) for row in rows)
    return Table(caption, tuple(heads), made, tuple(code), tuple(marked))


def abridged(count: int, most: int, kept: Sequence[int] = ()) -> list[int]:
    """Which of so many rows to show in so many lines: the first, the last and the `kept` ones; -n stands for n left out."""
    if count <= most:
        return list(range(count))
    wanted = set(kept[:3]) | set(kept[-3:])
    gaps = len(wanted) + 1
    half = (most - len(wanted) - gaps) // 2
    shown = sorted({*range(half), *wanted, *range(count - half, count)})
    found: list[int] = []
    for one, other in pairwise([-1, *shown]):
        found += [one + 1 - other, other] if other > one + 1 else [other]
    return found


def _line(star: str, cells: Sequence[str], width: Sequence[int]) -> str:
    text = star + "  ".join(cell.ljust(wide) for cell, wide in zip(cells, width, strict=True)).rstrip()
    return text if len(text) <= MOST_WIDTH else text[: MOST_WIDTH - 1] + "…"


def html(of: Table) -> str:
    """The table in HTML with inline styles alone: JupyterLab drops style sheets from what nobody has run yet."""
    if not of.rows:
        return f"<p>{escape(of.caption)}</p>"
    heads = "".join(f'<th scope="col" style="{CELL}">{escape(head)}</th>' for head in of.heads)
    body = "".join(_html_row(of, number, row) for number, row in enumerate(of.rows))
    return (
        '<div style="overflow-x:auto"><table style="border-collapse:collapse;text-align:left">'
        f'<caption style="text-align:left;padding:2px 0">{escape(of.caption)}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _html_row(of: Table, number: int, row: Sequence[str]) -> str:
    weight = ";font-weight:bold" if number in of.marked else ";font-weight:normal"
    cells = []
    for at, cell in enumerate(row):
        style = CELL + weight + (f";{CODE}" if at in of.code else "")
        star = "* " if at == 0 and number in of.marked else ""
        tag = 'th scope="row"' if at == 0 else "td"
        cells.append(f'<{tag} style="{style}">{star}{escape(cell)}</{tag.split()[0]}>')
    return f"<tr>{''.join(cells)}</tr>"
