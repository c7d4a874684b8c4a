"""The end of the way: a program that listens answers, and where none listens the kernel does
(net/ipv4/tcp_ipv4.c, tcp_minisocks.c, udp.c, icmp.c)."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from ..namespace.fib import LINK_LOCAL, MULTICAST, NO_ROUTE
from ..namespace.kernel import Kernel
from ..namespace.memory import SECOND
from ..namespace.netns import Socket
from ..namespace.skb import NOWHERE, Skb
from ..namespace.trace import Next, Step
from ..packet.address import IPV4, IPV6, family
from ..packet.packet import ECHO, ECHO_REPLY, ICMP, Flow, Icmp, Neighbour, Packet, Tcp, Udp, Vxlan
from .icmp import NEXT_HEADER, PORT_UNREACHABLE, PROTOCOL_UNREACHABLE, error, reset
from .ip import answers
from .tunnels import tunnel_end

RECEIVE_SPACE = 65535  # bytes: the window of a fresh socket before it is rounded to whole segments
# To which of several receivers' addresses each protocol answers nothing: no RST, no SYN-ACK, no echo.
SILENT = {
    "tcp": ("broadcast", "anycast", "multicast"),
    "icmp": ("broadcast", "multicast"),
    **dict.fromkeys(("sctp", "dccp"), ("broadcast", "multicast")),
}
# Protocols that a kernel takes, or drops in silence: IGMP, UDP-Lite, IPv6's extension headers; their content is not read here.
TAKEN = {
    4: ("igmp", "udplite"),
    6: ("udplite", "hopopt", "ipv6-route", "ipv6-frag", "ipv6-opts", "ipv6-nonxt"),
}
TIMESTAMP, TIMESTAMP_REPLY, DAY = 13, 14, 86_400_000  # milliseconds since midnight, in universal time (RFC 792)
# Errors, by type and code, that end a connection which is not open yet (tcp_v4_err; icmpv6_err_convert).
LASTING = {
    "icmp": {(3, 0), (3, 1), *((kind, code) for kind in (11, 12) for code in range(3))},
    "ipv6-icmp": {(1, 1), (1, 4), (1, 5), (1, 6), *((4, code) for code in range(3))},
}
PATIENCE = SECOND  # for which an answered SYN is remembered; a real machine repeats its answer meanwhile (DEV-20)
MASK, ECN = 0xFFFFFFFF, 3


class Request(Struct, frozen=True):
    """A SYN that was answered (struct request_sock), then the connection that came of it: both sides' first sequence numbers."""

    theirs: int
    ours: int
    answer: Packet
    since: int
    is_open: bool = False

    @property
    def window(self) -> int:
        return self.answer.header.window


