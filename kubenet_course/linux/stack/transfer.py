"""TCP with data in the walk: a segment that arrives at a stream, an ICMP error about one, and the clock
(net/ipv4/tcp_ipv4.c: tcp_v4_rcv, tcp_v4_mtu_reduced; tcp_timer.c)."""

from __future__ import annotations

from ..namespace.kernel import Kernel
from ..namespace.netns import Socket
from ..namespace.skb import Skb
from ..namespace.trace import Next, Step
from ..packet.address import family
from ..packet.packet import Flow, Packet, Tcp
from ..timeline import NEVER
from .listening import sent
from .path_mtu import mtu_towards
from .stream import FIRST_WAIT, MASK, SYN_WAIT, Stream, Streams, offered

WINDOW = 64240  # what a socket of Linux announces first where windows are not scaled
TCP_HEADER = 20


def mss_towards(kernel: Kernel, to: str) -> int:
    """The longest segment that fits what is known of the way (tcp_mtu_to_mss)."""
    row = kernel.ns.fib.lookup(to)
    return mtu_towards(kernel, to, "lo" if row.type == "local" else row.dev) - family(to).header - TCP_HEADER


def connect(kernel: Kernel, flow: Flow, says: bytes) -> Next:
    """A program opens a connection, and will say something when it is open."""
    ours = kernel.choices.pick(("isn", kernel.ns.name, flow.reverse), range(1 << 32))
    stream = Stream(flow, ours, 0, mss_towards(kernel, flow.dst), 0, WINDOW, state="asking")
    stream.data += says
    stream.wait, stream.due = SYN_WAIT, kernel.now + SYN_WAIT
    kernel.remembers[Streams].ends[flow.reverse] = stream
    return Next(kernel.ns.name, "route_output", Skb(_syn(kernel, stream)))


def _syn(kernel: Kernel, stream: Stream) -> Packet:
    options = b"\x02\x04" + mss_towards(kernel, stream.flow.dst).to_bytes(2, "big")
    header = Tcp("S", stream.ours, 0, stream.receives, options=options)
    return Packet(stream.flow, header, ttl=kernel.hops(stream.flow.dst))


def accepts(
    kernel: Kernel, flow: Flow, theirs: int, ours: int, size: int, socket: Socket | None, window: int
) -> Stream:
    """A connection that somebody opened is open: its program waits for the first words."""
    mss = min(size, mss_towards(kernel, flow.src))
    stream = Stream(flow.reverse, ours, theirs, mss, WINDOW, window)
    stream.program = kernel.programs.get(socket.program) if socket else None
    kernel.remembers[Streams].ends[flow] = stream
    return stream


def stream_rcv(kernel: Kernel, stage: str, skb: Skb, stream: Stream) -> Step:
    """A segment of a connection that carries data: what it acknowledges, what it brings, what may now be sent."""
    header, content = skb.packet.header, skb.packet.payload
    if "R" in header.flags:
        stream.state, stream.due = "refused" if stream.state == "asking" else "reset", NEVER
        return Step(kernel.ns.name, stage, skb, "told: the connection is refused or gone", end="local")
    if "S" in header.flags:
        return _opened(kernel, stage, skb, stream)
    stream.window = header.window
    stream.acknowledged((header.ack - stream.ours) & MASK, kernel.now)
    position = (header.seq - stream.theirs) & MASK
    words = stream.takes(position, content) if content else b""
    ends = "F" in header.flags and position + len(content) == stream.rcv and not stream.heard_fin
    if ends:
        stream.heard_fin, stream.rcv = True, stream.rcv + 1
        stream.closing = stream.closing or stream.program is None
    if words:
        _to_program(kernel, stream, words)
    answers = bool(content) or "F" in header.flags
    out = stream.sends(kernel.now)
    if words and stream.program is not None:
        stream.held = stream.nxt
    joins = ends and not content and bool(out) and out[0][0] == "FA"  # our own FIN acknowledges theirs
    told = [_segment(kernel, stream, "A", stream.nxt if not out else out[0][1], b"")] if answers and not joins else []
    told += [_segment(kernel, stream, *one) for one in out]
    if stream.heard_fin and 0 < stream.fin < stream.una:
        stream.state, stream.due = "closed", NEVER
    then = tuple(sent(kernel, skb, packet) for packet in told)
    return Step(kernel.ns.name, stage, skb, _said(stream, content, words, out), (), then, "local")


