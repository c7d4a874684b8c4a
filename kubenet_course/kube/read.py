"""Files made into objects: what kubectl prints, plain manifests, configuration; YAML or JSON, several documents, Lists.

What cannot be used raises BadInput with one sentence: file, document, field, value, what would be right. What is not
understood (kinds and fields that no model reads) is listed in `notices`, never dropped in silence.
"""

import gc
import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ..errors import BadInput
from .check import check
from .decode import Decoded, Wrong, from_json, from_value, shown
from .objects import (
    CLUSTER_WIDE, ClusterConfiguration, Conflist, EndpointSlice, KubeProxyConfiguration, Namespace, NetworkPolicy, Node, Object, Pod,
    Read, Service, ServiceCIDR,
)  # fmt: skip

STANDARD_INPUT = "-"
MANY = 20_000  # objects
NO_DOCUMENT = "write manifests, or what `kubectl get nodes,pods,services,endpointslices -A -o yaml` prints"


@dataclass
class Place:
    """Where objects came from: a file's document, or one item of it."""

    file: str
    document: int
    first: int  # how many objects were read before this document
    is_list: bool = False
    items: list[int] = field(default_factory=list)  # the numbers in the List of those of its items that are objects

    def where(self, item: int = 0, of: object = None) -> str:
        list_item = f", item {item}" if item else ""
        return f"{self.file}: document {self.document}{list_item}" + (f" ({of})" if of else "")


@dataclass
class Objects:
    """All objects of a cluster by kind, in the order in which they stood."""

    nodes: list[Node] = field(default_factory=list)
    pods: list[Pod] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    slices: list[EndpointSlice] = field(default_factory=list)
    policies: list[NetworkPolicy] = field(default_factory=list)
    namespaces: list[Namespace] = field(default_factory=list)
    service_cidrs: list[ServiceCIDR] = field(default_factory=list)
    conflists: list[Conflist] = field(default_factory=list)
    cluster: ClusterConfiguration | None = None
    proxy: KubeProxyConfiguration | None = None
    notices: tuple[str, ...] = ()
    places: list[Place] = field(default_factory=list)
    order: list[Read] = field(default_factory=list)

    def where(self, one: Read) -> str:
        """File and document of an object, for a sentence about it."""
        index = next((index for index, other in enumerate(self.order) if other is one), None)
        if index is None:
            return str(one)
        place = self.places[bisect_right([place.first for place in self.places], index) - 1]
        return place.where(place.items[index - place.first] if place.is_list else 0, one)


LISTS = {
    Node: "nodes", Pod: "pods", Service: "services", EndpointSlice: "slices", NetworkPolicy: "policies", Namespace: "namespaces",
    ServiceCIDR: "service_cidrs", Conflist: "conflists",
}  # fmt: skip
ONLY_ONE: dict[type, str] = {ClusterConfiguration: "cluster", KubeProxyConfiguration: "proxy"}


class _Reading:
    """What has been read so far."""

    def __init__(self) -> None:
        self.objects = Objects()
        self.seen: set[tuple] = set()
        self.noticed: dict[str, tuple[str, int]] = {}  # what was not understood -> where first, how often more

    def add(self, place: Place, item: int, raw: Any) -> None:
        """One object: decoded, checked, filed under its kind."""
        try:
            decoded = from_json(raw) if isinstance(raw, bytes | msgspec.Raw) else from_value(raw)
            if decoded.object is not None:
                check(decoded.object)
        except Wrong as wrong:
            where = place.where(item, _name(raw))
            raise BadInput(f"{where}: {wrong.path}" if wrong.path else where, wrong.what, wrong.right) from None
        if decoded.object is not None:
            self._file(place, item, decoded.object)
        if decoded.object is None or decoded.unknown:
            self._notice(place, item, decoded)

    def _file(self, place: Place, item: int, one: Read) -> None:
        kind = type(one)
        objects = self.objects
        if kind in ONLY_ONE:
            if getattr(objects, ONLY_ONE[kind]) is not None:
                raise BadInput(place.where(item), f"there is a second {kind.__name__}", "leave one of them out")
            setattr(objects, ONLY_ONE[kind], one)
        else:
            getattr(objects, LISTS[kind]).append(one)
        if isinstance(one, Object):
            named = (kind, one.metadata.name) if kind in CLUSTER_WIDE else (kind, one.metadata.namespace, one.metadata.name)
            if named in self.seen:
                raise BadInput(place.where(item), f"{one} stands twice: first in {self._first(one)}", "give each its own name")
            self.seen.add(named)
        objects.order.append(one)
        if place.is_list:
            place.items.append(item)

    def _first(self, twin: Object) -> str:
        return next(self.objects.where(one) for one in self.objects.order if type(one) is type(twin) and str(one) == str(twin))

    def _notice(self, place: Place, item: int, decoded: Decoded) -> None:
        said = [f"kind {decoded.kind} is not understood; left out"] if decoded.object is None else []
        said += [f"field {path} is not understood" for path in decoded.unknown]
        for text in said:
            first, more = self.noticed.get(text, (place.where(item, decoded.object), -1))
            self.noticed[text] = first, more + 1

    def done(self) -> Objects:
        self.objects.notices = tuple(
            f"{first}: {said}" + (f" (and {more} more)" if more else "") for said, (first, more) in self.noticed.items()
        )
        return self.objects


