"""Which MAC has this address? ARP (RFC 826) and neighbour discovery (RFC 4861), as one story told in two protocols
(net/core/neighbour.c, net/ipv4/arp.c, net/ipv6/ndisc.c)."""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec.structs import replace

from ..namespace.fib import MULTICAST, Route, select4
from ..namespace.kernel import Kernel, hook
from ..namespace.memory import SECOND
from ..namespace.netns import NeighbourEntry
from ..namespace.skb import NO_FRAME, Skb
from ..namespace.trace import Next, Step
from ..packet.address import BROADCAST_MAC, IPV4, IPV6, Address, Mac, family, number, spelled
from ..packet.packet import Arp, Flow, Icmp, Neighbour, Packet, endpoint
from .device import out
from .ip import SOLICITED_NODE, not_fitting, too_big

SOLICIT, ADVERTISE = 135, 136
GIVEN_UP = 3 * SECOND  # three questions, a second apart
ROUTER, SOLICITED, OVERRIDE = 1 << 31, 1 << 30, 1 << 29
NOBODY: Mac = "00:00:00:00:00:00"


@dataclass(slots=True)
class Neighbours:
    """What one kernel has learned of its neighbours, each by device and address."""

    rows: dict[tuple[str, Address], NeighbourEntry] = field(default_factory=dict)
    headers: set[tuple[str, Address]] = field(default_factory=set)  # whose frame header is kept ready (hh_cache)
    asked: dict[tuple[str, Address], int] = field(default_factory=dict)  # when the link was asked for one
    waiting: dict[tuple[str, Address], list[Skb]] = field(default_factory=dict)  # packets that wait for a MAC


def neighbour_of(kernel: Kernel, dev: str, address: Address) -> NeighbourEntry | None:
    """What this machine knows of a neighbour: by hand, or by having asked."""
    row = kernel.ns.fixed_neighbours.get((dev, address))
    return row or kernel.remembers[Neighbours].rows.get((dev, address))


def known_or_waiting(kernel: Kernel) -> set[tuple[str, Address]]:
    """The neighbours whose answers this machine takes notice of."""
    neighbours = kernel.remembers[Neighbours]
    return {*neighbours.rows, *neighbours.asked}


