"""A network in a network: frames inside UDP packets between machines (RFC 7348; drivers/net/vxlan/vxlan_core.c)."""

from __future__ import annotations

from msgspec.structs import replace

from ..namespace.device import Device
from ..namespace.fib import NO_ROUTE
from ..namespace.kernel import Kernel, hook
from ..namespace.skb import Skb
from ..namespace.trace import Next, Step
from ..packet.address import IPV4, family
from ..packet.packet import Flow, Frame, Packet, Udp, Vxlan, is_multicast

CE, ECT0 = 3, 2  # the two lowest bits of a packet's class (RFC 3168 section 5)
EVERY_MAC = "00:00:00:00:00:00"  # the forwarding row for what no other row knows


def vxlan_xmit(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """Which machine has this MAC? Around the frame goes a packet to that machine, which sets out like any of our own.

    The mark stays, so that rules can tell what they have already seen; the connection does not.
    """
    here, dev, frame = kernel.ns.name, kernel.ns.devices[skb.dev_out], skb.frame
    row = None if is_multicast(frame.dst) else kernel.ns.fixed_fdb.get((dev.name, frame.dst))
    ends = [row] if row else [row for row in kernel.ns.fdb if (row.port, row.mac) == (dev.name, EVERY_MAC)]
    if not ends:
        return Step(here, stage, skb, f"{dev.name} knows no machine that has {frame.dst}", end="dropped")
    then: tuple[Next, ...] = ()
    for row in ends:
        outer = Packet(
            _outer(kernel, dev, row.dst), Udp(dev.vxlan.checksum), Vxlan(dev.vxlan.vni, frame),
            ttl=kernel.hops(row.dst), tos=_ecn(frame), df=False,
        )  # fmt: skip
        route = kernel.ns.fib.lookup(row.dst)
        if route is NO_ROUTE or route.type != "unicast":
            continue
        outer = replace(outer, id=kernel.ip_id(outer.flow))
        then += hook(kernel, "OUTPUT", Skb(outer, dev_out=route.dev, route=route, mark=skb.mark))
    said = f"{frame.dst} is behind {', '.join(row.dst for row in ends)}: a packet around it"
    return Step(here, stage, skb, said, tuple(ends), then, end="" if then else "dropped")


def _outer(kernel: Kernel, dev: Device, to: str) -> Flow:
    low, high = dev.vxlan.source_ports
    port = low if high - low <= 1 else kernel.choices.pick(("tunnel port", kernel.ns.name, to), range(low, high))
    return Flow("udp", dev.vxlan.local or kernel.source_of(to), port, to, dev.vxlan.port)


def _ecn(frame: Frame) -> int:
    """The outer packet tells of congestion as the inner one does, but what is marked inside begins unmarked (RFC 6040)."""
    inner = frame.payload.tos & CE if isinstance(frame.payload, Packet) else 0
    return ECT0 if inner == CE else inner


def _unpacked(outer: Packet, frame: Frame) -> Frame | None:
    """The frame as it leaves the tunnel: congestion that marked the outer packet marks the inner; None where it cannot say so."""
    packet = frame.payload
    if outer.tos & CE != CE or not isinstance(packet, Packet):
        return frame
    return replace(frame, payload=replace(packet, tos=packet.tos | CE)) if packet.tos & CE else None


def vxlan_rcv(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """The end of the tunnel: what was inside comes in by the tunnel's device."""
    here, inside = kernel.ns.name, skb.packet.payload
    dev = tunnel_end(kernel, skb.packet)
    if dev is None or not isinstance(inside, Vxlan):
        return Step(here, stage, skb, "no tunnel of this machine has this number", end="dropped")
    if inside.frame.src == dev.mac:
        return Step(here, stage, skb, f"{dev.name} sent this frame itself", (dev,), end="dropped")
    frame = _unpacked(skb.packet, inside.frame)
    if frame is None:
        return Step(
            here, stage, skb, "marked for congestion, and inside nobody would understand", (dev,), end="dropped"
        )
    came = Skb(frame.payload, dev_in=dev.name, frame=frame, mark=skb.mark)
    return Step(here, stage, skb, f"out of the tunnel by {dev.name}", (dev,), (Next(here, "netif_receive_skb", came),))


def tunnel_end(kernel: Kernel, packet: Packet) -> Device | None:
    """The VXLAN device that listens for this packet's port and number."""
    if not isinstance(packet.payload, Vxlan):
        return None
    for dev in kernel.ns.devices.values():
        end = dev.vxlan
        meant = end is not None and dev.up and (end.vni, end.port) == (packet.payload.vni, packet.flow.dport)
        if meant and family(end.local or IPV4.any) is family(packet.flow.dst):
            return dev
    return None


STAGES = {stage.__name__: stage for stage in (vxlan_xmit, vxlan_rcv)}
