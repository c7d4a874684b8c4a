"""Chance as one parameter: whoever answers the questions that a kernel answers at random.

A question is a tuple whose first word says what is asked ("statistic", "port", "id", ...) and whose rest says for whom.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from ...errors import BadInput

T = TypeVar("T")
Question = tuple
MOST_SUPPOSED = 8  # questions without an answer that a story branches at: 256 ways


class Choices(Protocol):
    """What the walk needs to know of chance."""

    def happens(self, question: Question, probability: float) -> bool:
        """Whether an event of this probability takes place."""
        ...

    def pick(self, question: Question, among: Sequence[int]) -> int:
        """One of several equally likely numbers."""
        ...

    def supposes(self, question: Question) -> bool:
        """Whether what nobody understood is supposed to answer otherwise than is likely. No chance is known of it."""
        ...

    def came_before(self, question: Question, most: int) -> int:
        """How many others took their turn before us, less than `most`, of whom nobody told."""
        ...


class Seeded:
    """Chance drawn from a seed: the same seed, the same story."""

    def __init__(self, seed: int = 0):
        self._random = random.Random(seed)

    def happens(self, question: Question, probability: float) -> bool:
        return self._random.random() < probability

    def pick(self, question: Question, among: Sequence[int]) -> int:
        return among[self._random.randrange(how_many(among))]

    def supposes(self, question: Question) -> bool:
        return False

    def came_before(self, question: Question, most: int) -> int:
        return 0


def how_many(among: Sequence[int]) -> int:
    """Its length. A range may be longer than `len` can say where a machine's words have 32 bits."""
    return max(0, -((among.start - among.stop) // among.step)) if isinstance(among, range) else len(among)


class Scripted:
    """Follows a list of answers to the yes-or-no questions, then says yes, noting each question; numbers are drawn from a seed.

    What is supposed has both answers too, the likely one first. As nothing is known of its chance, each gets half. Only the first
    MOST_SUPPOSED of such questions branch.
    """

    def __init__(self, answers: Sequence[bool] = (), seed: int = 0):
        self.answers, self.probability, self._asked, self._supposed = list(answers), 1.0, 0, 0
        self._numbers = Seeded(seed)

    def happens(self, question: Question, probability: float) -> bool:
        if probability <= 0 or probability >= 1:
            return probability >= 1
        answer = self._next()
        self.probability *= probability if answer else 1 - probability
        return answer

    def _next(self) -> bool:
        if self._asked == len(self.answers):
            self.answers.append(True)
        self._asked += 1
        return self.answers[self._asked - 1]

    def pick(self, question: Question, among: Sequence[int]) -> int:
        return self._numbers.pick(question, among)

    def supposes(self, question: Question) -> bool:
        self._supposed += 1
        if self._supposed > MOST_SUPPOSED:
            return False
        self.probability /= 2
        return not self._next()

    def came_before(self, question: Question, most: int) -> int:
        return next((n for n in range(most - 1) if self.happens(question, 1 / (most - n))), most - 1)


def every(story: Callable[[Choices], T], seed: int = 0, most: int = 100_000) -> Iterator[tuple[float, T]]:
    """Every outcome of a story, with its probability: the story is told once for each way its rules can branch.

    Only yes-or-no questions branch. Each telling must start from the same memory.
    """
    answers: list[bool] = []
    for _ in range(most):
        told = Scripted(answers, seed)
        outcome = story(told)
        yield told.probability, outcome
        answers = told.answers
        while answers and not answers[-1]:
            answers.pop()
        if not answers:
            return
        answers[-1] = False
    raise BadInput("", f"chance branches into more than {most:,} ways", "ask about fewer random rules in a row")
