"""The widget behind every question: it draws what it is told, sends answers to the kernel, and shows what the kernel says.

Controls wake up when a page says hello to a living kernel; in a notebook that was only opened they ask to run the cell.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ...views.drawing.theme import variables
from ...views.keys import script

HERE = Path(__file__).parent
VIEW = "application/vnd.jupyter.widget-view+json"
SILENT: dict[str, Any] = {
    "state": "",
    "head": "",
    "html": "",
    "parts": {},
    "hints": "",
    "hint": "",
    "full": "",
    "next": "",
    "done": False,
}


class Asking(anywidget.AnyWidget):
    """A question on a page. `form` is what is asked, `reply` what is said of the answer, `draft` what stands in the controls.

    A subclass answers `told`; `text` stands in where no widget can be shown.
    """

    _esm = script(HERE / "exercise.js")
    _css = variables(".kn-exercise") + (HERE / "exercise.css").read_text(encoding="utf-8")
    form = traitlets.Dict().tag(sync=True)
    reply = traitlets.Dict(SILENT).tag(sync=True)
    draft = traitlets.Any(None, allow_none=True).tag(sync=True)
    live = traitlets.Bool(False).tag(sync=True)
    heard = traitlets.Int(0).tag(sync=True)

    def __init__(self, text: str, **state: Any):
        super().__init__(**state)
        self.text = text
        self.on_msg(self._on_message)

    def _on_message(self, _: Any, content: Any, __: Any) -> None:
        """What the page says: hello, check, hint, full, next."""
        with self.hold_sync():
            if isinstance(content, dict):
                self.live = True
                self.told(str(content.get("do", "")), content.get("answer"))
            self.heard += 1

    def told(self, do: str, answer: Any) -> None:
        """A button was pressed."""

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {"text/plain": self.text, VIEW: view}
