"""The end of the way: a program that listens answers, and where none listens the kernel does
(net/ipv4/tcp_ipv4.c, tcp_minisocks.c, udp.c, icmp.c)."""

from __future__ import annotations

from ..namespace.fib import LINK_LOCAL, MULTICAST, NO_ROUTE
from ..namespace.kernel import Kernel
from ..namespace.skb import Skb
from ..namespace.trace import Next, Step
from ..packet.address import IPV4, IPV6, family
from ..packet.packet import ECHO, ECHO_REPLY, ICMP, Flow, Fragment, Geneve, Icmp, Neighbour, Packet, Sealed, Udp, Vxlan
from .expected import Expected
from .icmp import NEXT_HEADER, PORT_UNREACHABLE, PROTOCOL_UNREACHABLE, error
from .ip import answers
from .listening import answered, listener, sent, taken
from .path_mtu import told_too_big
from .tcp import forget_request, tcp_rcv
from .transfer import told_of_mtu
from .tunnels import ipip_end, tunnel_end, wg_end

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


def local_deliver(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """It has arrived at this machine: which program, or which part of the kernel, takes it?"""
    here, packet, proto = kernel.ns.name, skb.packet, skb.packet.flow.proto
    if isinstance(packet.payload, Fragment):
        return Step(here, stage, skb, "a piece", (), (Next(here, "ipv6_frag_rcv", skb),))
    if isinstance(packet.payload, Neighbour):
        return Step(here, stage, skb, "neighbour discovery", (), (Next(here, "nd_rcv", skb),))
    if isinstance(packet.header, Udp) and not packet.header.checksum and not _may_be_unsummed(kernel, packet):
        return Step(
            here, stage, skb, "UDP without a checksum is not taken in IPv6", end="dropped"
        )  # RFC 8200 section 8.1
    if isinstance(packet.payload, Vxlan) and tunnel_end(kernel, packet) is not None:
        return Step(here, stage, skb, "a tunnel listens there", (), (Next(here, "vxlan_rcv", skb),))
    if isinstance(packet.payload, Geneve) and tunnel_end(kernel, packet) is not None:
        return Step(here, stage, skb, "a tunnel listens there", (), (Next(here, "vxlan_rcv", skb),))
    if isinstance(packet.payload, Sealed) and wg_end(kernel, packet) is not None:
        return Step(here, stage, skb, "a tunnel opens it", (), (Next(here, "wg_rcv", skb),))
    if isinstance(packet.payload, Packet) and ipip_end(kernel, packet) is not None:
        return Step(here, stage, skb, "a tunnel takes it", (), (Next(here, "ipip_rcv", skb),))
    if packet.is_error:
        forget_request(kernel, packet)
        if mtu := told_too_big(kernel, packet):
            said = f"told: {packet}; from now on at most {mtu} bytes go to {packet.payload.packet.flow.dst}"
            then = told_of_mtu(kernel, skb, packet.payload.packet.flow)  # type: ignore[union-attr]
            return Step(here, stage, skb, said, (), then, "local")
        return Step(here, stage, skb, f"told: {packet}", end="local")
    taker = {"tcp": tcp_rcv, "udp": _udp}.get(proto, _query if proto in ICMP else _nobody)
    of_many = packet.flow.dst in MULTICAST[family(packet.flow.dst).number]
    if ("multicast" if of_many else skb.route.type) in SILENT.get(proto, ()):
        return Step(here, stage, skb, f"delivered: {packet}", end="local")
    return taker(kernel, stage, skb)


def _may_be_unsummed(kernel: Kernel, packet: Packet) -> bool:
    """Whether a datagram needs no checksum: in IPv4 none does, in IPv6 only those of a tunnel that is set so (udp6zerocsumrx)."""
    dev = tunnel_end(kernel, packet)
    return family(packet.flow.dst) is IPV4 or (dev is not None and not dev.tunnel.checksum)  # type: ignore[union-attr]


def _nobody(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """A protocol that no part of this kernel takes: its sender is told (ip_protocol_deliver_rcu, ip6_protocol_deliver_rcu)."""
    proto, of = skb.packet.flow.proto, family(skb.packet.flow.dst).number
    if proto in TAKEN[of] or not kernel.ns.sockets_known:
        return Step(kernel.ns.name, stage, skb, f"delivered: {skb.packet}", end="local")
    answer = error(kernel, skb, PROTOCOL_UNREACHABLE[of], 0 if of == 4 else NEXT_HEADER)
    then = answers(kernel, skb, answer)
    return Step(kernel.ns.name, stage, skb, f"nobody here speaks {proto}: the sender is told", (), then, "refused")


def _udp(kernel: Kernel, stage: str, skb: Skb) -> Step:
    packet, flow = skb.packet, skb.packet.flow
    socket = listener(kernel, flow)
    if socket is None and not kernel.ns.sockets_known:
        return Step(kernel.ns.name, stage, skb, f"delivered: {packet}", end="local")
    if socket is None and flow in kernel.remembers[Expected].answers:
        return answered(kernel, stage, skb, "the asker has its answer", None)
    if socket is None:
        answer = error(kernel, skb, PORT_UNREACHABLE[family(flow.dst).number])
        return answered(kernel, stage, skb, f"nobody listens on udp {flow.dport}: port unreachable", answer)
    if kernel.ns.fib.lookup(flow.src).type == "broadcast":
        said = f"{taken(socket)}, which may not answer to {flow.src}, which is everybody (EACCES)"
        return Step(kernel.ns.name, stage, skb, said, (socket,), end="local")
    words, program = packet.payload, kernel.programs.get(socket.program)
    if program is not None:
        state, words, _ = program(kernel.remembers[Expected].states.get(flow), packet.payload, kernel.now)  # type: ignore[arg-type]
        kernel.remembers[Expected].states[flow] = state
        if not words:
            return Step(kernel.ns.name, stage, skb, f"{taken(socket)}, which says nothing", (socket,), end="local")
    source = flow.dst if socket.address == flow.dst else kernel.source_of(flow.src)
    source = IPV6.any if flow.src in LINK_LOCAL else source
    reply = Flow("udp", source, flow.dport, flow.src, flow.sport)
    answer = Packet(reply, Udp(), words, ttl=kernel.hops(flow.src), id=kernel.ip_id(reply))
    return answered(kernel, stage, skb, taken(socket), answer, socket)


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
    return Step(ns.name, stage, skb, "an echo: answered", (), (sent(kernel, skb, answer),), end="local")


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
        kernel.ns.name, stage, skb, "asked for the time: answered", (), (sent(kernel, skb, answer),), end="local"
    )


STAGES = {"local_deliver": local_deliver}
