"""Two texts side by side, with the lines marked that only one of them has."""

from __future__ import annotations

from difflib import SequenceMatcher
from html import escape

from msgspec import Struct

from ..drawing.theme import CODE

PRE = f"{CODE};margin:0;padding:6px 8px;border:1px solid rgba(128,128,128,.45);white-space:pre;overflow-x:auto"
COLUMN = "flex:1 1 300px;min-width:0"
MARKED = "font-weight:bold;text-decoration:underline"


class Beside(Struct, frozen=True):
    """Two texts with their heads."""

    heads: tuple[str, str]
    texts: tuple[str, str]

    @property
    def lines(self) -> tuple[list[tuple[str, bool]], list[tuple[str, bool]]]:
        """The lines of each, and whether the other one lacks it."""
        one, other = (text.strip("\n").split("\n") for text in self.texts)
        same = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
        kept = [
            {at + n for at, _, size in same for n in range(size)},
            {at + n for _, at, size in same for n in range(size)},
        ]
        first = [(line, at not in kept[0]) for at, line in enumerate(one)]
        return first, [(line, at not in kept[1]) for at, line in enumerate(other)]

    def __str__(self) -> str:
        parts = []
        for head, lines in zip(self.heads, self.lines, strict=True):
            parts += [f"{head}:", *(f"{'>' if marked else ' '} {line}" for line, marked in lines)]
        return "\n".join(parts)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        columns = []
        for head, lines in zip(self.heads, self.lines, strict=True):
            said = "\n".join(_marked(line) if marked else escape(line) for line, marked in lines)
            columns.append(f'<div style="{COLUMN}"><p><b>{escape(head)}</b></p><pre style="{PRE}">{said}</pre></div>')
        return f'<div style="display:flex;flex-wrap:wrap;gap:8px 16px">{"".join(columns)}</div>'


def _marked(line: str) -> str:
    text = line.lstrip()
    return f'{" " * (len(line) - len(text))}<b style="{MARKED}">{escape(text)}</b>'


def beside(one: str, other: str, heads: tuple[str, str] = ("before", "after")) -> Beside:
    """Two texts side by side."""
    return Beside(heads, (one, other))
