"""The last step out of a machine, behind all rules: cut what is too long, and find the MAC of the next hop
(net/ipv4/ip_output.c, net/ipv6/ip6_output.c: ip_finish_output, ip_finish_output2)."""

from __future__ import annotations

from msgspec.structs import replace

from ..namespace.device import Device, Ipip, WireGuard
from ..namespace.fib import MULTICAST, Route
from ..namespace.kernel import Kernel
from ..namespace.skb import NO_FRAME, Skb
from ..namespace.trace import Next, Step
from ..packet.address import BROADCAST_MAC, IPV6, Address, Mac, family, number
from ..packet.packet import length
from . import fragments
from .device import out
from .ip import too_big
from .neighbour import Neighbours, neighbour_of, solicit
from .path_mtu import mtu_of


def neigh_output(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """Out of its device, to the MAC of the next hop; over loopback it comes straight back in with all its notes.

    What does not fit is cut here, behind all rules, if it may be (ip_finish_output); the pieces take the same way.
    """
    if fragments.is_too_long(kernel, skb) and not fragments.may_be_cut(kernel, skb):
        return too_big(kernel, stage, skb, "dropped" if skb.forwarded else "too-big", mtu_of(kernel, skb))
    pieces = fragments.pieces_of(kernel, skb)
    if len(pieces) > 1:
        step = _leaves(kernel, stage, skb, pieces)
        return replace(
            step, stage="ip_fragment", said=f"{length(skb.packet)} bytes: cut into {len(pieces)} pieces; {step.said}"
        )
    return _leaves(kernel, stage, skb, pieces)


def _leaves(kernel: Kernel, stage: str, skb: Skb, pieces: tuple[Skb, ...]) -> Step:
    here = kernel.ns.name
    if skb.dev_out == "lo":
        lo = kernel.ns.devices.get("lo")
        if (
            lo is not None and not lo.up
        ):  # its queue is noop_qdisc, which drops and tells nobody (net/sched/sch_generic.c)
            return Step(here, stage, skb, "lo is down: nothing leaves", (lo,), end="dropped")
        again = tuple(Next(here, "ip_rcv", replace(one, dev_in="lo", dev_out="", frame=NO_FRAME)) for one in pieces)
        return Step(here, stage, skb, "back in over lo", (), again)
    dev = kernel.ns.devices.get(skb.dev_out)
    if dev is not None and isinstance(dev.tunnel, Ipip | WireGuard):  # packets without frames: no MAC is asked for
        then = tuple(Next(here, "tunnel_xmit", one) for one in pieces)
        return Step(here, stage, skb, f"into {dev.name}", (skb.route, dev), then)
    if dev is None or not dev.mac:
        return Step(here, stage, skb, f"out by {skb.dev_out}: {skb.packet}", (skb.route,), end="forwarded")
    return _framed(kernel, stage, skb, pieces, dev)


def _framed(kernel: Kernel, stage: str, skb: Skb, pieces: tuple[Skb, ...], dev: Device) -> Step:
    """To the MAC of the next hop; what is not known yet is asked for, and the packet waits."""
    here, hop, neighbours = kernel.ns.name, skb.route.via or skb.packet.flow.dst, kernel.remembers[Neighbours]
    many = _mac_of_many(hop, skb.route)
    if many:
        return Step(here, stage, skb, f"to all of {dev.name}", (), _out_all(kernel, pieces, dev.mac, many))
    known = neighbour_of(kernel, dev.name, hop)
    if known is not None:
        neighbours.headers.add((dev.name, hop))
        return Step(
            here, stage, skb, f"{hop} is at {known.mac}", (known,), _out_all(kernel, pieces, dev.mac, known.mac)
        )
    neighbours.waiting.setdefault((dev.name, hop), []).extend(pieces)
    asks = solicit(kernel, skb, dev.name, hop)
    return Step(here, stage, skb, f"it waits: nobody knows yet which MAC {hop} has", (), asks)


def _out_all(kernel: Kernel, pieces: tuple[Skb, ...], src: Mac, dst: Mac) -> tuple[Next, ...]:
    return tuple(then for one in pieces for then in out(kernel, one, src, dst))


def _mac_of_many(hop: Address, route: Route) -> Mac:
    """The MAC that broadcast and multicast addresses have by rule (RFC 1112 section 6.4, RFC 2464 section 7); else nothing.

    The machine's own copy of what it sends there is not modelled (DEV-12).
    """
    if route.type == "broadcast":
        return BROADCAST_MAC
    of = family(hop)
    if hop not in MULTICAST[of.number]:
        return BROADCAST_MAC if hop == "255.255.255.255" else ""
    low = number(hop)
    parts = [1, 0, 0x5E, low >> 16 & 0x7F, low >> 8 & 255, low & 255]
    if of is IPV6:
        parts = [0x33, 0x33, low >> 24 & 255, low >> 16 & 255, low >> 8 & 255, low & 255]
    return ":".join(f"{part:02x}" for part in parts)


STAGES = {"neigh_output": neigh_output}
