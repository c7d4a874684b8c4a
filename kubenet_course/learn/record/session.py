"""Answering from a plain cell: `check`, `hint`, `solution`. The widgets do the same through these."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ...errors import BadInput
from ..bank import chapters, everything, find, predictions
from ..page.rich import html, plain, shown
from ..questions.feedback import OTHER, RIGHT, WRONG, Feedback, judged
from ..questions.kinds import Finding, Value
from ..questions.reading import COLLECTIONS, values
from . import book as kept
from .store import store

HINTS = 3


class Hint(Struct, frozen=True):
    """One of the three hints of an exercise: where to look, what to look for, how to work it out."""

    exercise: str
    number: int
    said: str

    def __str__(self) -> str:
        return f"Hint {self.number} of {HINTS}: {plain(self.said)}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html(str(self))


class Solution(Struct, frozen=True):
    """The reference solution of an exercise, and why it is right, folded away. Looking at it counts as nothing."""

    exercise: str
    variant: int
    answer: Any
    because: str
    evidence: object

    @property
    def said(self) -> str:
        """The answer as one would write it."""
        if isinstance(self.answer, dict):
            return "\n".join(f"{name}: {one}" for name, one in self.answer.items())
        if isinstance(self.answer, list):
            return "\n".join(f"{number}. {one}" for number, one in enumerate(self.answer, 1))
        return str(self.answer)

    def __str__(self) -> str:
        parts = [f"{self.exercise}, one solution:", self.said, plain(self.because)]
        return "\n".join([*parts, *([str(self.evidence)] if self.evidence is not None else [])]).strip()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        seen = shown(self.evidence) if self.evidence is not None else ""
        told = f"{shown(self.said)}{html(self.because)}{seen}"
        return f"<details><summary>One solution of {self.exercise}</summary>{told}</details>"


def check(id: str, answer: Any = None, variant: int = 0, chapter: str = "", in_full: bool = False) -> Feedback:
    """Judges an answer and keeps it. Without an answer it says so and nothing else happens.

    `chapter` is the chapter in whose warm-up it is asked. `in_full` shows with a wrong answer everything, the right one included.
    """
    if isinstance(variant, str):
        raise BadInput("check", "it takes one answer", f'write several values as a list: check("{id}", ["...", "..."])')
    made = judged(find(id), answer, variant, in_full)
    if made.state == WRONG and not in_full:
        made = replace(made, findings=_nearer(id, answer, variant) or made.findings)
    if made.state in (RIGHT, WRONG):
        said = kept_as(answer)
        store().update(lambda book: kept.answered(book, id, made.right, said, variant, made.beliefs, chapter))
    elif made.state == OTHER:
        words = str(kept_as(answer.get("other") if isinstance(answer, dict) else answer))
        store().update(lambda book: kept.in_own_words(book, id, words))
    return replace(made, notice=store().notice)


def _nearer(id: str, answer: Any, variant: int) -> tuple[Finding, ...]:
    """What is said of a value from the second miss on; nothing of other answers, or at the first miss."""
    before, instance = store().read().item(id), find(id).instance(variant)
    is_again = before.missed > 0 and before.variant == variant and not before.solved
    return instance.judge_again(answer) if is_again and isinstance(instance, Value) else ()


def kept_as(answer: Any) -> Any:
    """An answer as JSON can hold it: text without half characters, numbers of 64 bits."""
    if isinstance(answer, dict):
        return {kept_as(str(name)): kept_as(one) for name, one in answer.items()}
    if isinstance(answer, COLLECTIONS):
        return [kept_as(one) for one in values(answer)]
    if isinstance(answer, bool) or (isinstance(answer, int) and abs(answer) < 1 << 63):
        return answer
    return answer if isinstance(answer, float) else str(answer).encode(errors="replace").decode()


def hint(id: str, number: int = 0, variant: int = 0) -> Hint:
    """A hint by its number, or the next one. After the third comes the third again."""
    exercise = find(id)
    if number not in range(HINTS + 1):
        raise BadInput("hint", f"there is no hint {number}", f"ask for 1 to {HINTS}")
    number = number or min(store().read().item(id).hints + 1, HINTS)
    store().update(lambda book: kept.hinted(book, id, number))
    return Hint(id, number, exercise.instance(variant).hints[number - 1])


def solution(id: str, variant: int = 0) -> Solution:
    """One way to answer right."""
    instance = find(id).instance(variant)
    return Solution(id, variant, instance.solution, instance.because, instance.evidence)


def reset(what: str) -> tuple[str, ...]:
    """Forgets one exercise or prediction (`00-source`), or all of a chapter (`00`); returns what was kept of it until now.

    A question that is on the page already shows this once its cell is run again.
    """
    meant = chosen(str(what).strip(), store().read())
    were: set[str] = set()

    def change(book: kept.Book) -> kept.Book:
        were.update(meant & {*book.items, *book.predictions})
        return book.without(meant)

    store().update(change)
    return tuple(sorted(were))


def chosen(what: str, book: kept.Book) -> set[str]:
    """The ids that a name or a chapter stands for. Raises BadInput with the nearest one."""
    known = {*book.items, *book.predictions, *(one.id for one in everything())}
    known |= {one.id for chapter in chapters() for one in predictions(chapter)}
    if what.isdecimal() and (of_it := {id for id in known if id[:2] == what.zfill(2)}):
        return of_it
    if what not in known:
        near = get_close_matches(what, sorted(known), 1, 0.3) or sorted(known)[:1]
        right = f"write an exercise, a prediction or a chapter; did you mean {near[0]!r}?"
        raise BadInput("reset", f"{what!r} is none of the course's", right)
    return {what}


def question(id: str, variant: int = 0) -> str:
    """An exercise in plain text, for where no widget can be shown."""
    from ..questions.forms import in_words

    return in_words(find(id), variant)
