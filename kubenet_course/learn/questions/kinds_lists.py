"""Exercises with a list to work on: events to put in order, statements to choose from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from random import Random
from string import ascii_uppercase
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from .kinds import NO_BELIEF, Finding, Kind
from .reading import COLLECTIONS, Unanswered, Unreadable, folded, is_blank, values, written


class OwnWords(Exception):
    """None of the statements, but something of the learner's own: kept, and judged by nobody but the learner."""


class Swap(Struct, frozen=True):
    """Somebody lets `first` happen before `then`, though it is the other way round, and this is why."""

    first: str
    then: str
    belief: int = NO_BELIEF
    said: str = ""
    evidence: object = None


class Order(Kind, frozen=True, kw_only=True):
    """Events to be put in the order in which they happen. `shown` is the order in which they are offered."""

    events: tuple[str, ...]
    swaps: tuple[Swap, ...] = ()
    shown: tuple[int, ...] = ()

    def shuffled(self, chance: Random) -> Order:
        """Offered in another order than the right one."""
        shown = list(range(len(self.events)))
        while shown == sorted(shown) and len(shown) > 1:
            chance.shuffle(shown)
        return replace(self, shown=tuple(shown))

    @property
    def first(self) -> str:
        return "Nothing has been moved yet. Bring the events into order first, with the arrow buttons."

    @property
    def offered(self) -> list[str]:
        return [self.events[at] for at in self.shown or range(len(self.events))]

    @property
    def solution(self) -> list[str]:
        return list(self.events)

    @property
    def wrong_answers(self) -> Iterator[tuple[list[str], int]]:
        """The right order but for one swap."""
        for swap in self.swaps:
            order = [event for event in self.events if event != swap.first]
            order.insert(order.index(swap.then), swap.first)
            yield order, swap.belief

    def judge(self, answer: Any) -> tuple[Finding, ...]:
        """Tells how many stand right from the start, and the first swap that has a reason."""
        given = self._read(answer)
        if given == list(self.events):
            return (Finding(True, self.because, evidence=self.evidence),)
        begun = next(at for at, event in enumerate(given) if event != self.events[at])
        few = {0: "Something else comes first.", 1: "The first one stands right."}
        said = few.get(begun, f"The first {begun} stand right.")
        for swap in self.swaps:
            if given.index(swap.first) < given.index(swap.then):
                return (Finding(False, f"{said} {swap.said}".strip(), swap.belief, swap.evidence or self.evidence),)
        late = f"“{given[begun]}” comes later than you put it."
        return (Finding(False, f"{said} {late}", evidence=self.evidence),)

    def _read(self, answer: Any) -> list[str]:
        """Events, or their letters as offered: ["B", "A", "C"], "BAC", "B, A, C"."""
        if is_blank(answer):
            raise Unanswered
        if isinstance(answer, Set | Mapping):
            raise Unreadable(f"A {type(answer).__name__} has no order; write a list, like ['B', 'A', 'C'].")
        if isinstance(answer, str):
            answer = list(answer.upper()) if answer.isalpha() else answer.replace(",", " ").split()
        if not isinstance(answer, COLLECTIONS):
            raise Unreadable("Write the letters in order, like 'BAC'.")
        given = [self._event(one) for one in answer]
        missing = [event for event in self.events if event not in given]
        if missing or len(given) != len(self.events):
            lost = f"; missing: {', '.join(missing)}" if missing else ""
            raise Unreadable(f"All {len(self.events)} events are wanted, each once{lost}.")
        return given

    def _event(self, one: Any) -> str:
        at = letter(one, len(self.events))
        if at is not None:
            return self.offered[at]
        match = [event for event in self.events if folded(event) == folded(str(one))]
        if not match:
            raise Unreadable(
                f"{one!r} is none of the events; write letters from A to {ascii_uppercase[len(self.events) - 1]}."
            )
        return match[0]


def letter(answer: Any, count: int) -> int | None:
    """Which of the offered ones a letter means; nothing where it is no letter."""
    text = str(answer).strip().strip("().").upper()
    return ascii_uppercase.index(text) if len(text) == 1 and text in ascii_uppercase[:count] else None


class Statement(Struct, frozen=True):
    """One statement to choose: whether it is so; where not, the belief that it puts in words, and what disproves it."""

    text: str
    right: bool = False
    belief: int = NO_BELIEF
    said: str = ""
    evidence: object = None


class Choose(Kind, frozen=True, kw_only=True):
    """Statements to choose from, one or, with `several`, all that hold. "Other" takes the learner's own words."""

    statements: tuple[Statement, ...]
    several: bool = False

    def shuffled(self, chance: Random) -> Choose:
        """In an order that gives nothing away."""
        return replace(self, statements=tuple(chance.sample(self.statements, len(self.statements))))

    @property
    def first(self) -> str:
        return "Mark every statement that holds first." if self.several else "Choose one of the statements first."

    @property
    def solution(self) -> Any:
        right = [one.text for one in self.statements if one.right]
        return right if self.several else right[0]

    @property
    def wrong_answers(self) -> Iterator[tuple[Any, int]]:
        """Each wrong statement alone."""
        for one in self.statements:
            if not one.right:
                yield ([one.text] if self.several else one.text), one.belief

    def judge(self, answer: Any) -> tuple[Finding, ...]:
        """Raises OwnWords for an answer that is none of the statements."""
        chosen = self._read(answer)
        wrong = [Finding(False, one.said, one.belief, one.evidence or self.evidence) for one in chosen if not one.right]
        if wrong:
            return tuple(wrong)
        missing = sum(one.right for one in self.statements) - len(chosen)
        if self.several and missing:
            return (Finding(False, f"True as far as it goes; {missing} more of them hold.", evidence=self.evidence),)
        return (Finding(True, self.because, evidence=self.evidence),)

    def _read(self, answer: Any) -> list[Statement]:
        if is_blank(answer):
            raise Unanswered
        if isinstance(answer, dict) and "other" not in answer:
            raise Unreadable("Write the letter of a statement, like 'A'.")
        if isinstance(answer, dict):
            raise OwnWords(written(answer.get("other")))
        many = values(answer) if isinstance(answer, COLLECTIONS) else self._letters(answer)
        if not self.several and len(many) > 1:
            raise Unreadable(f"One statement is wanted, and these are {len(many)}.")
        found = [self._statement(one) for one in many if not is_blank(one)]
        return list({one.text: one for one in found}.values())

    def _letters(self, answer: Any) -> list[Any]:
        """Letters in one text, "ACF" or "A, C and F", one by one; everything else as it is."""
        parts = re.sub(r"\band\b|[\s,;.]", "", str(answer))
        are = self.several and len(parts) > 1 and parts.upper() == parts and len(set(parts)) == len(parts)
        return list(parts) if are and all(letter(one, len(self.statements)) is not None for one in parts) else [answer]

    def _statement(self, one: Any) -> Statement:
        at = letter(one, len(self.statements))
        if at is not None:
            return self.statements[at]
        for statement in self.statements:
            if folded(statement.text) == folded(str(one)):
                return statement
        raise OwnWords(written(one))
