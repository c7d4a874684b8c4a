"""A packet's way through one machine outside the hooks: in, for us or not, on, out (net/ipv4/ip_{input,forward,output}.c,
net/ipv6/ip6_{input,output}.c). Both families take the same way; what differs is in `Family` and in the tables of `icmp`."""

from __future__ import annotations

from msgspec.structs import replace

from ..namespace.fib import LIMITED_BROADCAST, LINK_LOCAL, LOOPBACK, MULTICAST, NO_ROUTE, Route
from ..namespace.kernel import Kernel, hook
from ..namespace.policy import Asked, asked_of
from ..namespace.skb import NO_FRAME, Skb
from ..namespace.trace import Next, Step
from ..netfilter.conntrack import attached
from ..packet.address import IPV4, IPV6, Address, family, number, prefix
from ..packet.packet import ECHO, Fragment, Frame, Packet, Tcp, length, lowered
from .expected import Expected
from .icmp import BEYOND_SCOPE, TIME_EXCEEDED, TOO_BIG, error, unroutable
from .input import FORBIDDEN, forwards_from, is_no_wire_address, martian, row_in
from .path_mtu import device_mtu, mtu_towards, path_mtu

ALL_NODES, SOLICITED_NODE = (number("224.0.0.1"), number("ff02::1")), number("ff02::1:ff00:0")


