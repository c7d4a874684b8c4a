"""Why a text is no JSON, in the reference plugins' words (Go's encoding/json). Read only when a document failed.

The reference reads bytes: of a character of several bytes it shows the first.
"""

import re

from .spec import quoted

_SPACE = re.compile(r"[ \t\r\n]*")
_DIGITS = re.compile(r"[0-9]*")
_ESCAPES = '"\\/bfnrt'
_END = "unexpected end of JSON input"
# At the end the reference looks for a space: where one cannot stand, the space is what it complains of.
_STRICT = ("in literal", "in numeric", "after decimal", "in exponent", "in string escape", "in \\u")


class _Stop(Exception):
    """The complaint is known."""


def complaint(text: str) -> str:
    """The sentence about the first character that cannot stand where it stands."""
    try:
        end = _space(text, _value(text, _space(text, 0), "looking for beginning of value"))
        _expect(text, end, "", "after top-level value")
    except _Stop as stop:
        return str(stop)
    return _END


def _expect(text: str, at: int, allowed: str, where: str) -> str:
    """The character at a place, when it is one of those allowed there; none is allowed where the document must end."""
    if at >= len(text):
        if not allowed:
            return ""
        if where.startswith(_STRICT):
            raise _Stop(f"invalid character ' ' {where}")
        raise _Stop(_END)
    letter = text[at]
    if letter not in allowed or not allowed:
        shown = {"'": r"'\''", '"': "'\"'"}.get(letter) or "'" + quoted(letter)[1:-1] + "'"
        raise _Stop(f"invalid character {shown} {where}")
    return letter


def _space(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]


def _value(text: str, at: int, where: str) -> int:
    letter = _expect(text, at, '{["-0123456789tfn', where)
    if letter in "{[":
        return _object(text, at + 1) if letter == "{" else _array(text, at + 1)
    if letter == '"':
        return _string(text, at + 1)
    if letter in "tfn":
        return _word(text, at, {"t": "true", "f": "false", "n": "null"}[letter])
    return _number(text, at)


def _object(text: str, at: int) -> int:
    at = _space(text, at)
    if _expect(text, at, '"}', "looking for beginning of object key string") == "}":
        return at + 1
    while True:
        at = _space(text, _string(text, at + 1))
        _expect(text, at, ":", "after object key")
        at = _space(text, _value(text, _space(text, at + 1), "looking for beginning of value"))
        if _expect(text, at, ",}", "after object key:value pair") == "}":
            return at + 1
        at = _space(text, at + 1)
        _expect(text, at, '"', "looking for beginning of object key string")


def _array(text: str, at: int) -> int:
    at = _space(text, at)
    if at < len(text) and text[at] == "]":
        return at + 1
    while True:
        at = _space(text, _value(text, at, "looking for beginning of value"))
        if _expect(text, at, ",]", "after array element") == "]":
            return at + 1
        at = _space(text, at + 1)


def _string(text: str, at: int) -> int:
    while at < len(text) and text[at] != '"':
        if text[at] < " ":
            _expect(text, at, '"', "in string literal")
        if text[at] == "\\":
            at += 1
            if _expect(text, at, _ESCAPES + "u", "in string escape code") == "u":
                for _ in range(4):
                    at += 1
                    _expect(text, at, "0123456789abcdefABCDEF", "in \\u hexadecimal character escape")
        at += 1
    _expect(text, at, '"', "in string literal")
    return at + 1


def _word(text: str, at: int, word: str) -> int:
    for place, letter in enumerate(word):
        _expect(text, at + place, letter, f"in literal {word} (expecting {letter!r})")
    return at + len(word)


def _number(text: str, at: int) -> int:
    if text[at] == "-":
        at += 1
        _expect(text, at, "0123456789", "in numeric literal")
    at = at + 1 if text[at] == "0" else _DIGITS.match(text, at).end()  # type: ignore[union-attr]
    if text[at : at + 1] == ".":
        _expect(text, at + 1, "0123456789", "after decimal point in numeric literal")
        at = _DIGITS.match(text, at + 1).end()  # type: ignore[union-attr]
    if text[at : at + 1] in ("e", "E"):
        at += 2 if text[at + 1 : at + 2] in ("+", "-") else 1
        _expect(text, at, "0123456789", "in exponent of numeric literal")
        at = _DIGITS.match(text, at).end()  # type: ignore[union-attr]
    return at
