"""The exercises, a folder for each chapter: `ch00`, `ch01`, ... Each is a function of chance that returns one instance.

    @defined("00-source", "Whom does the server see?")
    def source(chance: Chance) -> Value: ...

The same variant number draws the same instance, everywhere and always. A chapter's exercises stand in its folder's `EXERCISES`,
in the order in which `practice` and the overview show them, its predictions in `predictions.PREDICTIONS`.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import lru_cache
from importlib import import_module
from random import Random
from typing import Any, TypeVar

from msgspec import Struct

from ...errors import BadInput
from ..questions.kinds import Kind
from ..questions.question import Question

Option = TypeVar("Option")
IDENTIFIER = re.compile(r"\d\d-[a-z0-9-]+")


class Chance(Random):
    """The chance of one variant. `turn` gives neighbouring variants different questions, in the written order."""

    variant = 0

    def turn(self, *ways: Any) -> Any:
        """One of several ways to ask: the first for variant 0, the second for variant 1, and round again."""
        return ways[self.variant % len(ways)]


class Exercise(Struct, frozen=True):
    """An exercise: its id (`NN-name`, NN being the chapter), its title, and what draws a variant of it."""

    id: str
    title: str
    draws: Callable[[Chance], Kind]

    @property
    def chapter(self) -> str:
        return self.id[:2]

    def instance(self, variant: int = 0) -> Any:
        """The instance of a number: a Value, FillFrame, Order, Choose, Write or Repair."""
        return _drawn(self, variant)


def defined(id: str, title: str) -> Callable[[Callable[[Chance], Kind]], Exercise]:
    """Makes an exercise of the function that follows."""
    if not IDENTIFIER.fullmatch(id):
        raise BadInput(id, "this is not the id of an exercise", "write the chapter and a name, like 00-source")
    return lambda draws: Exercise(id, title, draws)


@lru_cache(maxsize=4096)
def _drawn(exercise: Exercise, variant: int) -> Kind:
    chance = Chance(f"{exercise.id}:{variant}")
    chance.variant = variant
    return exercise.draws(chance).shuffled(chance)


def chapters() -> list[str]:
    """The numbers of the chapters that have exercises."""
    return sorted(found.name[2:] for found in pkgutil.iter_modules(__path__) if re.fullmatch(r"ch\d\d", found.name))


def of_chapter(chapter: str) -> list[Exercise]:
    """The exercises of a chapter, in their written order; none where it has no folder."""
    return list(import_module(f"{__name__}.ch{chapter}").EXERCISES) if chapter in chapters() else []


def predictions(chapter: str) -> list[Question]:
    """The predictions of a chapter, in the order in which it asks them."""
    return list(import_module(f"{__name__}.ch{chapter}.predictions").PREDICTIONS) if chapter in chapters() else []


def asked(id: str) -> Question:
    """The question of a prediction. Raises BadInput with the nearest one."""
    known = {question.id: question for question in predictions(str(id)[:2])}
    if id not in known:
        near = get_close_matches(str(id), known, 1, 0.3) or list(known)[:1] or ["00-seen"]
        raise BadInput("prediction", f"there is none with the id {id!r}", f"did you mean {near[0]!r}?")
    return known[id]


def everything() -> list[Exercise]:
    """Every exercise of every chapter."""
    return [one for chapter in chapters() for one in of_chapter(chapter)]


def find(id: str) -> Exercise:
    """The exercise of an id. Raises BadInput with the nearest one."""
    for exercise in of_chapter(str(id)[:2]):
        if exercise.id == id:
            return exercise
    known = [exercise.id for exercise in everything()]
    near = get_close_matches(str(id), known, 1, 0.3) or known[:1]
    raise BadInput("exercise", f"there is none with the id {id!r}", f"did you mean {near[0]!r}?")
