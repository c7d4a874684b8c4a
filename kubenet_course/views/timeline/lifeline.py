"""A pod's life in lanes, or a rollout's with a lane for each pod. All that is drawn stands in saved traits, so that a
page without Python shows it too.

Lifeline(watch(manifest, behaviour), "a program that hangs")
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ...kube.workload.rolled import Rolled
from ...kube.workload.watched import Watched
from ..drawing.sight import VIEW
from ..drawing.theme import variables
from ..keys import script
from .story import told

HERE = Path(__file__).parent
MOST_WIDTH = 120


class Lifeline(anywidget.AnyWidget):
    """The picture of one life. `at` is the second that a reader looks at; the page tells how everything stood then."""

    _esm = script(HERE / "timeline.js")
    _css = variables(".kn-life") + (HERE / "timeline.css").read_text(encoding="utf-8")
    story = traitlets.Dict().tag(sync=True)
    form = traitlets.List().tag(sync=True)
    wishes = traitlets.Dict().tag(sync=True)

    def __init__(self, life: Watched | Rolled, title: str = "", **state: Any):
        self.life, self.title = life, title
        super().__init__(story=told(life, title), **state)

    def show(self, life: Watched | Rolled) -> None:
        """Another life in the same picture."""
        self.life = life
        self.story = told(life, self.title)

    @property
    def said(self) -> tuple[str, ...]:
        """Every lane in words."""
        return tuple(self.story["said"])

    def __repr__(self) -> str:
        lines = [f"{self.story['title']}. {self.story['headline']}.", *self.said]
        return "\n".join(line if len(line) <= MOST_WIDTH else line[: MOST_WIDTH - 1] + "…" for line in lines)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        shown = {"text/plain": repr(self), VIEW: view}
        try:
            from ..drawing.lanes import lanes_png  # matplotlib loads when a picture is first shown
        except ImportError:  # there is none in a browser
            return shown
        return {**shown, "image/png": lanes_png(self.story)}
