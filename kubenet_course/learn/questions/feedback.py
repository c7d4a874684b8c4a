"""What a learner is told about an answer: never only "wrong", but which belief leads there and what disproves it."""

from __future__ import annotations

from html import escape
from typing import Any

from msgspec import Struct

from ...trial.run import caution
from ..bank import Exercise, find
from ..misconceptions import misconception
from ..page.rich import html, inline, plain, shown
from .kinds import Finding
from .kinds_lists import OwnWords
from .reading import Unanswered, Unreadable

UNANSWERED, UNREADABLE, OTHER, WRONG, RIGHT = "unanswered", "unreadable", "other", "wrong", "right"
HEADS = {
    UNANSWERED: "not answered yet",
    UNREADABLE: "not read",
    OTHER: "kept in your own words",
    WRONG: "not yet",
    RIGHT: "right",
}
SIGNS = {UNANSWERED: "○", UNREADABLE: "?", OTHER: "✎", WRONG: "✗", RIGHT: "✓"}


class Feedback(Struct, frozen=True):
    """The answer to an answer. `state` is a key of HEADS; `notice` is about saving, and mostly empty."""

    exercise: str
    variant: int
    state: str
    findings: tuple[Finding, ...] = ()
    said: str = ""
    notice: str = ""

    @property
    def right(self) -> bool:
        return self.state == RIGHT

    @property
    def beliefs(self) -> tuple[int, ...]:
        """The numbers of the misconceptions that the answer shows."""
        return tuple(dict.fromkeys(one.belief for one in self.findings if one.belief and not one.right))

    @property
    def evidence(self) -> list[object]:
        """What shows it, each thing once."""
        wanted = [one.evidence for one in self.findings if one.evidence is not None and (self.right or not one.right)]
        return [thing for at, thing in enumerate(wanted) if thing not in wanted[:at]]

    @property
    def _offer(self) -> str:
        return f'Three hints are there: hint("{self.exercise}")' if self.state in (WRONG, OTHER) else ""

    def __str__(self) -> str:
        lines = [f"{self.exercise}: {HEADS[self.state]}.", plain(self.said)]
        for one in self.findings:
            lines.append((f"{SIGNS[RIGHT if one.right else WRONG]} {one.part}: " if one.part else "") + plain(one.said))
        lines += [str(misconception(number)) for number in self.beliefs]
        lines += [str(thing) for thing in self.evidence]
        return "\n".join(line.rstrip(": ") for line in [*lines, self._offer, self.notice] if line.strip())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        title = f"<p><b>{SIGNS[self.state]} {escape(self.exercise)}: {HEADS[self.state]}.</b></p>"
        return f"<div>{title}{inside(self)}{html(self._offer)}</div>"


def inside(of: Feedback) -> str:
    """All but its head and the offer of hints, in HTML."""
    parts = [html(of.said), _fields(of)]
    parts += [html(one.said) for one in of.findings if not one.part]
    parts += [f'<div class="kn-belief">{misconception(number)._repr_html_()}</div>' for number in of.beliefs]
    parts += [shown(thing) for thing in of.evidence]
    return "".join([*parts, html(of.notice)])


def _fields(of: Feedback) -> str:
    """One line for each part of an answer that has parts."""
    rows = [
        f"<li>{SIGNS[RIGHT if one.right else WRONG]} <b>{escape(one.part)}</b>: {inline(one.said or 'right')}</li>"
        for one in of.findings
        if one.part
    ]
    return f'<ul class="kn-fields">{"".join(rows)}</ul>' if rows else ""


def judged(exercise: Exercise | str, answer: Any, variant: int = 0) -> Feedback:
    """What is to be said of an answer. Nothing is kept; see `session.check`."""
    exercise = find(exercise) if isinstance(exercise, str) else exercise
    try:
        findings = exercise.instance(variant).judge(answer)
    except Unanswered:
        return Feedback(exercise.id, variant, UNANSWERED)
    except Unreadable as sentence:
        return Feedback(exercise.id, variant, UNREADABLE, said=f"{sentence} This does not count as an attempt.")
    except OwnWords as words:
        instance = exercise.instance(variant)
        said = f"“{words}”\n\nNone of the statements says that. Compare it with what the model did, then choose."
        return Feedback(exercise.id, variant, OTHER, (Finding(False, "", evidence=instance.evidence),), said)
    said = caution() if getattr(exercise.instance(variant), "is_run", False) else ""
    return Feedback(exercise.id, variant, RIGHT if all(one.right for one in findings) else WRONG, findings, said)
