"""Which of its questions an exercise asks in a variant."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


def turn(chance: Random, cases: Sequence[T], skip: int) -> T:
    """One of an exercise's questions. So many draws are thrown away that its first variants ask each of them once, in order.

    `skip` is found by trying; tests/test_learn_turns.py holds it to its promise.
    """
    for _ in range(skip):
        chance.random()
    return cases[int(chance.random() * len(cases))]


def skip_for(id: str, count: int) -> int:
    """The least `skip` for an exercise with so many questions."""
    chances = [Random(f"{id}:{variant}") for variant in range(count)]
    for skip in range(100_000):
        if [int(chance.random() * count) for chance in chances] == list(range(count)):
            return skip
    raise LookupError(f"{id}: no skip puts {count} questions in order")
