"""Pieces that are put together again (net/ipv4/ip_fragment.c, inet_fragment.c; net/ipv6/reassembly.c; nf_defrag_ipv4.c,
nf_conntrack_reasm.c)."""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec.structs import replace

from ..namespace.kernel import Kernel, hook
from ..namespace.skb import NO_CONNECTION, WHOLE, Pieces, Skb
from ..namespace.trace import Next, Step
from ..packet.address import IPV4, IPV6, Address, family
from ..packet.packet import Fragment, Packet, length
from ..timeline import SECOND
from .icmp import TIME_EXCEEDED, error
from .ip import answers

CE, NOT_ECT = 3, 0  # of congestion: marked, and not taking part (RFC 3168 section 5)
PATIENCE = {4: 30 * SECOND, 6: 60 * SECOND}  # net.ipv4.ipfrag_time, net.ipv6.ip6frag_time
TWICE = "a piece that is there already"
Key = tuple[str, Address, Address, int, str]  # who puts it together, from, to, identification, protocol


@dataclass(slots=True)
class Queue:
    """The pieces of one packet that are there so far (struct inet_frag_queue). `runs` are the stretches without a gap."""

    since: int
    skbs: list[Skb] = field(default_factory=list)
    runs: list[list[int]] = field(default_factory=list)
    length: int = 0
    last_seen: bool = False

    @property
    def whole(self) -> bool:
        return self.last_seen and sum(size_of(skb) for skb in self.skbs) == self.length and self.first is not None

    @property
    def first(self) -> Skb | None:
        return next((skb for skb in self.skbs if skb.packet.payload.at == 0), None)


@dataclass(slots=True)
class Reassembly:
    """Packets of which not all pieces have come yet."""

    queues: dict[Key, Queue] = field(default_factory=dict)


def size_of(skb: Skb) -> int:
    return skb.packet.payload.size


def gathered(kernel: Kernel, who: str, skb: Skb) -> tuple[Skb | None, str]:
    """Puts a piece to the others. The whole packet, if it was the last one that was missing; and what happened."""
    flow, queues = skb.packet.flow, kernel.remembers[Reassembly].queues
    key = (who, flow.src, flow.dst, skb.packet.id, flow.proto if ":" not in flow.src else "")
    queue = queues.get(key)
    if queue is None or kernel.now >= queue.since + PATIENCE[family(flow.src).number]:
        queue = queues[key] = Queue(kernel.now)
    trouble = _queued(queue, skb)
    if trouble == "twice":
        return None, TWICE
    if trouble:
        del queues[key]
        return None, f"{trouble}: all pieces are thrown away"
    if not queue.whole:
        return None, f"a piece: {len(queue.skbs)} there, others are missing"
    del queues[key]
    return _put_together(queue, skb)


def _queued(queue: Queue, skb: Skb) -> str:
    """Puts a piece in its place (ip_frag_queue, inet_frag_queue_insert); what is wrong with it, if anything."""
    piece: Fragment = skb.packet.payload
    if not piece.more:
        if piece.end < queue.length or (queue.last_seen and piece.end != queue.length):
            return "two different ends"
        queue.last_seen, queue.length = True, piece.end
    elif piece.end > queue.length:
        if queue.last_seen:
            return "a piece behind the end"
        queue.length = piece.end
    if not piece.size:
        return "a piece of nothing"
    for run in queue.runs:
        if run[0] <= piece.at and piece.end <= run[1]:
            return "twice"
        if piece.at < run[1] and run[0] < piece.end:
            return "pieces that overlap"
    grown = next((run for run in queue.runs if run[1] == piece.at and run is max(queue.runs)), None)
    if grown:
        grown[1] = piece.end
    else:
        queue.runs.append([piece.at, piece.end])
    queue.skbs.append(skb)
    return ""


