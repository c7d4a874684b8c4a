"""Which frames passed which device: what a person with tcpdump on every device of a world would have seen."""

from __future__ import annotations

from ...linux.namespace.trace import Trace
from ..tables.table import Table, table


def heard(trace: Trace, *namespaces: str, way: str = "in") -> Table:
    """The frames that came in ("in") or left ("out") by the devices of some namespaces, in order; of all where none is named."""
    rows = [
        (namespace, device, frame)
        for namespace, device, direction, frame in trace.frames
        if direction == way and (not namespaces or namespace in namespaces)
    ]
    verb = {"in": "came in", "out": "left"}[way]
    caption = f"{len(rows)} frame{'s' * (len(rows) != 1)} {verb}" if rows else f"No frame {verb}."
    return table(caption, ("where", "by", "frame"), rows, code=(2,))
