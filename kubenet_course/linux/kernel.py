"""One kernel at one moment, and the walk: a loop over a queue of (namespace, stage, packet)."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from msgspec.structs import replace

from . import bridge, device, ip, neighbour, netfilter, socket, vxlan
from .address import IPV6, Address, Mac, family
from .choices import Choices, Seeded
from .conntrack import set_closing
from .hooks import BEHIND_BRIDGED
from .icmp import rejection
from .memory import Memory, Remembered
from .packet import Flow, Frame, Packet, length
from .route import LINK_LOCAL, LOOPBACK, NO_ROUTE
from .rules import Matched, Walked, walk
from .skb import ACCEPT, NO_FRAME, NOWHERE, Connection, Skb
from .tables import Device, FdbEntry, NeighbourEntry, Netns
from .trace import Next, Step, Trace

STAGES = {
    name: stage
    for room in (netfilter, ip, neighbour, device, bridge, vxlan, socket)
    for name, stage in room.STAGES.items()
}
MOST_STEPS = 10_000  # a walk that is longer goes in circles


class Kernel:
    """What a stage may ask: the namespace's tables, what it remembers, what time it is, and chance."""

    def __init__(self, ns: Netns, memory: Memory, choices: Choices):
        self.ns, self.memory, self.choices = ns, memory, choices
        self.remembers: Remembered = memory.of(ns.name)
        self.rule: tuple = ()  # (table, chain, index) of the rule that is being asked

    @property
    def now(self) -> int:
        return self.memory.now

    # -- steps ---------------------------------------------------------------------------------------------------------

    def on(self, stage: str, skb: Skb, said: str = "", why: tuple = (), walked: int = 0) -> Step:
        """The packet goes on to the next table of this hook, or behind the hook."""
        after = self.ns.paths[6 if ":" in skb.packet.flow.dst else 4].after[stage]
        if skb.port:
            after = BEHIND_BRIDGED.get(after, after)
        return Step(self.ns.name, stage, skb, said, why, (Next(self.ns.name, after, skb),), walked=walked)

    def walk(self, table: str, hook: str, skb: Skb) -> Walked:
        """What a table says at a hook; an absent chain lets everything pass."""
        rules = self.ns.ruleset(6 if ":" in skb.packet.flow.dst else 4)
        chain = rules.chain(table, hook)
        if chain is None:
            return Walked(ACCEPT, skb, (), 0)
        return walk(chain, skb, self, rules.tables[table])

    def count(self, skb: Skb, matched: list[Matched]) -> None:
        """Adds a packet to the counters of the rules that matched it."""
        of, size, packets, octets = (
            family(skb.packet.flow.dst).number,
            length(skb.packet),
            self.remembers.packets,
            self.remembers.bytes,
        )
        for row in matched:
            place = (of, row.table, row.chain, row.number)
            packets[place] += 1
            octets[place] += size

    # -- connections ---------------------------------------------------------------------------------------------------

    def lookup(self, flow: Flow) -> Connection | None:
        """The connection that has this flow in one of its directions; one whose time is over is forgotten now."""
        known = self.remembers.connections.get(flow)
        if known is not None and known.expires <= self.memory.now:
            self.forget(known)
            return None
        return known

    def update(self, known: Connection) -> None:
        """Remembers a confirmed connection as it now is, under both of its flows."""
        if known.confirmed:
            table = self.remembers.connections
            if known.original not in table and (known.snat_done or known.dnat_done):
                flow = known.original
                self.remembers.sources.setdefault((flow.proto, flow.src, flow.sport), []).append(flow)
            table[known.original] = table[known.reply] = known

    def forget(self, known: Connection) -> None:
        """The connection is gone, and with it its translation."""
        table, flow = self.remembers.connections, known.original
        table.pop(known.original, None)
        table.pop(known.reply, None)
        same = self.remembers.sources.get((flow.proto, flow.src, flow.sport), [])
        if flow in same:
            same.remove(flow)

    # -- addresses and routes ------------------------------------------------------------------------------------------

    def is_own(self, address: Address) -> bool:
        """Whether an address is this machine's, if only as one of several that have it."""
        return address in self.ns.fib.addresses or self.ns.fib.lookup(address).type in ("local", "anycast")

    def source_of(self, to: Address, came_by: str = "") -> Address:
        """The address that this machine would use towards another; nothing where no route leads there.

        In IPv6 an error about what came in by a device has that device's, unless the row names one (icmp6_send).
        """
        row = self.ns.fib.lookup(to)
        if came_by and family(to) is IPV6 and not row.src:
            row = replace(row, dev=came_by)
        return self.ns.fib.source(row, to) if row.type in ("unicast", "local", "broadcast", "multicast") else ""

    def source_towards(self, skb: Skb) -> Address:
        """The address of the outgoing device towards the next hop: what MASQUERADE uses."""
        fib, to = self.ns.fib, skb.packet.flow.dst
        via = skb.route.via if family(to) is not IPV6 else ""
        return fib.source(replace(NO_ROUTE, dev=skb.dev_out, via=via), to)

    def own_address(self, skb: Skb, hook: str) -> Address:
        """Where REDIRECT sends a packet: loopback for our own, else the first address of the device it came in by."""
        of = family(skb.packet.flow.dst)
        if hook == "OUTPUT":
            return LOOPBACK[of.number].first if of is IPV6 else "127.0.0.1"
        dev = self.ns.devices.get(skb.dev_in)
        link = skb.packet.flow.dst in LINK_LOCAL
        own = (
            [a.address for a in dev.addresses if family(a.address) is of and (a.address in LINK_LOCAL) is link]
            if dev
            else []
        )
        return own[0] if own else ""

    def route_again(self, skb: Skb) -> Skb | None:
        """A packet of our own whose destination or mark a rule has changed is routed anew (ip_route_me_harder).

        The rest of OUTPUT is still asked with the first device: a hook keeps the devices it began with (nf_hook_state).
        """
        flow = skb.packet.flow
        row = ip.row_out(self, flow.src, flow.dst)
        if row.type in ip.FORBIDDEN or ip.leaks_loopback(self, flow.src, row):
            return None
        return replace(skb, route=row)

    # -- links ---------------------------------------------------------------------------------------------------------

    def neighbour(self, dev: str, address: Address) -> NeighbourEntry | None:
        """What this machine knows of a neighbour: by hand, or by having asked."""
        row = self.ns.fixed_neighbours.get((dev, address))
        return row or self.remembers.neighbours.get((dev, address))

    @property
    def known_or_waiting(self) -> set[tuple[str, Address]]:
        """The neighbours whose answers this machine takes notice of."""
        return {*self.remembers.neighbours, *self.remembers.asked}

    def heard(self, bridge: str, mac: Mac) -> FdbEntry | None:
        """The port behind which a bridge heard a MAC, by hand or not too long ago."""
        fixed = self.ns.fixed_fdb.get((bridge, mac))
        row = self.remembers.heard.get((bridge, mac))
        if fixed or row is None:
            return fixed
        return row if self.now - row.heard < self.ns.devices[bridge].ageing else None

    def tunnel_end(self, packet: Packet) -> Device | None:
        return vxlan.tunnel_end(self, packet)

    # -- answers of its own --------------------------------------------------------------------------------------------

    def ip_id(self, flow: Flow) -> int:
        """The identification that a kernel draws for an IPv4 packet of its own."""
        return 0 if ":" in flow.src else self.choices.pick(("id", self.ns.name, flow), range(65536))

    def answer(self, skb: Skb, packet: Packet | None) -> tuple[Next, ...]:
        """An answer about a packet sets out, as part of that packet's connection; or nothing does."""
        return () if packet is None else (ip.own(self, packet, skb),)

    def reject(self, skb: Skb, kind: str, hook: str) -> tuple[Next, ...]:
        answer = rejection(self, skb, kind)
        if kind == "tcp-reset" and answer is not None:
            skb = set_closing(skb, self)
        return self.answer(skb, answer)


