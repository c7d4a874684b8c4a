"""The words of nft's text, with their lines, and the constants that they spell."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from ....errors import BadInput
from ...packet.address import address, prefix
from .ruleset import Concat, Constant, Range

T = TypeVar("T")
END = "\n"
WORD = re.compile(r'#[^\n]*|"[^"\n]*"?|\\\n|\n|[{};,]|[^\s{};,"]+')


class Word(NamedTuple):
    text: str
    line: int

    @property
    def is_quoted(self) -> bool:
        return self.text.startswith('"')

    @property
    def bare(self) -> str:
        return self.text.strip('"')


class Strange(Exception):
    """Words that are not known here."""


def words_of(text: str) -> Iterator[Word]:
    """All words and line ends; comments are left out, and so is what `nft -a` says of handles."""
    line = 1
    for found in WORD.finditer(text):
        word = found[0]
        if word == END:
            yield Word(END, line)
        elif word[0] != "#" and word[0] != "\\":
            yield Word(word, line)
        line += word.count("\n")


class Words:
    """A place in a list of words."""

    def __init__(self, words: list[Word], where: str = ""):
        self.words, self.at, self.where = words, 0, where

    @property
    def done(self) -> bool:
        return self.at >= len(self.words)

    @property
    def line(self) -> int:
        row = self.words[min(self.at, len(self.words) - 1)] if self.words else Word("", 1)
        return row.line

    def peek(self, ahead: int = 0) -> str:
        """The next word, or nothing at the end."""
        return self.words[self.at + ahead].text if self.at + ahead < len(self.words) else ""

    def next(self) -> str:
        if self.done:
            raise Strange
        self.at += 1
        return self.words[self.at - 1].text

    def takes(self, *texts: str) -> bool:
        """Steps over these words if they come next."""
        if [self.peek(n) for n in range(len(texts))] != list(texts):
            return False
        self.at += len(texts)
        return True

    def skip(self, *texts: str) -> None:
        while not self.done and self.peek() in texts:
            self.at += 1

    def wants(self, text: str) -> str:
        if not self.takes(text):
            raise Strange
        return text

    def listed(self, one: Callable[[], T]) -> tuple[T, ...]:
        """`{ a, b }`: one after the other, over as many lines as it likes."""
        self.wants("{")
        found: list[T] = []
        self.skip(END)
        while not self.takes("}"):
            found.append(one())
            self.skip(END)
            if self.peek() not in (",", "}"):
                raise Strange
            self.takes(",")
            self.skip(END)
        return tuple(found)

    def rest(self) -> str:
        """What is left, as text."""
        return said(self.words[self.at :])

    def number(self) -> int:
        word = self.next()
        if not word.isdecimal():
            raise Strange
        return int(word)


def said(words: list[Word]) -> str:
    """Words as a line."""
    return " ".join(word.text for word in words if word.text != END).replace(" ,", ",").replace(" ;", ";")


def constant(word: str) -> Constant:
    """A number, an address, a block, a range, or a name."""
    if word.startswith('"'):
        return word.strip('"')
    if re.fullmatch(r"0x[0-9a-f]+|\d+", word):
        return int(word, 0)
    low, dash, high = word.partition("-")
    if dash and all(part.isdecimal() or _is_address(part) for part in (low, high)):
        return Range(_number_or_address(low), _number_or_address(high))
    if "/" in word and _is_address(word.partition("/")[0]):
        block = prefix(word)
        return block.first if block.is_host else block
    return address(word) if _is_address(word) else word


def _number_or_address(word: str) -> str | int:
    return int(word) if word.isdecimal() else address(word)


def _is_address(word: str) -> bool:
    if not re.fullmatch(r"[0-9a-f]*:[0-9a-f:.]*|\d+\.\d+\.\d+\.\d+", word):
        return False
    try:
        address(word)
    except BadInput:
        return False
    return True


def constants(words: Words) -> Constant | Concat:
    """One constant, or several joined by dots."""
    parts = [_constant(words)]
    while words.takes("."):
        parts.append(_constant(words))
    return parts[0] if len(parts) == 1 else Concat(tuple(parts))


def _constant(words: Words) -> Constant:
    word = words.next()
    if word in ("{", "}", ";", ",", ":", END):
        raise Strange
    return constant(word)