def local_deliver(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """It has arrived at this machine: which program, or which part of the kernel, takes it?"""
    here, packet, proto = kernel.ns.name, skb.packet, skb.packet.flow.proto
    if isinstance(packet.payload, Neighbour):
        return Step(here, stage, skb, "neighbour discovery", (), (Next(here, "nd_rcv", skb),))
    if isinstance(packet.header, Udp) and not packet.header.checksum and not _may_be_unsummed(kernel, packet):
        return Step(
            here, stage, skb, "UDP without a checksum is not taken in IPv6", end="dropped"
        )  # RFC 8200 section 8.1
    if isinstance(packet.payload, Vxlan) and tunnel_end(kernel, packet) is not None:
        return Step(here, stage, skb, "a tunnel listens there", (), (Next(here, "vxlan_rcv", skb),))
    if packet.is_error:
        _forget_request(kernel, packet)
        return Step(here, stage, skb, f"told: {packet}", end="local")
    taker = {"tcp": _tcp, "udp": _udp}.get(proto, _query if proto in ICMP else _nobody)
    many = packet.flow.dst in MULTICAST[family(packet.flow.dst).number]
    many = "multicast" if many else skb.route.type
    if many in SILENT.get(proto, ()):
        return Step(here, stage, skb, f"delivered: {packet}", end="local")
    return taker(kernel, stage, skb)


def _forget_request(kernel: Kernel, error: Packet) -> None:
    """An error about our answer to a SYN ends the half-open connection, if it is of a kind that will last (tcp_req_err)."""
    quoted, told = error.payload.packet, divmod(error.flow.dport, 256)  # type: ignore[union-attr]
    if not quoted.flow.has_reverse:
        return
    request = kernel.remembers.half_open.get(quoted.flow.reverse)
    if request and not request.is_open and quoted.header.seq == request.ours and told in LASTING[error.flow.proto]:
        del kernel.remembers.half_open[quoted.flow.reverse]


def _may_be_unsummed(kernel: Kernel, packet: Packet) -> bool:
    """Whether a datagram needs no checksum: in IPv4 none does, in IPv6 only those of a tunnel that is set so (udp6zerocsumrx)."""
    dev = tunnel_end(kernel, packet)
    return family(packet.flow.dst) is IPV4 or (dev is not None and not dev.vxlan.checksum)


def _nobody(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """A protocol that no part of this kernel takes: its sender is told (ip_protocol_deliver_rcu, ip6_protocol_deliver_rcu)."""
    proto, of = skb.packet.flow.proto, family(skb.packet.flow.dst).number
    if proto in TAKEN[of] or not kernel.ns.sockets_known:
        return Step(kernel.ns.name, stage, skb, f"delivered: {skb.packet}", end="local")
    answer = error(kernel, skb, PROTOCOL_UNREACHABLE[of], 0 if of == 4 else NEXT_HEADER)
    then = answers(kernel, skb, answer)
    return Step(kernel.ns.name, stage, skb, f"nobody here speaks {proto}: the sender is told", (), then, "refused")


def listener(kernel: Kernel, flow: Flow) -> Socket | None:
    """The socket that takes a packet: one bound to its very address before one that is bound to all."""
    named = None
    for socket in kernel.ns.sockets:
        if (socket.proto, socket.port) == (flow.proto, flow.dport) and (socket.listens or socket.proto == "udp"):
            if socket.address == flow.dst:
                return socket
            takes_both = socket.address == "::" and not socket.v6only
            if socket.address == family(flow.dst).any or (takes_both and named is None):
                named = socket
    return named


def _answered(
    kernel: Kernel,
    stage: str,
    skb: Skb,
    said: str,
    answer: Packet | None,
    socket: Socket | None = None,
    taken: bool = False,
) -> Step:
    then = () if answer is None else (_sent(kernel, skb, answer),)
    why = () if socket is None else (socket,)
    return Step(
        kernel.ns.name, stage, skb, said, why, then, "local" if taken or socket or answer is None else "refused"
    )


def _sent(kernel: Kernel, skb: Skb, answer: Packet) -> Next:
    """An answer sets out. In IPv6 it stays on the link of the question where its address means nothing elsewhere."""
    strict = answer.flow.dst in LINK_LOCAL or answer.flow.src == IPV6.any
    return Next(kernel.ns.name, "route_output", Skb(answer, dev_out=skb.dev_in if strict else NOWHERE))


def _tcp(kernel: Kernel, stage: str, skb: Skb) -> Step:
    packet, header, waited = skb.packet, skb.packet.header, kernel.remembers.open
    socket = listener(kernel, packet.flow)
    if socket is None and not kernel.ns.sockets_known:
        return Step(kernel.ns.name, stage, skb, f"delivered: {packet}", end="local")
    if "R" in header.flags:
        waited.pop(packet.flow, None)
        kernel.remembers.half_open.pop(packet.flow, None)
        return _answered(kernel, stage, skb, "told: the connection is refused or gone", None)
    request = kernel.remembers.half_open.get(packet.flow)
    if request and (request.is_open or kernel.now - request.since < PATIENCE):
        answered = _to_request(kernel, stage, skb, request)
        if answered is not None:
            return answered
    if "A" in header.flags and waited.get(packet.flow) == header.ack:
        ack = _third_step(skb) if "S" in header.flags else None
        said = "the asker has its answer: the connection is open" if ack else "delivered on an open connection"
        return _answered(kernel, stage, skb, said, ack, taken=True)
    if socket is None or "A" in header.flags:
        said = f"nobody listens on tcp {packet.flow.dport}: RST" if socket is None else "no such connection here: RST"
        return _answered(kernel, stage, skb, said, _reset(kernel, skb))
    if "S" not in header.flags or "F" in header.flags:
        said = f"no SYN, and no ACK: who listens on tcp {packet.flow.dport} keeps silent"
        return Step(kernel.ns.name, stage, skb, said, (socket,), end="dropped")
    answer = _syn_ack(kernel, skb)
    waited[packet.flow] = (answer.header.seq + 1) & MASK
    kernel.remembers.half_open[packet.flow] = Request(header.seq, answer.header.seq, answer, kernel.now)
    return _answered(kernel, stage, skb, _taken(socket), answer, socket)


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
            _answered(kernel, stage, skb, "a SYN on an open connection: challenged", acks, taken=True) if syn else None
        )
    if syn and not ack and header.seq == request.theirs:
        again = replace(request.answer, ttl=kernel.hops(packet.flow.src))
        return _answered(kernel, stage, skb, "the same SYN again: the same answer", again, taken=True)
    if ack and header.ack != (request.ours + 1) & MASK:
        return None
    size = syn + ("F" in header.flags) + len(packet.payload)  # type: ignore[arg-type]
    begins, ends = (header.seq - due) & MASK, (header.seq + size - due) & MASK
    inside = begins == 0 or (0 < ends < 1 << 31 and (begins < request.window or begins > 1 << 31))
    if not inside and not (begins == request.window and size == 0):
        return _answered(kernel, stage, skb, "outside of the window: told what would be inside", acks, taken=True)
    if syn and header.seq != request.theirs:
        kernel.remembers.half_open.pop(packet.flow)
        kernel.remembers.open.pop(packet.flow, None)
        return _answered(kernel, stage, skb, "another SYN within the window: RST", _reset(kernel, skb))
    if not ack:
        return Step(here, stage, skb, "no ACK: dropped in silence", end="dropped")
    kernel.remembers.half_open[packet.flow] = replace(request, is_open=True)
    return None


def _third_step(skb: Skb) -> Packet:
    """The asker's ACK, which completes the handshake."""
    header = skb.packet.header
    return Packet(skb.packet.flow.reverse, Tcp("A", header.ack, (header.seq + 1) & 0xFFFFFFFF))


def expect(kernel: Kernel, packet: Packet) -> None:
    """A program sends this packet through a socket of its own: the answer to it will be taken."""
    flow, header = packet.flow, packet.header
    if flow.src == family(flow.dst).any:
        flow = replace(flow, src=kernel.source_of(flow.dst) or flow.src)
    if flow.has_reverse:
        kernel.remembers.open[flow.reverse] = (header.seq + 1) & 0xFFFFFFFF if isinstance(header, Tcp) else 0


def _taken(socket: Socket) -> str:
    return f"delivered to {socket.program or 'the program'} on {socket.proto} {socket.port}"


def _syn_ack(kernel: Kernel, skb: Skb) -> Packet:
    """The second step of a handshake: the largest segment that fits the way back, a window of whole segments of that size."""
    flow, header = skb.packet.flow, skb.packet.header
    row = kernel.ns.fib.lookup(flow.src, skb.dev_in if flow.src in LINK_LOCAL else "")
    dev = kernel.ns.devices.get("lo" if row.type == "local" else row.dev)
    mss = min((dev.mtu if dev else 1500) - family(flow.dst).header - 20, 65535 - 40)
    isn = kernel.choices.pick(("isn", kernel.ns.name, flow), range(1 << 32))
    options = b"\x02\x04" + mss.to_bytes(2, "big")
    ecn = "SAE" if {"E", "C"} <= set(header.flags) and not skb.packet.tos & ECN else "SA"  # RFC 3168 section 6.1.1
    answer = Tcp(ecn, isn, (header.seq + 1) & 0xFFFFFFFF, max(mss, RECEIVE_SPACE // mss * mss), options=options)
    return Packet(flow.reverse, answer, ttl=kernel.hops(flow.src))


def _udp(kernel: Kernel, stage: str, skb: Skb) -> Step:
    packet, flow = skb.packet, skb.packet.flow
    socket = listener(kernel, flow)
    if socket is None and not kernel.ns.sockets_known:
        return Step(kernel.ns.name, stage, skb, f"delivered: {packet}", end="local")
    if socket is None and flow in kernel.remembers.open:
        return _answered(kernel, stage, skb, "the asker has its answer", None)
    if socket is None:
        answer = error(kernel, skb, PORT_UNREACHABLE[family(flow.dst).number])
        return _answered(kernel, stage, skb, f"nobody listens on udp {flow.dport}: port unreachable", answer)
    source = flow.dst if socket.address == flow.dst else kernel.source_of(flow.src)
    source = IPV6.any if flow.src in LINK_LOCAL else source
    reply = Flow("udp", source, flow.dport, flow.src, flow.sport)
    answer = Packet(reply, Udp(), packet.payload, ttl=kernel.hops(flow.src), id=kernel.ip_id(reply))
    return _answered(kernel, stage, skb, _taken(socket), answer, socket)


def _query(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """An ICMP query: an echo or, in IPv4, a question for the time is answered by the kernel itself (icmp.c)."""
    packet, flow, ns = skb.packet, skb.packet.flow, kernel.ns
    ignored = ns.sysctl("net.ipv6.icmp.echo_ignore_all" if ":" in flow.dst else "net.ipv4.icmp_echo_ignore_all")
    if flow.proto == "icmp" and packet.icmp_type == TIMESTAMP and ns.sockets_known and len(packet.payload) >= 4:
        return _time(kernel, stage, skb)
    if packet.icmp_type != ECHO[flow.proto] or not ns.sockets_known or ignored:
        return Step(ns.name, stage, skb, f"delivered: {packet}", end="local")
    many = skb.route.type == "anycast" or flow.dst in MULTICAST[6]  # an address of several is nobody's source
    if many and ns.fib.lookup(flow.src, skb.dev_in) is NO_ROUTE:
        said = f"an echo to one of several: only {skb.dev_in} may carry the answer, and it leads elsewhere"
        return Step(ns.name, stage, skb, said, end="local")
    source = IPV6.any if many else flow.dst
    back = Flow(flow.proto, source, flow.sport, flow.src, ECHO_REPLY[flow.proto] << 8 | flow.dport & 255)
    answer = _reply(kernel, skb, back, packet.payload)
    return Step(ns.name, stage, skb, "an echo: answered", (), (_sent(kernel, skb, answer),), end="local")


def _reply(kernel: Kernel, skb: Skb, back: Flow, payload: bytes) -> Packet:
    more = {"ttl": kernel.hops(back.dst), "tos": skb.packet.tos, "id": kernel.ip_id(back), "df": False}
    return Packet(back, Icmp(skb.packet.header.rest), payload, **more)


def _time(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """What time is it? The asker's own, then when it came, which is when the answer leaves (icmp_timestamp)."""
    flow = skb.packet.flow
    back = Flow("icmp", flow.dst, flow.sport, flow.src, TIMESTAMP_REPLY << 8)
    now = kernel.choices.pick(("time", kernel.ns.name, back), range(DAY)).to_bytes(4, "big")
    answer = _reply(kernel, skb, back, skb.packet.payload[:4] + now + now)
    return Step(
        kernel.ns.name, stage, skb, "asked for the time: answered", (), (_sent(kernel, skb, answer),), end="local"
    )


STAGES = {"local_deliver": local_deliver}
