"""How the words of an extension become statements: which options it has, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from ....errors import BadInput
from ..statement import Target, Test

Given = tuple[str, tuple[str, ...], bool]  # option, its words, whether `!` stood before it
Said = Mapping[str, tuple[str, ...]]  # of a target: its options and their words


class Match(NamedTuple):
    """One `-m`: its options with the number of words that follow each, how they become tests, and whether it asks without any."""

    options: Mapping[str, int]
    tests: Callable[[tuple[Given, ...]], tuple[Test, ...]]
    bare: bool = False


class Extension(NamedTuple):
    """One `-j`: its options with the number of words that follow each, and how they become a target."""

    options: Mapping[str, int]
    make: Callable[[Said], Target]


def each(make: Mapping[str, Callable[..., Test]], words: Mapping[str, int] | None = None) -> Match:
    """A match whose every option is one test of its own, with one word behind it where `words` says nothing else."""
    options = dict.fromkeys(make, 1) | dict(words or {})
    return Match(options, lambda given: tuple(make[name](*args, negated=no) for name, args, no in given))


def listed(text: str, known: tuple[str, ...], what: str) -> tuple[str, ...]:
    """Words of a closed list, separated by commas, in the list's order."""
    words = tuple(text.upper().split(","))
    unknown = [word for word in words if word not in known]
    if unknown:
        raise BadInput("", f"{unknown[0]!r} is not a {what}", f"write some of {', '.join(known)}")
    return tuple(word for word in known if word in words)


def masked_text(value: int, mask: int) -> str:
    """A value and its mask as a match prints them: the full mask is not written."""
    return f"{value:#x}" + ("" if mask == 0xFFFFFFFF else f"/{mask:#x}")
