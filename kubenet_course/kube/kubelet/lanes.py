"""A pod's events sorted into lanes, as a timeline is drawn: plain data, nothing of how it looks.

A lane is what holds from when to when (phase, a container's state, started, ready, in the EndpointSlice) or what
happened at a moment (each probe's answers, signals).
"""

from collections.abc import Iterable

import msgspec

from .event import Event
from .phase import PENDING


class Span(msgspec.Struct, frozen=True):
    """What held between two times, in seconds."""

    since: float
    until: float
    value: str


class Mark(msgspec.Struct, frozen=True):
    """What happened at a time."""

    t: float
    value: str
    said: str = ""


class Lane(msgspec.Struct, frozen=True):
    """`name`: phase, printed (under STATUS of kubectl), ready, endpoints; and of a container `web`: `web`, `web started`,
    `web ready`, `web liveness` and so on.
    """

    name: str
    spans: tuple[Span, ...] = ()
    marks: tuple[Mark, ...] = ()


def lanes(events: Iterable[Event], until: float) -> tuple[Lane, ...]:
    """The lanes of one pod, in the order in which they are met, the pod's own first."""
    turns: dict[str, list[tuple[float, str]]] = {
        "phase": [(0.0, PENDING)],
        "printed": [(0.0, PENDING)],
        "ready": [(0.0, "no")],
        "endpoints": [(0.0, "no")],
    }
    marks: dict[str, list[Mark]] = {}
    for one in events:
        turns["phase"].append((one.t, one.phase))
        turns["printed"].append((one.t, one.printed or one.phase))
        turns["endpoints"].append((one.t, "yes" if one.in_endpoints else "no"))
        if one.what == "condition" and one.said.startswith("Ready"):
            turns["ready"].append((one.t, "yes" if one.result == "True" else "no"))
        if one.container:
            name = one.container
            for lane, value in ((f"{name} started", one.started), (f"{name} ready", one.ready)):
                turns.setdefault(lane, [(0.0, "no")]).append((one.t, "yes" if value else "no"))
        if one.what in ("container", "backoff"):
            turns.setdefault(one.container, [(0.0, "waiting")]).append((one.t, one.result))
        if one.what in ("probe", "signal", "killing"):
            lane = f"{one.container} {one.probe}" if one.probe else f"{one.container} signals"
            marks.setdefault(lane, []).append(Mark(one.t, one.result or one.what, one.said))
    found = [Lane(name, spans=tuple(_spans(rows, until))) for name, rows in turns.items()]
    return (*found, *(Lane(name, marks=tuple(rows)) for name, rows in marks.items()))


def _spans(rows: list[tuple[float, str]], until: float) -> Iterable[Span]:
    """Turns made into spans: equal neighbours are one, and what lasted no time is none."""
    since, value = rows[0]
    for t, after in [*rows[1:], (until, "")]:
        if after != value or t == until:
            if t > since:
                yield Span(since, t, value)
            since, value = t, after


def said_of(found: Iterable[Lane]) -> str:
    """The lanes in words: the text beside a picture."""
    lines = []
    for lane in found:
        spans = "; ".join(f"{one.value} from {one.since:g} to {one.until:g} s" for one in lane.spans)
        marks = "; ".join(f"{one.value} at {one.t:g} s" for one in lane.marks)
        lines.append(f"{lane.name}: {spans or marks or 'nothing'}")
    return "\n".join(lines)
