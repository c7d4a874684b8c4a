"""Files made into objects: what kubectl prints, plain manifests, configuration; YAML or JSON, several documents, Lists.

What cannot be used raises BadInput with one sentence: file, document, field, value, what would be right. What is not
understood (kinds and fields that no model reads) is listed in `notices`, never dropped in silence.
"""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from ...errors import BadInput
from ...files import content, file_in_words
from .collection import Collection, Objects, Place
from .yaml_text import documents_of

MANY = 20_000  # objects
NO_DOCUMENT = "write manifests, or what `kubectl get nodes,pods,services,endpointslices -A -o yaml` prints"


def read(paths: Iterable[str]) -> Objects:
    """Objects from files; `-` is standard input."""
    reading = Collection()
    for path in paths:
        _read_file(reading, path, content(path))
    return reading.done()


def read_text(text: str, name: str = "text") -> Objects:
    """Objects from a text, as if it were a file of that name."""
    reading = Collection()
    _read_file(reading, name, text.encode("utf-8", "surrogatepass"))
    return reading.done()


def _read_file(reading: Collection, path: str, data: bytes) -> None:
    path = file_in_words(path)
    if not data.strip():
        raise BadInput(path, "the file is empty", NO_DOCUMENT)
    if b"\0" in data[:4096]:
        raise BadInput(path, "the file is binary", NO_DOCUMENT)
    before = len(reading.objects.places)
    for number, value in _documents(path, data):
        place = Place(path, number, len(reading.objects.order))
        reading.objects.places.append(place)
        _read_document(reading, place, value)
    if len(reading.objects.places) == before:
        raise BadInput(path, "the file holds no document", NO_DOCUMENT)


def _documents(path: str, data: bytes) -> Iterator[tuple[int, Any]]:
    """Each document with its number: JSON as bytes, YAML as plain values."""
    broken = ""
    if data.lstrip()[:1] == b"{":
        try:
            msgspec.json.decode(data, type=_Head)
            yield 1, data
            return
        except RecursionError:
            raise BadInput(f"{path}: document 1", "it is nested too deeply", NO_DOCUMENT) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            broken = str(error)  # YAML may begin with a brace too
    try:
        yield from documents_of(path, data)
    except BadInput:
        if broken and path.endswith(".json"):
            raise BadInput(path, f"document 1 is not JSON: {broken}", NO_DOCUMENT) from None
        raise


class _Head(msgspec.Struct, gc=False, rename="camel"):
    """Enough of a JSON document to see whether it is a List."""

    kind: Any = ""
    api_version: Any = ""
    items: msgspec.Raw = msgspec.Raw(b"")


def _read_document(reading: Collection, place: Place, value: Any) -> None:
    """A List is its items, each read as if it stood alone."""
    if isinstance(value, bytes):
        head = msgspec.json.decode(value, type=_Head)
        kind, version = head.kind, head.api_version
        listed = (
            msgspec.json.decode(head.items, type=list[msgspec.Raw])
            if bytes(memoryview(head.items)[:1]) == b"["
            else None
        )
    else:
        kind, version = value.get("kind"), value.get("apiVersion")
        listed = value.get("items")
    if not isinstance(kind, str) or not kind.endswith("List") or not isinstance(listed, list):
        reading.add(place, 0, value)
        return
    place.is_list = True
    with _no_collecting(len(listed) > MANY):
        for number, item in enumerate(listed, 1):
            reading.add(place, number, item if kind == "List" else _with_kind(item, kind.removesuffix("List"), version))


@contextmanager
def _no_collecting(many: bool) -> Iterator[None]:
    """Objects have no cycles; looking for some among a million of them again and again would take half of the time.

    Of a large cluster they are taken out of the collector's sight for good: a look at all of them takes a tenth of a
    second.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if many:
            gc.freeze()
        if was:
            gc.enable()


def _with_kind(item: Any, kind: str, version: Any) -> Any:
    """In a PodList the items do not say that they are Pods."""
    value = msgspec.json.decode(item) if isinstance(item, msgspec.Raw) else item
    return {"apiVersion": version, "kind": kind, **value} if isinstance(value, dict) else value
