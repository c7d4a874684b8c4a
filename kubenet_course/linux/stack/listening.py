"""Who listens, and how answers set out."""

from __future__ import annotations

from ..namespace.fib import LINK_LOCAL
from ..namespace.kernel import Kernel
from ..namespace.netns import Socket
from ..namespace.skb import NOWHERE, Skb
from ..namespace.trace import Next, Step
from ..packet.address import IPV6, family
from ..packet.packet import Flow, Packet


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


def answered(
    kernel: Kernel,
    stage: str,
    skb: Skb,
    said: str,
    answer: Packet | None,
    socket: Socket | None = None,
    taken: bool = False,
) -> Step:
    then = () if answer is None else (sent(kernel, skb, answer),)
    why = () if socket is None else (socket,)
    return Step(
        kernel.ns.name, stage, skb, said, why, then, "local" if taken or socket or answer is None else "refused"
    )


def sent(kernel: Kernel, skb: Skb, answer: Packet) -> Next:
    """An answer sets out. In IPv6 it stays on the link of the question where its address means nothing elsewhere."""
    strict = answer.flow.dst in LINK_LOCAL or answer.flow.src == IPV6.any
    proto = (
        answer.flow.proto
    )  # UDP sockets discover the path's MTU, the kernel's own for ICMP does not; TCP cuts by itself
    discovers = "" if proto == "tcp" else "want" if proto == "udp" else "dont"
    sent = Skb(answer, dev_out=skb.dev_in if strict else NOWHERE, discovers=discovers)
    return Next(kernel.ns.name, "route_output", sent)


def taken(socket: Socket) -> str:
    return f"delivered to {socket.program or 'the program'} on {socket.proto} {socket.port}"
