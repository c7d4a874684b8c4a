"""Who asked for which port, in which order, and what each was told."""

from __future__ import annotations

from collections.abc import Iterable

from ...linux.namespace.bind import Bound
from ...linux.namespace.netns import Socket
from ...linux.packet.packet import endpoint
from .table import Table, table

OPTION = 3  # the column
OPTIONS = {"reuseport": "SO_REUSEPORT", "reuseaddr": "SO_REUSEADDR", "v6only": "IPV6_V6ONLY"}


def programs(asked: Iterable[Socket], caption: str = "They start in this order") -> Table:
    """Where programs want to listen, before anybody has told them anything."""
    return _table(caption, [_wish(one) for one in asked], ())


def binds(told: Iterable[Bound], caption: str = "") -> Table:
    """The same, and what each was told. Those who were refused are marked."""
    rows = [(*_wish(one.wanted), answer(one)) for one in told]
    refused = tuple(at for at, row in enumerate(rows) if row[-1] not in ("listens", "bound"))
    return _table(caption or f"{len(rows) - len(refused)} of {len(rows)} listen", rows, ("told",), refused)


def _table(caption: str, rows: list[tuple[str, ...]], last: tuple[str, ...], marked: tuple[int, ...] = ()) -> Table:
    """Without the column of options where nobody has any."""
    heads = ("program", "protocol", "address and port", "options", *last)
    if not any(row[OPTION] for row in rows):
        heads, rows = heads[:OPTION] + last, [row[:OPTION] + row[OPTION + 1 :] for row in rows]
        return table(caption, heads, rows, (2,), marked)
    return table(caption, heads, rows, (2, OPTION), marked)


def answer(one: Bound) -> str:
    """What a program was told, and by whose fault."""
    if not one.error:
        return "listens" if one.wanted.listens else "bound"
    return f"{one.error}: {one.by.program or 'a program'} has it" if one.by else f"{one.error}: nobody has that address"


def _wish(one: Socket) -> tuple[str, ...]:
    said = [name for field, name in OPTIONS.items() if getattr(one, field)]
    user = [f"user {one.uid}"] if one.uid else []
    return one.program, one.proto, endpoint(one.address, one.port), ", ".join(said + user)
