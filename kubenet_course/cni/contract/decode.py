"""JSON read into typed fields by the rules of the reference plugins (Go's encoding/json), with their messages.

A *shape* is a function `(at, value) -> value`: it says what may stand at one place of a document. A value of a wrong
kind is noted and reading goes on; a text that means nothing (no address, no network) ends it. Names of fields match in
any case, exact spelling first; fields that no shape names are ignored; null leaves a field as if it were absent.
"""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from .address import Address, Cidr, parse_cidr, parse_ip

Shape = Callable[["At", Any], Any]


class Unreadable(ValueError):
    """A document that does not fit; its text is the reference's own sentence."""


class At(NamedTuple):
    """A place in a document: the structure that holds the field, the path to it, and the mismatches found so far."""

    struct: str
    path: tuple[str, ...]
    found: list[str]

    def mismatch(self, value: Any, wanted: str) -> None:
        """Notes a value of the wrong kind; the first one noted is the one reported."""
        where = f"Go struct field {self.struct}.{'.'.join(self.path)}" if self.path else "Go value"
        # Of a number that is no whole one the reference shows the digits, where a whole one belongs.
        shown = f" {value}" if wanted == "int" and isinstance(value, float) else ""
        self.found.append(f"json: cannot unmarshal {_KINDS[type(value)]}{shown} into {where} of type {wanted}")

    def field(self, struct: str, *names: str) -> "At":
        """The place of one field of a structure found here."""
        return At(struct, (*self.path, *names), self.found)


class Apart(At):
    """A place whose value is read by itself, whatever stands around it: a mismatch inside names the structure outside."""

    def field(self, struct: str, *names: str) -> At:
        return Apart(self.struct, (*self.path, *names), self.found)


_KINDS = {bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object"}


def apart(shape: Shape) -> Shape:
    """What is read by itself, as the reference reads types with a reader of their own: a mismatch there ends it all."""

    def read(at: At, value: Any) -> Any:
        inside = Apart(at.struct, at.path, [])
        answer = shape(inside, value)
        if inside.found:
            raise Unreadable(inside.found[0])
        return answer

    return read


def text(at: At, value: Any) -> str:
    """A string; null is the empty one."""
    if isinstance(value, str) or value is None:
        return value or ""
    at.mismatch(value, "string")
    return ""


def flag(at: At, value: Any) -> bool:
    """true or false; null is false."""
    if isinstance(value, bool) or value is None:
        return bool(value)
    at.mismatch(value, "bool")
    return False


def integer(at: At, value: Any) -> int:
    """A whole number; null is 0."""
    if (isinstance(value, int) and not isinstance(value, bool)) or value is None:
        return value or 0
    at.mismatch(value, "int")
    return 0


def ip(at: At, value: Any) -> Address | None:
    """An address; null and the empty text are none."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        at.mismatch(value, "net.IP")
        return None
    address = parse_ip(value)
    if address is None:
        raise Unreadable(f"invalid IP address: {value}")
    return address


def requested_ip(at: At, value: Any) -> Address | None:
    """An address that someone asks for; a mask length behind it is allowed and ignored."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        at.mismatch(value, "*ip.IP")
        return None
    cidr = parse_cidr(value) if "/" in value else None
    address = cidr.ip if cidr else parse_ip(value)
    if address is None:
        raise Unreadable(f"invalid IP address {value}")
    return address


def _cidr(at: At, value: Any) -> Cidr | None:
    written = text(at, value)
    network = parse_cidr(written)
    if network is None and not at.found:
        raise Unreadable(f"invalid CIDR address: {written}")
    return network


cidr = apart(_cidr)  # a network, or an address with its mask length; null is read as the empty text, which is neither


def anything(at: At, value: Any) -> Any:
    """A part that this reader hands on unread."""
    return value


def optional(shape: Shape) -> Shape:
    """What may also be absent: null stays None."""
    return lambda at, value: None if value is None else shape(at, value)


def listed(shape: Shape, go: str) -> Shape:
    """A list of what `shape` reads; `go` is its type's name in messages."""

    def read(at: At, value: Any) -> list[Any]:
        if isinstance(value, list):
            return [shape(at, element) for element in value]
        if value is not None:
            at.mismatch(value, go)
        return []

    return read


def mapped(shape: Shape, go: str) -> Shape:
    """An object whose keys are free; `go` is its type's name in messages."""

    def read(at: At, value: Any) -> dict[str, Any]:
        if isinstance(value, dict):
            return {key: shape(at, element) for key, element in value.items()}
        if value is not None:
            at.mismatch(value, go)
        return {}

    return read


def struct(go: str, fields: dict[str, Shape], within: dict[str, str] | None = None) -> Shape:
    """An object with named fields, read into a dict that holds only those present.

    `go` is the type's name with its package; `within` names, for a field, the embedded type that it comes from.
    """
    folded = {name.lower(): name for name in fields}
    short = go.rpartition(".")[2] if " " not in go else ""

    def read(at: At, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            if value is not None:
                at.mismatch(value, go)
            return {}
        answer = {}
        for key, element in value.items():
            name = key if key in fields else folded.get(key.lower())
            if name is not None:
                names = (within[name], name) if within and name in within else (name,)
                answer[name] = fields[name](at.field(short, *names), element)
        return answer

    return read


def parse(document: bytes | str) -> Any:
    """The document as plain values. Raises Unreadable with the reference's sentence when it is no JSON."""
    content = document if isinstance(document, str) else document.decode("utf-8", "replace")
    try:
        return json.loads(content, parse_constant=_no_constant)
    except RecursionError:
        raise Unreadable("exceeded max depth") from None
    except ValueError:
        from .syntax import complaint

        raise Unreadable(complaint(content if isinstance(document, str) else document.decode("latin-1"))) from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def unmarshal(value: Any, shape: Shape) -> Any:
    """Reads plain values through a shape. Raises Unreadable for the first thing that does not fit."""
    at = At("", (), [])
    answer = shape(at, value)
    if at.found:
        raise Unreadable(at.found[0])
    return answer
