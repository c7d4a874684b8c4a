"""One document made into an object: values by msgspec, names checked by the object's shape, mistakes told in words."""

import json
import re
from functools import cache, reduce
from operator import or_
from typing import Any, NamedTuple

import msgspec

from ..api.objects import KINDS, Conflist, Read
from .fields import expected, shape, unknown

_AT = re.compile(r" - at (?:`key` in )?`\$\.?(.*)`\Z")
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_MISSING = re.compile(r"Object missing required field `([^`]*)`")
FREE_KEYS = ("labels", "matchLabels")  # mappings from any name to text
_EVERY_KIND: Any = reduce(or_, KINDS.values())
_VALUES: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_EVERY_KIND)


class Wrong(Exception):
    """A mistake within one document: at which field, what stands there, what would be right."""

    def __init__(self, path: str, what: str, right: str):
        super().__init__(path, what, right)
        self.path, self.what, self.right = path, what, right


class Decoded(NamedTuple):
    """An object, or None for a kind that no model reads; and the paths of fields that were not understood."""

    object: Read | None
    unknown: tuple[str, ...] = ()
    kind: str = ""


@cache
def _names(kind: type[Read]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(shape(kind))


def from_json(raw: bytes | msgspec.Raw) -> Decoded:
    """An object from its JSON. The usual case costs two passes in C; anything unusual is read again, slowly and with
    words.
    """
    try:
        found = _VALUES.decode(raw)
        _names(found.__class__).decode(raw)
        if found.api_version in found.api:
            return Decoded(found)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Wrong("", f"it is not JSON: {error}", "write it as kubectl prints it, in UTF-8") from None
    return from_value(value)


def from_value(value: Any) -> Decoded:
    """An object from plain values, as YAML gives them. Raises Wrong."""
    if not isinstance(value, dict):
        raise Wrong("", f"a document is {_kind_of(value)}", "write an object with apiVersion, kind and metadata")
    value = without_nulls(value)
    kind = kind_of(value)
    if kind is None:
        return Decoded(None, (), f"{value['kind']} ({value.get('apiVersion', 'no apiVersion')})")
    if kind is Conflist and "plugins" not in value:
        value = {"name": value.get("name", ""), "cniVersion": value["cniVersion"], "plugins": [value]}
    try:
        found = msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise _wrong(str(error), value, kind) from None
    return Decoded(found, tuple(unknown(value, kind)))


def kind_of(value: dict[str, Any]) -> type[Read] | None:
    """The type that reads a document; None where its kind, or its kind's apiVersion, is not one that a model reads."""
    name = value.get("kind")
    if name is None and "cniVersion" in value and ("plugins" in value or "type" in value):
        return Conflist
    if not isinstance(name, str) or not name:
        said = "says no kind" if name is None else f"has kind {shown(name)}"
        raise Wrong("kind", f"the document {said}", "write kind: Pod, and apiVersion: v1 beside it")
    if name.endswith("List") and "items" in value:
        raise Wrong("items", f"a {name} stands within a List", "write its items into the outer List")
    found = KINDS.get(name)
    if found is None or value.get("apiVersion", found.api[0]) in found.api:
        return found
    return None


def without_nulls(value: Any) -> Any:
    """The API server reads a field that is null as if it were not there; in a list, null stays and is refused. In a
    mapping with free keys, null is empty text: a selector that asks `app: null` asks for an empty label, not for nothing.
    """
    if isinstance(value, dict):
        return {
            name: _without_null_texts(one) if name in FREE_KEYS and isinstance(one, dict) else without_nulls(one)
            for name, one in value.items()
            if one is not None
        }
    if isinstance(value, list):
        return [without_nulls(one) for one in value]
    return value


def _without_null_texts(value: dict[str, Any]) -> dict[str, Any]:
    return {name: "" if one is None else one for name, one in value.items()}


def shown(value: Any) -> str:
    """A value as JSON has it, short enough for a sentence."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, TypeError, RecursionError):  # a number of too many digits, a name that is no text
        return "not a value of JSON"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _wrong(message: str, value: Any, kind: type[Read]) -> Wrong:
    """msgspec's sentence in ours: the field, the value, what would be right."""
    found = _AT.search(message)
    path = found[1] if found else ""
    missing = _MISSING.match(message)
    if missing:
        at = f"{path}.{missing[1]}" if path else missing[1]
        return Wrong(at, "it is missing", expected(kind, at))
    here = value
    for name, index in _STEP.findall(path.replace("[...]", "")):
        here = here[name] if name else here[int(index)]
    if path.endswith("[...]"):
        key, here = next((k, v) for k, v in here.items() if not isinstance(v, str))
        return Wrong(f"{path.removesuffix('[...]')}.{key}", f"it is {shown(here)}", f'write text, such as "{here}"')
    if "`key` in" in message:
        key = next(k for k in here if not isinstance(k, str))
        return Wrong(path, f"a name in it is {shown(key)}", f'write text, such as "{key}"')
    return Wrong(path, f"it is {shown(here)}", expected(kind, path))


def _kind_of(value: Any) -> str:
    return {list: "a list", str: "text", bool: "a boolean", int: "a number", float: "a number"}.get(
        type(value), "empty"
    )
