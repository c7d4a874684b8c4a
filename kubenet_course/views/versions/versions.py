"""A slider over versions: which of some statements hold in one of them, what is new in it and what ended with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from msgspec import Struct

from ...errors import BadInput
from ..drawing.sight import VIEW
from ..drawing.theme import variables
from ..keys import script

HERE = Path(__file__).parent


class Dated(Struct, frozen=True):
    """A statement, the first version it holds for ("" for all), the first it no longer holds for, and who says so."""

    statement: str
    since: str = ""
    until: str = ""
    source: str = ""


def order(version: str) -> tuple[int, ...]:
    """1.9 comes before 1.10."""
    return tuple(map(int, version.split(".")))


def state(one: Dated, version: str) -> str:
    """ "new", "holds", "ended" (with this very version), or "" for what has nothing to do with it."""
    now = order(version)
    if one.until and order(one.until) <= now:
        return "ended" if one.until == version else ""
    if one.since and order(one.since) > now:
        return ""
    return "new" if one.since == version else "holds"


class Versions(anywidget.AnyWidget):
    """`Versions(rows, "1.33", "1.40")`. From a cell: `slider.choose("1.37")`."""

    _esm = script(HERE / "versions.js")
    _css = variables(".kn-versions") + (HERE / "versions.css").read_text(encoding="utf-8")
    story = traitlets.Dict().tag(sync=True)
    version = traitlets.Unicode("").tag(sync=True)

    def __init__(self, rows: Iterable[Dated], first: str, last: str, title: str = "What holds in", chosen: str = ""):
        minors = range(order(first)[1], order(last)[1] + 1)
        self.versions = [f"{order(first)[0]}.{minor}" for minor in minors]
        self.rows: Sequence[Dated] = tuple(rows)
        told = [
            {
                "statement": one.statement,
                "since": one.since,
                "until": one.until,
                "source": one.source,
                "states": [state(one, version) for version in self.versions],
            }
            for one in self.rows
        ]
        story = {"title": title, "versions": self.versions, "rows": told}
        super().__init__(story=story, version=chosen or self.versions[0])
        self.choose(self.version)

    def choose(self, version: str) -> None:
        """Raises BadInput for a version that the slider has not."""
        if version not in self.versions:
            raise BadInput("version", f"{version!r} is not on the slider", f"choose {' or '.join(self.versions)}")
        self.version = version

    @property
    def holding(self) -> tuple[str, ...]:
        """The statements that hold in the chosen version."""
        return tuple(one.statement for one in self.rows if state(one, self.version) in ("new", "holds"))

    def __repr__(self) -> str:
        words = {"new": "new: ", "holds": "", "ended": "no longer: "}
        said = [(state(one, self.version), one.statement) for one in self.rows]
        lines = [f"  {words[how]}{statement}" for how, statement in said if how]
        return "\n".join([f"{self.story['title']} {self.version}:", *lines])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        items = "".join(f"<li>{escape(line.strip())}</li>" for line in repr(self).splitlines()[1:])
        stored = f"<div><p>{escape(self.story['title'])} {escape(self.version)}</p><ul>{items}</ul></div>"
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {"text/plain": repr(self), "text/html": stored, VIEW: view}
