"""Connection tracking: to which conversation a packet belongs, and how far that has come (net/netfilter/nf_conntrack_core.c).

The TCP machine is the table of nf_conntrack_proto_tcp.c: what is absent from it leaves the packet INVALID. Windows and sequence
numbers are not looked at (DEV-2).
"""

from __future__ import annotations

from msgspec.structs import replace

from ..namespace.kernel import Kernel
from ..namespace.skb import NO_CONNECTION, UNTRACKED, Connection, Skb
from ..packet.packet import ERRORS, ICMP, Flow, Packet, Tcp
from ..timeline import SECOND
from .connections import Connections
from .nat import with_end

IGNORE = "IGNORE"  # the packet belongs to the connection, which does not move
# (who speaks, kind of segment) -> {state: next}; "original" is who opened the connection.
_STATES = (
    "NONE",
    "SYN_SENT",
    "SYN_RECV",
    "ESTABLISHED",
    "FIN_WAIT",
    "CLOSE_WAIT",
    "LAST_ACK",
    "TIME_WAIT",
    "CLOSE",
    "SYN_SENT2",
)
_ROWS = {
    ("original", "syn"): "SYN_SENT SYN_SENT IGNORE IGNORE IGNORE IGNORE IGNORE SYN_SENT SYN_SENT SYN_SENT2",
    ("original", "synack"): "- - SYN_RECV - - - - - - SYN_RECV",
    ("original", "fin"): "- - FIN_WAIT FIN_WAIT LAST_ACK LAST_ACK LAST_ACK TIME_WAIT CLOSE -",
    ("original", "ack"): "ESTABLISHED - ESTABLISHED ESTABLISHED CLOSE_WAIT CLOSE_WAIT TIME_WAIT TIME_WAIT CLOSE -",
    ("original", "rst"): "- CLOSE CLOSE CLOSE CLOSE CLOSE CLOSE CLOSE CLOSE CLOSE",
    ("reply", "syn"): "- SYN_SENT2 - - - - - SYN_SENT - SYN_SENT2",
    ("reply", "synack"): "- SYN_RECV IGNORE IGNORE IGNORE IGNORE IGNORE IGNORE IGNORE SYN_RECV",
    ("reply", "fin"): "- - FIN_WAIT FIN_WAIT LAST_ACK LAST_ACK LAST_ACK TIME_WAIT CLOSE -",
    ("reply", "ack"): "- IGNORE SYN_RECV ESTABLISHED CLOSE_WAIT CLOSE_WAIT TIME_WAIT TIME_WAIT CLOSE IGNORE",
    ("reply", "rst"): "- CLOSE CLOSE CLOSE CLOSE CLOSE CLOSE CLOSE CLOSE CLOSE",
}
TCP = {
    (who, kind, state): then
    for (who, kind), row in _ROWS.items()
    for state, then in zip(_STATES, row.split(), strict=True)
    if then != "-"
}
# Which timer a protocol has, and the seconds of two that have no switch here.
TIMERS = {"udp": "udp_timeout", "udplite": "udplite", "icmp": "icmp_timeout", "ipv6-icmp": "icmpv6_timeout"}
FIXED = {"udplite": 30, "tcp_timeout_syn_sent2": 120}
# Flag sets that a real sender never uses (tcp_valid_flags); PSH, ECE and CWR do not matter.
_VALID_FLAGS = {frozenset(flags) for flags in ("S", "SU", "SA", "R", "RA", "FA", "FAU", "A", "AU")}
# Neighbour discovery and multicast listening are left alone (nf_conntrack_proto_icmpv6.c).
_NEVER_TRACKED = {"ipv6-icmp": (130, 131, 132, 133, 134, 135, 136, 137, 143)}
_OPENING = {"icmp": (8, 13, 15, 17), "ipv6-icmp": (128, 139)}


def kind_of(header: Tcp) -> str:
    """Which row of the table a segment is looked up in."""
    flags = header.flags
    if "R" in flags:
        return "rst"
    if "S" in flags:
        return "synack" if "A" in flags else "syn"
    return "fin" if "F" in flags else "ack" if "A" in flags else "none"


