"""`predict` asks, `reveal` runs and shows: nothing of what happens is computed before a prediction is kept."""

from __future__ import annotations

import os
from collections.abc import Callable
from copy import deepcopy
from typing import Any
from weakref import WeakSet

from ipywidgets import VBox, Widget

from ..bank import asked
from ..questions.feedback import OTHER, SIGNS, UNANSWERED
from ..questions.prediction import Outcome, Question, compared, keep, said_before
from ..record.store import store
from .asking import SILENT, VIEW, Asking
from .rich import html, inline, shown

OPEN = "KUBENET_OPEN_REVEALS"  # set only by the course's own tests: every reveal runs at once, and fails aloud
FIRST = "Choose a prediction in the question above, and keep it. Then this cell runs, and shows both side by side."
KEEP = "Keep my prediction"
CHOOSE = "Choose one of the answers first."


class Prediction(Asking):
    """A question whose answer is kept until its truth is shown."""

    def __init__(self, question: Question):
        self.question = question
        options = [[choice, inline(choice)] for choice in question.choices]
        shape = {
            "id": question.id,
            "heading": "Predict",
            "asks": html(question.asks),
            "button": "Keep my prediction",
            "helps": False,
        }
        super().__init__(text=str(question), form={**shape, "input": "words", "options": options})
        self._say()

    def _say(self, told: str = "") -> None:
        before = store().read().predictions.get(self.question.id)
        if before is None:
            head = f"{SIGNS[UNANSWERED]} not answered yet"
            self.reply = {**SILENT, "state": UNANSWERED, "head": head, "html": html(told)}
            return
        self.draft = before.said
        rest = "You may change it until you have seen what happens."
        if before.revealed:
            rest = "You have seen what happens, so it stays as it is."
        said = html(f"Kept: **{before.said}**. {rest}") + html(store().notice)
        self.reply = {**SILENT, "state": OTHER, "head": "kept", "html": said, "done": before.revealed}

    def predict(self, said: Any) -> None:
        """What the button does. Whatever waits for this prediction then runs."""
        keep(self.question, said)
        for waiting in [one for one in _WAITING if one.question.id == self.question.id]:
            waiting.run()
        self._say()

    def told(self, do: str, answer: Any) -> None:
        """The button was pressed."""
        if do == "check" and answer:
            self.predict(answer)
        elif do == "check":
            self._say(CHOOSE)


class Box(Asking):
    """The upper part of a reveal: closed, it says what to do first; open, it holds both answers."""

    def __init__(self, opens: Callable[[], None]):
        self.opens = opens
        super().__init__(text="")

    def told(self, do: str, answer: Any) -> None:
        """The button "Show it all the same" was pressed."""
        if do == "check":
            self.opens()


class Revealed(VBox):
    """What happened, beside what was predicted. Until there is a prediction nothing has run."""

    def __init__(self, question: Question, run: Callable[[], Any]):
        self.question, self.runs, self.outcome = question, run, None
        self.box = Box(self.run)
        self.text = f"What happens ({question.id})? {FIRST}"
        closed = {"id": question.id, "heading": "What happens?", "asks": html(FIRST), "input": "", "helps": False}
        self.box.form = {**closed, "button": "Show it all the same"}
        super().__init__([self.box])
        if OPEN in os.environ:
            self.show(compared(question, run))
        elif said_before(question.id):
            self.run()

    outcome: Outcome | None

    def run(self) -> None:
        """Runs and shows it; what fails is said here, where the learner looks."""
        try:
            self.show(compared(self.question, self.runs))
        except Exception as error:
            hint = "Run the cells above once more, from the top, and then this one."
            self._draw(f"The run failed: `{type(error).__name__}: {error}`\n\n{hint}", ())

    def show(self, outcome: Outcome) -> None:
        """Both answers side by side, then everything that the run returned."""
        self.outcome = outcome
        self.text = str(outcome)
        drawn = [part for part in outcome.seen if isinstance(part, Widget)]
        rest = [part for part in outcome.seen if not isinstance(part, Widget)]
        self._draw(outcome._repr_html_() + "".join(map(shown, rest)), drawn)

    def _draw(self, inside: str, drawn: Any) -> None:
        asks = inside if inside.startswith("<") else html(inside)
        shape = {"id": self.question.id, "heading": "What happened", "input": "", "button": "", "helps": False}
        self.box.form = {**shape, "asks": asks}
        self.children = (self.box, *drawn)

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {"text/plain": self.text, VIEW: view}


_WAITING: WeakSet[Revealed] = WeakSet()


def predict(id: str) -> Prediction:
    """Asks the prediction of an id; its question and its choices stand in the bank."""
    return Prediction(asked(id))


def reveal(id: str, run: Callable[..., Any], *world: Any) -> Revealed:
    """What happens, once a prediction is kept or the learner wants to see it all the same.

    Only then `run` is called, with a copy of each thing in `world` as it is now: what later cells do to a machine or a terminal
    changes nothing here, also for those who run all cells first and predict afterwards. It goes on below as it is.
    It returns the result, alone or with what shows it behind it: `return seen_from, Stepper(...)`.
    """
    now = deepcopy(world)
    made = Revealed(asked(id), lambda: run(*deepcopy(now)))
    _WAITING.add(made)
    return made
