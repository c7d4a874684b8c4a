"""A watched pod as lanes to draw: plain values, each with the word that stands in it and the tone that it has.

A tone never says anything alone; the word does. Lanes have spans (what held from when to when), marks (what happened
at a moment) or bars (how many requests in each second).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from msgspec import Struct

from ...kube.kubelet.lanes import Lane, Mark, Span, lanes
from ...kube.workload.rolled import GONE, Rolled
from ...kube.workload.watched import Second, Watched

GOOD, WAITS, IDLE, BAD = "good", "waits", "idle", "bad"
TONES = {
    "Running": GOOD,
    "running": GOOD,
    "yes": GOOD,
    "ready": GOOD,
    "Succeeded": GOOD,
    "Completed": GOOD,
    "Success": GOOD,
    "Pending": WAITS,
    "waiting": WAITS,
    "ContainerCreating": WAITS,
    "PodInitializing": WAITS,
    "Terminating": WAITS,
    "not ready": WAITS,
    "no": IDLE,
    GONE: IDLE,
}
PROBES = ("startup", "liveness", "readiness")


class Drawn(Struct, frozen=True):
    """One lane as it is drawn. `bars`: (second, served, lost, why)."""

    label: str
    spans: tuple[Span, ...] = ()
    marks: tuple[Mark, ...] = ()
    bars: tuple[tuple[int, int, int, str], ...] = ()

    @property
    def said(self) -> str:
        """The lane in words."""
        if self.bars:
            return f"{self.label}: {_bars_said(self.bars)}."
        spans = "; ".join(f"{one.value} from {one.since:g} s to {one.until:g} s" for one in self.spans)
        return f"{self.label}: {spans or _marks_said(self.marks) or 'nothing'}."


def tone(value: str) -> str:
    """How a word looks: well, not yet, nothing to say, bad."""
    return TONES.get(value, WAITS if value.startswith("Init:") and value[5:6].isdigit() else BAD)


def rows_of(life: Watched | Rolled) -> tuple[Drawn, ...]:
    """The lanes of a life in the order of cause and effect: the program, its probes, what follows from them. Of a
    rollout: a lane for each pod.
    """
    rows = _pods(life) if isinstance(life, Rolled) else _parts(life)
    return (*rows, Drawn("requests a second", bars=_bars(life.requests)))


def _bars(requests: tuple[Second, ...]) -> tuple[tuple[int, int, int, str], ...]:
    return tuple((one.at, one.served, one.lost, one.why) for one in requests)


def _pods(life: Rolled) -> list[Drawn]:
    """From its creation until it is gone, how each pod stood."""
    rows = []
    for name, turns in life.pods.items():
        ends = [*(one.t for one in turns[1:]), life.until]
        spans = (Span(one.t, end, one.word) for one, end in zip(turns, ends, strict=True) if end > one.t)
        rows.append(Drawn(name, spans=tuple(one for one in spans if one.value != GONE)))
    return rows


def _parts(life: Watched) -> list[Drawn]:
    found = {lane.name: lane for lane in lanes(life.events, life.until)}
    names = [name for name in found if found[name].spans and f"{name} started" in found]
    rows = [_row("phase", found["phase"]), _row("STATUS in kubectl", found["printed"])]
    for name in names:
        rows.append(_row(f"container {name}", found[name]))
        rows += [_row(f"{kind} probe", found[at]) for kind in PROBES if (at := f"{name} {kind}") in found]
        rows += [_row("signals", found[at]) for at in (f"{name} signals",) if at in found]
        rows.append(_row(f"{name} started", found[f"{name} started"]))
    rows += [_row("pod Ready", found["ready"]), _row("ready in EndpointSlice", found["endpoints"])]
    gone = life.when("gone")
    if gone:
        rows = [_until(row, gone[0], life.until) for row in rows]
    return [*rows, Drawn("clients' node sends to it", spans=tuple(_known(life)))]  # that may be longer than the pod


def _until(row: Drawn, gone: float, until: float) -> Drawn:
    """A lane of a pod that the API has forgotten: nothing holds of it any more."""
    spans = tuple(Span(one.since, min(one.until, gone), one.value) for one in row.spans if one.since < gone)
    return Drawn(row.label, (*spans, Span(gone, until, GONE)) if spans and gone < until else spans, row.marks)


def _row(label: str, lane: Lane) -> Drawn:
    return Drawn(label, lane.spans, lane.marks)


def _known(life: Watched) -> list[Span]:
    turns = [(0.0, False), *life.known, (life.until, False)]
    return [
        Span(since, until, "yes" if sends else "no") for (since, sends), (until, _) in pairwise(turns) if until > since
    ]


def _marks_said(marks: tuple[Mark, ...]) -> str:
    """Equal neighbours are counted: 'Success 3 times from 10 s to 30 s'."""
    runs: list[list[Mark]] = []
    for one in marks:
        if runs and runs[-1][0].value == one.value:
            runs[-1].append(one)
        else:
            runs.append([one])
    return "; ".join(
        f"{run[0].value} at {run[0].t:g} s"
        if len(run) == 1
        else f"{run[0].value} {len(run)} times from {run[0].t:g} s to {run[-1].t:g} s"
        for run in runs
    )


def _bars_said(bars: tuple[tuple[int, int, int, str], ...]) -> str:
    served, lost = sum(one[1] for one in bars), sum(one[2] for one in bars)
    if not lost:
        return f"{served} served, none lost"
    bad = [one for one in bars if one[2]]
    causes = ", ".join(dict.fromkeys(one[3] for one in bad))
    return f"{served} served, {lost} lost between {bad[0][0]} s and {bad[-1][0] + 1} s ({causes})"


def headline(life: Watched | Rolled) -> str:
    """What came of it, in one sentence."""
    counts = f"{life.served_count} requests served, {life.lost_count} lost"
    if isinstance(life, Rolled):
        return f"After {life.until:g} s kubectl rollout status says: {life.status.rstrip('.')}; {counts}"
    times = {0: "was never restarted", 1: "was restarted once"}.get(
        life.restarts, f"was restarted {life.restarts} times"
    )
    ready = [since for since, sends in life.known if sends]
    first = f"clients reach it from second {ready[0]:g}" if ready else "no client ever reaches it"
    return f"In {life.until:g} s the pod {times}; {first}; {counts}"


def told(life: Watched | Rolled, title: str = "") -> dict[str, Any]:
    """All that the page draws."""
    rows = rows_of(life)
    is_well = life.is_complete if isinstance(life, Rolled) else not life.restarts
    return {
        "title": title or life.name,
        "until": life.until,
        "headline": headline(life),
        "good": is_well and not life.lost_count and bool(life.served_count),
        "rows": [
            {
                "label": row.label,
                "spans": [(one.since, one.until, one.value, tone(one.value)) for one in row.spans],
                "marks": [(one.t, one.value, tone(one.value), one.said) for one in row.marks],
                "bars": row.bars,
            }
            for row in rows
        ],
        "said": [row.said for row in rows],
    }
