"""Bars in a table: how a whole is shared out, row by row. What the bars show, the columns beside them say in numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from msgspec import Struct

from ...errors import BadInput
from ..drawing.theme import CELL

WIDE = 30  # characters of a bar in text
EDGE = "1px solid rgba(128,128,128,.8)"
KINDS = {
    "before": ("rgba(128,128,128,.45)", "="),
    "here": ("#d9822b", "#"),
    "after": ("transparent", "."),
}  # colour, letter


class Shares(Struct, frozen=True):
    """A caption, heads, and rows of a name, a bar and texts. A bar is what went before, what is here, and what is left."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float, float, float], tuple[str, ...]], ...]

    def __str__(self) -> str:
        widths = [max(len(row[0]) for row in self.rows)]
        lines = [self.caption, "  ".join((self.heads[0], f"[{self.heads[1]}]", *self.heads[2:]))]
        lines += [f"{name.ljust(widths[0])}  [{_drawn(bar)}]  {'  '.join(texts)}" for name, bar, texts in self.rows]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        heads = "".join(f'<th scope="col" style="{CELL}">{escape(head)}</th>' for head in self.heads)
        body = "".join(_row(*row) for row in self.rows)
        return (
            '<div style="overflow-x:auto"><table style="border-collapse:collapse;text-align:left">'
            f'<caption style="text-align:left;padding:2px 0">{escape(self.caption)}</caption>'
            f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
        )


def shares(
    caption: str, heads: Sequence[str], rows: Iterable[tuple[object, float | Sequence[float], Sequence[object]]]
) -> Shares:
    """Rows of (name, share, texts). A share is a number from 0 to 1, or two: what went before it, and it."""
    made = tuple((str(name), _bar(share), tuple(map(str, texts))) for name, share, texts in rows)
    if not made:
        raise BadInput("rows", "there is nothing to share out", "give at least one row")
    return Shares(caption, tuple(heads), made)


def by_rule(probabilities: Sequence[float], names: Sequence[str]) -> Shares:
    """What each rule takes of all connections, when rules with these probabilities are asked one after the other."""
    rows, left = [], 1.0
    for name, probability in zip(names, probabilities, strict=True):
        here = left * probability
        rows.append((name, (1.0 - left, here), (f"{left:.1%}", f"{probability:.5f}", f"{here:.1%}")))
        left -= here
    heads = ("rule", "all connections", "reach it", "it takes, of those", "of all")
    return shares("Grey went to an earlier rule, the coloured part goes here, the rest goes on", heads, rows)


def _bar(share: float | Sequence[float]) -> tuple[float, float, float]:
    before, here = share if isinstance(share, Sequence) else (0.0, share)
    return float(before), float(here), max(0.0, 1.0 - float(before) - float(here))


def _drawn(bar: tuple[float, float, float]) -> str:
    before = round(bar[0] * WIDE)
    here = round((bar[0] + bar[1]) * WIDE) - before
    letters = [letter for _, letter in KINDS.values()]
    return letters[0] * before + letters[1] * here + letters[2] * (WIDE - before - here)


def _row(name: str, bar: tuple[float, float, float], texts: tuple[str, ...]) -> str:
    parts = "".join(
        f'<div style="display:inline-block;height:14px;width:{share * 100:.2f}%;background-color:{colour}"></div>'
        for share, (colour, _) in zip(bar, KINDS.values(), strict=True)
        if share > 0
    )
    drawn = (
        f'<div style="width:240px;height:14px;border:{EDGE};white-space:nowrap;font-size:0;line-height:0">{parts}</div>'
    )
    cells = "".join(f'<td style="{CELL}">{escape(text)}</td>' for text in texts)
    return f'<tr><th scope="row" style="{CELL};font-weight:normal">{escape(name)}</th><td style="{CELL}">{drawn}</td>{cells}</tr>'
