"""What the fields of an object may be: read off the objects' own types, so that nothing is written twice.

From the types follow the names that are known, the words that say what a value should have been, and a *shape*: a type
with the same names that refuses all others and looks at no value, by which names are checked as fast as JSON is read.
"""

import re
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Raw, Struct
from msgspec.structs import FieldInfo

from ..api.base import Name, Namespace_, PortName, Read

_STEP = re.compile(r"\.([A-Za-z0-9_]+)|\[(\d+|\.\.\.)\]")


class Parts(NamedTuple):
    """A type taken apart: whether it may be absent, its constraints, its origin (tuple, dict, Literal or None), its
    bare form.
    """

    constraints: tuple[Meta, ...]
    origin: Any
    bare: Any


@cache
def parts(of: Any) -> Parts:
    """Annotated[tuple[X, ...] | None, ...] and the like; of a union, the first part that is not None."""
    constraints: tuple[Meta, ...] = ()
    while True:
        origin = get_origin(of)
        if origin is Annotated:
            of, *notes = get_args(of)
            constraints += tuple(note for note in notes if isinstance(note, Meta))
        elif origin is Union or (origin is not None and origin.__name__ == "UnionType"):
            of = next(one for one in get_args(of) if one is not type(None))
        else:
            return Parts(constraints, origin, of)


@cache
def fields(kind: type[Struct]) -> dict[str, FieldInfo]:
    """A part's fields by the names that they have in a manifest."""
    return {one.encode_name: one for one in msgspec.structs.fields(kind)}


@cache
def unread(kind: type[Read]) -> frozenset[str]:
    """Names that the API has and no model asks for."""
    return frozenset(kind.unread.split())


def inside(of: Any) -> type[Read] | None:
    """The part that a field holds, alone or in a list; None for plain values and mappings with free keys."""
    taken = parts(of)
    if taken.origin is tuple:
        return inside(get_args(taken.bare)[0])
    return taken.bare if isinstance(taken.bare, type) and issubclass(taken.bare, Read) else None


@cache
def shape(kind: type[Read]) -> type[Struct]:
    """A strict twin of a part: the same names at every depth, no value looked at."""
    names: list[tuple[str, Any, Any]] = []
    for info in fields(kind).values():
        part = inside(info.type)
        twin: Any = Raw if part is None else shape(part)
        if part is not None:
            twin = (list[twin] if parts(info.type).origin is tuple else twin) | None
        names.append((info.name, twin, Raw() if part is None else None))
    names += [(name, Raw, Raw()) for name in unread(kind)]
    renamed = {info.name: name for name, info in fields(kind).items()}
    config = kind.__struct_config__
    return msgspec.defstruct(
        f"{kind.__name__}Shape",
        names,
        rename=renamed,
        forbid_unknown_fields=True,
        tag_field=config.tag_field,
        tag=config.tag,
        gc=False,
    )


def unknown(value: Any, kind: type[Read], path: str = "") -> list[str]:
    """Paths of fields that are neither read nor known, in the order in which they stand."""
    if isinstance(value, list):
        return [found for index, one in enumerate(value) for found in unknown(one, kind, f"{path}[{index}]")]
    if not isinstance(value, dict):
        return []
    found: list[str] = []
    for name, one in value.items():
        at = f"{path}.{name}" if path else str(name)
        info = fields(kind).get(name)
        if info is not None:
            part = inside(info.type)
            free = (
                isinstance(one, dict) and parts(info.type).origin is tuple
            )  # a mapping where a list may stand: free keys
            found += unknown(one, part, at) if part and not free else []
        elif name not in unread(kind) and name != kind.__struct_config__.tag_field:
            found.append(at)
    return found


def expected(kind: type[Read], path: str) -> str:
    """What would be right at a path of an object such as `spec.ports[0].port`, in words."""
    of: Any = kind
    for name, _ in _STEP.findall(f".{path}"):
        taken = parts(of)
        if name and isinstance(taken.bare, type) and issubclass(taken.bare, Struct):
            info = fields(taken.bare).get(name)
            if info is None:
                return "leave it out"
            of = info.type
        elif taken.origin is tuple:
            of = get_args(taken.bare)[0]
        elif taken.origin is dict:
            of = get_args(taken.bare)[1]
    return f"write {_words(of)}"


def _words(of: Any) -> str:
    if of in (Name, Namespace_, PortName):
        return "lower-case letters, digits and hyphens, beginning and ending with a letter or a digit"
    if len(get_args(of)) > 1 and {int, str} <= set(get_args(of)):
        return "a number or a name"
    taken = parts(of)
    limits = {
        bound: getattr(meta, bound)
        for meta in taken.constraints
        for bound in ("ge", "le")
        if getattr(meta, bound) is not None
    }
    if taken.origin is Literal:
        return f"one of {', '.join(str(word) for word in get_args(taken.bare) if word)}"
    if taken.origin is tuple:
        return f"a list, each of it {_words(get_args(taken.bare)[0])}"
    if taken.origin is dict:
        return "a mapping from names to text"
    if isinstance(taken.bare, type) and issubclass(taken.bare, Struct):
        return f"a mapping with {', '.join(list(fields(taken.bare))[:4])}"
    if taken.bare is int:
        return f"a whole number from {limits.get('ge', 0)} to {limits.get('le', 'any')}" if limits else "a whole number"
    return {str: "text (in quotes where it looks like a number)", bool: "true or false"}.get(
        taken.bare, "something else"
    )
