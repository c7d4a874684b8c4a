"""The question of a prediction, as the bank writes it down: what is asked, what may be chosen, why it is so.

    Question("01-second", "What becomes of `forwarder`?", {"it listens too": 55, "address in use": SO}, "One namespace, ...")

The number behind a choice is the misconception that leads to it. The one choice with SO behind it is what happens.
NONE stands behind a wrong choice that no numbered misconception explains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from ...errors import BadInput
from ..page.rich import plain
from .reading import folded

SO = 0
NONE = -1


class Question(Struct, frozen=True):
    """What is asked before a run. `choices` maps each choice to the belief behind it, `why` says why it is so.

    `reads` makes a choice of the run's result: what happened is always read from the run, never from here.
    """

    id: str
    asks: str
    choices: dict[str, int]
    why: str
    reads: Callable[[Any], Any] = str

    def __post_init__(self) -> None:
        if len([choice for choice, belief in self.choices.items() if belief == SO]) != 1:
            raise BadInput(self.id, "not exactly one choice is without a belief", "write SO behind what happens")
        if len({folded(choice) for choice in self.choices}) != len(self.choices):
            raise BadInput(self.id, "two choices are the same", "give each choice once")

    @property
    def answer(self) -> str:
        """What happens, as far as the course knows before the run."""
        return next(choice for choice, belief in self.choices.items() if belief == SO)

    def choice(self, said: Any) -> str:
        """The choice that is meant, as it is offered; empty where it is none of them."""
        return next((choice for choice in self.choices if folded(choice) == folded(written(said))), "")

    def __str__(self) -> str:
        lines = [f"Predict ({self.id}): {plain(self.asks)}", *(f"  - {plain(choice)}" for choice in self.choices)]
        return "\n".join([*lines, "Not answered yet. Run this cell to predict here."])


def written(said: Any) -> str:
    """What was said, in one line."""
    return " ".join(str(said).split())


def named(names: Mapping[Any, str]) -> Callable[[Any], Any]:
    """Reads a result by the name that the choices have for it; any other result stands for itself."""
    return lambda result: names.get(result, result)
