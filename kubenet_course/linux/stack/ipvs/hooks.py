"""IPVS at its hooks: requests get a server at INPUT and OUTPUT, answers get their virtual address back (ip_vs_core.c).

At INPUT, because a virtual address is the machine's own; rules of PREROUTING and INPUT see it still untranslated. What goes
on to another machine then passes OUTPUT and POSTROUTING, never FORWARD (ip_vs_xmit.c). Only masquerading servers are
followed, and no kernel has checked it (DEV-37).
"""

from __future__ import annotations

from msgspec.structs import replace

from ...namespace.fib import LOOPBACK, Route
from ...namespace.kernel import Kernel, hook
from ...namespace.memory import SECOND
from ...namespace.skb import NO_CONNECTION, UNTRACKED, Skb
from ...namespace.trace import Step
from ...netfilter.nat import with_end
from ...netfilter.statement import LookUps
from ...packet.address import IPV4, family
from ...packet.packet import ICMP, Flow, Packet, Tcp, length, lowered
from ..icmp import HOST_UNREACHABLE, PORT_UNREACHABLE, TIME_EXCEEDED, TOO_BIG, error
from ..input import FORBIDDEN
from ..ip import answers, route_again
from ..path_mtu import device_mtu
from .choose import drop_conntrack, grown_old, opened, weight_of
from .servers import VirtualServer
from .states import SECONDS, next_state
from .table import IpvsTable, Kept

PROTOCOLS = ("tcp", "udp", "sctp")
RELATED = {"icmp": (3, 4, 11), "ipv6-icmp": (1, 2, 3, 4)}  # errors that are translated with what they are about
FTP_DATA = 20