def ip_rcv(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """An IP packet has come in by a device."""
    flow, of = skb.packet.flow, family(skb.packet.flow.dst)
    if of is IPV6 and skb.dev_in != "lo" and is_no_wire_address(flow):
        return Step(kernel.ns.name, stage, skb, "an address that cannot come over a wire", end="dropped")
    skb = replace(skb, frame=NO_FRAME) if skb.dev_in == "lo" else skb
    if skb.prerouted:  # br_netfilter has shown it to PREROUTING already (ip_sabotage_in)
        then = (Next(kernel.ns.name, "route_input", replace(skb, prerouted=False)),)
        return Step(kernel.ns.name, stage, skb, "the rules of PREROUTING have seen it", (), then)
    return Step(kernel.ns.name, stage, skb, f"in by {skb.dev_in}: {skb.packet}", then=hook(kernel, "PREROUTING", skb))


def route_input(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """For this machine, or to be sent on? And can its source be true (ip_route_input_slow)?"""
    if skb.route is not NO_ROUTE and skb.dev_in == "lo":
        return Step(kernel.ns.name, stage, skb, "for this machine", (skb.route,), _deliver(kernel, skb))
    row = row_in(kernel, skb)
    strange = martian(kernel, asked_of(skb.packet, skb.mark, skb.dev_in), skb.packet.flow.dst, row)
    if strange:
        return Step(kernel.ns.name, stage, skb, f"a martian: {strange}", (row,), end="dropped")
    skb = replace(skb, route=row)
    if row.type in ("local", "broadcast", "anycast"):
        return Step(kernel.ns.name, stage, skb, "for this machine", (row,), _deliver(kernel, skb))
    if row.type == "multicast" and _joined(kernel, skb):
        return Step(kernel.ns.name, stage, skb, "for a group of this machine", (row,), _deliver(kernel, skb))
    if row.type == "multicast":
        return Step(kernel.ns.name, stage, skb, "for a group that nobody here has joined", (row,), end="dropped")
    return _onward(kernel, stage, skb, row)


def _deliver(kernel: Kernel, skb: Skb) -> tuple[Next, ...]:
    """To INPUT. Of IPv4 the rules there see whole packets only: pieces are put together first (ip_local_deliver)."""
    if isinstance(skb.packet.payload, Fragment) and family(skb.packet.flow.dst) is IPV4:
        return (Next(kernel.ns.name, "ip_defrag", skb),)
    return hook(kernel, "INPUT", skb)


def _joined(kernel: Kernel, skb: Skb) -> bool:
    """Whether the machine listens to a group on that device: to all nodes, and to those that its own addresses stand for."""
    group, own = number(skb.packet.flow.dst), [a for a in kernel.ns.fib.addresses_on(skb.dev_in) if ":" in a]
    dev = kernel.ns.fib.devices.get(skb.dev_in)
    if dev and kernel.ns.forwards(
        6, skb.dev_in
    ):  # a router is also the first address of each block (RFC 4291 section 2.6.1)
        own += [prefix(f"{a.address}/{a.length}").first for a in dev.addresses if ":" in a.address]
    return group in ALL_NODES or any(group == SOLICITED_NODE | number(a) & 0xFFFFFF for a in own)


def _onward(kernel: Kernel, stage: str, skb: Skb, row: Route) -> Step:
    forwards = forwards_from(kernel, skb)
    if row.type in FORBIDDEN:
        silent = not forwards and family(skb.packet.flow.dst) is IPV4
        answer = None if silent else unroutable(kernel, skb)
        return Step(
            kernel.ns.name, stage, skb, "no route leads there", (row,), answers(kernel, skb, answer), "no-route"
        )
    if not forwards:
        return Step(kernel.ns.name, stage, skb, "not for this machine, and it does not forward", (row,), end="dropped")
    skb = replace(skb, dev_out=row.dev)
    return Step(
        kernel.ns.name, stage, skb, f"to be sent on by {row.dev}", (row,), (Next(kernel.ns.name, "ip_forward", skb),)
    )


def ip_forward(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """One hop further: the hops left are counted down, and the packet has to fit (ip_forward, ip6_forward).

    It may go out of the device that it came in by; no redirect tells its sender of a shorter way (DEV-5).
    """
    of, src = family(skb.packet.flow.dst), skb.packet.flow.src
    if skb.came_to_many:
        return Step(kernel.ns.name, stage, skb, "it came in a frame for many: nobody sends that on", end="dropped")
    if skb.packet.ttl <= 1:
        answer = error(kernel, skb, TIME_EXCEEDED[of.number])
        return Step(kernel.ns.name, stage, skb, "its hops are used up", (), answers(kernel, skb, answer), "dropped")
    turns = skb.dev_in == skb.dev_out  # IPv6 then thinks of a redirect instead of asking whose source it is (DEV-5)
    if of is IPV6 and not turns and (src == of.any or src in MULTICAST[6] or src in LOOPBACK[6]):
        return Step(kernel.ns.name, stage, skb, f"{src} cannot send", end="dropped")
    if of is IPV6 and not turns and src in LINK_LOCAL:
        then, said = answers(kernel, skb, error(kernel, skb, BEYOND_SCOPE)), f"{src} means nothing beyond its own link"
        return Step(kernel.ns.name, stage, skb, said, (), then, "dropped")
    mtu = device_mtu(kernel, skb.dev_out)  # what ICMP has told is not asked here (ip_dst_mtu_maybe_forward)
    if length(skb.packet) > mtu and (skb.packet.df or of is IPV6) and not (skb.ignore_df and skb.pieces.largest <= mtu):
        return too_big(kernel, stage, skb, "dropped", mtu)
    skb = replace(skb, packet=lowered(skb.packet))
    return Step(kernel.ns.name, stage, skb, f"{skb.packet.ttl} hops left", (), hook(kernel, "FORWARD", skb))


def too_big(kernel: Kernel, stage: str, skb: Skb, end: str, mtu: int) -> Step:
    """It does not fit and may not be cut: its sender is told what would (ip_fragment, ip6_pkt_too_big)."""
    said = f"{length(skb.packet)} bytes do not fit through {skb.dev_out}, which takes {mtu}"
    answer = error(kernel, skb, TOO_BIG[family(skb.packet.flow.dst).number], mtu)
    return Step(kernel.ns.name, stage, skb, said, (), answers(kernel, skb, answer), end)


def row_out(kernel: Kernel, asked: Asked, to: Address, dev: str = "") -> Route:
    """The row that decides for a packet of our own. In IPv4 what goes to many leaves by the device whose address it has, or by that
    of a row, but not to its gateway. In IPv6 what means something on one link only stays on that of `dev` (rt6_need_strict)."""
    src = asked.src
    strict = to in LINK_LOCAL or to in MULTICAST[6] or src == IPV6.any
    row = kernel.route(to, dev if strict else "", asked)
    if to != LIMITED_BROADCAST and to not in MULTICAST[4]:
        return row
    dev = kernel.ns.fib.addresses.get(src) or row.dev
    return Route(prefix(to), dev, type="broadcast" if to == LIMITED_BROADCAST else "multicast") if dev else row


def leaks_loopback(kernel: Kernel, src: Address, row: Route) -> bool:
    """Whether a row would let a loopback address out of the machine; route_localnet allows it (__mkroute_output)."""
    return src in LOOPBACK[4] and _device(row) != "lo" and not kernel.ns.conf("ipv4", row.dev, "route_localnet")


def _leads_nowhere(kernel: Kernel, src: Address, row: Route) -> bool:
    return row.type in FORBIDDEN or leaks_loopback(kernel, src, row)


def route_output(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """A packet of this machine's own: by which device, from which address (ip_route_output_key)? This comes before any rule."""
    flow, asked = skb.packet.flow, _as_routed(kernel, skb)
    row = row_out(kernel, asked, flow.dst, skb.dev_out)
    if flow.src == family(flow.dst).any and not _leads_nowhere(kernel, flow.src, row):
        source = kernel.ns.fib.source(row, flow.dst) or flow.src
        skb = replace(skb, packet=replace(skb.packet, flow=replace(flow, src=source)))
        if family(flow.dst) is IPV4 or skb.packet.icmp_type == ECHO.get(flow.proto):
            # A program's packet is routed again, now with its source (ip_route_connect, rawv6_sendmsg).
            row = row_out(kernel, replace(asked, src=source), flow.dst, skb.dev_out)
    if _leads_nowhere(kernel, flow.src, row):
        return Step(kernel.ns.name, stage, skb, f"no route leads to {flow.dst}", (row,), end="no-route")
    if row.type in ("broadcast", "multicast") and _connects(kernel, skb.packet):
        said = f"TCP has one other end, and {flow.dst} is many"
        return Step(kernel.ns.name, stage, skb, said, (row,), end="no-route")
    there = _as_program_asks(kernel, replace(skb, route=row, dev_out=_device(row)))
    there = _with_id(kernel, there)
    skb = replace(skb, packet=there.packet)
    size, most = length(skb.packet), mtu_towards(kernel, flow.dst, there.dev_out)
    if not skb.discovers and not there.ignore_df:
        most = device_mtu(kernel, there.dev_out)  # who writes the header itself: raw_send_hdrinc
    if size > most and not there.ignore_df:
        said = f"{size} bytes do not fit: {there.dev_out} takes {most}"
        return Step(kernel.ns.name, stage, skb, said, (row,), end="too-big")
    said = f"leaves by {there.dev_out}: {skb.packet}"
    return Step(kernel.ns.name, stage, there, said, (row,), hook(kernel, "OUTPUT", there))


def _as_program_asks(kernel: Kernel, skb: Skb) -> Skb:
    """A program lets its kernel cut what is too long, and forbids it to routers where it fits (ip_append_data, __ip_make_skb)."""
    if skb.discovers not in ("want", "dont"):
        return skb
    known = path_mtu(kernel, skb.packet.flow.dst)
    fits = length(skb.packet) <= mtu_towards(kernel, skb.packet.flow.dst, skb.dev_out)
    df = skb.discovers == "want" and fits and not (known and known.locked)
    return replace(skb, packet=replace(skb.packet, df=df), ignore_df=True)


def _as_routed(kernel: Kernel, skb: Skb) -> Asked:
    """What the lookup for a packet of our own tells. An ICMP error of IPv4 is routed before its source is chosen, unless that is
    the address that the packet was for (icmp_route_lookup)."""
    asked = asked_of(skb.packet, skb.mark)
    named = family(asked.src) is IPV6 or kernel.ns.sysctl("net.ipv4.icmp_errors_use_inbound_ifaddr") or not asked.quoted
    return asked if named or asked.quoted.dst == asked.src else replace(asked, src=IPV4.any)


def _connects(kernel: Kernel, packet: Packet) -> bool:
    """Whether a program opens a TCP connection with this (connect); who sends raw, or answers, may send a segment to many."""
    flow, header = packet.flow, packet.header
    return isinstance(header, Tcp) and "A" not in header.flags and flow.reverse in kernel.remembers[Expected].answers


def _with_id(kernel: Kernel, skb: Skb) -> Skb:
    """Where a sender left the identification to the kernel, and the packet may be cut, it gets one (raw_send_hdrinc)."""
    packet = skb.packet
    if (packet.df and not skb.ignore_df) or packet.id or family(packet.flow.src) is IPV6:
        return skb
    return replace(skb, packet=replace(packet, id=kernel.ip_id(packet.flow)))


def _device(row: Route) -> str:
    """Packets to this machine itself go over loopback, whichever device has the address."""
    return "lo" if row.type in ("local", "anycast") else row.dev


def ip_output(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """On its way out, forwarded or its own: the last hook."""
    if skb.route is not NO_ROUTE:
        skb = replace(skb, dev_out=_device(skb.route))
    return Step(kernel.ns.name, stage, skb, "", (), hook(kernel, "POSTROUTING", skb))


def own(kernel: Kernel, packet: Packet, skb: Skb | None = None) -> Next:
    """A packet that this kernel itself sends; one about `skb` belongs to the same connection, and to the same link."""
    sent = attached(skb, packet) if skb else Skb(packet)
    if skb and packet.flow.dst in LINK_LOCAL:
        sent = replace(sent, dev_out=skb.dev_in)
    return Next(kernel.ns.name, "route_output", sent)


def route_again(kernel: Kernel, skb: Skb) -> Skb | None:
    """A packet of our own whose destination or mark a rule has changed is routed anew (ip_route_me_harder).

    The rest of OUTPUT is still asked with the first device: a hook keeps the devices it began with (nf_hook_state).
    """
    flow = skb.packet.flow
    row = row_out(kernel, asked_of(skb.packet, skb.mark), flow.dst, skb.dev_out)
    if _leads_nowhere(kernel, flow.src, row):
        return None
    return replace(skb, route=row)


def answers(kernel: Kernel, skb: Skb, packet: Packet | None) -> tuple[Next, ...]:
    """An answer about a packet sets out, as part of that packet's connection; or nothing does."""
    if packet is None:
        return ()
    if skb.came_by and isinstance(packet.header, Tcp):
        return _back_by_the_port(kernel, skb, packet)
    return (own(kernel, packet, skb),)


def _back_by_the_port(kernel: Kernel, skb: Skb, packet: Packet) -> tuple[Next, ...]:
    """A reset about what a bridge port brought goes straight back: no rule sees it, nothing translates it (nf_send_reset)."""
    if row_out(kernel, asked_of(packet), packet.flow.dst).type in FORBIDDEN:
        return ()
    sent = Skb(packet, dev_out=skb.came_by, frame=Frame(skb.frame.dst, skb.frame.src, packet))
    return (Next(kernel.ns.name, "dev_queue_xmit", sent),)


STAGES = {stage.__name__: stage for stage in (ip_rcv, route_input, ip_forward, route_output, ip_output)}
