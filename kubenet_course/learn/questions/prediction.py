"""Predict before run: what a learner expects is kept before the next cell shows what happens, and then both stand side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from msgspec import Struct

from ...errors import BadInput
from ..misconceptions import misconception
from ..page.rich import html, plain, shown
from ..record import book as kept
from ..record.store import store
from .reading import folded

NOT_OFFERED = "The question did not offer:"


class Question(Struct, frozen=True):
    """What was asked. `choices` is empty where anything may be written."""

    id: str
    asks: str
    choices: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"Predict ({self.id}): {plain(self.asks)}", *(f"  - {plain(choice)}" for choice in self.choices)]
        return "\n".join([*lines, "Not answered yet. Run this cell to predict here."])

    def is_same(self, one: Any, other: Any) -> bool:
        """Whether two answers mean the same."""
        return folded(_text(one)) == folded(_text(other))

    def choice(self, said: Any) -> str:
        """The choice that is meant, as it was offered; else what was said."""
        return next((choice for choice in self.choices if self.is_same(choice, said)), _text(said))

    def offers(self, said: Any) -> bool:
        """Whether it is among the choices; everything is, where there are none."""
        return not self.choices or self.choice(said) in self.choices


class Outcome(Struct, frozen=True):
    """Prediction and truth side by side. `said` is empty where nothing was predicted."""

    question: Question
    truth: str
    said: str = ""
    belief: int = 0
    why: str = ""
    evidence: object = None
    notice: str = ""

    @property
    def right(self) -> bool:
        return bool(self.said) and self.question.is_same(self.said, self.truth)

    def __str__(self) -> str:
        lines = [f"Prediction {self.question.id}: {self.said or 'none was made'}", f"What happened:  {self.truth}"]
        if self.said:
            lines.append("As you said." if self.right else "Not as you said.")
        lines += [str(misconception(self.belief)) if self.belief else "", plain(self.why)]
        lines += [str(self.evidence) if self.evidence is not None else "", self.notice]
        return "\n".join(line for line in lines if line)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        sign = ("✓ As you said." if self.right else "✗ Not as you said.") if self.said else ""
        rows = [("you predicted", self.said or "nothing yet"), ("what happened", self.truth)]
        body = "".join(f'<tr><th scope="row">{name}</th><td>{escape(one)}</td></tr>' for name, one in rows)
        belief = f'<div class="kn-belief">{misconception(self.belief)._repr_html_()}</div>' if self.belief else ""
        seen = shown(self.evidence) if self.evidence is not None else ""
        rest = html(self.why) + seen + html(self.notice)
        return f'<div><table class="kn-side">{body}</table><p><b>{sign}</b></p>{belief}{rest}</div>'


_ASKED: dict[str, Question] = {}


def asked(id: str, question: str, choices: Sequence[str]) -> Question:
    """Enters a question. Asking it again, changed or not, is fine."""
    if not id[:2].isdigit() or id[2:3] != "-":
        raise BadInput(id, "this is not the id of a prediction", "write the chapter and a name, like 01-bind")
    if len({folded(_text(choice)) for choice in choices}) != len(choices):
        raise BadInput(id, "two choices are the same", "give each choice once")
    _ASKED[id] = Question(id, question, tuple(map(_text, choices)))
    return _ASKED[id]


def keep(question: Question, said: Any) -> kept.Kept:
    """Keeps a prediction, unless the truth is already out; returns what is kept. Raises BadInput for what was not offered."""
    if not question.offers(said):
        raise BadInput(
            question.id, f"{_text(said)!r} is not among the choices", f"write {' or '.join(question.choices)}"
        )
    choice = question.choice(said)
    return store().update(lambda book: kept.predicted(book, question.id, choice)).predictions[question.id]


def compared(
    id: str, truth: Any, beliefs: Mapping[str, int] | None = None, why: str = "", evidence: object = None
) -> Outcome:
    """The truth beside what was predicted; from now on the prediction cannot be changed.

    `beliefs` maps a wrong choice to the number of the misconception behind it. What the question did not offer is said to be so:
    somebody may have changed the cell that asks.
    """
    question = _ASKED.get(id, Question(id, ""))
    strays = [_text(one) for one in (truth, *(beliefs or ())) if not question.offers(one)]
    truth = question.choice(truth)
    known = {question.choice(choice): number for choice, number in (beliefs or {}).items()}
    said = said_before(id)
    belief = 0 if question.is_same(said, truth) else known.get(said, 0)
    if said:
        store().update(lambda book: kept.revealed(book, id, question.is_same(said, truth), belief))
    stray = f"{NOT_OFFERED} {', '.join(strays)}. Has the cell that asks been changed?" if strays else ""
    return Outcome(question, truth, said, belief, why, evidence, f"{store().notice}\n\n{stray}".strip())


def said_before(id: str) -> str:
    """What is kept of a prediction; empty where there is none."""
    kept = store().read().predictions.get(id)
    return kept.said if kept else ""


def _text(one: Any) -> str:
    return " ".join(str(one).split())