def read(paths: Iterable[str]) -> Objects:
    """Objects from files; `-` is standard input."""
    reading = _Reading()
    for path in paths:
        _read_file(reading, path, _content(path))
    return reading.done()


def read_text(text: str, name: str = "text") -> Objects:
    """Objects from a text, as if it were a file of that name."""
    reading = _Reading()
    _read_file(reading, name, text.encode())
    return reading.done()


def _content(path: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if path == STANDARD_INPUT else Path(path).read_bytes()
    except IsADirectoryError:
        raise BadInput(path, "this is a directory", "name the files in it") from None
    except FileNotFoundError:
        raise BadInput(path, "there is no such file", "name a file, or - for standard input") from None
    except (OSError, ValueError) as error:
        raise BadInput(path, f"it cannot be read ({error})", "name a file that can be read") from None


def _read_file(reading: _Reading, path: str, content: bytes) -> None:
    path = "standard input" if path == STANDARD_INPUT else path
    if not content.strip():
        raise BadInput(path, "the file is empty", NO_DOCUMENT)
    if b"\0" in content[:4096]:
        raise BadInput(path, "the file is binary", NO_DOCUMENT)
    before = len(reading.objects.places)
    for number, value in _documents(path, content):
        place = Place(path, number, len(reading.objects.order))
        reading.objects.places.append(place)
        _read_document(reading, place, value)
    if len(reading.objects.places) == before:
        raise BadInput(path, "the file holds no document", NO_DOCUMENT)


def _documents(path: str, content: bytes) -> Iterator[tuple[int, Any]]:
    """Each document with its number: JSON as bytes, YAML as plain values."""
    broken = ""
    if content.lstrip()[:1] == b"{":
        try:
            msgspec.json.decode(content, type=_Head)
            yield 1, content
            return
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            broken = str(error)  # YAML may begin with a brace too
    from .yaml_text import documents_of

    try:
        yield from documents_of(path, content)
    except BadInput:
        if broken and path.endswith(".json"):
            raise BadInput(path, f"document 1 is not JSON: {broken}", NO_DOCUMENT) from None
        raise


class _Head(msgspec.Struct, gc=False, rename="camel"):
    """Enough of a JSON document to see whether it is a List."""

    kind: Any = ""
    api_version: Any = ""
    items: msgspec.Raw = msgspec.Raw(b"")


def _read_document(reading: _Reading, place: Place, value: Any) -> None:
    """A List is its items, each read as if it stood alone."""
    if isinstance(value, bytes):
        head = msgspec.json.decode(value, type=_Head)
        kind, version = head.kind, head.api_version
        listed = msgspec.json.decode(head.items, type=list[msgspec.Raw]) if bytes(memoryview(head.items)[:1]) == b"[" else None
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

    Of a large cluster they are taken out of the collector's sight for good: a look at all of them takes a tenth of a second.
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


def _name(raw: Any) -> str:
    """What an object calls itself, if it can be made out."""
    value = msgspec.json.decode(raw) if isinstance(raw, bytes | msgspec.Raw) else raw
    metadata = value.get("metadata") if isinstance(value, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return f"{value.get('kind', 'object')} {shown(name)}" if name is not None else ""
