"""The end of the way: a program that listens answers, and where none listens the kernel does
(net/ipv4/tcp_ipv4.c, tcp_minisocks.c, udp.c, icmp.c)."""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec.structs import replace

from ..namespace.fib import MULTICAST, NO_ROUTE
from ..namespace.kernel import Kernel
from ..namespace.netns import Socket
from ..namespace.skb import Skb
from ..namespace.trace import Next, Step
from ..packet.address import family
from ..packet.packet import ECHO, ECHO_REPLY, ICMP, Flow, Icmp, Neighbour, Packet, Tcp, Udp, Vxlan
from .icmp import PORT_UNREACHABLE, error, reset
from .tunnels import tunnel_end

RECEIVE_SPACE = 65535  # bytes: the window of a fresh socket before it is rounded to whole segments


@dataclass(slots=True)
class Expected:
    """What programs of one kernel wait for: a flow as its answer will arrive, and its number (of TCP, else 0)."""

    answers: dict[Flow, int] = field(default_factory=dict)


def local_deliver(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """It has arrived at this machine: which program, or which part of the kernel, takes it?"""
    here, packet, proto = kernel.ns.name, skb.packet, skb.packet.flow.proto
    if isinstance(packet.payload, Neighbour):
        return Step(here, stage, skb, "neighbour discovery", (), (Next(here, "nd_rcv", skb),))
    if isinstance(packet.payload, Vxlan) and tunnel_end(kernel, packet) is not None:
        return Step(here, stage, skb, "a tunnel listens there", (), (Next(here, "vxlan_rcv", skb),))
    if packet.is_error:
        return Step(here, stage, skb, f"told: {packet}", end="local")
    taker = {"tcp": _tcp, "udp": _udp}.get(proto, _echo if proto in ICMP else None)
    to_many = packet.flow.dst in MULTICAST[family(packet.flow.dst).number]
    silent = {"tcp": ("broadcast", "anycast"), "udp": ()}.get(
        proto, ("broadcast",)
    )  # no RST, no SYN-ACK, no echo reply
    to_many = to_many or skb.route.type in silent
    if taker is None or to_many:
        return Step(here, stage, skb, f"delivered: {packet}", end="local")
    return taker(kernel, stage, skb)


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
    then = () if answer is None else (Next(kernel.ns.name, "route_output", Skb(answer)),)
    why = () if socket is None else (socket,)
    return Step(
        kernel.ns.name, stage, skb, said, why, then, "local" if taken or socket or answer is None else "refused"
    )


def _tcp(kernel: Kernel, stage: str, skb: Skb) -> Step:
    packet, header, waited = skb.packet, skb.packet.header, kernel.remembers[Expected].answers
    socket = listener(kernel, packet.flow)
    if socket is None and not kernel.ns.sockets_known:
        return Step(kernel.ns.name, stage, skb, f"delivered: {packet}", end="local")
    if "R" in header.flags:
        waited.pop(packet.flow, None)
        return _answered(kernel, stage, skb, "told: the connection is refused or gone", None)
    if "A" in header.flags and waited.get(packet.flow) == header.ack:
        ack = _third_step(skb) if "S" in header.flags else None
        said = "the asker has its answer: the connection is open" if ack else "delivered on an open connection"
        return _answered(kernel, stage, skb, said, ack, taken=True)
    if socket is None or header.flags.strip("EC") != "S":
        said = f"nobody listens on tcp {packet.flow.dport}: RST" if socket is None else "no such connection here: RST"
        answer = reset(skb)
        return _answered(kernel, stage, skb, said, replace(answer, tos=packet.tos) if answer else None)
    answer = _syn_ack(kernel, skb)
    waited[packet.flow] = (answer.header.seq + 1) & 0xFFFFFFFF
    return _answered(kernel, stage, skb, _taken(socket), answer, socket)


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
        kernel.remembers[Expected].answers[flow.reverse] = (
            (header.seq + 1) & 0xFFFFFFFF if isinstance(header, Tcp) else 0
        )


def _taken(socket: Socket) -> str:
    return f"delivered to {socket.program or 'the program'} on {socket.proto} {socket.port}"


def _syn_ack(kernel: Kernel, skb: Skb) -> Packet:
    """The second step of a handshake: the largest segment that fits the way back, a window of whole segments of that size."""
    flow, header = skb.packet.flow, skb.packet.header
    row = kernel.ns.fib.lookup(flow.src)
    dev = kernel.ns.devices.get("lo" if row.type == "local" else row.dev)
    mss = min((dev.mtu if dev else 1500) - family(flow.dst).header - 20, 65535 - 40)
    isn = kernel.choices.pick(("isn", kernel.ns.name, flow), range(1 << 32))
    options = b"\x02\x04" + mss.to_bytes(2, "big")
    answer = Tcp("SA", isn, (header.seq + 1) & 0xFFFFFFFF, max(mss, RECEIVE_SPACE // mss * mss), options=options)
    return Packet(flow.reverse, answer)


def _udp(kernel: Kernel, stage: str, skb: Skb) -> Step:
    packet, flow = skb.packet, skb.packet.flow
    socket = listener(kernel, flow)
    if socket is None and not kernel.ns.sockets_known:
        return Step(kernel.ns.name, stage, skb, f"delivered: {packet}", end="local")
    if socket is None and flow in kernel.remembers[Expected].answers:
        return _answered(kernel, stage, skb, "the asker has its answer", None)
    if socket is None:
        answer = error(kernel, skb, PORT_UNREACHABLE[family(flow.dst).number])
        return _answered(kernel, stage, skb, f"nobody listens on udp {flow.dport}: port unreachable", answer)
    source = flow.dst if socket.address == flow.dst else kernel.source_of(flow.src)
    reply = Flow("udp", source, flow.dport, flow.src, flow.sport)
    answer = Packet(reply, Udp(), packet.payload, id=kernel.ip_id(reply))
    return _answered(kernel, stage, skb, _taken(socket), answer, socket)


def _echo(kernel: Kernel, stage: str, skb: Skb) -> Step:
    packet, flow = skb.packet, skb.packet.flow
    if packet.icmp_type != ECHO[flow.proto] or not kernel.ns.sockets_known:
        return Step(kernel.ns.name, stage, skb, f"delivered: {packet}", end="local")
    anycast = skb.route.type == "anycast"
    if anycast and kernel.ns.fib.lookup(flow.src, skb.dev_in) is NO_ROUTE:
        said = f"an echo to one of several: only {skb.dev_in} may carry the answer, and it leads elsewhere"
        return Step(kernel.ns.name, stage, skb, said, end="local")
    source = family(flow.dst).any if anycast else flow.dst  # an address of several is nobody's source
    back = Flow(flow.proto, source, flow.sport, flow.src, ECHO_REPLY[flow.proto] << 8)
    tos = packet.tos
    answer = Packet(back, Icmp(packet.header.rest), packet.payload, tos=tos, id=kernel.ip_id(back), df=False)
    then = (Next(kernel.ns.name, "route_output", Skb(answer)),)
    return Step(kernel.ns.name, stage, skb, "an echo: answered", (), then, end="local")


STAGES = {"local_deliver": local_deliver}
