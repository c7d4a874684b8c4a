"""Answers as people write them, read kindly: any spelling of the same thing is the same answer.

A reader returns the one canonical value, or says in a sentence what it could not read. What cannot be read is not a wrong
answer: it counts nowhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Set, ValuesView
from typing import Any

from msgspec import Struct

from ...errors import BadInput
from ...linux.packet import address as addresses

COLLECTIONS = (list, tuple, Set, ValuesView)
MAPPED = "::ffff:"
# How people write a size: 2^7, 2**7, 2^(32-25).
POWER = re.compile(r"(?P<base>\d{1,3})\s*(?:\^|\*\*)\s*\(?\s*(?P<whole>\d{1,3})\s*(?:-\s*(?P<less>\d{1,3})\s*)?\)?")
NOTHING = ("", "?", "...", "…", "none", "todo")  # what stands in a cell that nobody has filled in


class Unanswered(Exception):
    """There is no answer yet; the text, where there is one, says what to do first."""


class Unreadable(ValueError):
    """The answer cannot be read; the text says what would be."""


class Reader(Struct, frozen=True):
    """How one kind of answer is read. `wants` and `example` are for people; `words` the whole list, where there is one."""

    wants: str
    example: str
    read: Callable[[str], Any]
    words: tuple[str, ...] = ()

    def __call__(self, answer: Any) -> Any:
        """The canonical value. Raises Unanswered or Unreadable."""
        text = written(answer)
        try:
            return self.read(text)
        except BadInput:
            raise Unreadable(f"{text!r} is not {self.wants}; write it like {self.example}.") from None


def is_blank(answer: Any) -> bool:
    """Whether this is how an untouched cell or field looks."""
    if answer is None or answer is Ellipsis:
        return True
    if isinstance(answer, str):
        return answer.strip().casefold() in NOTHING
    return isinstance(answer, (*COLLECTIONS, Mapping)) and all(map(is_blank, values(answer)))


def values(answer: Any) -> list[Any]:
    """What a collection holds, in an order that does not depend on the process."""
    if isinstance(answer, Mapping):
        return list(answer.values())
    return sorted(answer, key=str) if isinstance(answer, Set) else list(answer)


def written(answer: Any) -> str:
    """One answer as tidy text: without quotes, spaces and full stops around it; the only element of a list is meant."""
    if is_blank(answer):
        raise Unanswered
    if isinstance(answer, COLLECTIONS):
        held = [one for one in values(answer) if not is_blank(one)]
        if len(held) != 1:
            raise Unreadable(f"One answer is wanted, and these are {len(held)}: {', '.join(map(str, held))}.")
        return written(held[0])
    if isinstance(answer, Mapping) or callable(answer):
        raise Unreadable(f"One answer is wanted, not a {type(answer).__name__}.")
    if isinstance(answer, float) and answer.is_integer():
        answer = int(answer)
    if isinstance(answer, bytes):
        answer = answer.decode(errors="replace")
    text = unicodedata.normalize("NFKC", str(answer)).strip().strip("\"'`").strip()
    if not text:
        raise Unanswered
    return text.rstrip(".,;") or text


def _address(text: str) -> str:
    """An IPv4 address written as an IPv6 socket shows it, ::ffff:10.244.1.10, is that address (RFC 4291 section 2.5.5.2)."""
    bare = re.sub(r"\s*([.:])\s*", r"\1", text.strip("[]").partition("%")[0])
    if re.fullmatch(r"\d+(\.\d+){3}", bare) and re.search(r"(^|\.)0\d", bare):
        plain = ".".join(str(int(part)) for part in bare.split("."))
        raise Unreadable(
            f"{text} has leading zeros, which some programs read as octal; write {plain} if you mean that."
        )
    if re.fullmatch(r"[\d.]+/\d+|[0-9A-Fa-f:]+/\d+", bare):
        raise Unreadable(f"{text} is a block; the address alone is wanted, without what follows the slash.")
    if re.fullmatch(r"\d+(\.\d+){3}:\d+", bare):
        raise Unreadable(f"{text} is an address with a port; the address alone is wanted.")
    found = addresses.address(bare)
    return found.removeprefix(MAPPED) if "." in found else found


def _number(text: str) -> int:
    bare = re.sub(r"\s*(/?(tcp|udp|sctp)|bytes?|hops?|s|sec|seconds?)$", "", text, flags=re.IGNORECASE).removeprefix(
        ":"
    )
    power = POWER.fullmatch(bare)
    if power:
        return int(power["base"]) ** max(0, int(power["whole"]) - int(power["less"] or 0))
    try:
        return int(bare.replace(",", "").replace(" ", ""), 16 if bare.lower().startswith("0x") else 10)
    except ValueError:
        raise Unreadable(f"{text!r} is not a number; write it in digits, like 8080.") from None


def _port(text: str) -> int:
    """A port alone, or behind the address or name that it belongs to: localhost:443, 10.0.0.1:80, [fd00::1]:53."""
    found = _number(re.sub(r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z][\w.-]*|\d+(\.\d+){3}):(?=\d)", "", text))
    if not 0 <= found <= 0xFFFF:
        raise Unreadable(f"{found} is no port; they go from 0 to 65535.")
    return found


def _mac(text: str) -> str:
    digits = re.sub(r"[\s.:-]", "", text)
    return addresses.mac(":".join(re.findall("..", digits)) if len(digits) == 12 else text)


def _block(text: str) -> str:
    if "/" not in text:
        raise Unreadable(f"{text} has no length; write the block with it, like 10.244.1.0/24.")
    return str(addresses.prefix(text.replace(" ", ""), strict=True))


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def folded(text: str) -> str:
    """A word without what people vary: case, hyphens, underscores, spaces."""
    return re.sub(r"[\s_\-]+", "-", text.strip().casefold())


ADDRESS = Reader("an IP address", "10.244.1.10", _address)
NUMBER = Reader("a number", "8080", _number)
PORT = Reader("a port", "8080", _port)
MAC = Reader("a MAC address", "02:00:0a:f4:01:0a", _mac)
BLOCK = Reader("a block of addresses", "10.244.1.0/24", _block)
TEXT = Reader("a few words", "address already in use", _plain)


def one_of(words: Iterable[str]) -> Reader:
    """A reader of one word from a closed list, such as the verdicts on a packet."""
    listed = tuple(words)
    spelled = {folded(word): word for word in listed}

    def read(text: str) -> str:
        if folded(text) in spelled:
            return spelled[folded(text)]
        raise Unreadable(f"{text!r} is none of these: {', '.join(listed)}.")

    return Reader("one of the words", listed[0], read, listed)


def reader_for(value: str) -> Reader:
    """The reader that fits a value of a frame's field."""
    for reader in (MAC, ADDRESS, NUMBER):
        try:
            reader(value)
        except (Unreadable, Unanswered):
            continue
        return reader
    return TEXT
