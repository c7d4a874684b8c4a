"""TCP at the end of its way, as far as a handshake and one segment each way go (net/ipv4/tcp_ipv4.c, tcp_minisocks.c,
tcp_input.c)."""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec import Struct
from msgspec.structs import replace

from ..namespace.fib import LINK_LOCAL
from ..namespace.kernel import Kernel
from ..namespace.netns import Socket
from ..namespace.policy import asked_of
from ..namespace.skb import Skb
from ..namespace.trace import Next, Step
from ..packet.address import family
from ..packet.packet import Flow, Packet, Tcp
from ..timeline import SECOND
from .expected import Expected
from .icmp import reset
from .listening import answered, listener, sent, taken
from .path_mtu import mtu_towards
from .stream import Stream, Streams, offered
from .tcp_options import agreed
from .transfer import accepts, stream_rcv

RECEIVE_SPACE = 65535  # bytes: the window of a fresh socket before it is rounded to whole segments
PATIENCE = SECOND  # for which an answered SYN is remembered; a real machine repeats its answer meanwhile (DEV-20)
MASK, ECN = 0xFFFFFFFF, 3
# Errors, by type and code, that end a connection which is not open yet (tcp_v4_err; icmpv6_err_convert).
LASTING = {
    "icmp": {(3, 0), (3, 1), *((kind, code) for kind in (11, 12) for code in range(3))},
    "ipv6-icmp": {(1, 1), (1, 4), (1, 5), (1, 6), *((4, code) for code in range(3))},
}


class Request(Struct, frozen=True):
    """A SYN that was answered (struct request_sock), then the connection that came of it: both sides' first sequence numbers."""

    theirs: int
    ours: int
    answer: Packet
    since: int
    is_open: bool = False
    size: int = 536  # the segment size that the SYN offered

    @property
    def window(self) -> int:
        return self.answer.header.window


@dataclass(slots=True)
class HalfOpen:
    """SYNs that this kernel has answered, by their flow (request sockets)."""

    requests: dict[Flow, Request] = field(default_factory=dict)


def tcp_rcv(kernel: Kernel, stage: str, skb: Skb) -> Step:
    packet, header, waited = skb.packet, skb.packet.header, kernel.remembers[Expected].answers
    socket = listener(kernel, packet.flow)
    if socket is None and not kernel.ns.sockets_known:
        return Step(kernel.ns.name, stage, skb, f"delivered: {packet}", end="local")
    streams = kernel.remembers[Streams]
    if streams.on and (stream := streams.ends.get(packet.flow) or _accepted(kernel, skb, socket)):
        return stream_rcv(kernel, stage, skb, stream)
    if "R" in header.flags:
        waited.pop(packet.flow, None)
        kernel.remembers[HalfOpen].requests.pop(packet.flow, None)
        return answered(kernel, stage, skb, "told: the connection is refused or gone", None)
    request = kernel.remembers[HalfOpen].requests.get(packet.flow)
    if request and (request.is_open or kernel.now - request.since < PATIENCE):
        told = _to_request(kernel, stage, skb, request)
        if told is not None:
            return told
    if "A" in header.flags and waited.get(packet.flow) == header.ack:
        if "S" in header.flags:
            said, then = "the asker has its answer: the connection is open", _third_step(kernel, skb)
            return Step(kernel.ns.name, stage, skb, said, (), then, "local")
        return _on_open(kernel, stage, skb, socket)
    if socket is None or "A" in header.flags:
        said = f"nobody listens on tcp {packet.flow.dport}: RST" if socket is None else "no such connection here: RST"
        return answered(kernel, stage, skb, said, _reset(kernel, skb))
    if "S" not in header.flags or "F" in header.flags:
        said = f"no SYN, and no ACK: who listens on tcp {packet.flow.dport} keeps silent"
        return Step(kernel.ns.name, stage, skb, said, (socket,), end="dropped")
    answer = _syn_ack(kernel, skb)
    waited[packet.flow] = (answer.header.seq + 1) & MASK
    size = offered(header.options, family(packet.flow.src).number)
    request = Request(header.seq, answer.header.seq, answer, kernel.now, size=size)
    kernel.remembers[HalfOpen].requests[packet.flow] = request
    return answered(kernel, stage, skb, taken(socket), answer, socket)


def _accepted(kernel: Kernel, skb: Skb, socket: Socket | None) -> Stream | None:
    """The third step of a handshake, in a transfer: from now on the connection is a stream."""
    flow, header = skb.packet.flow, skb.packet.header
    request = kernel.remembers[HalfOpen].requests.get(flow)
    if request is None or "A" not in header.flags or header.ack != (request.ours + 1) & MASK or "S" in header.flags:
        return None
    del kernel.remembers[HalfOpen].requests[flow]
    return accepts(kernel, flow, request.theirs, request.ours, request.size, socket, request.window)


def _reset(kernel: Kernel, skb: Skb) -> Packet | None:
    answer = reset(kernel, skb)
    return replace(answer, tos=skb.packet.tos & ~ECN) if answer else None


