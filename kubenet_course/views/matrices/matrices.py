"""Clusters to choose from, each with its matrix; a cell tells why it is as it is, by the rows that decided.

Everything is sent to the page once. Arrow keys move from cell to cell, and nothing is asked of the notebook's kernel.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ...errors import BadInput
from ...kube.questions.connectivity import RULES, Pair, Reached
from ...linux.namespace.netns import Netns
from ...linux.namespace.trace import ENDS, Step
from ...linux.netfilter.evaluate import Matched
from ..drawing.sight import VIEW
from ..drawing.theme import variables
from ..keys import script
from ..maps.map import DRAWN, STYLE, drawn, visited
from ..story.rows import words
from ..tables.table import Table, table
from .matrix import Matrix, labels, matrix

HERE = Path(__file__).parent


def why(pair: Pair, ping: Reached) -> Table:
    """What was looked up for one ping, in order; the row that broke a rule is marked."""
    sender, asked = labels(pair).values()
    judged = ", ".join(f"it breaks rule {rule}: {RULES[rule]}" for rule in ping.broken) or "it keeps all three rules"
    rows = [(step.namespace.rpartition("/")[2], _said(step), _row(step)) for step in ping.way]
    marked = (ping.guilty,) if ping.guilty >= 0 else ()
    caption = f"{sender} to {asked}: {ping}. So {judged}."
    return table(caption, ("where", "what was decided", "by which rule or route"), rows, code=(2,), marked=marked)


def _said(step: Step) -> str:
    return f"{step.said} ({ENDS[step.end]})" if step.end in ("dropped", "rejected", "no-route") else step.said


def _row(step: Step) -> str:
    """The row that decided: of several the last rule, as a connection only remembers what a rule said."""
    rules = [row for row in step.why if isinstance(row, Matched)]
    chosen = (rules or list(step.why))[-1:]
    return "".join(f"{kind}: {said}" for kind, said in map(words, chosen))


class Matrices(anywidget.AnyWidget):
    """Matrices of several clusters by name, opened on a cell that breaks a rule, if there is one.

    With the `world` that all of them share, a map beside the matrix shows the way of the chosen ping. From a cell:
    `choose("the second")`, `choose(cell=("client", "web-2"))`.
    """

    _esm = DRAWN + script(HERE / "matrices.js")
    _css = variables(".kn-matrices") + STYLE + (HERE / "matrices.css").read_text(encoding="utf-8")
    story = traitlets.Dict().tag(sync=True)
    cluster = traitlets.Unicode("").tag(sync=True)
    cell = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(
        self,
        clusters: Mapping[str, Mapping[Pair, Reached]],
        title: str = "Who reaches whom",
        world: Mapping[str, Netns] | None = None,
        **state: Any,
    ):
        if not clusters or not all(clusters.values()):
            raise BadInput("matrices", "there is nothing to show", "give pings of at least one cluster")
        self.found = dict(clusters)
        told = {name: _told(found, world) for name, found in self.found.items()}
        first = next(iter(self.found))
        story = {"title": title, "clusters": told, "rules": RULES, "map": drawn(world) if world else {}}
        super().__init__(story=story, cluster=first, cell=_opened_on(self.found[first]), **state)

    def choose(self, cluster: str = "", cell: tuple[str, str] | None = None) -> None:
        """Chooses a cluster, a cell (who sends, who is asked), or both. Raises BadInput for one that there is not."""
        name = cluster or self.cluster
        if name not in self.found:
            raise BadInput("cluster", f"{name!r} is none of these", f"choose one of {', '.join(self.found)}")
        chosen = list(cell or (_opened_on(self.found[name]) if cluster else self.cell))
        known = list(_pairs(self.found[name]))
        if tuple(chosen) not in known:
            raise BadInput("cell", f"nobody sent {' to '.join(map(str, chosen))}", f"choose one like {known[0]}")
        with self.hold_sync():
            self.cluster, self.cell = name, chosen

    @property
    def matrix(self) -> Matrix:
        """The matrix that is shown now."""
        return matrix(self.found[self.cluster])

    @property
    def why(self) -> Table:
        """What is said of the chosen cell."""
        found = self.found[self.cluster]
        pair = _pairs(found).get(tuple(self.cell)) or next(iter(found))
        return why(pair, found[pair])

    def __repr__(self) -> str:
        return f"{self.cluster}\n{self.matrix}\n\n{self.why}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        stored = f"<div><p><b>{self.cluster}</b></p>{self.matrix._repr_html_()}{self.why._repr_html_()}</div>"
        return {"text/plain": repr(self), "text/html": stored, VIEW: view}


def _pairs(found: Mapping[Pair, Reached]) -> dict[tuple[str, str], Pair]:
    """Every pair by the labels of its ends."""
    names = labels(end for pair in found for end in pair)
    return {(names[who], names[to]): (who, to) for who, to in found}


def _opened_on(found: Mapping[Pair, Reached]) -> tuple[str, str]:
    """The first cell that breaks a rule, else the first of all."""
    pairs = _pairs(found)
    return next((names for names, pair in pairs.items() if found[pair].broken), next(iter(pairs)))


def _told(found: Mapping[Pair, Reached], world: Mapping[str, Netns] | None) -> dict[str, Any]:
    """One cluster as the page draws it: heads with addresses, cells with their reasons."""
    of = matrix(found)
    names = labels((*of.rows, *of.columns))
    heads = {one: {"name": names[one], "known": list(of.known_as[one])} for one in names}
    broken = {rule for ping in found.values() for rule in ping.broken}
    return {
        "rows": [heads[one] for one in of.rows],
        "columns": [heads[one] for one in of.columns],
        "cells": [[_cell(of, found, (row, column), world) for column in of.columns] for row in of.rows],
        "said": {rule: ("broken" if rule in broken else "kept") for rule in RULES},
    }


def _cell(
    of: Matrix, found: Mapping[Pair, Reached], pair: Pair, world: Mapping[str, Netns] | None
) -> dict[str, Any] | None:
    if pair not in found:
        return None
    cell, told = of.cells[pair], why(pair, found[pair])
    return {
        "said": str(cell),
        "lines": list(cell.lines),
        "good": cell.state == "good",
        "path": [name.rpartition("/")[2] for name in visited(world, found[pair].trace)] if world else [],
        "why": {"caption": told.caption, "heads": told.heads, "rows": told.rows, "marked": told.marked},
    }