def send(
    world: Netns | Mapping[str, Netns],
    packet: Packet,
    at: str = "",
    dev: str = NOWHERE,
    memory: Memory | None = None,
    choices: Choices | None = None,
    mark: int = 0,
    waits: bool = False,
    frame: Frame | None = None,
) -> Trace:
    """Follows one packet until nothing moves any more.

    It comes in by `dev` of the namespace `at`, perhaps in a frame, or, without a device, is sent from there. Who sends it raw
    has no socket, and its kernel refuses the answer; with `waits` a program sends it and waits for the answer (see `ask`).
    Without a memory the kernels have just started; without choices chance is drawn from seed 0.
    """
    world = {world.name: world} if isinstance(world, Netns) else world
    memory, choices = memory or Memory(), choices or Seeded()
    kernels: dict[str, Kernel] = {}
    first = "netif_receive_skb" if frame is not None else "ip_rcv" if dev else "route_output"
    start = Next(at or next(iter(world)), first, Skb(packet, dev_in=dev, mark=mark, frame=frame or NO_FRAME))
    waiting, steps, causes = deque([(-1, start)]), list[Step](), list[int]()
    if waits:
        socket.expect(Kernel(world[start.namespace], memory, choices), packet)
    while waiting and len(steps) < MOST_STEPS:
        cause, todo = waiting.popleft()
        if todo.namespace not in kernels:
            kernels[todo.namespace] = Kernel(world[todo.namespace], memory, choices)
        step = STAGES[todo.stage](kernels[todo.namespace], todo.stage, todo.skb)
        waiting.extend((len(steps), then) for then in step.then)
        steps.append(step)
        causes.append(cause)
    unanswered = [step for kernel in kernels.values() for step in neighbour.given_up(kernel)]
    return Trace((*steps, *unanswered), (*causes, *(-1 for _ in unanswered)))


def ask(
    world: Netns | Mapping[str, Netns],
    packet: Packet,
    at: str = "",
    memory: Memory | None = None,
    choices: Choices | None = None,
) -> Trace:
    """A program of the namespace `at` sends a packet and waits for the answer: the whole conversation up to there."""
    return send(world, packet, at, memory=memory, choices=choices, waits=True)
