"""Translation, from one idea: a connection is its first packet and the answer to it; translating a packet is making it the
reverse of the other one (net/netfilter/nf_nat_core.c).

The nat table is asked for a connection's first packet only. What it decides is written into the answer, and "nothing" is
written down as well.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from ..namespace.kernel import Kernel
from ..namespace.skb import ACCEPT, Connection, Skb, Verdict
from ..packet.address import Address, family, number, spelled
from ..packet.packet import ICMP, Flow
from .connections import Connections
from .jhash import jhash2

MOST_ATTEMPTS = 128  # NF_NAT_MAX_ATTEMPTS
FEWEST_ATTEMPTS = 16
WITH_PORTS = ("tcp", "udp", "udplite", "sctp", "dccp")


class Range(Struct, frozen=True, gc=False):
    """Where to a rule may translate (struct nf_nat_range2): addresses from `low` to `high`, ports from `first` to `last`.

    No addresses: the address stays. No ports (-1): the port stays unless it is taken. With `base`, ports are shifted by the
    packet's port minus the base.
    """

    low: Address = ""
    high: Address = ""
    first: int = -1
    last: int = -1
    base: int = -1
    random: bool = False
    fully: bool = False
    persistent: bool = False

    @property
    def by_chance(self) -> bool:
        return self.random or self.fully

    def has_address(self, address: Address) -> bool:
        return not self.low or number(self.low) <= number(address) <= number(self.high)

    def has_port(self, port: int) -> bool:
        return self.first < 0 or self.first <= port <= self.last


def translate(skb: Skb, to: Range, end: str, kernel: Kernel) -> tuple[Verdict, Skb]:
    """Binds one end ("src" or "dst") of a new connection to a range; of a confirmed one nothing changes (nf_nat_setup_info)."""
    known = skb.connection
    if known.confirmed:
        return ACCEPT, skb
    now = known.reply.reverse
    new = unique(now, to, end, kernel, known)
    if end == "src":
        known = replace(known, reply=new.reverse, snat_done=True, snat=new != now)
    else:
        known = replace(known, reply=new.reverse, dnat_done=True, dnat=new != now)
    return ACCEPT, replace(skb, connection=known)


def bind_to_nothing(skb: Skb, end: str, kernel: Kernel) -> Skb:
    """No rule had anything to say: the address stays, the port too unless it is taken (nf_nat_alloc_null_binding)."""
    reply = skb.connection.reply
    stays = reply.dst if end == "src" else reply.src
    return translate(skb, Range(stays, stays), end, kernel)[1]


def translated(skb: Skb, end: str) -> Skb:
    """The packet with one end as its connection says (nf_nat_packet): that end of the reverse of the other direction's flow."""
    known = skb.connection
    changes = known.snat if (end == "src") is not skb.reply else known.dnat
    if not changes:
        return skb
    like = (known.original if skb.reply else known.reply).reverse
    return replace(skb, packet=replace(skb.packet, flow=with_end(skb.packet.flow, end, like)))


def with_end(flow: Flow, end: str, like: Flow) -> Flow:
    """A flow that takes one end, address and port, from another; an ICMP query has one identifier for both ends."""
    if flow.proto in ICMP:
        ends = (like.src, flow.dst) if end == "src" else (flow.src, like.dst)
        return Flow(flow.proto, ends[0], like.sport, ends[1], flow.dport)
    if end == "src":
        return Flow(flow.proto, like.src, like.sport, flow.dst, flow.dport)
    return Flow(flow.proto, flow.src, flow.sport, like.dst, like.dport)


def taken(flow: Flow, kernel: Kernel) -> bool:
    """Whether an answer to this flow would be mistaken for an answer to another one (nf_nat_used_tuple)."""
    return kernel.remembers[Connections].lookup(flow.reverse, kernel.now) is not None


def unique(now: Flow, to: Range, end: str, kernel: Kernel, known: Connection) -> Flow:
    """A flow within the range that nobody uses yet (get_unique_tuple).

    A source that is in the range and free stays as it is; a source that another connection has already mapped is mapped alike.
    """
    if end == "src" and not to.by_chance:
        if to.has_address(now.src) and to.has_port(_port(now, "src")):
            if not taken(now, kernel):
                return now
        else:
            like = _mapped_alike(now, to, kernel)
            if like is not None and not taken(like, kernel):
                return like
    flow = _with_address(now, to, end)
    if not to.by_chance:
        if to.first < 0 and not taken(flow, kernel):
            return flow
        fits = to.first >= 0 and to.base < 0 and to.has_port(_port(flow, end))
        if fits and (to.first == to.last or not taken(flow, kernel)):
            return flow
    return _with_free_port(flow, to, end, kernel)


