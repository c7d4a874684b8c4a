"""A network in a network: frames or packets inside packets between machines (RFC 7348, 8926, 2003; drivers/net/vxlan/vxlan_core.c,
drivers/net/geneve.c, net/ipv4/ipip.c)."""

from __future__ import annotations

from msgspec.structs import replace

from ..namespace.device import Device, Geneve, Ipip, Vxlan, WireGuard
from ..namespace.fib import NO_ROUTE
from ..namespace.kernel import Kernel, hook
from ..namespace.netns import FdbEntry
from ..namespace.overhead import filled, room
from ..namespace.policy import asked_of
from ..namespace.skb import Skb
from ..namespace.trace import Next, Step
from ..packet import packet as inside
from ..packet.address import IPV4, Address, family
from ..packet.packet import Flow, Frame, Other, Packet, Udp, is_multicast, length
from .path_mtu import mtu_towards, remember

CE, ECT0 = 3, 2  # the two lowest bits of a packet's class (RFC 3168 section 5)
EVERY_MAC = "00:00:00:00:00:00"  # the forwarding row for what no other row knows


def vxlan_xmit(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """Which machine has this MAC? Around the frame goes a packet to that machine, which sets out like any of our own.

    The mark stays, so that rules can tell what they have already seen; the connection does not.
    """
    here, dev, frame = kernel.ns.name, kernel.ns.devices[skb.dev_out], skb.frame
    ends = _ends(kernel, dev, frame)
    if not ends:
        return Step(here, stage, skb, f"{dev.name} knows no machine that has {frame.dst}", end="dropped")
    then: tuple[Next, ...] = ()
    for row in ends:
        _check_pmtu(kernel, dev, frame, row.dst)
        outer = Packet(
            _outer(kernel, dev, row.dst), Udp(dev.tunnel.checksum), _around(dev.tunnel, frame),  # type: ignore[arg-type]
            ttl=kernel.hops(row.dst), tos=_ecn(frame.payload), df=False,
        )  # fmt: skip
        then += _set_out(kernel, skb, outer)
    said = f"{frame.dst} is behind {', '.join(row.dst for row in ends)}: a packet around it"
    return Step(here, stage, skb, said, tuple(ends), then, end="" if then else "dropped")


def _check_pmtu(kernel: Kernel, dev: Device, frame: Frame, to: Address) -> None:
    """Where the way to the tunnel's other end is known to be narrow, so is the way of what goes in (skb_tunnel_check_pmtu)."""
    packet, route = frame.payload, kernel.ns.fib.lookup(to)
    left = room(mtu_towards(kernel, to, route.dev), (type(dev.tunnel), family(to).number))
    if isinstance(packet, Packet) and length(packet) > left:
        remember(kernel, packet.flow.dst, left)


def _outer(kernel: Kernel, dev: Device, to: str) -> Flow:
    low, high = dev.tunnel.source_ports
    port = low if high - low <= 1 else kernel.choices.pick(("tunnel port", kernel.ns.name, to), range(low, high))
    return Flow("udp", dev.tunnel.local or kernel.source_of(to), port, to, dev.tunnel.port)


def _ends(kernel: Kernel, dev: Device, frame: Frame) -> list[FdbEntry]:
    """The machines that a frame goes to: those of the forwarding rows; GENEVE has one other end."""
    if isinstance(dev.tunnel, Geneve):
        return [FdbEntry(frame.dst, dev.name, dev.tunnel.remote)]
    row = None if is_multicast(frame.dst) else kernel.ns.fixed_fdb.get((dev.name, frame.dst))
    return [row] if row else [row for row in kernel.ns.fdb if (row.port, row.mac) == (dev.name, EVERY_MAC)]


def _around(tunnel: Vxlan | Geneve, frame: Frame) -> inside.Vxlan | inside.Geneve:
    return (inside.Geneve if isinstance(tunnel, Geneve) else inside.Vxlan)(tunnel.vni, frame)


def _set_out(kernel: Kernel, skb: Skb, outer: Packet) -> tuple[Next, ...]:
    """A packet around another one sets out, if a route leads to the other end."""
    route = kernel.route(outer.flow.dst, "", asked_of(outer, skb.mark))
    if route is NO_ROUTE or route.type != "unicast":
        return ()
    outer = replace(outer, id=kernel.ip_id(outer.flow))
    return hook(kernel, "OUTPUT", Skb(outer, dev_out=route.dev, route=route, mark=skb.mark))


def tunnel_xmit(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """A packet without a frame goes into another packet: as it is, or sealed, so that nobody on the way can read it."""
    here, dev, packet = kernel.ns.name, kernel.ns.devices[skb.dev_out], skb.packet
    if isinstance(dev.tunnel, WireGuard):
        to, port = dev.tunnel.remote, dev.tunnel.port
        sealed = inside.Sealed(packet, filled(length(packet), dev.mtu))
        outer = Packet(Flow("udp", kernel.source_of(to), port, to, port), Udp(), sealed, ttl=kernel.hops(to), df=False)
    else:
        to = dev.tunnel.remote or skb.route.via or packet.flow.dst
        flow = Flow("ipencap", dev.tunnel.local or kernel.source_of(to), 0, to, 0)
        outer = Packet(flow, Other(), packet, ttl=dev.tunnel.ttl or packet.ttl, tos=_ecn(packet))
    then = _set_out(kernel, skb, outer)
    said = f"{dev.name}: a packet around it, to {to}" if then else f"no route leads to {to}, the tunnel's other end"
    return Step(here, stage, skb, said, (dev,), then, end="" if then else "dropped")


def ipip_end(kernel: Kernel, packet: Packet) -> Device | None:
    """The IPIP device for what comes from this machine to that: the one with both as its ends before one that takes all."""
    ends = [dev for dev in kernel.ns.devices.values() if dev.up and isinstance(dev.tunnel, Ipip)]
    meant = [d for d in ends if d.tunnel.local in ("", packet.flow.dst) and d.tunnel.remote in ("", packet.flow.src)]
    return max(meant, key=lambda dev: (bool(dev.tunnel.remote), bool(dev.tunnel.local)), default=None)


def ipip_rcv(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """The end of the tunnel: the packet inside comes in by the tunnel's device."""
    dev, packet = ipip_end(kernel, skb.packet), _opened(skb.packet, skb.packet.payload)
    if dev is None or packet is None:
        return Step(kernel.ns.name, stage, skb, "nobody here takes what is inside", end="dropped")
    came = Skb(packet, dev_in=dev.name, mark=skb.mark)
    return Step(kernel.ns.name, stage, skb, f"out of {dev.name}", (dev,), (Next(kernel.ns.name, "ip_rcv", came),))


def wg_end(kernel: Kernel, packet: Packet) -> Device | None:
    """The WireGuard device whose other end has sent this packet; nobody else's could be opened."""
    for dev in kernel.ns.devices.values():
        end = dev.tunnel if dev.up and isinstance(dev.tunnel, WireGuard) else None
        if end and (end.remote, end.port) == (packet.flow.src, packet.flow.dport):
            return dev
    return None


def wg_rcv(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """The end of the tunnel: the packet is opened, and comes in by the tunnel's device."""
    dev = wg_end(kernel, skb.packet)
    if dev is None:
        return Step(kernel.ns.name, stage, skb, "nobody here can open it", end="dropped")
    came = Skb(skb.packet.payload.packet, dev_in=dev.name, mark=skb.mark)
    said = f"opened: out of {dev.name}"
    return Step(kernel.ns.name, stage, skb, said, (dev,), (Next(kernel.ns.name, "ip_rcv", came),))


def _ecn(packet: object) -> int:
    """The outer packet tells of congestion as the inner one does, but what is marked inside begins unmarked (RFC 6040)."""
    inner = packet.tos & CE if isinstance(packet, Packet) else 0
    return ECT0 if inner == CE else inner


def _unpacked(outer: Packet, frame: Frame) -> Frame | None:
    """The frame as it leaves the tunnel; None where its packet cannot be."""
    if not isinstance(frame.payload, Packet):
        return frame
    packet = _opened(outer, frame.payload)
    return None if packet is None else frame if packet is frame.payload else replace(frame, payload=packet)


def _opened(outer: Packet, packet: Packet) -> Packet | None:
    """The packet inside: congestion that marked the outer one marks it; None where it cannot say so."""
    if outer.tos & CE != CE:
        return packet
    return replace(packet, tos=packet.tos | CE) if packet.tos & CE else None


def vxlan_rcv(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """The end of the tunnel: what was inside comes in by the tunnel's device."""
    here, carried = kernel.ns.name, skb.packet.payload
    dev = tunnel_end(kernel, skb.packet)
    if dev is None:
        return Step(here, stage, skb, "no tunnel of this machine has this number", end="dropped")
    if carried.frame.src == dev.mac:
        return Step(here, stage, skb, f"{dev.name} sent this frame itself", (dev,), end="dropped")
    frame = _unpacked(skb.packet, carried.frame)
    if frame is None:
        return Step(
            here, stage, skb, "marked for congestion, and inside nobody would understand", (dev,), end="dropped"
        )
    came = Skb(frame.payload, dev_in=dev.name, frame=frame, mark=skb.mark)
    return Step(here, stage, skb, f"out of the tunnel by {dev.name}", (dev,), (Next(here, "netif_receive_skb", came),))


def tunnel_end(kernel: Kernel, packet: Packet) -> Device | None:
    """The VXLAN or GENEVE device that listens for this packet's port and number."""
    payload = packet.payload
    kind = {inside.Vxlan: Vxlan, inside.Geneve: Geneve}.get(type(payload))  # type: ignore[arg-type]
    if kind is None:
        return None
    for dev in kernel.ns.devices.values():
        end = dev.tunnel if dev.up and type(dev.tunnel) is kind else None
        if end is None or (end.vni, end.port) != (payload.vni, packet.flow.dport):
            continue
        if family(end.local or getattr(end, "remote", "") or IPV4.any) is family(packet.flow.dst):
            return dev
    return None


STAGES = {stage.__name__: stage for stage in (vxlan_xmit, vxlan_rcv, tunnel_xmit, ipip_rcv, wg_rcv)}
