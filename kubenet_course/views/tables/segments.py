"""A connection that carries data, as a table: the segments that passed a device, and when."""

from __future__ import annotations

from itertools import groupby

from ...linux.conversation import Conversation, Segment
from .table import Table, table

NAMES = {"S": "asks for a connection", "SA": "agrees", "FA": "closes", "R": "refuses", "RA": "refuses"}
DATA, ACKNOWLEDGES, TELLS = "sends", "acknowledges", "tells"


def segments(told: Conversation, namespace: str, dev: str, caption: str = "", most: int = 24) -> Table:
    """The segments at one device. Those of one kind that follow each other are one line; a long story is cut in the middle."""
    seen = told.segments(namespace, dev)
    first = seen[0].when if seen else 0.0
    rows = [_row(list(group), first) for _, group in groupby(seen, key=_kind)]
    if len(rows) > most:
        rows = [*rows[: most // 2], ("...", "", f"{len(rows) - most} lines more", ""), *rows[-(most // 2) :]]
    return table(caption or f"At {dev} of {namespace}", ("after", "from", "what", "how much"), rows, code=(1,))


def _kind(one: Segment) -> tuple[str, str, int, float]:
    return one.src, _what(one), one.size, round(one.when)


def _what(one: Segment) -> str:
    if one.flags.startswith(("too big", "ICMP")):
        return f"{TELLS}: {one.flags}"
    if one.size:
        return DATA + (", and closes" if "F" in one.flags else "")
    return NAMES.get(one.flags, ACKNOWLEDGES)


def _row(group: list[Segment], first: float) -> tuple[str, str, str, str]:
    one, last, count = group[0], group[-1], len(group)
    much = ""
    if one.size:
        much = f"{f'{count} times ' if count > 1 else ''}{one.size:,} bytes, from byte {one.seq:,} on"
    elif _what(one) == ACKNOWLEDGES and last.ack > 1:
        much = f"up to byte {last.ack - 1:,}"
    elif _what(one).startswith(TELLS) and count > 1:
        much = f"{count} times"
    return f"{(one.when - first) / 1000:.2f} s", one.src, _what(one), much
