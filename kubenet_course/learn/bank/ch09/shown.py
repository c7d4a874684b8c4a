"""What disproves an answer of chapter 09: as much of a request's way as the answer needs, and no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ....linux.namespace.trace import Step, Trace
from ....views.tables.table import Table, table
from ...questions.evidence import decisions

TRANSLATED = ("nat PREROUTING", "nat POSTROUTING")
SHOWN = (
    "route_output",
    "nat PREROUTING",
    "route_input",
    "ip_forward",
    "nat POSTROUTING",
    "confirm POSTROUTING",
    "local_deliver",
)


def decided(trace: Trace) -> Table:
    """Every decision about a route or an address, in order; hooks that had nothing to do are left out."""
    whole = decisions(trace, SHOWN, "What was decided, in order")
    rows = list(dict.fromkeys(row for row in whole.rows if row[2] != "nothing to translate"))
    return table(whole.caption, whole.heads, rows, whole.code)


def pair(trace: Trace, events: Mapping[str, Callable[[Step], bool]], first: str, then: str) -> Table:
    """Two events alone, as they really happened."""
    numbers = {one: next(at for at, step in enumerate(trace.steps) if events[one](step)) for one in (first, then)}
    steps = [trace.steps[at] for at in sorted(numbers.values())]
    rows = [(step.namespace, step.stage, step.said) for step in steps]
    return table("These two, in the order in which they happened", ("where", "stage", "what was said"), rows, code=(1,))


def translated(trace: Trace, hidden: bool = False) -> Table:
    """What was replaced on the way, there and back; `hidden` leaves out by what."""
    whole = decisions(trace, TRANSLATED, "What was translated on the way")
    rows = dict.fromkeys(row for row in whole.rows if row[2] != "nothing to translate")
    told = [(*row[:2], row[2].partition(" becomes ")[0] + " becomes ..." if hidden else row[2]) for row in rows]
    return table(whole.caption, whole.heads, dict.fromkeys(told), whole.code)
