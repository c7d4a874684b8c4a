"""What people believe and what is so, each with a number that stays, and with public places where somebody stumbled over it."""

from __future__ import annotations

from functools import cache
from html import escape

import yaml
from msgspec import Struct

from ..data import data
from ..errors import BadInput

FILE = data("misconceptions.yaml")


class Misconception(Struct, frozen=True):
    """A belief that leads to wrong answers. `sources` are issues (`owner/name#number`) or addresses of documentation."""

    number: int
    belief: str
    truth: str
    sources: tuple[str, ...]

    @property
    def links(self) -> list[str]:
        """The sources as addresses to open."""
        return [link(source) for source in self.sources]

    def __str__(self) -> str:
        return f"Belief {self.number}: “{self.belief}” {self.truth} (See {', '.join(self.sources)}.)"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        seen = ", ".join(f'<a href="{escape(link(one))}">{escape(one)}</a>' for one in self.sources)
        return f"<p><b>Belief {self.number}: “{escape(self.belief)}”</b><br>{escape(self.truth)}<br><small>See {seen}.</small></p>"


def link(source: str) -> str:
    """Where a source can be read."""
    repository, sharp, number = source.partition("#")
    return f"https://github.com/{repository}/issues/{number}" if sharp and "://" not in source else source


@cache
def all_misconceptions() -> dict[int, Misconception]:
    """Every one, by its number."""
    rows = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {n: Misconception(n, row["belief"], row["truth"], tuple(row["sources"])) for n, row in rows.items()}


def misconception(number: int) -> Misconception:
    """One by its number. Raises BadInput for a number that nobody has."""
    known = all_misconceptions()
    if number not in known:
        raise BadInput("misconception", f"there is no number {number}", f"write one from 1 to {max(known)}")
    return known[number]
