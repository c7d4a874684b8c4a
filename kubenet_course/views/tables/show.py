"""Tables for notebooks: what happened to a packet, which rules matched, what a kernel remembers, what may happen and how likely.

Each function returns a small value with a text and an HTML form. A cell ends with it; nothing is printed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module

from msgspec import Struct

from ...linux.namespace.fib import LINK_LOCAL
from ...linux.namespace.memory import Memory
from ...linux.namespace.netns import Netns
from ...linux.namespace.trace import ENDS, Step, Trace
from ...linux.netfilter.connections import Connections
from ...linux.netfilter.evaluate import Matched
from ...linux.packet.packet import Packet
from ..drawing.picture import Picture
from ..drawing.picture import picture as topology
from ..story.moments import DETAILS, MAIN, moments, shown
from ..story.rows import connection_table
from .source import Source
from .table import Table, table

__all__ = ["Picture", "connections", "facts", "outcomes", "progress", "routes", "rules", "source", "topology", "trace"]


def trace(of: Trace, detail: str = MAIN) -> Table:
    """The steps of a trace. `detail` is "main", "reasons" (every step that says something) or "every"."""
    story = moments(of)
    numbers = shown(story, detail)
    rows = [
        (number + 1, story[number].step.namespace, story[number].step.stage, _said(story[number].step))
        for number in numbers
    ]
    hidden = len(story) - len(numbers)
    caption = f"{len(numbers)} of {len(story)} steps: {DETAILS[detail]}" if hidden else f"All {len(story)} steps"
    ends = tuple(at for at, number in enumerate(numbers) if story[number].step.end)
    return table(caption, ("step", "where", "stage", "what was said"), rows, code=(2,), marked=ends)


def _said(step: Step) -> str:
    return f"{step.said} ({ENDS[step.end]})" if step.end in ENDS else step.said


def rules(of: Trace, where: str = "", stage: str = "") -> Table:
    """Every rule that matched, in order, with the kernel and the hook; only those of one kernel or stage where it is named."""
    asked = [step for step in of.steps if where in ("", step.namespace) and stage in ("", step.stage)]
    rows = [
        (step.namespace, step.stage, f"{row.chain} {row.number or 'policy'}", row.text)
        for step in asked
        for row in step.why
        if isinstance(row, Matched)
    ]  # fmt: skip
    walked = sum(step.walked for step in asked)
    said = f"{len(rows)} rules matched of {walked} that the kernels compared" if rows else "No rule matched."
    return table(said, ("where", "stage", "chain, number", "rule"), rows, code=(2, 3))


def connections(memory: Memory, namespace: str = "") -> Table:
    """What the kernels remember of connections (`conntrack -L`), of one namespace or of all."""
    names = [namespace] if namespace else list(memory.namespaces)
    rows: list[tuple[str, ...]] = []
    heads: tuple[str, ...] = ()
    for name in names:
        kept = {id(one): one for one in memory.of(name)[Connections].by_flow.values() if one.expires > memory.now}
        made = connection_table(kept.values(), "")
        heads = ("where", *made.heads)
        rows += [(name, *row) for row in made.rows]
    count = f"{len(rows)} connection{'s' * (len(rows) != 1)} remembered"
    return table(count if rows else "No connection is remembered.", heads, rows, code=(1, 2))


def outcomes(of: Iterable[object]) -> Table:
    """What may become of a packet, and how likely it is. Takes pairs (probability, outcome), or what `linux.outcome` gives.

    An outcome is a text, a trace, or an Outcome; those that read the same are one, and their chances add up.
    """
    chances: dict[str, float] = {}
    for one in of:
        share, what = one if isinstance(one, tuple) else (one.probability, one)  # type: ignore[attr-defined]
        chances[_outcome(what)] = chances.get(_outcome(what), 0.0) + share
    rows = [(what, f"{share * 100:.2f} %") for what, share in chances.items()]
    return table(f"{len(rows)} outcome{'s' * (len(rows) != 1)}", ("what becomes of it", "chance"), rows)


def _outcome(what: object) -> str:
    if isinstance(what, Trace):
        what = what.last
    end, skb = getattr(what, "end", None), getattr(what, "skb", None)
    if end is None or skb is None or not isinstance(skb.packet, Packet):
        return str(what)
    by = f" by {skb.dev_out}" if skb.dev_out and end == "forwarded" else ""
    return f"{ENDS.get(end, 'lost')}{by}: {skb.packet.flow}"


def routes(ns: Netns, local: bool = False) -> Table:
    """The routing table as it follows from addresses and added routes; with `local` also what is for the machine itself."""
    found = []
    for name, by_family in (("local", ns.fib.local), ("main", ns.fib.main)) if local else (("main", ns.fib.main),):
        for masks in by_family.values():
            rows = [row for _, networks in masks for same in networks.values() for row in same]
            found += [(name, row) for row in rows if local or row.prefix.first not in LINK_LOCAL]
    lines = [
        (_destination(row), row.via or "directly", row.dev, row.src, row.metric or "", name) for name, row in found
    ]
    caption = f"Routes of {ns.name}: the longest prefix that holds the address decides"
    return table(caption, ("to", "next hop", "device", "source", "metric", "table"), lines, code=(0, 1))


def _destination(row) -> str:
    to = "default" if not row.prefix.mask else str(row.prefix)
    return to if row.type in ("unicast", "local") else f"{row.type} {to}"


def facts(rows: Iterable[Mapping[str, object] | Struct]) -> Table:
    """Statements that hold for some versions only: each with since when, until when, and who says so."""
    said = [
        row if isinstance(row, Mapping) else {name: getattr(row, name) for name in row.__struct_fields__}
        for row in rows
    ]
    lines = [
        (row["statement"], row.get("since") or "always", row.get("until") or "today", row.get("source", ""))
        for row in said
    ]
    return table("What holds for which version", ("statement", "since", "until", "source"), lines)


def progress() -> object:
    """What a learner has done so far. `learn` stands above this room and draws it, so it is found by name, when asked for."""
    return import_module("kubenet_course.learn").progress()


def source(of: Callable) -> Source:
    """The library's own code, as it is, so that no chapter holds a second copy."""
    return Source(inspect.getsource(of), f"{of.__module__}.{of.__qualname__}")
