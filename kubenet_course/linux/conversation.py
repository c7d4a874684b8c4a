"""A TCP connection that carries data, from its first segment to its end, with the time of every segment."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from .namespace.choices import Choices, Seeded
from .namespace.memory import Memory
from .namespace.netns import Netns
from .namespace.trace import Trace
from .packet.address import address
from .packet.packet import ICMP, Flow, Packet, Tcp
from .stack.program import Program
from .stack.stream import MASK, Streams
from .stack.transfer import connect
from .timeline import MILLISECOND
from .walk import Walk


class Segment(Struct, frozen=True):
    """What passed a device: when (milliseconds), from whom, flags, where it begins (1 is the first byte), how many bytes.

    Of an ICMP error `flags` says what it tells.
    """

    when: float
    src: str
    flags: str
    seq: int
    ack: int
    size: int


class Conversation(Struct, frozen=True):
    """What came of it: all steps with their times in nanoseconds, what the asker read, and how its end of the connection stands."""

    trace: Trace
    times: tuple[int, ...]
    got: bytes
    state: str

    def segments(self, namespace: str, dev: str) -> list[Segment]:
        """The segments that passed a device, in order, and the ICMP errors about them."""
        found, first = list[Segment](), dict[str, int]()
        for step, when in zip(self.trace.steps, self.times, strict=True):
            device = step.skb.dev_in if step.stage == "netif_receive_skb" else step.skb.dev_out
            packet = step.frame.payload if step.frame else None
            if (step.namespace, device) == (namespace, dev) and isinstance(packet, Packet):
                found += _segment(packet, (when - self.times[0]) / MILLISECOND, first)
        return found

    def __str__(self) -> str:
        return f"{len(self.got)} bytes came; the connection is {self.state}"


def _segment(packet: Packet, when: float, first: dict[str, int]) -> list[Segment]:
    header, flow = packet.header, packet.flow
    if packet.is_error:
        mtu = f"too big, {header.rest & 0xFFFF} fit" if packet.icmp_type in (2, 3) else "ICMP"  # type: ignore[union-attr]
        return [Segment(when, flow.src, mtu, 0, 0, 0)]
    if not isinstance(header, Tcp) or flow.proto in ICMP:
        return []
    first.setdefault(flow.src, header.seq)
    ack = (header.ack - first.get(flow.dst, header.ack)) & MASK if "A" in header.flags else 0
    return [Segment(when, flow.src, header.flags, (header.seq - first[flow.src]) & MASK, ack, len(packet.payload))]  # type: ignore[arg-type]


def converse(
    world: Mapping[str, Netns],
    at: str,
    to: str,
    port: int,
    says: bytes,
    programs: Mapping[str, Program],
    sport: int = 40000,
    src: str = "",
    seconds: float = 30,
    memory: Memory | None = None,
    choices: Choices | None = None,
) -> Conversation:
    """A program of the namespace `at` connects to an address and a port, says something, reads the answer to its end or for so many
    seconds, and closes when the other side does."""
    memory = memory or Memory()
    walk = Walk(world, memory, choices or Seeded(), programs)
    for name in world:
        memory.of(name)[Streams].on = True
    kernel, to = walk.kernel(at), address(to, "to")
    flow = Flow("tcp", src or kernel.source_of(to), sport, to, port)
    walk.go_on([connect(kernel, flow, says)])
    walk.wait(seconds)
    end = kernel.remembers[Streams].ends[flow.reverse]
    for name in world:
        memory.of(name)[Streams].on = False
    return Conversation(walk.trace, tuple(walk.times), bytes(end.got), end.state)