def _to_request(kernel: Kernel, stage: str, skb: Skb, request: Request) -> Step | None:
    """A segment of a connection that is half open (tcp_check_req), or a SYN on an open one, which is challenged (RFC 5961)."""
    header, packet, here = skb.packet.header, skb.packet, kernel.ns.name
    syn, ack = "S" in header.flags, "A" in header.flags
    due = (request.theirs + 1) & MASK
    told = Tcp("A", (request.ours + 1) & MASK, due, request.window)
    acks = Packet(packet.flow.reverse, told, ttl=kernel.hops(packet.flow.src), tos=packet.tos & ~ECN)
    if request.is_open:
        return (
            answered(kernel, stage, skb, "a SYN on an open connection: challenged", acks, taken=True) if syn else None
        )
    if syn and not ack and header.seq == request.theirs:
        again = replace(request.answer, ttl=kernel.hops(packet.flow.src))
        return answered(kernel, stage, skb, "the same SYN again: the same answer", again, taken=True)
    if ack and header.ack != (request.ours + 1) & MASK:
        return None
    size = syn + ("F" in header.flags) + len(packet.payload)  # type: ignore[arg-type]
    begins, ends = (header.seq - due) & MASK, (header.seq + size - due) & MASK
    inside = begins == 0 or (0 < ends < 1 << 31 and (begins < request.window or begins > 1 << 31))
    if not inside and not (begins == request.window and size == 0):
        return answered(kernel, stage, skb, "outside of the window: told what would be inside", acks, taken=True)
    if syn and header.seq != request.theirs:
        kernel.remembers[HalfOpen].requests.pop(packet.flow)
        kernel.remembers[Expected].answers.pop(packet.flow, None)
        return answered(kernel, stage, skb, "another SYN within the window: RST", _reset(kernel, skb))
    if not ack:
        return Step(here, stage, skb, "no ACK: dropped in silence", end="dropped")
    kernel.remembers[HalfOpen].requests[packet.flow] = replace(request, is_open=True)
    return None


def _third_step(kernel: Kernel, skb: Skb) -> tuple[Next, ...]:
    """The asker's ACK, which completes the handshake, and then what it has to say, if anything."""
    header, flow = skb.packet.header, skb.packet.flow
    told = Tcp("A", header.ack, (header.seq + 1) & MASK)
    ack = Packet(flow.reverse, told, ttl=kernel.hops(flow.src))
    words = kernel.remembers[Expected].says.pop(flow, b"")
    if not words:
        return (sent(kernel, skb, ack),)
    kernel.remembers[Expected].answers[flow] = (header.ack + len(words)) & MASK
    return sent(kernel, skb, ack), sent(kernel, skb, replace(ack, header=replace(told, flags="PA"), payload=words))


def _on_open(kernel: Kernel, stage: str, skb: Skb, socket: Socket | None) -> Step:
    """A segment on an open connection. A program answers it with one segment of its own, which may close its side too."""
    packet, header, flow = skb.packet, skb.packet.header, skb.packet.flow
    program = kernel.programs.get(socket.program) if socket else None
    request = kernel.remembers[HalfOpen].requests.get(flow)
    if program is None or request is None or not packet.payload:
        return answered(kernel, stage, skb, "delivered on an open connection", None, taken=True)
    state, words, closes = program(kernel.remembers[Expected].states.get(flow), packet.payload, kernel.now)
    words = words[
        : int.from_bytes(request.answer.header.options[2:4], "big")
    ]  # one segment: the largest that it has announced
    kernel.remembers[Expected].states[flow] = state
    kernel.remembers[Expected].answers[flow] = (header.ack + len(words) + closes) & MASK
    flags = ("F" if closes else "") + ("P" if words else "") + "A"
    told = Tcp(flags, header.ack, (header.seq + len(packet.payload)) & MASK, request.window)
    answer = Packet(flow.reverse, told, words, ttl=kernel.hops(flow.src))
    return answered(kernel, stage, skb, f"{socket.program} answers with {len(words)} bytes", answer, socket)


def expect(kernel: Kernel, packet: Packet, says: bytes = b"") -> None:
    """A program sends this packet through a socket of its own: the answer to it will be taken. On a TCP connection that it opens
    so, it says something as soon as that is open."""
    flow, header = packet.flow, packet.header
    if flow.src == family(flow.dst).any:
        flow = replace(flow, src=kernel.source_of(flow.dst) or flow.src)
    if flow.has_reverse:
        kernel.remembers[Expected].answers[flow.reverse] = (header.seq + 1) & MASK if isinstance(header, Tcp) else 0
        if says:
            kernel.remembers[Expected].says[flow.reverse] = says


def _syn_ack(kernel: Kernel, skb: Skb) -> Packet:
    """The second step of a handshake: the largest segment that fits the way back, a window of whole segments of that size,
    and what the asker has offered besides."""
    flow, header = skb.packet.flow, skb.packet.header
    asked = replace(asked_of(skb.packet).back, src=flow.dst)
    row = kernel.route(flow.src, skb.dev_in if flow.src in LINK_LOCAL else "", asked)
    mtu = mtu_towards(kernel, flow.src, "lo" if row.type == "local" else row.dev)
    mss = min(mtu - family(flow.dst).header - 20, 65535 - 40)
    isn = kernel.choices.pick(("isn", kernel.ns.name, flow), range(1 << 32))
    options = agreed(header.options, mss)
    ecn = "SAE" if {"E", "C"} <= set(header.flags) and not skb.packet.tos & ECN else "SA"  # RFC 3168 section 6.1.1
    answer = Tcp(ecn, isn, (header.seq + 1) & 0xFFFFFFFF, max(mss, RECEIVE_SPACE // mss * mss), options=options)
    return Packet(flow.reverse, answer, ttl=kernel.hops(flow.src))


def forget_request(kernel: Kernel, error: Packet) -> None:
    """An error about our answer to a SYN ends the half-open connection, if it is of a kind that will last (tcp_req_err)."""
    quoted, told = error.payload.packet, divmod(error.flow.dport, 256)  # type: ignore[union-attr]
    if not quoted.flow.has_reverse:
        return
    request = kernel.remembers[HalfOpen].requests.get(quoted.flow.reverse)
    if request and not request.is_open and quoted.header.seq == request.ours and told in LASTING[error.flow.proto]:
        del kernel.remembers[HalfOpen].requests[quoted.flow.reverse]
