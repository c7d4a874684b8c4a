"""What a learner is told about an answer: never only "wrong", but which belief leads there and what disproves it."""

from __future__ import annotations

from html import escape
from typing import Any

from msgspec import Struct

from ...trial.run import caution
from ..bank import Exercise, find
from ..misconceptions import misconception
from ..page.rich import html, inline, plain, shown
from .kinds import Finding, Kind
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
    """The answer to an answer. `state` is a key of HEADS; `notice` is about saving, and mostly empty.

    A wrong answer is first met with what disproves it, and no more. `in_full` adds the evidence, and `answer` with its reason.
    """

    exercise: str
    variant: int
    state: str
    findings: tuple[Finding, ...] = ()
    said: str = ""
    notice: str = ""
    in_full: bool = False
    is_tried_out: bool = False
    answer: str = ""

    @property
    def right(self) -> bool:
        return self.state == RIGHT

    @property
    def beliefs(self) -> tuple[int, ...]:
        """The numbers of the misconceptions that the answer shows."""
        return tuple(dict.fromkeys(one.belief for one in self.findings if one.belief and not one.right))

    @property
    def evidence(self) -> list[object]:
        """What shows it, each thing once. Before it is shown in full, only what the learner's own answer did."""
        if not (self.right or self.in_full or self.is_tried_out):
            return []
        wanted = [one.evidence for one in self.findings if one.evidence is not None and (self.right or not one.right)]
        return [thing for at, thing in enumerate(wanted) if thing not in wanted[:at]]

    @property
    def _offer(self) -> str:
        if self.state not in (WRONG, OTHER) or self.in_full:
            return ""
        name = f'"{self.exercise}"'
        return f"Three hints are there: hint({name}). Everything, with the answer: check({name}, ..., in_full=True)"

    def _belief(self, number: int) -> str:
        """The belief behind the answer; what is so instead comes with everything else."""
        known = misconception(number)
        return str(known) if self.in_full else f"Many people who answer this believe: “{known.belief}”"

    def __str__(self) -> str:
        lines = [f"{self.exercise}: {HEADS[self.state]}.", plain(self.said)]
        for one in self.findings:
            lines.append((f"{SIGNS[RIGHT if one.right else WRONG]} {one.part}: " if one.part else "") + plain(one.said))
        lines += [self._belief(number) for number in self.beliefs]
        lines += [plain(self.answer), *(str(thing) for thing in self.evidence)]
        return "\n".join(line.rstrip(": ") for line in [*lines, self._offer, self.notice] if line.strip())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        title = f"<p><b>{SIGNS[self.state]} {escape(self.exercise)}: {HEADS[self.state]}.</b></p>"
        return f"<div>{title}{inside(self)}{html(self._offer)}</div>"


def inside(of: Feedback) -> str:
    """All but its head and the offer of hints, in HTML."""
    parts = [html(of.said), _fields(of)]
    parts += [html(one.said) for one in of.findings if not one.part]
    told = [misconception(number)._repr_html_() if of.in_full else html(of._belief(number)) for number in of.beliefs]
    parts += [f'<div class="kn-belief">{belief}</div>' for belief in told]
    parts += [html(of.answer), *(shown(thing) for thing in of.evidence)]
    return "".join([*parts, html(of.notice)])


def _fields(of: Feedback) -> str:
    """One line for each part of an answer that has parts."""
    rows = [
        f"<li>{SIGNS[RIGHT if one.right else WRONG]} <b>{escape(one.part)}</b>: {inline(one.said or 'right')}</li>"
        for one in of.findings
        if one.part
    ]
    return f'<ul class="kn-fields">{"".join(rows)}</ul>' if rows else ""


def judged(exercise: Exercise | str, answer: Any, variant: int = 0, in_full: bool = False) -> Feedback:
    """What is to be said of an answer. Nothing is kept; see `session.check`."""
    exercise = find(exercise) if isinstance(exercise, str) else exercise
    instance = exercise.instance(variant)
    try:
        findings = instance.judge(answer)
    except Unanswered as sentence:
        return Feedback(exercise.id, variant, UNANSWERED, said=str(sentence) or instance.first)
    except Unreadable as sentence:
        return Feedback(exercise.id, variant, UNREADABLE, said=f"{sentence} This does not count as an attempt.")
    except OwnWords as words:
        said = f"“{words}”\n\nNone of the statements says that. Your words are kept. Choose the statement that comes nearest."
        return Feedback(
            exercise.id, variant, OTHER, (Finding(False, "", evidence=instance.evidence),), said, in_full=in_full
        )
    contained = caution() if getattr(instance, "is_run", False) else ""
    if all(one.right for one in findings):
        return Feedback(exercise.id, variant, RIGHT, findings, contained)
    more = {"in_full": in_full, "is_tried_out": instance.is_tried_out}
    return Feedback(
        exercise.id, variant, WRONG, findings, contained, answer=_answer(instance) if in_full else "", **more
    )


def _answer(instance: Kind) -> str:
    """The right answer and its reason. What was written and tried out has many right answers: `solution` shows one."""
    if instance.is_tried_out:
        return ""
    one = instance.solution
    words = "; ".join(f"{name} = {value}" for name, value in one.items()) if isinstance(one, dict) else one
    words = "; ".join(map(str, one)) if isinstance(one, list) else words
    return f"**The answer:** {words}.\n\n{instance.because}"
