"""Which MAC has this address? ARP (RFC 826) and neighbour discovery (RFC 4861), as one story told in two protocols
(net/core/neighbour.c, net/ipv4/arp.c, net/ipv6/ndisc.c)."""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec.structs import replace

from ..namespace.fib import MULTICAST, select4
from ..namespace.kernel import Kernel, hook
from ..namespace.netns import NeighbourEntry
from ..namespace.skb import Skb
from ..namespace.trace import Next, Step
from ..packet.address import BROADCAST_MAC, IPV4, IPV6, Address, Mac, family, number, spelled
from ..packet.packet import Arp, Flow, Icmp, Neighbour, Packet, endpoint
from ..timeline import SECOND
from .device import out
from .icmp import HOST_UNREACHABLE, error
from .ip import SOLICITED_NODE, answers

SOLICIT, ADVERTISE = 135, 136
QUESTIONS = 3  # mcast_solicit
GIVEN_UP = QUESTIONS * SECOND  # a second apart (retrans_time_ms)
LOCKED = SECOND  # for which ARP believes the first of two answers (locktime)
ROUTER, SOLICITED, OVERRIDE = 1 << 31, 1 << 30, 1 << 29
NOBODY: Mac = "00:00:00:00:00:00"


@dataclass(slots=True)
class Neighbours:
    """What one kernel has learned of its neighbours, each by device and address."""

    rows: dict[tuple[str, Address], NeighbourEntry] = field(default_factory=dict)
    headers: set[tuple[str, Address]] = field(default_factory=set)  # whose frame header is kept ready (hh_cache)
    asked: dict[tuple[str, Address], tuple[int, int]] = field(default_factory=dict)  # when last, and how often by now
    waiting: dict[tuple[str, Address], list[Skb]] = field(default_factory=dict)  # packets that wait for a MAC


def neighbour_of(kernel: Kernel, dev: str, address: Address) -> NeighbourEntry | None:
    """What this machine knows of a neighbour: by hand, or by having asked."""
    row = kernel.ns.fixed_neighbours.get((dev, address))
    return row or kernel.remembers[Neighbours].rows.get((dev, address))


def known_or_waiting(kernel: Kernel) -> set[tuple[str, Address]]:
    """The neighbours whose answers this machine takes notice of."""
    neighbours = kernel.remembers[Neighbours]
    return {*neighbours.rows, *neighbours.asked}


def solicit(kernel: Kernel, skb: Skb, dev: str, hop: Address) -> tuple[Next, ...]:
    """Asks the link who has an address (arp_solicit, ndisc_solicit); not at once again while a question is open."""
    last, times = kernel.remembers[Neighbours].asked.get((dev, hop), (0, 0))
    if times and kernel.now - last < GIVEN_UP - (times - 1) * SECOND:
        return ()
    kernel.remembers[Neighbours].asked[dev, hop] = kernel.now, 1
    return _question(kernel, skb.packet.flow.src, dev, hop)


def _question(kernel: Kernel, source: Address, dev: str, hop: Address) -> tuple[Next, ...]:
    device = kernel.ns.devices[dev]
    if family(hop) is IPV4:
        sender = _announced(kernel, dev, hop, source) or select4(kernel.ns.fib.every, dev, hop)
        question = Arp(1, device.mac, sender or "0.0.0.0", NOBODY, hop)
        return out(kernel, Skb(question, dev_out=dev), device.mac, BROADCAST_MAC)
    own = kernel.ns.fib.addresses_on(dev)
    sender = source if source in own else next((a for a in own if a.startswith("fe80:")), "")
    group = spelled(SOLICITED_NODE | number(hop) & 0xFFFFFF, IPV6)
    body = Neighbour(hop, device.mac)
    return _discovery(kernel, Packet(Flow("ipv6-icmp", sender, 0, group, SOLICIT << 8), Icmp(), body, ttl=255), dev)


def _announced(kernel: Kernel, dev: str, hop: Address, source: Address) -> Address:
    """The packet's own source, if it is ours and `arp_announce` lets it be told on this link; else nothing (arp_solicit)."""
    level = kernel.ns.conf("ipv4", dev, "arp_announce")
    if level >= 2 or ":" in source or kernel.ns.fib.kind(source) != "local":
        return ""
    blocks = [own.block for own in kernel.ns.devices[dev].addresses]
    return source if level <= 0 or any(hop in block and source in block for block in blocks) else ""


def _discovery(kernel: Kernel, packet: Packet, dev: str) -> tuple[Next, ...]:
    row = kernel.ns.fib.lookup(packet.flow.dst, dev)
    return hook(kernel, "OUTPUT", Skb(packet, dev_out=dev, route=replace(row, dev=dev, via="")))


