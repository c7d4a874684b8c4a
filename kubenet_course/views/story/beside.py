"""Two frames field by field: one that somebody made, and the one that it should be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ...linux.packet.fields import Field, layers
from ...linux.packet.packet import Frame
from ...linux.packet.wire import frame_bytes
from ..tables.table import Table, table
from .frame import frame_table

# What a kernel draws, or what follows from all other fields: of these a difference says nothing.
FOLLOWS = ("id", "header checksum", "checksum")
MISSING = "not there"


def differing(made: Frame | bytes, wanted: Frame | bytes) -> list[tuple[str, str, str, str]]:
    """(header, field, as it was made, as it should be) of every field that is off, in the order of the frame."""
    one, two = dict(_keyed(made)), dict(_keyed(wanted))
    found = []
    for key in dict.fromkeys([*two, *one]):
        mine, right = one.get(key), two.get(key)
        if (mine and mine.value) == (right and right.value) or key[1] in FOLLOWS:
            continue
        found.append((key[0], key[1], mine.value if mine else MISSING, right.value if right else MISSING))
    return found


def field_by_field(made: Frame | bytes, wanted: Frame | bytes) -> Table:
    """The fields that are off, as a table; identifications and checksums are left out."""
    rows = differing(made, wanted)
    count = f"{len(rows)} field{'s are' if len(rows) > 1 else ' is'} off" if rows else "Every field is right."
    return table(count, ("header", "field", "yours", "the kernel's"), rows)


def headers(frame: Frame | bytes) -> Table:
    """A frame header by header, from the outside to the inside: where each stands, and what it says in short."""
    rows = [line.split(None, 2) for line in repr(frame_table(frame)).splitlines()[1:]]
    parts = [(where, *f"{first} {rest}".split(": ", 1)) for where, first, rest in rows]
    return table(str(frame_table(frame).caption), ("bytes", "header", "says"), parts)


def _keyed(frame: Frame | bytes) -> Iterator[tuple[tuple[str, str, int], Field]]:
    data = frame if isinstance(frame, bytes) else frame_bytes(frame)
    seen: Counter[tuple[str, str]] = Counter()
    for field in layers(data):
        name = field.layer, field.name
        yield (*name, seen[name]), field
        seen[name] += 1
