"""The answers that a kernel makes by itself: ICMP errors with their quotes, and resets (net/ipv4/icmp.c, net/ipv6/icmp.c,
nf_reject_ipv4.c, nf_reject_ipv6.c)."""

from __future__ import annotations

from ..namespace.fib import MULTICAST, ZERO, select4
from ..namespace.kernel import Kernel
from ..namespace.policy import Asked
from ..namespace.skb import NOWHERE, Skb
from ..packet.address import IPV4, IPV6, family
from ..packet.packet import ECHO_REPLY, ERRORS, ICMP, Flow, Fragment, Icmp, Packet, Quote, Tcp, length

# What `--reject-with` names, and the type and code that are sent.
REJECTS = {
    "icmp-net-unreachable": (3, 0),
    "icmp-host-unreachable": (3, 1),
    "icmp-proto-unreachable": (3, 2),
    "icmp-port-unreachable": (3, 3),
    "icmp-net-prohibited": (3, 9),
    "icmp-host-prohibited": (3, 10),
    "icmp-admin-prohibited": (3, 13),
    "icmp6-no-route": (1, 0),
    "icmp6-adm-prohibited": (1, 1),
    "icmp6-addr-unreachable": (1, 3),
    "icmp6-port-unreachable": (1, 4),
    "icmp6-policy-fail": (1, 5),
    "icmp6-reject-route": (1, 6),
}
# What a kernel says for each trouble, by family number: type and code.
NET_UNREACHABLE = {4: (3, 0), 6: (1, 0)}
HOST_UNREACHABLE = {4: (3, 1), 6: (1, 3)}
FORBIDDEN_HOST = {4: (3, 1), 6: (1, 0)}  # of a row of type unreachable
PORT_UNREACHABLE = {4: (3, 3), 6: (1, 4)}
PROHIBITED = {4: (3, 13), 6: (1, 1)}
TOO_BIG = {4: (3, 4), 6: (2, 0)}
PROTOCOL_UNREACHABLE = {4: (3, 2), 6: (4, 1)}
BEYOND_SCOPE = (1, 2)
NEXT_HEADER = 6  # where an IPv6 header says what follows it
TIME_EXCEEDED = {4: (11, 0), 6: (3, 0)}


def error(kernel: Kernel, skb: Skb, what: tuple[int, int], rest: int = 0) -> Packet | None:
    """The ICMP error about a packet, or None where a kernel keeps silent: about errors, about packets to or from many.

    It comes from the address that the packet was for, if that is ours, else from one that leads back to the sender. It
    quotes as much as fits in the family's smallest MTU. A kernel also limits how many it sends (DEV-4).
    """
    packet, flow = skb.packet, skb.packet.flow
    of = family(flow.src)
    if not _may_be_answered(skb):
        return None
    source = _source(kernel, skb)
    if not source:
        return None
    room = of.quote - of.header - 8
    tos = packet.tos & 0x1E | 0xC0 if of is IPV4 else 0
    about = Quote(packet, min(length(packet), room))
    sent = Flow(of.icmp, source, 0, flow.src, what[0] << 8 | what[1])
    return Packet(sent, Icmp(rest), about, ttl=kernel.hops(flow.src), tos=tos, id=kernel.ip_id(sent), df=False)


def _source(kernel: Kernel, skb: Skb) -> str:
    """Whose name stands under an error. With icmp_errors_use_inbound_ifaddr, that of the device the packet came in by."""
    flow, ns = skb.packet.flow, kernel.ns
    dev_in = "" if skb.port else skb.dev_in  # of what a bridge carries, no device of this machine's own brought it
    if kernel.is_own(flow.dst):
        return flow.dst
    inbound = dev_in and family(flow.src) is IPV4 and ns.sysctl("net.ipv4.icmp_errors_use_inbound_ifaddr")
    if inbound and skb.route.dev != "lo" and kernel.source_of(flow.src):
        return select4(ns.fib.every, dev_in, flow.src)
    return kernel.source_of(flow.src, dev_in, Asked(proto=family(flow.src).icmp, quoted=flow))


def _may_be_answered(skb: Skb) -> bool:
    flow, of = skb.packet.flow, family(skb.packet.flow.src)
    if skb.packet.is_later_piece and of is IPV4:
        return False
    if skb.packet.icmp_type == ECHO_REPLY.get(flow.proto) and skb.dev_in == NOWHERE:
        return False  # the kernel's own answer: the one ICMP socket of this CPU is busy with it (icmp_xmit_lock)
    kind = skb.packet.icmp_type
    is_error = kind in ERRORS.get(flow.proto, ()) or (of is IPV6 and flow.proto in ICMP and (kind < 128 or kind == 137))
    if is_error and not skb.packet.is_later_piece:  # of a later piece nobody can say what it was
        return False
    if flow.src in MULTICAST[of.number] or flow.src == of.any or (of is IPV4 and flow.src in ZERO):
        return False
    to_many = flow.dst in MULTICAST[of.number] or skb.route.type in ("broadcast", "multicast")
    return not to_many and not skb.came_to_many


def reset(kernel: Kernel, skb: Skb) -> Packet | None:
    """The RST that answers a segment nobody wants (RFC 9293 section 3.5.2); a RST is not answered."""
    header, flow = skb.packet.header, skb.packet.flow
    if not isinstance(header, Tcp) or "R" in header.flags:
        return None
    if "A" in header.flags:
        answer = Tcp("R", seq=header.ack, window=0)
    else:
        consumed = ("S" in header.flags) + ("F" in header.flags) + len(skb.packet.payload)  # type: ignore[arg-type]
        answer = Tcp("RA", ack=(header.seq + consumed) & 0xFFFFFFFF, window=0)
    return Packet(flow.reverse, answer, ttl=kernel.hops(flow.src))


def rejection(kernel: Kernel, skb: Skb, kind: str) -> Packet | None:
    """What `-j REJECT --reject-with kind` sends back; where nothing is said, port unreachable."""
    if isinstance(skb.packet.payload, Fragment):
        return None  # the checksum of a piece is never right, and what is not sound is not answered (nf_reject_verify_csum)
    if kind == "tcp-reset":
        flow = skb.packet.flow
        many = skb.route.type in ("broadcast", "multicast") or {flow.src, flow.dst} & {IPV6.any}
        return None if many or flow.dst in MULTICAST[6] or flow.src in MULTICAST[6] else reset(kernel, skb)
    return error(kernel, skb, REJECTS[kind] if kind else PORT_UNREACHABLE[family(skb.packet.flow.dst).number])


def unroutable(kernel: Kernel, skb: Skb) -> Packet | None:
    """What a router says of a packet that it cannot send on; the kind of row that forbade it decides."""
    of = family(skb.packet.flow.dst).number
    row = skb.route
    what = {"unreachable": FORBIDDEN_HOST, "prohibit": PROHIBITED}.get(row.type, NET_UNREACHABLE)
    return None if row.type == "blackhole" else error(kernel, skb, what[of])