def conntrack_in(skb: Skb, kernel: Kernel) -> Skb:
    """Finds or opens a packet's connection (nf_conntrack_in); one that came with it, over loopback or by NOTRACK, is kept."""
    packet, proto = skb.packet, skb.packet.flow.proto
    if skb.connection is not NO_CONNECTION:
        return skb
    skb = skb if skb.ctinfo == "INVALID" else replace(skb, ctinfo="INVALID")
    if proto in ICMP and packet.icmp_type in _NEVER_TRACKED.get(proto, ()):
        return replace(skb, connection=UNTRACKED, ctinfo="UNTRACKED")
    if proto in ICMP and packet.icmp_type in ERRORS[proto]:
        return _related(skb, kernel)
    if not packet.flow.has_reverse:
        return skb
    if isinstance(packet.header, Tcp) and frozenset(packet.header.flags) - frozenset("PEC") not in _VALID_FLAGS:
        return skb
    known = kernel.remembers[Connections].lookup(packet.flow, kernel.now)
    if known is None:
        return _opened(skb, kernel)
    return _continued(skb, known, kernel)


def _related(skb: Skb, kernel: Kernel) -> Skb:
    """An ICMP error belongs to the connection of the packet that it quotes, if it goes to whoever sent that."""
    packet = skb.packet
    quoted = packet.payload.packet.flow if packet.is_error else None  # type: ignore[union-attr]
    if quoted is None or not quoted.has_reverse:
        return skb
    known = kernel.remembers[Connections].lookup(quoted.reverse, kernel.now)
    if known is None:
        return skb
    reply = quoted.reverse == known.reply
    if (known.reply if reply else known.original).dst != packet.flow.dst:
        return skb
    return replace(skb, connection=known, ctinfo="RELATED", reply=reply)


def _opened(skb: Skb, kernel: Kernel) -> Skb:
    flow, header = skb.packet.flow, skb.packet.header
    if flow.proto in ICMP and skb.packet.icmp_type not in _OPENING[flow.proto]:
        return skb
    state = TCP.get(("original", kind_of(header), "NONE")) if isinstance(header, Tcp) else "NONE"
    loose = kernel.ns.sysctl("net.netfilter.nf_conntrack_tcp_loose")
    if state is None or (state == "ESTABLISHED" and not loose):
        return skb
    known = Connection(flow, flow.reverse, state=state, since=kernel.now)
    return replace(skb, connection=_refreshed(known, kernel), ctinfo="NEW", reply=False)


def _continued(skb: Skb, known: Connection, kernel: Kernel) -> Skb:
    # Of a flow that is its own reverse the answer's half stands first (__nf_conntrack_hash_insert).
    header, reply = skb.packet.header, skb.packet.flow == known.reply
    ctinfo = "ESTABLISHED" if reply or known.seen_reply else "NEW"
    if isinstance(header, Tcp):
        then = TCP.get(("reply" if reply else "original", kind_of(header), known.state))
        if then is None:
            return skb
        if then == "SYN_SENT" and known.state in ("TIME_WAIT", "CLOSE"):  # DEV-13
            kernel.remembers[Connections].forget(known)
            return _opened(skb, kernel)
        if "R" in header.flags and not known.seen_reply:
            kernel.remembers[Connections].forget(known)
            return replace(skb, connection=replace(known, state=then, seen_reply=reply), ctinfo=ctinfo, reply=reply)
        if then != IGNORE:
            both = known.seen_reply and known.state in ("SYN_RECV", "ESTABLISHED")
            assured = known.assured or (then == "ESTABLISHED" and both)
            # A SYN that comes again before any answer does not wind up the clock (nf_conntrack_tcp_packet).
            again = kind_of(header) == "syn" and known.state == "SYN_SENT" and not known.seen_reply
            known = replace(known, state=then, assured=assured)
            if again and not reply:
                kernel.remembers[Connections].update(known)
                return replace(skb, connection=known, ctinfo=ctinfo, reply=reply)
    known = _refreshed(known, kernel, moves=not isinstance(header, Tcp) or then != IGNORE)
    known = replace(known, seen_reply=known.seen_reply or reply)  # its time does not know of a first answer yet
    kernel.remembers[Connections].update(known)
    return replace(skb, connection=known, ctinfo=ctinfo, reply=reply)


