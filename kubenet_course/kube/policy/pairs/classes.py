"""Members that no policy can tell apart, put into classes, and sets of classes as bits of an integer.

Classes stand in the order of their addresses, so that a block of addresses is a run of bits. A set that is not known
exactly is two: what is surely in it, and what may be.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ....linux.packet.address import FAMILIES, Address, Prefix, number
from ..judge.selector import NAME_LABEL, Demand, Selector
from ..judge.values import PodPeer, Policy, PolicyRule, Port
from ..judge.world import PolicyWorld, Who

OTHER = "\0"  # a value that no selector mentions


class Bits(NamedTuple):
    """A set: what is surely in it, and what may be (which holds the first)."""

    sure: int
    may: int

    def __or__(self, other: "Bits") -> "Bits":  # type: ignore[override]
        return Bits(self.sure | other.sure, self.may | other.may)

    def __and__(self, other: "Bits") -> "Bits":
        return Bits(self.sure & other.sure, self.may & other.may)


NONE = Bits(0, 0)


def bits(places: Iterable[int], size: int) -> int:
    """The set of these places."""
    made = bytearray(size // 8 + 1)
    for at in places:
        made[at >> 3] |= 1 << (at & 7)
    return int.from_bytes(made, "little")


def places(of: int) -> Iterator[int]:
    """The places in a set, in order; empty stretches cost almost nothing."""
    content = of.to_bytes(of.bit_length() // 8 + 1, "little")
    for found in _NOT_EMPTY.finditer(content):
        at = found.start()
        for bit in _BITS[content[at]]:
            yield (at << 3) + bit


_NOT_EMPTY = re.compile(rb"[^\0]")
_BITS = [tuple(bit for bit in range(8) if byte >> bit & 1) for byte in range(256)]


def rules_of(policy: Policy) -> Iterable[PolicyRule]:
    return (*(policy.ingress or ()), *(policy.egress or ()))


class Index:
    """Who has which label, so that a selector costs a few operations on sets. A set is made when it is asked for."""

    def __init__(self, labels: Sequence[Mapping[str, str]]):
        self.size, self.all = len(labels), (1 << len(labels)) - 1
        self.rows: dict[str, dict[str, list[int]]] = {}
        for at, one in enumerate(labels):
            for key, value in one.items():
                self.rows.setdefault(key, {}).setdefault(value, []).append(at)
        self._known: dict[object, int] = {}

    def fitting(self, selector: Selector) -> int:
        known = self._known.get(selector)
        if known is None:
            known = self.all
            for demand in selector.demands:
                known &= self._holding(demand)
            self._known[selector] = known
        return known

    def _holding(self, demand: Demand) -> int:
        known = self._known.get(demand)
        if known is None:
            values = self.rows.get(demand.key, {})
            wanted = demand.values if demand.operator in ("In", "NotIn") else tuple(values)
            hit = bits((at for value in wanted for at in values.get(value, ())), self.size)
            known = hit if demand.operator in ("In", "Exists") else self.all ^ hit
            self._known[demand] = known
        return known


class Mentioned:
    """Which labels, addresses and names of ports policies ask for: two members that differ in nothing else are one."""

    def __init__(self, policies: Iterable[Policy], of: int):
        self.pods: dict[str, set[str]] = {}
        self.namespaces: dict[str, set[str]] = {}
        self.names: set[tuple[str, str]] = set()
        self.homes: set[str] = set()
        self.negates_names = False  # a selector asks for a namespace's name other than by In
        borders: set[int] = set()
        for policy in policies:
            self._pods(policy.subject)
            for rule in rules_of(policy):
                self.names |= {(ports.name, ports.protocol) for ports in rule.ports or () if ports.name}
                for peer in rule.peers or ():
                    if isinstance(peer, PodPeer):
                        self._pods(peer)
                    for block in (getattr(peer, "block", None), *getattr(peer, "excluded", ())):
                        if block is not None and block.family.number == of:
                            borders |= {block.network, block.network + span(block)}
        self.borders = sorted(borders)

    def _pods(self, peer: PodPeer) -> None:
        for selector, into in ((peer.pods, self.pods), (peer.namespaces, self.namespaces)):
            for demand in selector.demands:
                into.setdefault(demand.key, set()).update(demand.values)
                self.negates_names |= demand.key == NAME_LABEL and demand.operator != "In"
        if peer.namespace is not None:
            self.homes.add(peer.namespace)

    def label_key(self, labels: Mapping[str, str], asked: Mapping[str, set[str]]) -> tuple[tuple[str, str], ...]:
        if len(labels) < len(asked):
            return tuple(
                (key, value if value in asked[key] else OTHER) for key, value in sorted(labels.items()) if key in asked
            )
        return tuple(
            (key, labels[key] if labels[key] in values else OTHER) for key, values in asked.items() if key in labels
        )


def span(block: Prefix) -> int:
    """How many addresses a block has."""
    return 1 << (block.family.bits - block.length)


class Classes:
    """Members by class: `of` gives each member's class, `first` each class's first member."""

    def __init__(self, world: PolicyWorld, members: Sequence[Who], port: Port, family: int, policies: Iterable[Policy]):
        self.world, self.members, self.port, self.family = world, members, port, family
        asked = self.asked = Mentioned(policies, family)
        self._homes: dict[str, object] = {}
        keys: dict[object, int] = {}
        chosen: list[Who] = []
        numbers: list[int] = []
        for one in members:
            ip = self.address(one)
            key = self._key(one, ip, asked)
            at = keys.setdefault(key, len(chosen))
            if at == len(chosen):
                chosen.append(one)
            numbers.append(at)
        by_address = sorted(range(len(chosen)), key=lambda at: (self._number(chosen[at]), at))
        place = {at: rank for rank, at in enumerate(by_address)}
        self.first = [chosen[at] for at in by_address]
        self.of = [place[at] for at in numbers]
        self.size = len(chosen)
        self.all = (1 << self.size) - 1
        self.numbers = [self._number(one) for one in self.first]
        self.homeless = self.all & ~((1 << bisect_left(self.numbers, NOWHERE)) - 1)

    def address(self, one: Who) -> Address | None:
        return next((ip for ip in one.addresses if (":" in ip) == (self.family == 6)), None)

    def _number(self, one: Who) -> int:
        ip = self.address(one)
        return NOWHERE if ip is None else number(ip)

    def _key(self, one: Who, ip: Address | None, asked: Mentioned) -> object:
        if one.kind != "pod" or one.host_network:
            return one.kind, one.name
        home = self._homes.get(one.namespace)
        if home is None:
            home = self._homes[one.namespace] = self._home(one.namespace, asked)
        return home, asked.label_key(one.labels, asked.pods), self.lies(ip), self._named(one, asked)

    def lies(self, ip: Address | None) -> int:
        """Between which borders of blocks an address lies; -1 for none."""
        return -1 if ip is None else bisect_left(self.asked.borders, number(ip) + 1)

    def _home(self, name: str, asked: Mentioned) -> object:
        labels = self.world.namespaces.get(name)
        known = labels is not None and name not in asked.homes
        return asked.label_key(labels, asked.namespaces) if known else name  # type: ignore[arg-type]

    def _named(self, one: Who, asked: Mentioned) -> tuple[str, ...]:
        if not asked.names or not one.ports:
            return ()
        number, protocol = self.port.number, self.port.protocol
        return tuple(sorted({name for name, _ in asked.names if (name, protocol, number) in one.ports}))

    def block(self, block: Prefix) -> int:
        """The classes whose address lies in a block: a run of bits."""
        if block.family is not FAMILIES[self.family]:
            return 0
        low = bisect_left(self.numbers, block.network)
        return (1 << bisect_left(self.numbers, block.network + span(block))) - (1 << low)


NOWHERE = 1 << 130  # above every address