def ip_vs_in(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """A request for a virtual server: its connection's server, or a new one; then on to that."""
    packet, flow = skb.packet, skb.packet.flow
    if skb.ipvs or (skb.came_to_many and not stage.endswith("OUTPUT")):
        return kernel.on(stage, skb)
    grown_old(kernel)
    if packet.is_error:
        return _error_in(kernel, stage, skb)
    if flow.proto not in PROTOCOLS:
        return kernel.on(stage, skb)
    kernel.remembers[LookUps].count += 1
    virtual = kernel.ns.virtual_servers.get((flow.dst, flow.dport, flow.proto.upper()))
    kept = kernel.remembers[IpvsTable].by_client.get(flow)
    if kept is not None:
        lost = _let_go(kernel, skb, kept, virtual)
        if lost:
            return Step(kernel.ns.name, stage, skb, lost, (kept,), end="dropped")
        kept = kernel.remembers[IpvsTable].by_client.get(flow)
    if kept is None:
        if virtual is None or not _schedules(kernel, skb):
            return kernel.on(stage, skb)
        kept = opened(kernel, virtual, flow)
        if kept is None:
            return _leave(kernel, stage, skb, virtual)
        begins = f" ({virtual.scheduler})"
    else:
        begins = ", as before"
    kept = _moved(kernel, kept, "input", packet)
    to = Flow(flow.proto, flow.src, flow.sport, kept.server.address, kept.server.port)
    said = f"{kept.virtual} is served by {kept.server}{begins}"
    return _sent_on(kernel, stage, skb, replace(packet, flow=to), kept, said)


def _schedules(kernel: Kernel, skb: Skb) -> bool:
    """Whether a packet may open a connection: of TCP a SYN; no answer of a server on this machine, no data of active FTP."""
    flow, header = skb.packet.flow, skb.packet.header
    if isinstance(header, Tcp) and ("R" in header.flags or "S" not in header.flags):
        return False
    own = skb.dev_in in ("", "lo") and flow.reverse in kernel.remembers[IpvsTable].by_client
    return not own and flow.sport != FTP_DATA


def _let_go(kernel: Kernel, skb: Skb, kept: Kept, virtual: VirtualServer | None) -> str:
    """A connection whose server has no weight or is gone, or that is over, is forgotten before a new SYN takes its place.

    Why the packet is dropped, if it is: conntrack still has its old entry, and goes with it; a SYN is sent again a second later.
    """
    weight, header = weight_of(virtual, kept.server), skb.packet.header
    expires = kernel.ns.sysctl("net.ipv4.vs.expire_nodest_conn")
    is_new = isinstance(header, Tcp) and "S" in header.flags
    reuses = kernel.ns.sysctl("net.ipv4.vs.conn_reuse_mode") and kept.control is None
    over = is_new and ((expires and weight == 0) or (reuses and kept.state in ("TIME_WAIT", "CLOSE")))
    if weight < 0 and not expires:
        return f"its server {kept.server} is gone"
    if not over and weight >= 0:
        return ""
    kernel.remembers[IpvsTable].forget(kept, kernel.now)
    known = skb.connection
    if not (known.confirmed and kernel.ns.sysctl("net.ipv4.vs.conntrack")):
        return ""
    drop_conntrack(kernel, kept)
    return f"its connection to {kept.server} is over, and conntrack's entry with it: the next try gets another server"


def _leave(kernel: Kernel, stage: str, skb: Skb, virtual: VirtualServer) -> Step:
    """Nobody takes it: the sender is told that the port cannot be reached, of TCP too (ip_vs_leave)."""
    answer = error(kernel, skb, PORT_UNREACHABLE[family(skb.packet.flow.dst).number])
    said = f"no server of {virtual} takes it: port unreachable"
    return Step(kernel.ns.name, stage, skb, said, (virtual,), answers(kernel, skb, answer), "rejected")


def _moved(kernel: Kernel, kept: Kept, who: str, packet: Packet) -> Kept:
    """The connection after a packet, its clock wound up again."""
    state = next_state(kept.state, who, packet)
    kept = replace(kept, state=state, expires=kernel.now + SECONDS[state] * SECOND)
    kernel.remembers[IpvsTable].keep(kept)
    return kept


def _sent_on(kernel: Kernel, stage: str, skb: Skb, packet: Packet, kept: Kept, said: str) -> Step:
    """To the server: through OUTPUT anew, or, where that is this machine itself, on as if nothing had been (ip_vs_nat_xmit)."""
    row, of = kernel.ns.fib.lookup(packet.flow.dst), family(packet.flow.dst)
    virtual = kernel.ns.virtual_servers.get(kept.service)
    why = (*((virtual,) if virtual else ()), kept, row)
    stopped = _stopped(kernel, stage, skb, row, why)
    if stopped is not None:
        return stopped
    local = row.type in ("local", "anycast")
    after = tracked(kernel, replace(skb, packet=packet, ipvs=True), kept, "src")
    if local:
        return kernel.on(stage, after, f"{said}, on this machine", why)
    if not packet.is_error and length(packet) > device_mtu(kernel, row.dev) and (packet.df or of is not IPV4):
        answer = error(kernel, skb, TOO_BIG[of.number], device_mtu(kernel, row.dev))
        return Step(kernel.ns.name, stage, skb, f"too long for {row.dev}", why, answers(kernel, skb, answer), "dropped")
    after = replace(after, packet=lowered(packet), route=row, dev_out=row.dev)
    return Step(kernel.ns.name, stage, after, said, why, hook(kernel, "OUTPUT", after))


def _stopped(kernel: Kernel, stage: str, skb: Skb, row: Route, why: tuple) -> Step | None:
    """What cannot leave: no route leads there, its hops are used up, loopback would leave its machine or be led into."""
    of, src = family(skb.packet.flow.src), skb.packet.flow.src
    if row.type in FORBIDDEN:
        answer = error(kernel, skb, HOST_UNREACHABLE[of.number])
        return Step(
            kernel.ns.name, stage, skb, "no route leads to its server", why, answers(kernel, skb, answer), "no-route"
        )
    local = row.type in ("local", "anycast")
    if not local and src in LOOPBACK[of.number] and (of is IPV4 or skb.dev_in in ("", "lo")):
        return Step(kernel.ns.name, stage, skb, f"{src} does not leave this machine", why, end="dropped")
    if local and row.prefix.first in LOOPBACK[of.number] and skb.dev_in not in ("", "lo"):
        return Step(kernel.ns.name, stage, skb, "a stranger is not led to loopback", why, end="dropped")
    if not local and skb.packet.ttl <= 1:
        answer = error(kernel, skb, TIME_EXCEEDED[of.number])
        return Step(kernel.ns.name, stage, skb, "its hops are used up", why, answers(kernel, skb, answer), "dropped")
    return None


def tracked(kernel: Kernel, skb: Skb, kept: Kept, end: str) -> Skb:
    """Conntrack learns how answers will look, if it is to know of it at all (ip_vs_update_conntrack, ip_vs_notrack).

    `end` "src": answers will come from the server; "dst": to a server's own packet they will go to the virtual address.
    """
    known = skb.connection
    if not kernel.ns.sysctl("net.ipv4.vs.conntrack"):
        return skb if known is NO_CONNECTION else replace(skb, connection=UNTRACKED, ctinfo="UNTRACKED")
    if known is NO_CONNECTION or known is UNTRACKED or known.confirmed or skb.reply or not known.original.has_reverse:
        return skb
    like = kept.answers if end == "src" else kept.client
    return replace(skb, connection=replace(known, reply=with_end(known.reply, end, like)))


def ip_vs_out(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """An answer of a server: it gets the address and port that the client asked."""
    packet, flow = skb.packet, skb.packet.flow
    if skb.ipvs:
        return kernel.on(stage, skb)
    grown_old(kernel)
    if packet.is_error:
        return _error_out(kernel, stage, skb)
    kept = kernel.remembers[IpvsTable].by_server.get(flow)
    if kept is None or flow.proto not in PROTOCOLS:
        return kernel.on(stage, skb)
    kept = _moved(kernel, kept, "output", packet)
    return _answered(kernel, stage, skb, replace(packet, flow=kept.client.reverse), kept)


def _answered(kernel: Kernel, stage: str, skb: Skb, packet: Packet, kept: Kept) -> Step:
    """On its way as if the virtual server itself had sent it; what does not end here is routed anew (snat_reroute)."""
    after = tracked(kernel, replace(skb, packet=packet, ipvs=True), kept, "dst")
    if not stage.endswith("INPUT") and not skb.port and skb.route.type not in ("local", "anycast"):
        rerouted = route_again(kernel, after)
        if rerouted is None:
            return Step(kernel.ns.name, stage, after, "no route any more", (kept,), end="dropped")
        after = rerouted
    return kernel.on(stage, after, f"source {kept.server} becomes {kept.virtual}", (kept,))


def _quoted(skb: Skb) -> Flow | None:
    """The flow that an error is about, as an answer to it would look."""
    packet = skb.packet
    if packet.icmp_type not in RELATED.get(packet.flow.proto, ()) or not packet.is_error:
        return None
    about = packet.payload.packet.flow  # type: ignore[union-attr]
    return about.reverse if about.proto not in ICMP and about.has_reverse else None


def _with_quote(packet: Packet, outer: Flow, inner: Flow) -> Packet:
    quote = packet.payload
    return replace(packet, flow=outer, payload=replace(quote, packet=replace(quote.packet, flow=inner)))  # type: ignore


def _error_out(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """An error about a request that was sent to a server: it is told of the virtual server instead (ip_vs_nat_icmp)."""
    back = _quoted(skb)
    kept = kernel.remembers[IpvsTable].by_server.get(back) if back else None
    if back is None or kept is None:
        return kernel.on(stage, skb)
    outer = replace(skb.packet.flow, src=kept.client.dst)
    inner = Flow(back.proto, back.dst, back.dport, kept.client.dst, kept.client.dport)
    return _answered(kernel, stage, skb, _with_quote(skb.packet, outer, inner), kept)


def _error_in(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """A client's error about an answer: on to the server that sent it, which knows it by its own address."""
    back = _quoted(skb)
    kept = kernel.remembers[IpvsTable].by_client.get(back) if back else None
    if back is None or kept is None:
        return kernel.on(stage, skb)
    outer = replace(skb.packet.flow, dst=kept.server.address)
    said = f"about an answer of {kept.server}, which is told"
    return _sent_on(kernel, stage, skb, _with_quote(skb.packet, outer, kept.answers), kept, said)


def ip_vs_forward_icmp(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """At FORWARD only errors are looked at: the client's about answers, on their way to elsewhere."""
    return kernel.on(stage, skb) if skb.ipvs or not skb.packet.is_error else _error_in(kernel, stage, skb)


STAGES = {stage.__name__: stage for stage in (ip_vs_in, ip_vs_out, ip_vs_forward_icmp)}
