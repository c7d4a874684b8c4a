"""Pods, Deployments and budgets out of files, with all that their lives hang on; Lists are their items."""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ...errors import BadInput
from ..api.base import Object
from ..manifest.decode import shown, without_nulls
from ..manifest.fields import expected, unknown
from ..manifest.yaml_text import documents_of
from .api import KINDS
from .validate import refused

_AT = re.compile(r" - at (?:`key` in )?`\$\.?(.*)`\Z")
_MISSING = re.compile(r"Object missing required field `([^`]*)`")


class Read(NamedTuple):
    """Objects in their order, and what was not understood."""

    objects: tuple[Object, ...]
    notices: tuple[str, ...]


def read_workloads(paths: Iterable[str]) -> Read:
    """Raises BadInput with file, document, field; what the API server would refuse is refused in its words."""
    return _read(item for path in paths for item in _items(*_content(path)))


def read_workload_text(text: str, name: str = "manifest") -> Read:
    """The same from a text."""
    return _read(_items(name, text.encode("utf-8", "replace")))


def _read(items: Iterable[tuple[str, dict[str, Any]]]) -> Read:
    objects: list[Object] = []
    notices: list[str] = []
    for where, value in items:
        kind = value.get("kind")
        if not isinstance(kind, str) or not kind:
            raise BadInput(f"{where}: kind", "it is missing", "write kind: Pod, and apiVersion: v1 beside it")
        of = KINDS.get(kind)
        if of is not None and "apiVersion" not in value:
            raise BadInput(f"{where}: apiVersion", "it is missing", f"write apiVersion: {of.api[0]}")
        if of is None or value.get("apiVersion") not in of.api:
            notices.append(f"{where}: kind {kind} ({value.get('apiVersion', 'no apiVersion')}) is not used here")
            continue
        one = _object(where, value, of)
        notices += [f"{where}: field {name} is not understood" for name in unknown(value, of)]
        objects.append(one)
    return Read(tuple(objects), tuple(notices))


def _content(path: str) -> tuple[str, bytes]:
    """What a file is called in a sentence, and what it holds."""
    try:
        content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except (OSError, ValueError) as error:
        said = "there is no such file" if isinstance(error, FileNotFoundError) else f"it cannot be read ({error})"
        raise BadInput(path, said, "name a file, or - for standard input") from None
    return ("standard input" if path == "-" else path), content


def _items(name: str, content: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    if not content.strip():
        raise BadInput(name, "the file is empty", "write a Pod or a Deployment")
    for number, raw in documents_of(name, content):
        try:
            value = without_nulls(raw)
        except RecursionError:
            raise BadInput(f"{name}: document {number}", "it holds itself", "write it without aliases") from None
        where = f"{name}: document {number}"
        listed = value.get("items") if str(value.get("kind", "")).endswith("List") else None
        if not isinstance(listed, list):
            yield where, value
            continue
        kind = str(value["kind"]).removesuffix("List")
        for index, item in enumerate(listed, 1):
            if not isinstance(item, dict):
                raise BadInput(f"{where}, item {index}", f"it is {shown(item)}", "write an object")
            head = {"kind": kind, "apiVersion": value.get("apiVersion")} if kind else {}
            yield f"{where}, item {index}", {**head, **item}


def _object(where: str, value: dict[str, Any], of: type[Object]) -> Object:
    try:
        one = msgspec.convert(value, of)
    except msgspec.ValidationError as error:
        raise _wrong(where, str(error), of) from None
    for refusal in refused(one):
        path, _, said = str(refusal).partition(": ")
        raise BadInput(f"{where} ({one}): {path}", said, "the API server refuses it so")
    return one


def _wrong(where: str, message: str, of: type[Object]) -> BadInput:
    found = _AT.search(message)
    path = found[1] if found else ""
    missing = _MISSING.match(message)
    if missing:
        path = f"{path}.{missing[1]}" if path else missing[1]
        return BadInput(f"{where}: {path}", "it is missing", expected(of, path))
    said = message[: found.start()] if found else message
    return BadInput(f"{where}: {path}", said[:1].lower() + said[1:], expected(of, path))
