"""What happened to a packet: steps, each with the very row that decided, and the frames that went over devices."""

from __future__ import annotations

from msgspec import Struct

from ..packet.packet import Frame, Packet
from .skb import Skb


class Next(Struct, frozen=True):
    """Where a packet goes next: which kernel, which stage of it, and with which notes."""

    namespace: str
    stage: str
    skb: Skb


class Step(Struct, frozen=True):
    """One decision of one kernel. `why` holds the rows that decided (Route, Matched, FdbEntry, Connection, ...).

    `then` is what follows: nothing where the packet ends. `end` names how it ended here, from the closed list of `ENDS`.
    """

    namespace: str
    stage: str
    skb: Skb
    said: str = ""
    why: tuple = ()
    then: tuple[Next, ...] = ()
    end: str = ""
    frame: Frame | None = None  # at a device: what passed it
    walked: int = 0  # rules that the kernel compared the packet with
    hangs_on: tuple = ()  # rules (Matched) that were not understood: had they answered otherwise, it might be otherwise

    def __str__(self) -> str:
        return f"{self.namespace:<10} {self.stage:<22} {self.said}"


# How a packet can end in one kernel.
ENDS = {
    "local": "delivered to this machine",
    "forwarded": "sent out of a device",
    "dropped": "dropped in silence",
    "rejected": "dropped, and the sender was told",
    "unreachable": "nobody on the link has the address",
    "no-route": "no route led to the destination",
    "refused": "nobody listens, and the sender was told",
    "too-big": "too long for the sender's own device",
    "not-permitted": "dropped in the sender's own OUTPUT",
    "handed-over": "handed to a program, which decides alone",
}


class Trace(Struct, frozen=True):
    """All steps in the order in which they happened. `causes` says of each which step led to it; -1 for the first."""

    steps: tuple[Step, ...]
    causes: tuple[int, ...]

    @property
    def end(self) -> int:
        """The number of the step that ended the first packet's way, or of the very last where it never ended."""
        return next((number for number, step in enumerate(self.steps) if step.end), len(self.steps) - 1)

    @property
    def hangs_on(self) -> tuple:
        """The rules on the way that were not understood: where there are any, nothing of this is certain."""
        return tuple(dict.fromkeys(row for step in self.steps for row in step.hangs_on))

    @property
    def last(self) -> Step:
        """That step."""
        return self.steps[self.end]

    @property
    def frames(self) -> list[tuple[str, str, str, Frame]]:
        """(namespace, device, direction, frame) of everything that passed a device."""
        return [
            (
                step.namespace,
                *((step.skb.dev_in, "in") if step.stage == "netif_receive_skb" else (step.skb.dev_out, "out")),
                step.frame,
            )
            for step in self.steps
            if step.frame is not None
        ]

    def frame(self, namespace: str, device: str, direction: str = "out") -> Frame:
        """The first frame with an IP packet that passed a device."""
        place = (namespace, device, direction)
        return next(row[3] for row in self.frames if row[:3] == place and isinstance(row[3].payload, Packet))

    def after(self, number: int) -> tuple[int, ...]:
        """The numbers of all steps that one step led to, directly or by others."""
        led = {number}
        for later in range(number + 1, len(self.steps)):
            if self.causes[later] in led:
                led.add(later)
        return tuple(sorted(led - {number}))

    def __str__(self) -> str:
        return "\n".join(str(step) for step in self.steps if step.said)
