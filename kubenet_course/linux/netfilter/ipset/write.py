"""Sets as text for `ipset restore`, which `ipset save` prints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...packet.address import IPV4
from .sets import BITMAP_PORT, LIST_SET, IpSet

HASH_SIZE, MOST, LIST_SIZE = 1024, 65536, 8  # what `ipset create` takes when nothing is said


def restore(sets: Iterable[IpSet]) -> str:
    """What `ipset save` prints and `ipset restore` reads."""
    return "".join(f"{line}\n" for one in sets for line in _lines(one))


def _lines(one: IpSet) -> Iterator[str]:
    yield f"create {one.name} {one.type} {one.words or _usual(one)}"
    for member in one.members:
        yield f"add {one.name} {member}"


def _usual(one: IpSet) -> str:
    if one.type == LIST_SET:
        return f"size {LIST_SIZE}"
    of = "inet" if one.family is IPV4 else "inet6"
    return "range 0-65535" if one.type == BITMAP_PORT else f"family {of} hashsize {HASH_SIZE} maxelem {MOST}"
