"""What the asker learns: the verdict on a whole trace, and the trace parted into the way there and the way back."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from .namespace.trace import Step, Trace
from .packet.packet import Arp, Geneve, Neighbour, Packet, Sealed, Tcp, Vxlan

# Every verdict, and what the asking program sees.
VERDICTS = {
    "delivered": "a program, or the kernel itself, has taken the packet",
    "refused": "RST or ICMP port unreachable: ECONNREFUSED",
    "unreachable": "ICMP host unreachable or prohibited, or nobody on the link: EHOSTUNREACH, EACCES",
    "no-route": "the sender's own table leads nowhere: ENETUNREACH",
    "not-permitted": "dropped in the sender's own OUTPUT: EPERM",
    "too-big": "longer than the way allows: EMSGSIZE",
    "time-exceeded": "the hops were used up on the way",
    "handed-over": "a program that the rules name has the packet, and decides alone",
    "timeout": "nothing ever comes back",
}
_TOLD = {
    "icmp": {3: "unreachable", 11: "time-exceeded"},
    "ipv6-icmp": {1: "unreachable", 2: "too-big", 3: "time-exceeded"},
}
_CODES = {("icmp", 3, 3): "refused", ("icmp", 3, 4): "too-big", ("ipv6-icmp", 1, 4): "refused"}


class TraceVerdict(Struct, frozen=True):
    """How it went: a key of VERDICTS, who took the packet and whom it saw as the sender, and the step that decided."""

    name: str
    delivered_to: str = ""
    seen_from: str = ""
    step: int = -1

    def __str__(self) -> str:
        if self.name == "delivered":
            return f"delivered to {self.delivered_to}, which sees {self.seen_from}"
        return f"{self.name}: {VERDICTS[self.name]}"


def verdict(trace: Trace) -> TraceVerdict:
    """The verdict on the packet that a trace begins with."""
    asker = trace.steps[0].namespace
    taken = arrival(trace)
    if taken >= 0 and trace.steps[taken].end == "local":
        packet = trace.steps[taken].skb.packet
        return TraceVerdict("delivered", trace.steps[taken].namespace, packet.flow.src, taken)
    for number, step in enumerate(trace.steps):
        told = _told(step, trace.steps[0]) if step.namespace == asker and number != taken else ""
        if told:
            return TraceVerdict(told, step=number)
    for number, step in enumerate(trace.steps):
        own = step.namespace == asker and step.end in ("no-route", "not-permitted", "too-big")
        if own or (step.end in ("unreachable", "handed-over") and not _is_around_another(step)):
            return TraceVerdict(step.end, step=number)
    return TraceVerdict("timeout", step=_lost(trace))


def arrival(trace: Trace) -> int:
    """The number of the step at which the packet, not an answer to it, has arrived; -1 if it never did."""
    for number, step in enumerate(trace.steps):
        if step.stage == "local_deliver" and step.end in ("local", "refused"):
            packet = step.skb.packet
            is_answer = _is_reset(packet) and not _is_reset(trace.steps[0].skb.packet)
            return -1 if packet.is_error or is_answer else number
    return -1


def way_back(trace: Trace) -> Trace:
    """The steps of whatever came back: the answer of whoever took the packet, or the error of whoever did not."""
    return _part(trace, _back(trace))


def way_there(trace: Trace) -> Trace:
    """The steps of the packet itself, and of the questions that its way needed."""
    back = set(_back(trace))
    return _part(trace, [number for number in range(len(trace.steps)) if number not in back])


def _back(trace: Trace) -> tuple[int, ...]:
    taken = arrival(trace)
    return trace.after(taken if taken >= 0 else trace.end)


def _part(trace: Trace, numbers: Sequence[int]) -> Trace:
    renumbered = {number: at for at, number in enumerate(numbers)}
    return Trace(
        tuple(trace.steps[number] for number in numbers),
        tuple(renumbered.get(trace.causes[number], -1) for number in numbers),
    )


def _is_around_another(step: Step) -> bool:
    """Whether a step is about a tunnel's outer packet: what becomes of it, its own sender learns, and nobody inside."""
    return isinstance(getattr(step.skb.packet, "payload", None), Vxlan | Geneve | Sealed | Packet)


def _is_reset(packet: Packet) -> bool:
    return isinstance(packet.header, Tcp) and "R" in packet.header.flags


def _told(step: Step, first: Step) -> str:
    """What a step tells the asker, if it is one at which an error or a reset arrives. A reset from another address than the
    one that was asked belongs to no connection of the asker, which ignores it.
    """
    packet = step.skb.packet
    if step.stage != "local_deliver":
        return ""
    if isinstance(packet.header, Tcp):
        asked, flow = first.skb.packet.flow, packet.flow
        return "refused" if _is_reset(packet) and (flow.src, flow.sport) == (asked.dst, asked.dport) else ""
    if not packet.is_error:
        return ""
    kind, code = packet.flow.dport >> 8, packet.flow.dport & 255
    return _CODES.get((packet.flow.proto, kind, code)) or _TOLD[packet.flow.proto].get(kind, "")


def _lost(trace: Trace) -> int:
    """The step at which the packet, or the answer that was owed for it, was last seen."""
    ends = [number for number, step in enumerate(trace.steps) if step.end and step.end != "local"]
    own = [number for number in ends if not _is_look_up(trace.steps[number])]
    return (own or ends or [len(trace.steps) - 1])[0]


def _is_look_up(step: Step) -> bool:
    """Whether a step is about a question for a MAC address: that nobody answers it is told of the packet that waits."""
    packet = step.skb.packet
    return isinstance(packet, Arp) or isinstance(packet.payload, Neighbour)