def neigh_output(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """Out of its device, to the MAC of the next hop; over loopback it comes straight back in with all its notes.

    What this machine sends was measured before its rules; they may have led it to a narrower device (ip_finish_output).
    """
    here, packet = kernel.ns.name, skb.packet
    if not skb.dev_in and (packet.df or family(packet.flow.dst) is IPV6) and not_fitting(kernel, skb):
        return too_big(kernel, stage, skb, "too-big")
    if skb.dev_out == "lo":
        again = replace(skb, dev_in="lo", dev_out="", frame=NO_FRAME)
        return Step(here, stage, skb, "back in over lo", (), (Next(here, "ip_rcv", again),))
    dev = kernel.ns.devices.get(skb.dev_out)
    if dev is None or not dev.mac:
        return Step(here, stage, skb, f"out by {skb.dev_out}: {skb.packet}", (skb.route,), end="forwarded")
    hop = skb.route.via or packet.flow.dst
    many = _mac_of_many(hop, skb.route)
    if many:
        return Step(here, stage, skb, f"to all of {dev.name}", (), out(kernel, skb, dev.mac, many))
    known = neighbour_of(kernel, dev.name, hop)
    if known is not None:
        kernel.remembers[Neighbours].headers.add((dev.name, hop))
        return Step(here, stage, skb, f"{hop} is at {known.mac}", (known,), out(kernel, skb, dev.mac, known.mac))
    waiting = kernel.remembers[Neighbours].waiting.setdefault((dev.name, hop), [])
    waiting.append(skb)
    asks = solicit(kernel, skb, dev.name, hop)
    return Step(here, stage, skb, f"it waits: nobody knows yet which MAC {hop} has", (), asks)


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


def solicit(kernel: Kernel, skb: Skb, dev: str, hop: Address) -> tuple[Next, ...]:
    """Asks the link who has an address (arp_solicit, ndisc_solicit); not again while a question is open."""
    open_since = kernel.remembers[Neighbours].asked.get((dev, hop))
    if open_since is not None and kernel.now - open_since < GIVEN_UP:
        return ()
    kernel.remembers[Neighbours].asked[dev, hop] = kernel.now
    device = kernel.ns.devices[dev]
    source = skb.packet.flow.src
    if family(hop) is IPV4:
        sender = source if kernel.is_own(source) else select4(kernel.ns.fib.devices, dev, hop)
        question = Arp(1, device.mac, sender or "0.0.0.0", NOBODY, hop)
        return out(kernel, Skb(question, dev_out=dev), device.mac, BROADCAST_MAC)
    own = kernel.ns.fib.addresses_on(dev)
    sender = source if source in own else next((a for a in own if a.startswith("fe80:")), "")
    group = spelled(SOLICITED_NODE | number(hop) & 0xFFFFFF, IPV6)
    body = Neighbour(hop, device.mac)
    return _discovery(kernel, Packet(Flow("ipv6-icmp", sender, 0, group, SOLICIT << 8), Icmp(), body, ttl=255), dev)


def _discovery(kernel: Kernel, packet: Packet, dev: str) -> tuple[Next, ...]:
    row = kernel.ns.fib.lookup(packet.flow.dst, dev)
    return hook(kernel, "OUTPUT", Skb(packet, dev_out=dev, route=replace(row, dev=dev, via="")))


def given_up(kernel: Kernel) -> list[Step]:
    """Packets that still wait when nothing moves any more: nobody answers three questions in three seconds (DEV-6)."""
    neighbours = kernel.remembers[Neighbours]
    waited, neighbours.waiting = neighbours.waiting, {}
    said = "nobody says which MAC {} has: given up after three seconds"
    return [
        Step(kernel.ns.name, "neigh_timer_handler", skb, said.format(hop), end="unreachable")
        for (_, hop), skbs in waited.items()
        for skb in skbs
    ]


def arp_rcv(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """A question about an address of ours is answered; whoever asks or answers us is remembered (arp_process)."""
    here, dev = kernel.ns.name, kernel.ns.devices[skb.dev_in]
    arp: Arp = skb.frame.payload  # type: ignore[assignment]
    answers = arp.op == 1 and _answers_for(kernel, arp, dev.name)
    if arp.op == 1 and not answers and (dev.name, arp.sender) not in kernel.remembers[Neighbours].rows:
        return Step(here, stage, skb, f"{arp.target} is not ours: no answer", (), end="dropped")
    if arp.op == 2 and (dev.name, arp.sender) not in known_or_waiting(kernel):
        return Step(here, stage, skb, "an answer that nobody here waited for", (), end="dropped")
    then = learn(kernel, dev.name, arp.sender, arp.sender_mac, asked=arp.op == 1)
    if answers:
        reply = Arp(2, dev.mac, arp.target, arp.sender_mac, arp.sender)
        then = (*out(kernel, Skb(reply, dev_out=dev.name), dev.mac, arp.sender_mac), *then)
    said = f"{arp.target} is ours: answered" if answers else f"{arp.sender} is at {arp.sender_mac}: remembered"
    return Step(here, stage, skb, said, (), then, end="" if then else "local")


def _answers_for(kernel: Kernel, arp: Arp, dev: str) -> bool:
    ns, back = kernel.ns, kernel.ns.fib.lookup(arp.sender)
    if back.type == "local":
        return False
    row = ns.fib.lookup(arp.target)
    if row.type == "local":
        return True
    proxy = ns.forwards(4) and ns.conf("ipv4", dev, "proxy_arp")
    return bool(proxy) and row.type == "unicast" and row.dev != dev


def learn(kernel: Kernel, dev: str, address: Address, mac: Mac, asked: bool = False) -> tuple[Next, ...]:
    """Remembers a neighbour, and sends what waited for it. One who only asked us is not yet confirmed (neigh_update)."""
    before = kernel.remembers[Neighbours].rows.get((dev, address))
    stale = asked and (before is None or before.stale or before.mac != mac)
    kernel.remembers[Neighbours].asked.pop((dev, address), None)
    kernel.remembers[Neighbours].rows[dev, address] = NeighbourEntry(address, dev, mac, kernel.now, stale)
    waited = kernel.remembers[Neighbours].waiting.pop((dev, address), [])
    if waited:
        kernel.remembers[Neighbours].headers.add((dev, address))
    own = kernel.ns.devices[dev].mac
    return tuple(step for skb in waited for step in _sent_now(kernel, skb, own, mac))


def _sent_now(kernel: Kernel, skb: Skb, own: Mac, mac: Mac) -> tuple[Next, ...]:
    """A packet that waited: on in its own frame where a bridge holds it, else in a new one."""
    if skb.port:
        return (Next(kernel.ns.name, "br_nf_bridged_dnat", replace(skb, frame=replace(skb.frame, dst=mac))),)
    return out(kernel, skb, own, mac)


def nd_rcv(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """A solicitation for an address of ours is answered, an advertisement is remembered (ndisc_recv_ns, ndisc_recv_na)."""
    here, packet, dev = kernel.ns.name, skb.packet, kernel.ns.devices[skb.dev_in]
    body: Neighbour = packet.payload  # type: ignore[assignment]
    if packet.icmp_type == ADVERTISE:
        if (dev.name, body.target) not in known_or_waiting(kernel):
            return Step(here, stage, skb, "an answer that nobody here waited for", (), end="dropped")
        then = learn(kernel, dev.name, body.target, body.lladdr)
        return Step(
            here, stage, skb, f"{body.target} is at {body.lladdr}: remembered", (), then, end="" if then else "local"
        )
    if body.target not in kernel.ns.fib.addresses_on(dev.name):
        return Step(here, stage, skb, f"{body.target} is not ours: no answer", (), end="dropped")
    then = learn(kernel, dev.name, packet.flow.src, body.lladdr, asked=True) if body.lladdr else ()
    flags = SOLICITED | OVERRIDE | (ROUTER if kernel.ns.forwards(6) else 0)
    asked_all = packet.flow.dst in MULTICAST[6]
    flow = Flow("ipv6-icmp", body.target, 0, packet.flow.src, ADVERTISE << 8)
    flags = flags if asked_all else flags & ~OVERRIDE
    reply = Packet(flow, Icmp(flags), Neighbour(body.target, dev.mac if asked_all else ""), ttl=255)
    sent = _discovery(kernel, reply, dev.name)
    return Step(here, stage, skb, f"{endpoint(body.target, 0)} is ours: answered", (), (*then, *sent))


STAGES = {stage.__name__: stage for stage in (neigh_output, arp_rcv, nd_rcv)}