def _put_together(queue: Queue, last: Skb) -> tuple[Skb | None, str]:
    """The packet that the pieces make: with the first one's header, and the notes of how long they were (ip_frag_reasm).

    Pieces of two packets that bear one identification make none; the kernel would let the checksum find out (DEV-41).
    """
    parts = sorted(queue.skbs, key=lambda skb: skb.packet.payload.at)
    head, wholes = parts[0], {skb.packet.payload.whole for skb in parts}
    if len(wholes) > 1:
        return None, "pieces of two packets: its checksum is wrong"
    marks = {skb.packet.tos & CE for skb in parts}
    if NOT_ECT in marks and len(marks) > 1:
        return None, "some pieces tell of congestion, others cannot (RFC 3168 section 5.3)"
    whole: Packet = wholes.pop()
    tos = head.packet.tos | (CE if CE in marks else 0)
    sizes, cuttable = tuple(size_of(skb) for skb in parts), [length(skb.packet) for skb in parts if skb.packet.df]
    largest = max(length(skb.packet) for skb in parts)
    is4 = family(whole.flow.src) is IPV4
    df = is4 and max(cuttable, default=0) == largest
    made = replace(whole, ttl=head.packet.ttl, tos=tos, id=head.packet.id if is4 else 0, df=df, label=head.packet.label)
    skb = replace(head, packet=made, dev_in=last.dev_in, pieces=Pieces(sizes, largest, df), ignore_df=True)
    return skb, f"the last piece: {len(parts)} pieces are one packet of {length(made)} bytes"


def defrag(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """Where connections are tracked, pieces wait in front of every rule until they are a packet (nf_defrag)."""
    name = stage.removeprefix("defrag ")
    if skb.connection is not NO_CONNECTION:
        return Step(kernel.ns.name, stage, skb, "not tracked: it stays a piece", (), _first_rules(kernel, name, skb))
    whole, said = gathered(kernel, f"conntrack {name} {skb.port and skb.dev_in}", skb)
    if whole is None and not said.startswith("a piece:"):  # IPv6 reports it to the sender, IPv4 does not
        is_refused = family(skb.packet.flow.src) is IPV6 and name == "OUTPUT" and said != TWICE
        return Step(kernel.ns.name, stage, skb, said, end="not-permitted" if is_refused else "dropped")
    if whole is None:
        return Step(kernel.ns.name, stage, skb, said)
    return Step(kernel.ns.name, stage, whole, said, (), _first_rules(kernel, name, whole))


def _first_rules(kernel: Kernel, name: str, skb: Skb) -> tuple[Next, ...]:
    return hook(kernel, name, skb, pieces=False)


def delivered(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """At the end of their way pieces are put together (ip_local_deliver, before INPUT; ipv6_frag_rcv, behind it)."""
    whole, said = gathered(kernel, "local", skb)
    if whole is None:
        return Step(kernel.ns.name, stage, skb, said, end="" if said.startswith("a piece:") else "dropped")
    whole = replace(whole, pieces=WHOLE, ignore_df=False)
    is4 = family(skb.packet.flow.dst) is IPV4
    then = hook(kernel, "INPUT", whole) if is4 else (Next(kernel.ns.name, "local_deliver", whole),)
    return Step(kernel.ns.name, stage, whole, said, (), then)


def due(kernel: Kernel) -> int:
    """When the next packet is given up for want of a piece; -1 where none waits."""
    queues = kernel.remembers[Reassembly].queues
    return min((queue.since + PATIENCE[6 if ":" in key[1] else 4] for key, queue in queues.items()), default=-1)


def given_up(kernel: Kernel) -> tuple[Next, ...]:
    """Packets of which a piece never came are thrown away (ip_expire, ip6frag_expire_frag_queue)."""
    queues, then = kernel.remembers[Reassembly].queues, list[Next]()
    for key, queue in list(queues.items()):
        if queue.since + PATIENCE[6 if ":" in key[1] else 4] <= kernel.now:
            del queues[key]
            skb = queue.first or queue.skbs[0]
            then.append(Next(kernel.ns.name, "frag_expire", skb))
    return tuple(then)


def frag_expire(kernel: Kernel, stage: str, skb: Skb) -> Step:
    """The sender is told if the first piece is there, and in IPv4 only by the machine that the packet was for."""
    of = family(skb.packet.flow.dst)
    tells = not skb.packet.is_later_piece and (of is IPV6 or kernel.is_own(skb.packet.flow.dst))
    kind, code = TIME_EXCEEDED[of.number]
    answer = error(kernel, skb, (kind, code + 1)) if tells else None
    said = f"a piece is missing after {PATIENCE[of.number] // SECOND} seconds: given up"
    return Step(kernel.ns.name, stage, skb, said, (), answers(kernel, skb, answer), "dropped")


STAGES = {
    "defrag PREROUTING": defrag,
    "defrag OUTPUT": defrag,
    "ip_defrag": delivered,
    "ipv6_frag_rcv": delivered,
    "frag_expire": frag_expire,
}
