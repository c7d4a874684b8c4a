"""Chance learned from a capture: the model is asked to choose what the kernel chose, and then has to agree about every byte.

A choice that the model could not have made is noted in `impossible` and another is taken: the frame that shows it differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from ..errors import BadInput
from ..linux.namespace.choices import Question, Scripted
from ..linux.packet.packet import ICMP, Flow, Fragment, Packet, Quote, Tcp, Vxlan
from ..linux.packet.wire import frame_from
from .scenario.scenario import FrameHex


class Learned:
    """Answers numbers from the frames that left each namespace, and yes-or-no questions from a list to be tried."""

    def __init__(self, frames: Iterable[FrameHex], answers: Sequence[bool] = ()):
        self.yes_or_no = Scripted(answers)
        self.number = 0  # which of the scenario's packets is on its way: only its own frames are looked at
        self.left: dict[tuple[int, str], list[Packet]] = {}
        self.came: dict[
            tuple[int, str], set[int]
        ] = {}  # the identifications of what came in: none of them was drawn here
        for frame in frames:
            place = (frame.packet, frame.namespace)
            if frame.direction == "out":
                self.left.setdefault(place, []).extend(_packets(frame))
            else:
                self.came.setdefault(place, set()).update(packet.id for packet in _packets(frame))
        self.learned: list[tuple[Question, int]] = []
        self.impossible: list[Question] = []
        self._used: set[tuple[str, Flow, int]] = set()

    def happens(self, question: Question, probability: float) -> bool:
        """One way out of the several that rules allow; the comparison tries them in turn."""
        return self.yes_or_no.happens(question, probability)

    def supposes(self, question: Question) -> bool:
        return self.yes_or_no.supposes(question)

    def came_before(self, question: Question, most: int) -> int:
        return 0

    def pick(self, question: Question, among: Sequence[int]) -> int:
        """The number that the kernel drew."""
        kind, ns, *about = question
        asked: dict[str, Callable[..., int | None]] = {
            "id": self._id,
            "id6": self._id6,
            "isn": self._isn,
            "port": self._port,
            "time": self._time,
        }
        found = asked[kind](ns, *about) if kind in asked else None
        if found is None or found not in among:
            self.impossible.append(question)
            return among[0]
        self.learned.append((question, found))
        return found

    def _id(self, ns: str, flow: Flow) -> int | None:
        """The identification of the first packet of this flow that has not been accounted for; else of one that was translated."""
        left = self.left.get((self.number, ns), ())
        alike = [packet for packet in left if packet.flow == flow]
        alike += [packet for packet in left if _after_nat(flow, packet.flow)]
        alike += [packet for packet in left if _after_both(flow, packet.flow) and packet.id not in self._came(ns)]
        alike += self._left_later(ns, flow)
        alike += [quoted for packet in left if (quoted := _quoted(packet)) and quoted.flow == flow]  # it went over lo
        for packet in alike:
            if (ns, packet.flow, packet.id) not in self._used:
                self._used.add((ns, packet.flow, packet.id))
                return packet.id
        return None

    def _id6(self, ns: str, flow: Flow) -> int | None:
        """The identification of the first packet between these two that left in pieces and did not come so."""
        for packet in self.left.get((self.number, ns), ()):
            seen = packet.flow
            alike = (seen.src, seen.dst, seen.proto) == (flow.src, flow.dst, flow.proto)
            known = packet.id in self._came(ns) or (ns, flow, packet.id) in self._used
            if alike and isinstance(packet.payload, Fragment) and not known:
                self._used.add((ns, flow, packet.id))
                return packet.id
        return None

    def _left_later(self, ns: str, flow: Flow) -> list[Packet]:
        """What waited for a MAC that a later packet brought to light."""
        later = sorted(place for place in self.left if place[0] > self.number and place[1] == ns)
        found = [packet for place in later for packet in self.left[place]]
        return [packet for packet in found if packet.flow == flow or _after_nat(flow, packet.flow)]

    def _came(self, ns: str) -> set[int]:
        return self.came.get((self.number, ns), set())

    def _isn(self, ns: str, flow: Flow) -> int | None:
        for packet in self.left.get((self.number, ns), ()):
            if (
                isinstance(packet.header, Tcp)
                and {"S", "A"} <= set(packet.header.flags)
                and packet.flow == flow.reverse
            ):
                return packet.header.seq
        return None

    def _time(self, ns: str, flow: Flow) -> int | None:
        """The time of day that an ICMP timestamp reply tells."""
        for packet in self.left.get((self.number, ns), ()):
            alike = (packet.flow.proto, packet.flow.dst, packet.flow.dport) == (flow.proto, flow.dst, flow.dport)
            if alike and isinstance(packet.payload, bytes) and len(packet.payload) == 12:
                return int.from_bytes(packet.payload[4:8], "big")
        return None

    def _port(self, ns: str, flow: Flow, end: str, first: int, last: int) -> int | None:
        """How far from the first allowed port the kernel's choice lies."""
        for packet in self.left.get((self.number, ns), ()):
            seen = packet.flow
            if end == "src" and (seen.proto, seen.src, seen.dst, seen.dport) == (
                flow.proto,
                flow.src,
                flow.dst,
                flow.dport,
            ):
                return seen.sport - first if first <= seen.sport <= last else None
        return None


def _after_nat(flow: Flow, seen: Flow) -> bool:
    """Whether a packet may be this one after its source, or its port alone, was translated on the way out."""
    same = (seen.proto, seen.dst, seen.dport) == (flow.proto, flow.dst, flow.dport)
    return same and (seen.src, seen.sport) != (flow.src, flow.sport)


def _after_both(flow: Flow, seen: Flow) -> bool:
    """Whether a packet may be this one after both its ends were translated: an answer to, or an error about, a translated one."""
    same = flow.dport == seen.dport or (flow.proto not in ICMP and flow.sport == seen.sport)
    return seen.proto == flow.proto and same


def _quoted(packet: Packet) -> Packet | None:
    """The packet that an ICMP error is about."""
    return packet.payload.packet if isinstance(packet.payload, Quote) else None


def _packets(frame: FrameHex) -> Iterator[Packet]:
    """The packet of a frame, and of a tunnel the one inside. A frame that cannot be read teaches nothing."""
    try:
        payload = frame_from(bytes.fromhex(frame.hex)).payload
    except BadInput:
        return
    while isinstance(payload, Packet):
        yield payload
        payload = payload.payload.frame.payload if isinstance(payload.payload, Vxlan) else None  # type: ignore[assignment]