def due(kernel: Kernel) -> int:
    """When the next question is to be asked again, or to be given up: a second after the last time; -1 if none is open."""
    return min((last + SECOND for last, _ in kernel.remembers[Neighbours].asked.values()), default=-1)


def ask_again(kernel: Kernel) -> tuple[Next, ...]:
    """What is due now: a second or third question; or, after three, the end of all that waited for the answer."""
    remembers, then = kernel.remembers[Neighbours], list[Next]()
    for (dev, hop), (last, times) in list(remembers.asked.items()):
        if last + SECOND > kernel.now:
            continue
        waited = remembers.waiting.get((dev, hop), [])
        if waited and times < QUESTIONS:
            remembers.asked[dev, hop] = last + SECOND, times + 1
            then += _question(kernel, waited[-1].packet.flow.src, dev, hop)
            continue
        del remembers.asked[dev, hop]
        then += [Next(kernel.ns.name, "neigh_timer_handler", skb) for skb in remembers.waiting.pop((dev, hop), ())]
    return tuple(then)


def neigh_timer_handler(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """Three questions, and nobody has answered: who sent the packet is told (arp_error_report, ndisc_error_report)."""
    answer = error(kernel, skb, HOST_UNREACHABLE[family(skb.packet.flow.dst).number])
    said = f"nobody says which MAC {skb.route.via or skb.packet.flow.dst} has: given up after three questions"
    return Step(kernel.ns.name, stage, skb, said, (), answers(kernel, skb, answer), "unreachable")


def given_up(kernel: Kernel) -> list[Step]:
    """Packets that still wait when nothing moves any more: nobody answers three questions in three seconds (DEV-6)."""
    waited, kernel.remembers[Neighbours].waiting = kernel.remembers[Neighbours].waiting, {}
    said = "nobody says which MAC {} has: given up after three seconds"
    return [
        Step(kernel.ns.name, "neigh_timer_handler", skb, said.format(hop), end="unreachable")
        for (_, hop), skbs in waited.items()
        for skb in skbs
    ]


def learn(
    kernel: Kernel, dev: str, address: Address, mac: Mac, asked: bool = False, override: bool | int = True
) -> tuple[Next, ...]:
    """Remembers a neighbour, and sends what waited for it. One who only asked us is not yet confirmed (neigh_update).

    Of two that claim one address the first is believed, unless the second may `override` it: always, never, or after so many
    nanoseconds (LOCKED, of ARP's answers).
    """
    before = kernel.remembers[Neighbours].rows.get((dev, address))
    may = override if isinstance(override, bool) else before is None or kernel.now - before.heard > override
    if before and before.mac != mac and not may:
        if override is False and not before.stale:
            kernel.remembers[Neighbours].rows[dev, address] = replace(before, stale=True, heard=kernel.now)
        return ()
    stale = asked and (before is None or before.stale or before.mac != mac)
    same = before is not None and (before.mac, before.stale) == (mac, stale)
    heard = before.heard if before is not None and same else kernel.now
    kernel.remembers[Neighbours].asked.pop((dev, address), None)
    kernel.remembers[Neighbours].rows[dev, address] = NeighbourEntry(address, dev, mac, heard, stale)
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
        before = kernel.remembers[Neighbours].rows.get((dev.name, body.target))
        mac = body.lladdr or (before.mac if before else "")
        then = learn(kernel, dev.name, body.target, mac, override=bool(packet.header.rest & OVERRIDE)) if mac else ()
        return Step(
            here, stage, skb, f"{body.target} is at {body.lladdr}: remembered", (), then, end="" if then else "local"
        )
    if body.target not in kernel.ns.fib.addresses_on(dev.name):
        return Step(here, stage, skb, f"{body.target} is not ours: no answer", (), end="dropped")
    then = learn(kernel, dev.name, packet.flow.src, body.lladdr, asked=True) if body.lladdr else ()
    flags = SOLICITED | OVERRIDE | (ROUTER if kernel.ns.forwards(6, dev.name) else 0)
    asked_all = packet.flow.dst in MULTICAST[6]
    flow = Flow("ipv6-icmp", body.target, 0, packet.flow.src, ADVERTISE << 8)
    flags = flags if asked_all else flags & ~OVERRIDE
    reply = Packet(flow, Icmp(flags), Neighbour(body.target, dev.mac if asked_all else ""), ttl=255)
    sent = _discovery(kernel, reply, dev.name)
    return Step(here, stage, skb, f"{endpoint(body.target, 0)} is ours: answered", (), (*then, *sent))


STAGES = {stage.__name__: stage for stage in (neigh_timer_handler, nd_rcv)}
