"""The picture of a cluster in its surroundings, with the way of a packet marked in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...linux.namespace.trace import Trace
from ...linux.packet.packet import Arp
from ..topology.wide import wide
from .drawing import NO_MARK, Drawing, Mark
from .picture import Picture
from .scene import Scene


def surroundings(cluster: Any, trace: Trace | None = None) -> Picture:
    """A cluster with a Layout, and all that the Layout puts around it; with a trace, the way there of its packet."""
    drawing, said = wide(cluster)
    mark = _marked(drawing, trace) if trace else NO_MARK
    places = [key for key in mark.been if key in drawing.keys]
    way = (f"Marked: {', '.join(places)}.",) if places else ()
    return Picture(Scene(drawing, said + way), mark)


def _marked(drawing: Drawing, trace: Trace) -> Mark:
    """The boxes where the packet was, and the lines between each and the next."""
    been: list[str] = []
    for place in _places(drawing, trace):
        if been and been[-1] != place:
            been += drawing.way(been[-1], place)
        been.append(place)
    return Mark(been=tuple(dict.fromkeys(been)))


def _places(drawing: Drawing, trace: Trace) -> Iterator[str]:
    """The boxes that had the packet, in order, until it was taken or lost."""
    asked = trace.steps[0].skb.packet
    for step in trace.steps:
        packet = step.skb.packet
        if isinstance(packet, Arp) or packet.header != asked.header:
            continue
        if step.namespace in drawing.keys:
            yield step.namespace
        if step.end in ("local", "dropped", "no-route", "unreachable"):
            return
