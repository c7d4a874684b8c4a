"""Statements that hold for some versions of Kubernetes only: one file to revise when Kubernetes moves."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from html import escape
from typing import TYPE_CHECKING

import yaml
from msgspec import Struct

from ..data import data
from ..errors import BadInput

if TYPE_CHECKING:
    from ..views.versions.versions import Versions

FILE = data("facts.yaml")


class Fact(Struct, frozen=True):
    """A statement, the first version it holds for ("" for all), the first it no longer holds for ("" for none yet), who says so.

    `of` is whose versions these are.
    """

    name: str
    statement: str
    since: str
    until: str
    source: str
    of: str = "Kubernetes"

    @property
    def versions(self) -> str:
        """For which versions it holds, in words."""
        if self.since and self.until:
            return f"{self.of} {self.since} up to, not including, {self.until}"
        if self.until:
            return f"{self.of} before {self.until}"
        return f"{self.of} since {self.since}" if self.since else f"{self.of}, every supported version"

    def __str__(self) -> str:
        return f"{self.statement} [{self.versions}; {self.source}]"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        where = f'<a href="{escape(self.source)}">source</a>'
        return f"<p>{escape(self.statement)} <small>({escape(self.versions)}; {where})</small></p>"


@cache
def all_facts() -> dict[str, Fact]:
    """Every one, by name."""
    rows = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {
        name: Fact(
            name,
            row["statement"],
            str(row.get("since") or ""),
            str(row.get("until") or ""),
            row["source"],
            row.get("of", "Kubernetes"),
        )
        for name, row in rows.items()
    }


def fact(name: str) -> Fact:
    """One by its name. Raises BadInput for a name that is not in the file."""
    known = all_facts()
    if name not in known:
        near = get_close_matches(name, known, 1) or list(known)[:1]
        raise BadInput("fact", f"there is none named {name!r}", f"did you mean {near[0]!r}?")
    return known[name]


def versions(*names: str, first: str, last: str, chosen: str = "") -> Versions:
    """Some facts with a slider over versions. Those of other programs than Kubernetes have no place on it."""
    from ..views.versions.versions import Dated, Versions  # a widget; facts alone need none

    found = [fact(name) for name in names]
    for one in found:
        if one.of != "Kubernetes":
            raise BadInput("fact", f"{one.name!r} has versions of {one.of}", "name facts of Kubernetes")
    rows = [Dated(one.statement, one.since, one.until, one.source) for one in found]
    return Versions(rows, first, last, "What holds in Kubernetes", chosen)
