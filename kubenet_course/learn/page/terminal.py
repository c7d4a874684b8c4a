"""A terminal on a page: one line to type on, what came of each command, and beside it the picture that each of them changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import traitlets

from ...shell.answer import Answer
from ...views.console import Console
from ...views.drawing.stored import stored_png
from ...views.drawing.theme import variables
from ...views.keys import script
from .asking import SILENT, VIEW, Asking

HERE = Path(__file__).parent
EMPTY = "<p>No namespace has been made yet. Try: <code>ip netns add red</code></p>"
MOST = 200  # commands that are kept on the page


class Terminal(Asking):
    """A console to type on. `begun` are commands that are carried out before the first; `type(line)` does what Enter does.

    Arrow keys up and down bring earlier commands back, Tab completes the last word. The kernel
    of the notebook keeps the world; the page only shows it.
    """

    _esm = script(HERE / "terminal.js")
    _css = variables(".kn-terminal") + (HERE / "terminal.css").read_text(encoding="utf-8")

    completed = traitlets.Dict().tag(sync=True)  # what Tab made of which line

    def __init__(self, here: str = "node-1", begun: str = "", title: str = "A terminal on the model"):
        self.here, self.begun, self.title = here, begun, title
        self.console = Console(here)
        super().__init__(text="")
        self._again()

    def type(self, line: str) -> Answer:
        """Carries out a line as if it had been typed. `clear` empties the page and leaves the world as it is."""
        if line.strip() == "clear":
            self._show([])
            return Answer(())
        answer = self.console(line)
        said = {"line": line, "html": answer._repr_html_(), "text": str(answer), "refused": answer.refused}
        self._show([*self.reply["log"], said][-MOST:])
        return answer

    def _again(self) -> None:
        """From the start."""
        self.console = Console(self.here)
        if self.begun:
            self.console(self.begun)
        self.form = {"title": self.title, "prompt": f"{self.here} #", "begun": self.begun}
        self._show([])

    def _show(self, log: list[dict[str, Any]]) -> None:
        drawn = self.console.picture if self.console.world else None
        self.reply = {
            **SILENT,
            "log": log,
            "picture": drawn.svg if drawn else EMPTY,
            "learned": self.console.learned._repr_html_(),
        }
        self.text = repr(self)

    def told(self, do: str, answer: Any) -> None:
        match do:
            case "run" if isinstance(answer, str) and answer.strip():
                self.type(answer)
            case "complete" if isinstance(answer, str):
                whole, words = self.console.complete(answer)
                self.completed = {"line": answer, "whole": whole, "words": words}
            case "again":
                self._again()

    def __repr__(self) -> str:
        typed = [f"{self.here} # {said['line']}\n{said['text']}" for said in self.reply.get("log", [])]
        return "\n".join(
            [f"{self.title}: run this cell to type here.", *typed, str(self.console), str(self.console.learned)]
        )

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        picture = self.console.picture if self.console.world else None
        png = stored_png(picture.scene, picture.mark) if picture else {}
        return {**png, "text/plain": repr(self), VIEW: view}