def _opened(kernel: Kernel, stage: str, skb: Skb, stream: Stream) -> Step:
    """The SYN-ACK of the other side: from now on both may send."""
    header = skb.packet.header
    if stream.state == "asking":
        stream.theirs, stream.window, stream.state = header.seq, header.window, "open"
        of = family(stream.flow.dst).number
        stream.mss = min(offered(header.options, of), mss_towards(kernel, stream.flow.dst))
        stream.wait, stream.due, stream.retries = FIRST_WAIT, NEVER, 0
    told = [_segment(kernel, stream, "A", 1, b"")]
    told += [_segment(kernel, stream, *one) for one in stream.sends(kernel.now)]
    said = f"the connection is open: segments of at most {stream.mss} bytes"
    return Step(kernel.ns.name, stage, skb, said, (), tuple(sent(kernel, skb, one) for one in told), "local")


def _to_program(kernel: Kernel, stream: Stream, words: bytes) -> None:
    """The program reads, and may say something and close."""
    if stream.program is not None:
        stream.memory, answer, closes = stream.program(stream.memory, words, kernel.now)
        stream.data += answer
        stream.closes_at = kernel.now if closes else stream.closes_at


def _segment(kernel: Kernel, stream: Stream, flags: str, position: int, content: bytes) -> Packet:
    header = Tcp(
        flags, (stream.ours + position) & MASK, (stream.theirs + stream.rcv) & MASK,
        max(0, stream.receives - sum(map(len, stream.early.values()))),
    )  # fmt: skip
    return Packet(stream.flow, header, content, ttl=kernel.hops(stream.flow.dst))


def _said(stream: Stream, content: bytes, words: bytes, out: list) -> str:
    parts = [f"{len(content)} bytes, in order" if words else f"{len(content)} bytes, out of order"] if content else []
    parts += [f"acknowledged up to {stream.una - 1}"] if stream.una > 1 else []
    parts += [f"{len(out)} segments may leave"] if out else []
    return "; ".join(parts) or "delivered on an open connection"


def told_of_mtu(kernel: Kernel, skb: Skb, quoted: Flow) -> tuple[Next, ...]:
    """A segment of ours was too big: what is under way is cut anew and sent again at once (tcp_v4_mtu_reduced)."""
    stream = kernel.remembers[Streams].ends.get(quoted.reverse) if quoted.has_reverse else None
    if stream is None or stream.state != "open" or not stream.shrinks(min(stream.mss, mss_towards(kernel, quoted.dst))):
        return ()
    return tuple(sent(kernel, skb, _segment(kernel, stream, *one)) for one in stream.sends(kernel.now))


def due(kernel: Kernel) -> int:
    """When the next segment is sent again for want of an answer; -1 where none waits."""
    ends = kernel.remembers[Streams].ends.values()
    first = min((min(stream.due, stream.closes_at) for stream in ends), default=NEVER)
    return -1 if first == NEVER else first


def time_out(kernel: Kernel) -> tuple[Next, ...]:
    """What was not acknowledged in time is sent again, and the next wait is twice as long. A program that is done closes."""
    then: list[Next] = []
    for stream in kernel.remembers[Streams].ends.values():
        if stream.closes_at <= kernel.now:
            stream.closes_at, stream.closing = NEVER, True
            packets = [_segment(kernel, stream, *one) for one in stream.sends(kernel.now)]
            then += [Next(kernel.ns.name, "route_output", Skb(packet)) for packet in packets]
        if stream.due > kernel.now:
            continue
        asking = stream.state == "asking"
        if stream.times_out(kernel.now):
            packets = [_syn(kernel, stream)] if asking else _again(kernel, stream)
            then += [Next(kernel.ns.name, "route_output", Skb(packet)) for packet in packets]
    return tuple(then)


def _again(kernel: Kernel, stream: Stream) -> list[Packet]:
    out = stream.sends(kernel.now)
    if not out and stream.fin >= stream.una:
        out = [("FA", stream.fin, b"")]
    return [_segment(kernel, stream, *one) for one in out]
