"""The stepper: one request, hop by hop, with the picture of the network and the very rows that decided.

Everything is sent to the page once; moving about asks the kernel of the notebook nothing, so it also works in a notebook that
has only been opened. Where no widget can be shown there are a PNG and a text.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import fill
from typing import Any

import anywidget
import traitlets

from ...errors import BadInput
from ...linux.namespace.netns import Netns
from ...linux.namespace.trace import Trace
from ..drawing.scene import scene
from ..drawing.sight import VIEW
from ..drawing.stored import stored_png
from ..keys import script
from ..tables.table import abridged
from .moments import DETAILS, STORY, moments
from .story import in_words, mark, numbers, told
from .telling import spoken

HERE = Path(__file__).parent
MOST_LINES, MOST_WIDTH = 40, 110


class Stepper(anywidget.AnyWidget):
    """A packet's way to step through: slider, arrow keys, Home, End, and space to play.

    `step` counts the shown steps from 1; set it from a cell to move there. `detail` is "story", which tells it in
    plain sentences, "main" or "every".
    """

    _esm = script(HERE / "stepper.js")
    _css = (HERE / "stepper.css").read_text(encoding="utf-8")
    story = traitlets.Dict().tag(sync=True)
    step = traitlets.Int(1).tag(sync=True)
    detail = traitlets.Enum(list(DETAILS), STORY).tag(sync=True)
    title = traitlets.Unicode("").tag(sync=True)

    def __init__(self, world: Mapping[str, Netns] | Netns, *traces: Trace, title: str = "", **state: Any):
        super().__init__(title=title, **self._of(world, traces), **state)

    def show(self, world: Mapping[str, Netns] | Netns, *traces: Trace) -> None:
        """Tells another story in the same place, from its first step."""
        with self.hold_sync():
            for name, value in self._of(world, traces).items():
                setattr(self, name, value)
            self.step = 1

    def _of(self, world: Mapping[str, Netns] | Netns, traces: tuple[Trace, ...]) -> dict[str, Any]:
        if not any(trace.steps for trace in traces):
            raise BadInput("stepper", "there is no step to show", "give it a trace, as linux.send returns one")
        self.scene, self.moments = scene(world, *traces), moments(*traces)
        return {"story": told(self.scene, self.moments)}

    @traitlets.validate("step")
    def _among_the_shown(self, proposal: Any) -> int:
        most = len(numbers(self.moments, self.detail)) or 1
        if not 1 <= proposal["value"] <= most:
            raise BadInput("step", f"there is no step {proposal['value']}", f"count from 1 to {most}")
        return proposal["value"]

    @traitlets.observe("detail")
    def _from_the_start(self, _: Any) -> None:
        self.step = 1

    def __repr__(self) -> str:
        said = self.title or "One request, step by step"
        if self.detail == STORY:
            sentences = spoken(self.moments)
            told = [
                fill(f"{at:>3}. {one}", MOST_WIDTH, subsequent_indent=" " * 5) for at, one in enumerate(sentences, 1)
            ]
            return "\n".join([said, *told])
        chosen = numbers(self.moments, self.detail)
        lines = [f"{said}: {len(chosen)} of {len(self.moments)} steps"]
        ends = [at for at, number in enumerate(chosen) if self.moments[number].step.end]
        for at in abridged(len(chosen), MOST_LINES - 1, ends):
            lines.append(f"{at + 1:>3}. {in_words(self.moments[chosen[at]])}" if at >= 0 else f"     ... {-at} more")
        return "\n".join(line if len(line) <= MOST_WIDTH else line[: MOST_WIDTH - 1] + "…" for line in lines)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        chosen = numbers(self.moments, self.detail)
        here = mark(self.scene, self.moments, chosen[self.step - 1] if chosen else 0)
        return {
            "text/plain": repr(self),
            **stored_png(self.scene, here),
            VIEW: {"version_major": 2, "version_minor": 0, "model_id": self.model_id},
        }


def stepper(world: Mapping[str, Netns] | Netns, *traces: Trace, title: str = "") -> Stepper:
    """A stepper through one or more traces of a world: a request, and, where it is another walk, its answer."""
    return Stepper(world, *traces, title=title)
