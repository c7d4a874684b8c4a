"""Regular expressions of a route, tried in a time that grows with the text only, whatever the expression.

The specification leaves the dialect to each implementation. Here it is what RE2 (Envoy, Go) and PCRE (nginx) agree on; the rest
(references back, looking ahead) is not understood. All ways through an expression are followed side by side (Thompson 1968), so
that an expression from a file cannot keep anybody busy.
"""

import re
import re._constants as sre  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
import warnings
from functools import cache
from typing import Any

MOST_STATES = 20_000
_CATEGORY = {
    sre.CATEGORY_DIGIT: str.isdigit, sre.CATEGORY_SPACE: str.isspace,
    sre.CATEGORY_WORD: lambda letter: letter.isalnum() or letter == "_",
}  # fmt: skip
_OPPOSITE = {
    sre.CATEGORY_NOT_DIGIT: sre.CATEGORY_DIGIT, sre.CATEGORY_NOT_SPACE: sre.CATEGORY_SPACE,
    sre.CATEGORY_NOT_WORD: sre.CATEGORY_WORD,
}  # fmt: skip


class NotUnderstood(Exception):
    """An expression that RE2 refuses, or that is too large."""


class Machine:
    """A nondeterministic automaton: states that eat a letter, states that fork, one at the end."""

    def __init__(self, tree: Any):
        self.eats: list[tuple[Any, int] | None] = []
        self.forks: list[tuple[tuple[str, int], ...]] = []
        self.end = self._state()
        self.start = self._sequence(tree, self.end)

    def _state(self, eats: tuple[Any, int] | None = None, forks: tuple[tuple[str, int], ...] = ()) -> int:
        if len(self.eats) >= MOST_STATES:
            raise NotUnderstood("it stands for too many states")
        self.eats.append(eats)
        self.forks.append(forks)
        return len(self.eats) - 1

    def _sequence(self, tree: Any, then: int) -> int:
        for item in reversed(list(tree)):
            then = self._part(item, then)
        return then

    def _part(self, item: tuple[Any, Any], then: int) -> int:
        kind, value = item
        if kind in (sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN):
            return self._state((item, then))
        if kind is sre.SUBPATTERN:
            return self._sequence(value[3], then)
        if kind is sre.BRANCH:
            return self._state(forks=tuple(("", self._sequence(one, then)) for one in value[1]))
        if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            least, most, tree = value
            return self._repeat(least, most, tree, then)
        if kind is sre.AT and value in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING):
            return self._state(forks=(("start", then),))
        if kind is sre.AT and value in (sre.AT_END, sre.AT_END_STRING):
            return self._state(forks=(("end", then),))
        raise NotUnderstood(f"{str(kind).lower().replace('_', ' ')} is not known to every proxy")

    def _repeat(self, least: int, most: Any, tree: Any, then: int) -> int:
        if most is sre.MAXREPEAT:
            loop = self._state()
            self.forks[loop] = (("", self._sequence(tree, loop)), ("", then))
            then = loop
        else:
            for _ in range(int(most) - least):
                then = self._state(forks=(("", self._sequence(tree, then)), ("", then)))
        for _ in range(least):
            then = self._sequence(tree, then)
        return then

    def _reached(self, states: set[int], at_start: bool, at_end: bool) -> set[int]:
        """All states that can be entered without eating a letter."""
        found, waiting = set(states), list(states)
        while waiting:
            for when, then in self.forks[waiting.pop()]:
                if then not in found and (not when or (at_start if when == "start" else at_end)):
                    found.add(then)
                    waiting.append(then)
        return found

    def fits(self, text: str, whole: bool) -> bool:
        """Whether the expression fits the whole text, or some part of it."""
        states = self._reached({self.start}, True, not text)
        for place, letter in enumerate(text):
            if not whole and self.end in states:
                return True
            eaten = (self.eats[state] for state in states)
            states = {then for item, then in filter(None, eaten) if _takes(item, letter)}
            if not whole:
                states.add(self.start)
            states = self._reached(states, False, place + 1 == len(text))
        return self.end in states


def _takes(item: tuple[Any, Any], letter: str) -> bool:
    kind, value = item
    if kind is sre.LITERAL:
        return ord(letter) == value
    if kind is sre.NOT_LITERAL:
        return ord(letter) != value
    if kind is sre.ANY:
        return letter != "\n"
    if kind is sre.RANGE:
        return value[0] <= ord(letter) <= value[1]
    if kind is sre.CATEGORY:
        return (
            letter.isascii() and _CATEGORY[value](letter)
            if value in _CATEGORY
            else not _takes((kind, _OPPOSITE[value]), letter)
        )
    negated = value[0][0] is sre.NEGATE
    return any(_takes(one, letter) for one in value[negated:]) is not negated


@cache
def machine(pattern: str) -> Machine | None:
    """The automaton of an expression; None for one that is not understood."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = parser.parse(pattern)
        if tree.state.flags & ~sre.SRE_FLAG_UNICODE:
            return None  # (?i) and its like
        return Machine(tree)
    except (re.error, NotUnderstood, ValueError, OverflowError, RecursionError):
        return None


def fits(pattern: str, text: str) -> tuple[bool, bool]:
    """Whether an expression fits a text, and whether all proxies would say so: some ask for the whole text, some for a part."""
    found = machine(pattern)
    if found is None:
        return False, False
    whole, part = found.fits(text, True), found.fits(text, False)
    return whole, whole == part