def _mapped_alike(now: Flow, to: Range, kernel: Kernel) -> Flow | None:
    """What an earlier connection from the same source was mapped to, if that is within the range (find_appropriate_src)."""
    for original in reversed(kernel.remembers[Connections].sources.get((now.proto, now.src, now.sport), ())):
        earlier = kernel.remembers[Connections].lookup(original, kernel.now)
        if earlier is not None and earlier.original == original:
            flow = with_end(now, "src", earlier.reply.reverse)
            if to.has_address(flow.src) and to.has_port(_port(flow, "src")):
                return flow
    return None


def _port(flow: Flow, end: str) -> int:
    return flow.dport if end == "dst" and flow.proto not in ICMP else flow.sport


def _with_port(flow: Flow, end: str, port: int) -> Flow:
    return replace(flow, dport=port) if end == "dst" and flow.proto not in ICMP else replace(flow, sport=port)


def _with_address(flow: Flow, to: Range, end: str) -> Flow:
    """The flow with an address from the range; of several, the one that a hash of both addresses names (find_best_ips_proto)."""
    if not to.low:
        return flow
    return replace(flow, **{end: to.low if to.low == to.high else _spread(flow, to, end)})


def _spread(flow: Flow, to: Range, end: str) -> Address:
    of = family(to.low)
    count = of.bits // 32
    words = [number(address).to_bytes(of.bits // 8, "big") for address in (flow.src, flow.dst, to.low, to.high)]
    src, dst = ([int.from_bytes(w[4 * i : 4 * i + 4], "little") for i in range(count)] for w in words[:2])
    low, high = ([int.from_bytes(w[4 * i : 4 * i + 4], "big") for i in range(count)] for w in words[2:])
    seed = jhash2(src + [0] * (4 - count), 0 if to.persistent else dst[-1])
    value, free = 0, False
    for i in range(count):
        least, dist = (0, 0xFFFFFFFF) if free else (low[i], (high[i] - low[i] + 1) & 0xFFFFFFFF)
        word = (least + (seed * dist >> 32)) & 0xFFFFFFFF
        free = free or word != high[i]
        if end == "dst":  # the kernel mixes in the destination as it is by now
            dst[i] = int.from_bytes(word.to_bytes(4, "big"), "little")
        seed = seed if to.persistent else seed ^ dst[i]
        value = value << 32 | word
    return spelled(value, of)


def _with_free_port(flow: Flow, to: Range, end: str, kernel: Kernel) -> Flow:
    """The flow with a free port, searched from a random start in ever smaller windows (nf_nat_l4proto_unique_tuple)."""
    port = _port(flow, end)
    if flow.proto not in WITH_PORTS and flow.proto not in ICMP:
        return flow
    if to.first >= 0:
        first, last = min(to.first, to.last), max(to.first, to.last)
    elif flow.proto in ICMP:
        first, last = 0, 65535
    elif end == "dst":
        return flow
    else:
        first, last = (1, 511) if port < 512 else (600, 1023) if port < 1024 else (1024, 65535)
    size = last - first + 1
    attempts = min(size, MOST_ATTEMPTS)
    offset = port - to.base & 0xFFFF if to.base >= 0 else 0
    if to.base < 0 and (to.by_chance or end == "src"):
        offset = kernel.choices.pick(("port", kernel.ns.name, flow, end, first, last), range(65536))
    while True:
        tries = (first + (offset + attempt & 0xFFFF) % size for attempt in range(attempts))
        flow, is_free = _first_free(flow, end, tries, kernel)
        if is_free:
            return flow
        if attempts >= size or attempts < FEWEST_ATTEMPTS:
            return flow  # taken: the connection clashes when it is confirmed, and its packet is dropped
        attempts //= 2
        offset = kernel.choices.pick(("port", kernel.ns.name, flow, end, first, last), range(65536))


def _first_free(flow: Flow, end: str, ports: Iterable[int], kernel: Kernel) -> tuple[Flow, bool]:
    """The flow with the first of some ports that nobody uses, and whether there is one; else with the last of them."""
    table, now = kernel.remembers[Connections], kernel.now
    if end == "dst" or flow.proto in ICMP:
        for port in ports:
            flow = _with_port(flow, end, port)
            if table.lookup(flow.reverse, now) is None:
                return flow, True
        return flow, False
    proto, src, dst, dport, port, known = flow.proto, flow.src, flow.dst, flow.dport, 0, table.by_flow.get
    for port in ports:  # as above: an address that is nearly used up has a million of these tries
        back = Flow(proto, dst, dport, src, port)
        there = known(back)
        if there is None or (there.expires <= now and table.lookup(back, now) is None):
            return back.reverse, True
    return replace(flow, sport=port), False
