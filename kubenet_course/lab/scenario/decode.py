"""JSON from outside: read once, strictly, and refused in one sentence with the place."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import msgspec

from ...errors import BadInput

HALF = re.compile(r"\\u[dD][89a-fA-F]")  # half of a character


def decoded(text: str, where: str) -> Any:
    """The JSON of a file; a name that stands twice in one object is refused, and so is what is no JSON."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise BadInput(where, f"two values are named {name!r} in one object", "give each its own name")
            found[name] = value
        return found

    def no_number(word: str) -> Any:
        raise BadInput(where, f"{word} is not a number of JSON", "write digits")

    def finite(word: str) -> float:
        return no_number(word) if math.isinf(float(word)) else float(word)

    try:
        value = json.loads(text, object_pairs_hook=once, parse_constant=no_number, parse_float=finite)
        if HALF.search(text):
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except json.JSONDecodeError as error:
        raise BadInput(
            f"{where}:{error.lineno}", f"it is not JSON ({error.msg})", "end and quote everything as JSON does"
        ) from None
    except UnicodeEncodeError:
        raise BadInput(where, "it holds half of a character", "write whole characters") from None
    except (RecursionError, ValueError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(
            where, "it is nested too deeply or has a number too long", "write a scenario as the examples do"
        ) from None


def converted(value: Any, into: type, where: str, path: str) -> Any:
    """A part of a file as its typed value; what has another shape is refused with the path to it."""
    try:
        return msgspec.convert(value, into)
    except msgspec.ValidationError as error:
        what, _, inner = str(error).partition(" - at `$")
        place = f"{where}: {path}{inner.rstrip('`')}"
        raise BadInput(place, what[:1].lower() + what[1:], "see the scenario files for its shape") from None
