"""What disproves a wrong answer: what passed each device, read from the trace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ...linux.namespace.trace import Step, Trace
from ...linux.packet.packet import Packet, endpoint
from ...linux.verdicts import verdict
from ...views.tables.table import Table, table

SWITCHES = ("lan",)  # between the machines; what passes it is the same frame


def journey(trace: Trace, caption: str = "") -> Table:
    """The packet that was sent, at every device that it left by: both layers of addresses, and the hops left.

    The flow is the first one's; answers and neighbour questions are left out.
    """
    rows, told = [], set()
    for name, dev, direction, frame in trace.frames:
        packet = frame.payload
        if not isinstance(packet, Packet) or direction != "out" or name in SWITCHES:
            continue
        if _is_way_there(packet, trace):
            ends = endpoint(packet.flow.src, packet.flow.sport), endpoint(packet.flow.dst, packet.flow.dport)
            what = (f"{frame.src} > {frame.dst}", f"{ends[0]} > {ends[1]}", packet.ttl)
            if (name, what) not in told:  # a bridge that floods sends one frame out of many ports
                told.add((name, what))
                rows.append((f"{name} {dev}", *what))
    said = caption or f"The packet at each device that it left by; verdict: {verdict(trace)}"
    return table(said, ("leaves by", "frame", "packet", "hops left"), rows, code=(1, 2))


def _is_way_there(packet: Packet, trace: Trace) -> bool:
    """The request, not an answer and not what the asker says to the answer."""
    asked = trace.steps[0].skb.packet
    if packet.flow.proto != asked.flow.proto:
        return False
    is_first = getattr(packet.header, "flags", "") == getattr(asked.header, "flags", "")
    return packet.flow.sport == asked.flow.sport and is_first and packet.flow.src != asked.flow.dst


def decisions(trace: Trace, stages: Sequence[str], caption: str) -> Table:
    """Only what certain stages said."""
    rows = [(step.namespace, step.stage, step.said) for step in trace.steps if step.stage in stages and step.said]
    return table(caption, ("where", "stage", "what was said"), rows, code=(1,))


def ending(trace: Trace, caption: str = "") -> Table:
    """How it ended, and the step that decided."""
    found = verdict(trace)
    step = trace.steps[found.step] if found.step >= 0 else trace.last
    rows = [(step.namespace, step.stage, step.said)]
    return table(caption or f"Verdict: {found}", ("where", "stage", "what was said"), rows, code=(1,))


def in_order_of(trace: Trace, events: Mapping[str, Callable[[Step], bool]]) -> tuple[str, ...]:
    """Events in the order in which their steps happened. An event that did not happen is a LookupError: the bank is wrong."""
    first: dict[str, int] = {}
    for event, is_it in events.items():
        at = next((number for number, step in enumerate(trace.steps) if is_it(step)), -1)
        if at < 0:
            raise LookupError(f"no step of this trace is “{event}”")
        first[event] = at
    return tuple(sorted(first, key=lambda event: first[event]))
