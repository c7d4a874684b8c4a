"""The text that `nft list ruleset` prints, read into a Ruleset. What the model cannot act out is kept and named."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ....errors import BadInput
from .check import check, not_acted
from .duration import milliseconds
from .read_rule import statements, value
from .ruleset import Chain, Element, Hook, Rule, Ruleset, Set, Table, table
from .words import END, Strange, Word, Words, constants, said, words_of
from .write import NAMED

FAMILIES = ("ip", "ip6", "inet", "arp", "bridge", "netdev")
IGNORED = ("flush", "delete", "destroy")  # what stands before a ruleset that is to be loaded
MANAGED = "is managed by iptables-nft"


class Dump(Struct, frozen=True):
    """A ruleset as it was read, each line that the model cannot act out, and the tables that are iptables' own."""

    rules: Ruleset
    not_understood: tuple[tuple[int, str], ...] = ()
    managed: frozenset[tuple[str, str]] = frozenset()


def read(text: str, where: str = "ruleset") -> Dump:
    """Reads a ruleset. Raises BadInput that names the line and what would be right."""
    words = Words(list(words_of(text)), where)
    tables: list[Table] = []
    strange: list[tuple[int, str]] = []
    lines = text.split("\n")
    words.skip(END)
    while not words.done:
        line = words.line
        try:
            if words.peek() in IGNORED:
                _to_line_end(words)
            elif words.takes("table"):
                tables.append(_table(words, strange))
            else:
                shown = lines[line - 1].strip()[:60]
                right = "give what `nft list ruleset` prints: table FAMILY NAME { ... }"
                raise BadInput(str(line), f"{shown!r} stands outside of any table", right)
            words.skip(END, ";")
        except Strange:
            raise _refusal(words, where, lines) from None
        except BadInput as error:
            raise BadInput(f"{where}:{error.where or line}", error.what, error.right) from None
    rules = Ruleset(tuple(tables))
    check(rules, where)
    found = sorted({*strange, *((row, lines[row - 1].strip()) for row in not_acted(rules))})
    return Dump(rules, tuple(found), _managed(lines))


def _refusal(words: Words, where: str, lines: list[str]) -> BadInput:
    if words.done:
        what, right = (
            "the ruleset ends in the middle of a table",
            "it is cut off: give all that `nft list ruleset` prints",
        )
        return BadInput(f"{where}:{len(lines)}", what, right)
    line = words.line
    right = "give it as `nft list ruleset` prints it"
    return BadInput(f"{where}:{line}", f"{lines[line - 1].strip()[:60]!r} is not understood", right)


def _managed(lines: list[str]) -> frozenset[tuple[str, str]]:
    """`# Warning: table ip filter is managed by iptables-nft, do not touch!`"""
    rows = (line.split("table", 1)[1].split() for line in lines if MANAGED in line and "table" in line)
    return frozenset((row[0], row[1]) for row in rows)


def _to_line_end(words: Words) -> list[Word]:
    """The words up to the end of the line, or to a semicolon; those in braces are one with it."""
    start, depth = words.at, 0
    while not words.done and (depth or words.peek() not in (END, ";", "}")):
        depth += {"{": 1, "}": -1}.get(words.peek(), 0)
        words.next()
    return words.words[start : words.at]


def _table(words: Words, strange: list[tuple[int, str]]) -> Table:
    family = words.next() if words.peek() in FAMILIES else "ip"
    name, comment = words.next().strip('"'), ""
    sets: list[Set] = []
    chains: list[Chain] = []
    words.wants("{")
    words.skip(END, ";")
    while not words.takes("}"):
        if words.takes("comment"):
            comment = words.next().strip('"')
        elif words.peek() in ("set", "map") and words.peek(2) == "{":
            sets.append(_set(words, strange))
        elif words.takes("chain"):
            chains.append(_chain(words, family))
        else:
            line = words.line
            text = said(_to_line_end(words))
            if not text:
                raise Strange
            strange.append((line, text[:120]))
        words.skip(END, ";")
    return table(family, name, sets, chains, comment)


# -- sets -------------------------------------------------------------------------------------------------------------


def _set(words: Words, strange: list[tuple[int, str]]) -> Set:
    is_map = words.next() == "map"
    given: dict[str, Any] = {"name": words.next().strip('"'), "types": ()}
    words.wants("{")
    words.skip(END, ";")
    while not words.takes("}"):
        line, word = words.line, words.next()
        if word in ("type", "typeof"):
            given |= _types(words, word == "typeof", is_map)
        elif word == "size":
            given["size"] = words.number()
        elif word == "flags":
            given["flags"] = tuple(row.text for row in _to_line_end(words) if row.text != ",")
        elif word == "timeout":
            given["timeout"] = milliseconds(words.next()) // 1000
        elif word == "comment":
            given["comment"] = words.next().strip('"')
        elif word == "elements":
            words.wants("=")
            given["elements"] = words.listed(lambda: _element(words))
        elif word in ("auto-merge", "gc-interval", "policy"):
            _to_line_end(words)
        else:
            strange.append((line, f"{word} {said(_to_line_end(words))}"))
        words.skip(END, ";")
    return Set(**given)


def _types(words: Words, typeof: bool, is_map: bool) -> dict[str, Any]:
    text = said(_to_line_end(words))
    key, _, data = text.partition(" : ")
    return {"types": tuple(key.split(" . ")), "map": data if is_map else "", "typeof": typeof}


def _element(words: Words) -> Element:
    found = constants(words)
    key = found.parts if hasattr(found, "parts") else (found,)
    given: dict[str, str] = {}
    while words.peek() in ("timeout", "expires", "comment"):
        name = words.next()
        given[name] = words.next().strip('"')
    if words.takes("counter", "packets"):
        words.number(), words.wants("bytes"), words.number()
    held = value(words) if words.takes(":") else None
    return Element(key, held, **given)  # type: ignore[arg-type]


# -- chains -----------------------------------------------------------------------------------------------------------


def _chain(words: Words, family: str) -> Chain:
    name, hook, comment = words.next().strip('"'), None, ""
    rules: list[Rule] = []
    words.wants("{")
    words.skip(END, ";")
    while not words.takes("}"):
        if words.takes("type"):
            hook = _hook(words)
        elif words.takes("policy") and hook is not None:
            hook = Hook(hook.type, hook.hook, hook.priority, words.next())
        elif words.peek() == "comment" and not rules:
            words.next()
            comment = words.next().strip('"')
        else:
            rules.append(_rule(words, family))
        words.skip(END, ";")
    return Chain(name, tuple(rules), hook, comment)


def _hook(words: Words) -> Hook:
    kind, _, hook = words.next(), words.wants("hook"), words.next()
    while not words.takes("priority"):
        words.next()  # the device of an ingress hook
    return Hook(kind, hook, _priority(words))


def _priority(words: Words) -> int:
    word = words.next()
    sign = {"+": 1, "-": -1}
    if word in NAMED:
        base = NAMED[word]
    elif word.removeprefix("-").isdecimal():
        base = int(word)
    else:
        raise Strange
    return base + (sign[words.next()] * words.number() if words.peek() in sign else 0)


def _rule(words: Words, family: str) -> Rule:
    line, row = words.line, _to_line_end(words)
    if not row:
        raise Strange
    if words.done:
        raise Strange
    comment = ""
    if len(row) > 1 and row[-2].text == "comment" and row[-1].is_quoted:
        comment, row = row[-1].bare, row[:-2]
    return Rule(statements(Words(row), family), comment, line)
