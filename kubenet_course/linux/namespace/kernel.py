"""One kernel at one moment: what a stage may ask of its namespace's tables, of memory, time and chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from ..netfilter.hooks import BEHIND_BRIDGED
from ..packet.address import IPV4, IPV6, Address, family
from ..packet.packet import Flow, Fragment
from .choices import Choices
from .device import Device
from .fib import LINK_LOCAL, LOOPBACK, NO_ROUTE, Route
from .memory import Memory, Remembered
from .netns import Netns
from .policy import ANYTHING, FORBIDS, Asked
from .route import HASHES
from .skb import Skb
from .trace import Next, Step


@dataclass(slots=True)
class Hashes:
    """What is known of the hash of each flow: it is one of the numbers from the first up to, not including, the second."""

    known: dict[tuple, tuple[int, int]] = field(default_factory=dict)


class Kernel:
    """What a stage may ask: the namespace's tables, what it remembers, what time it is, and chance."""

    def __init__(
        self,
        ns: Netns,
        memory: Memory,
        choices: Choices,
        world: Mapping[str, Netns] | None = None,
        programs: Mapping[str, Callable] | None = None,
    ):
        self.ns, self.memory, self.choices, self.world = ns, memory, choices, {} if world is None else world
        self.programs = programs or {}  # by the name that their sockets have: stack.program.Program
        self.remembers: Remembered = memory.of(ns.name)
        self.clock = memory.clock

    @property
    def now(self) -> int:
        return self.clock.now

    # -- steps ---------------------------------------------------------------------------------------------------------

    def on(self, stage: str, skb: Skb, said: str = "", why: tuple = (), walked: int = 0, hangs_on: tuple = ()) -> Step:
        """The packet goes on to the next table of this hook, or behind the hook."""
        after = self.ns.paths[6 if ":" in skb.packet.flow.dst else 4].after[stage]
        if skb.port:
            after = BEHIND_BRIDGED.get(after, after)
        return Step(self.ns.name, stage, skb, said, why, (Next(self.ns.name, after, skb),), "", None, walked, hangs_on)

    # -- addresses and routes ------------------------------------------------------------------------------------------

    def is_own(self, address: Address) -> bool:
        """Whether an address is this machine's, if only as one of several that have it."""
        return address in self.ns.fib.addresses or self.ns.fib.kind(address) in ("local", "anycast")

    def source_of(self, to: Address, came_by: str = "", asked: Asked = ANYTHING) -> Address:
        """The address that this machine would use towards another; nothing where no route leads there.

        In IPv6 an error about what came in by a device has that device's, unless the row names one (icmp6_send).
        """
        of, fib = family(to), self.ns.fib
        if came_by and of is IPV6:
            asked = replace(asked, src=fib.source(replace(NO_ROUTE, dev=came_by), to))
        row = self.route(to, "", asked)
        if row.type not in ("unicast", "local", "broadcast", "multicast"):
            return ""
        return row.src or (asked.src if came_by and of is IPV6 else fib.source(row, to))

    def route(self, to: Address, dev: str = "", asked: Asked = ANYTHING) -> Route:
        """The row for what this machine sends, by one of its next hops.

        An IPv6 lookup that fails before a source is chosen is tried again with one (ip6_dst_lookup_tail).
        """
        row = self.hop(self.ns.fib.lookup(to, dev, asked), to, asked)
        if row.type in (*FORBIDS, "none") and asked.src in ("", IPV6.any) and family(to) is IPV6:
            asked = replace(asked, src=self.ns.fib.source(NO_ROUTE, to) or IPV6.any)
            row = self.hop(self.ns.fib.lookup(to, dev, asked), to, asked)
        return row

    def hop(self, row: Route, to: Address, asked: Asked = ANYTHING) -> Route:
        """The same row by one of its next hops: a hash of the flow chooses (fib_select_multipath, fib6_select_path).

        Of what this machine sends from an address that is chosen already, IPv4 prefers a hop whose own source that is (DEV-34).
        """
        if not row.hops:
            return row
        fib, of = self.ns.fib, family(to)
        first = self._hashed(row.bounds, self._key(to, asked))
        sources = [""] * len(row.hops)
        if of is IPV4 and asked.iif == "lo" and asked.src not in ("", of.any):
            sources = [fib.source(replace(row.by(hop), src=""), to) for hop in row.hops]
        scores = [2 * (own == asked.src != "") + (at >= first) for at, own in enumerate(sources)]
        return row.by(row.hops[scores.index(max(scores))])

    def _key(self, to: Address, asked: Asked) -> tuple:
        """What of a flow is hashed: its addresses, in IPv6 also its protocol; by another policy ports too."""
        of, flow = family(to), asked.quoted
        src, dst, proto = (flow.src, flow.dst, flow.proto) if flow else (asked.src or of.any, to, asked.proto)
        if self.ns.sysctl(f"net.ipv{of.number}.fib_multipath_hash_policy") == 1:
            return src, dst, asked.proto, asked.sport, asked.dport
        return (src, dst) if of is IPV4 else (src, dst, proto)

    def _hashed(self, bounds: list[int], key: tuple) -> int:
        """The number of the hop that a hash leads to. The hash's own key is drawn when a namespace begins: it is chance, and
        the same for the same flow whatever row asks."""
        known = self.remembers[Hashes].known
        low, high = known.get(key, (0, HASHES))
        for at, bound in enumerate(bounds):
            upto = min(max(bound, low), high)
            if self.choices.happens(("hop", self.ns.name, *key, at), (upto - low) / (high - low)):
                known[key] = low, upto
                return at
            low = upto
        raise AssertionError("the last hop takes every hash that is left")

    def source_towards(self, skb: Skb) -> Address:
        """The address of the outgoing device towards the next hop: what MASQUERADE uses."""
        fib, to = self.ns.fib, skb.packet.flow.dst
        via = skb.route.via or to if family(to) is not IPV6 else ""
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

    # -- links ---------------------------------------------------------------------------------------------------------

    def has_carrier(self, dev: Device) -> bool:
        """Whether anything can leave: the other end of a veth is up; a bridge has a port that is alive, or never had any."""
        if dev.kind == "bridge" and dev.name in self.ns.own_macs:
            return bool(self.ports(dev.name))
        if dev.peer is None:
            return dev.carrier
        try:
            there = self.world[dev.peer[0]].devices
        except KeyError:  # beyond what the world shows
            return True
        return dev.peer[1] not in there or there[dev.peer[1]].up

    def ports(self, bridge: str) -> list[Device]:
        """The ports of a bridge that are not disabled, for want of a carrier, say (br_port_carrier_check)."""
        return [port for port in self.ns.ports.get(bridge, ()) if self.has_carrier(port)]

    # -- answers of its own --------------------------------------------------------------------------------------------

    def hops(self, to: Address) -> int:
        """The hops that a packet of its own may go."""
        return self.ns.hop_limit(4) if family(to) is IPV4 else self.ns.hop_limit(6, self.ns.fib.lookup(to).dev)

    def ip_id(self, flow: Flow) -> int:
        """The identification that a kernel draws for an IPv4 packet of its own."""
        return 0 if ":" in flow.src else self.choices.pick(("id", self.ns.name, flow), range(65536))


def hook(kernel: Kernel, name: str, skb: Skb, pieces: bool = True) -> tuple[Next, ...]:
    """Sends a packet to the first stage of a hook. Where connections are tracked, `pieces` are put together before that."""
    path = kernel.ns.paths[family(skb.packet.flow.dst).number]
    first = path.first[name]
    if pieces and name in path.defrags and isinstance(skb.packet.payload, Fragment):
        return (Next(kernel.ns.name, path.defrags[name], skb),)
    return (Next(kernel.ns.name, BEHIND_BRIDGED.get(first, first) if skb.port else first, skb),)
