"""Devices and what lies between them: a frame goes out of one and comes in by another (net/core/dev.c, drivers/net/veth.c)."""

from __future__ import annotations

from msgspec.structs import replace

from ..namespace.device import Geneve, Vxlan
from ..namespace.fib import NO_ROUTE
from ..namespace.kernel import Kernel
from ..namespace.skb import NOWHERE, Skb
from ..namespace.trace import Next, Step
from ..packet.packet import Arp, Frame, Packet, frame_length, is_multicast

HEADER, VLAN_ROOM = 14, 4  # bytes of a frame that no MTU counts: its own header, and the tag that it might have


def dev_queue_xmit(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """A frame leaves by `dev_out`. What the device is decides where it comes out again."""
    here, dev = kernel.ns.name, kernel.ns.devices[skb.dev_out]
    if not dev.up or not kernel.has_carrier(dev):
        why = "has no carrier" if dev.up else "is down"
        return Step(here, stage, skb, f"{dev.name} {why}: nothing leaves", (dev,), end="dropped")
    said = f"out by {dev.name}: {skb.frame}"
    if dev.kind == "bridge":
        return Step(here, stage, skb, said, (dev,), (Next(here, "br_dev_xmit", skb),), frame=skb.frame)
    if isinstance(dev.tunnel, Vxlan | Geneve):
        return Step(here, stage, skb, said, (dev,), (Next(here, "vxlan_xmit", skb),), frame=skb.frame)
    if dev.peer is None:
        return Step(
            here,
            stage,
            skb,
            said,
            (skb.route,) if skb.route is not NO_ROUTE else (dev,),
            end="forwarded",
            frame=skb.frame,
        )
    there, name = dev.peer
    crossed = Skb(skb.packet, dev_in=name, frame=skb.frame)  # the notes die at the border
    return Step(here, stage, skb, said, (dev,), (Next(there, "netif_receive_skb", crossed),), frame=skb.frame)


def netif_receive_skb(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """A frame comes in by `dev_in`: for the bridge whose port this is, or for this machine, or not for it."""
    here, dev, frame = kernel.ns.name, kernel.ns.devices[skb.dev_in], skb.frame
    if not dev.up:
        return Step(here, stage, skb, f"{dev.name} is down", end="dropped")
    if dev.kind == "veth" and is_too_long(frame, dev.mtu):
        return Step(here, stage, skb, f"{frame_length(frame)} bytes are too long for {dev.name}", (dev,), end="dropped")
    said = f"in by {dev.name}: {frame}"
    if dev.master:
        return Step(here, stage, skb, said, (dev,), (Next(here, "br_handle_frame", skb),), frame=frame)
    if frame.dst != dev.mac and not is_multicast(frame.dst):
        return Step(here, stage, skb, f"{said}; not its MAC", (dev,), end="dropped", frame=frame)
    then = "ip_rcv" if isinstance(frame.payload, Packet) else "arp_rcv"
    if not isinstance(frame.payload, Packet | Arp):
        return Step(here, stage, skb, f"{said}; nobody here reads this kind", (dev,), end="dropped", frame=frame)
    return Step(here, stage, skb, said, (dev,), (Next(here, then, skb),), frame=frame)


def is_too_long(frame: Frame, mtu: int) -> bool:
    """Whether a veth refuses what the other end sends (is_skb_forwardable). What resolves addresses is always short enough."""
    return not isinstance(frame.payload, Arp) and frame_length(frame) > mtu + HEADER + VLAN_ROOM


def out(kernel: Kernel, skb: Skb, src: str, dst: str) -> tuple[Next, ...]:
    """Hands a packet to its device in a frame."""
    framed = replace(skb, frame=Frame(src, dst, skb.packet), port=NOWHERE)
    return (Next(kernel.ns.name, "dev_queue_xmit", framed),)


STAGES = {stage.__name__: stage for stage in (dev_queue_xmit, netif_receive_skb)}
