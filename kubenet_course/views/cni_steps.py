"""A chain's commands one after the other, each with what it changed and the picture of the node after it."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets

from ..cni.node.node import Answer
from ..errors import BadInput
from .drawing.picture import Picture, picture
from .drawing.sight import VIEW
from .drawing.stored import stored_png
from .keys import KeyKeeper

SAID = "font-size:14px;line-height:1.4;margin:4px 0"


class Wiring(ipywidgets.VBox):
    """A slider over the commands of an answer; `step` counts them from 1, and can be set from a cell.

    `answer` is what a verb has come to (`Node.add`, ...). Raises BadInput where no plugin has run a command.
    """

    def __init__(self, answer: Answer):
        self.rows = [(call.plugin, one) for call in answer.calls for one in call.typed]
        if not self.rows:
            raise BadInput("wiring", "no plugin has run a command", "give it the answer to an ADD or a DEL")
        layout = {"width": "min(100%, 560px)"}
        self.slider = ipywidgets.IntSlider(1, 1, len(self.rows), description="command", layout=layout)
        self.page = ipywidgets.HTML()
        super().__init__([self.slider, self.page, KeyKeeper()])
        self.slider.observe(self._turned, "value")
        self._turned()

    @property
    def step(self) -> int:
        return self.slider.value

    @step.setter
    def step(self, number: int) -> None:
        if not 1 <= number <= len(self.rows):
            raise BadInput("step", f"there is no command {number}", f"count from 1 to {len(self.rows)}")
        self.slider.value = number

    @property
    def picture(self) -> Picture:
        """The node and its pods after the command."""
        return picture(self.rows[self.step - 1][1].world)

    def _turned(self, _: object = None) -> None:
        plugin, one = self.rows[self.step - 1]
        said = "<br>".join(map(escape, one.said))
        head = f"<b>{escape(plugin)}</b> on {escape(one.at)}: <code>{escape(one.command)}</code>"
        words = f'<p role="status" style="{SAID}">{head}</p><p style="{SAID}">{said}</p>'
        self.page.value = f"{words}{self.picture.svg}"

    def __repr__(self) -> str:
        plugin, one = self.rows[self.step - 1]
        head = f"Command {self.step} of {len(self.rows)}, by {plugin} on {one.at}: {one.command}"
        return "\n".join([head, *one.said, "The node then:", str(self.picture)])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {"text/plain": repr(self), **stored_png(self.picture.scene, self.picture.mark), VIEW: view}
