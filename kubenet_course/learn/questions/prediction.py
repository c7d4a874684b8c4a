"""Predict before run: what a learner expects is kept first; then the run shows what happens, and both stand side by side."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from msgspec import Struct

from ...errors import BadInput
from ..misconceptions import misconception
from ..page.rich import html, plain
from ..record import book as kept
from ..record.store import store
from .question import Question, written


class Outcome(Struct, frozen=True):
    """Prediction and truth side by side. `said` is empty where nothing was predicted; `seen` is what shows it."""

    question: Question
    truth: str
    said: str
    seen: tuple[Any, ...]
    notice: str = ""

    @property
    def right(self) -> bool:
        return bool(self.said) and self.said == self.truth

    @property
    def belief(self) -> int:
        """The number of the misconception behind the prediction, 0 where there is none."""
        known = self.is_as_written and not self.right
        return max(0, self.question.choices.get(self.said, 0)) if known else 0

    @property
    def is_as_written(self) -> bool:
        """Whether the run ended as the course says: then its reasons fit."""
        return self.truth == self.question.answer

    @property
    def _why(self) -> str:
        changed = (
            "The course expects something else here. A cell was probably changed, or cells below have run already. If you did "
            "not mean to, choose *Kernel > Restart Kernel*, and run the cells from the top down to this one."
        )
        return self.question.why if self.is_as_written else changed

    @property
    def _sign(self) -> str:
        if not self.said or not self.is_as_written:
            return ""
        return "✓ As you predicted." if self.right else "✗ Not as you predicted."

    def __str__(self) -> str:
        lines = [f"Prediction {self.question.id}: {self.said or 'none was made'}", f"What happened:  {self.truth}"]
        lines += [self._sign, str(misconception(self.belief)) if self.belief else "", plain(self._why), self.notice]
        return "\n".join(line for line in lines if line)

    def _repr_html_(self) -> str:
        rows = [("you predicted", self.said or "nothing yet"), ("what happened", self.truth)]
        body = "".join(f'<tr><th scope="row">{name}</th><td>{escape(words)}</td></tr>' for name, words in rows)
        belief = f'<div class="kn-belief">{misconception(self.belief)._repr_html_()}</div>' if self.belief else ""
        table = f'<table class="kn-side" aria-label="Prediction {self.question.id}">{body}</table>'
        return f"<div>{table}<p><b>{self._sign}</b></p>{belief}{html(self._why)}{html(self.notice)}</div>"


def keep(question: Question, said: Any) -> kept.Kept:
    """Keeps a prediction, unless the truth is already out; returns what is kept. Raises BadInput for what was not offered."""
    choice = question.choice(said)
    if not choice:
        offered = " or ".join(question.choices)
        raise BadInput(question.id, f"{written(said)!r} is not among the choices", f"write {offered}")
    return store().update(lambda book: kept.predicted(book, question.id, choice)).predictions[question.id]


def compared(question: Question, run: Callable[[], Any]) -> Outcome:
    """Runs, and sets what happened beside what was predicted. If it ended as the course says, the prediction stays.

    A run returns its result alone, or the result and then whatever shows it: tables, pictures, a stepper.
    """
    returned = run()
    result, seen = (returned[0], returned[1:]) if isinstance(returned, tuple) else (returned, (returned,))
    happened = written(question.reads(result))
    truth = question.choice(happened) or happened
    seen = tuple(one for one in seen if one is not None and not isinstance(one, (str, bool)))
    outcome = Outcome(question, truth, said_before(question.id), seen, store().notice)
    if outcome.said and outcome.is_as_written:
        store().update(lambda book: kept.revealed(book, question.id, outcome.right, outcome.belief))
    return outcome


def said_before(id: str) -> str:
    """What is kept of a prediction; empty where there is none."""
    before = store().read().predictions.get(id)
    return before.said if before else ""