def _refreshed(known: Connection, kernel: Kernel, moves: bool = True) -> Connection:
    """The connection with its clock wound up again, as far as its protocol and state allow."""
    proto, now = known.original.proto, kernel.now
    if not moves:
        return known
    if proto == "tcp":
        seconds = timeout(kernel, f"tcp_timeout_{known.state.lower()}")
        if known.state == "ESTABLISHED" and not known.seen_reply:
            seconds = min(seconds, timeout(kernel, "tcp_timeout_unacknowledged"))
        return replace(known, expires=now + seconds * SECOND)
    stream = proto == "udp" and known.seen_reply and now > known.since + 2 * SECOND
    seconds = timeout(kernel, "udp_timeout_stream" if stream else TIMERS.get(proto, "generic_timeout"))
    return replace(known, assured=known.assured or stream, expires=now + seconds * SECOND)


def timeout(kernel: Kernel, timer: str) -> int:
    """Seconds without a packet after which a connection is forgotten (net.netfilter.nf_conntrack_*_timeout*)."""
    return FIXED.get(timer) or kernel.ns.sysctl(f"net.netfilter.nf_conntrack_{timer}")


def confirm(skb: Skb, kernel: Kernel) -> Skb | None:
    """A new connection enters the table when its first packet leaves or is delivered; None if another holds its place (DEV-8).

    Answers that a rule attached to it (REJECT) do not confirm it (__nf_conntrack_confirm).
    """
    known = skb.connection
    if known is NO_CONNECTION or known is UNTRACKED or known.confirmed or skb.reply:
        return skb
    connections = kernel.remembers[Connections]
    there = connections.lookup(known.original, kernel.now), connections.lookup(known.reply, kernel.now)
    if there[0] is not None and (there[0].original, there[0].since) == (known.original, known.since):
        # Another copy of the same packet, which a bridge sent out of several ports, or up; what one made of its source holds.
        if there[0].snat or not known.snat:
            return replace(skb, connection=there[0])
        connections.forget(there[0])
        there = None, connections.lookup(known.reply, kernel.now)
    if there != (None, None):
        return None
    known = replace(known, confirmed=True)
    kernel.remembers[Connections].update(known)
    return replace(skb, connection=known)


def set_closing(skb: Skb, kernel: Kernel) -> Skb:
    """A connection that a rule has answered with a RST is closed, and soon forgotten (nf_conntrack_tcp_set_closing).

    One whose first packet was answered so is not remembered yet, and stays as it is.
    """
    known = skb.connection
    if not known.confirmed:
        return skb
    known = replace(known, state="CLOSE", expires=kernel.now + timeout(kernel, "tcp_timeout_close") * SECOND)
    if known.original in kernel.remembers[Connections].by_flow:
        kernel.remembers[Connections].update(known)
    return replace(skb, connection=known)


def attached(skb: Skb, answer: Packet) -> Skb:
    """An answer that the kernel itself makes to a packet belongs to that packet's connection (nf_conntrack_attach)."""
    known = skb.connection
    if known is NO_CONNECTION:
        return Skb(answer)
    if known is UNTRACKED:  # a note that the kernel reads as RELATED: NOTRACK lets the answer be, and it is looked up
        return Skb(answer, ctinfo="RELATED")
    return Skb(answer, connection=known, ctinfo="RELATED", reply=not skb.reply)


def translated_error(skb: Skb, end: str) -> Skb:
    """An ICMP error about a translated packet, made right for whoever it goes to (nf_nat_icmp_reply_translation).

    The quote is translated back like the packet that it quotes, and then the error's own addresses.
    """
    known, packet = skb.connection, skb.packet
    changes = known.snat if (end == "src") is not skb.reply else known.dnat
    if not changes or not packet.is_error:
        return skb
    other = known.original if skb.reply else known.reply
    quote = packet.payload
    inner = with_end(quote.packet.flow, "dst" if end == "src" else "src", other)  # type: ignore[union-attr]
    outer = packet.flow
    like: Flow = other.reverse
    outer = replace(outer, src=like.src) if end == "src" else replace(outer, dst=like.dst)
    quote = replace(quote, packet=replace(quote.packet, flow=inner))  # type: ignore[union-attr,type-var]
    return replace(skb, packet=replace(packet, flow=outer, payload=quote))
