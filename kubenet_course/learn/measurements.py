"""What a real kernel needed for a new connection, as `tools/measure_services.py` has measured it."""

from __future__ import annotations

import json
from functools import cache

from msgspec import Struct

from ..data import data
from ..errors import BadInput

FILE = data("measured/new-connections.json")


class Measured(Struct, frozen=True):
    """Microseconds, each a median: until a new connection stands, and for one byte on a connection that is known."""

    first: float
    later: float


@cache
def _rows() -> dict[tuple[str, int], Measured]:
    rows = json.loads(FILE.read_text(encoding="utf-8"))["rows"]
    return {(row["mode"], row["services"]): Measured(row["first"], row["later"]) for row in rows}


def measured(mode: str, services: int) -> Measured:
    """`mode`: iptables, iptables-legacy, nftables, or "no rules" with 1 Service. Raises BadInput for others."""
    if (mode, services) not in _rows():
        known = "; ".join(f"{name} with {count:,}" for name, count in _rows())
        raise BadInput("measured", f"nobody has measured {mode} with {services} Services", f"there is {known}")
    return _rows()[mode, services]
