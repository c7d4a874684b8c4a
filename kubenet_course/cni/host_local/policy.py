"""Which address a pod gets: the policy of host-local, apart from where reservations are kept.

A range set gives its addresses in turn, from the last one given onwards, so that an address just freed comes last: a
container that crashes and returns does not meet its own old connections. Real system:
`containernetworking/plugins/plugins/ipam/host-local/backend/allocator/allocator.go`.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from ..contract.address import number_of, text_of
from ..contract.spec import CniError, refused


class Range(NamedTuple):
    """Addresses `first` to `last` (numbers, both included) of one family (4 or 6), in a network of `prefix` bits.

    The gateway is never given: `skip` is its number. It may lie outside the network, even in the other family: then
    `skip` is none of the range's, and every address is given.
    """

    version: int
    first: int
    last: int
    gateway: str
    prefix: int
    skip: int = -1

    def __str__(self) -> str:
        return f"{text_of(self.version, self.first)}-{text_of(self.version, self.last)}"

    def contains(self, version: int, number: int) -> bool:
        """Whether the address is one of this range."""
        return version == self.version and self.first <= number <= self.last

    def overlaps(self, other: "Range") -> bool:
        """Whether any address stands in both."""
        return self.version == other.version and self.first <= other.last and other.first <= self.last


RangeSet = tuple[Range, ...]


class Given(NamedTuple):
    """An address with the mask length and the gateway that its interface gets."""

    address: str
    prefix: int
    gateway: str


class Reservations(Protocol):
    """Where it is kept who has what: on disk `store.Store`, in a model `Remembered`."""

    def reserve(self, container_id: str, ifname: str, address: str, range_id: int) -> bool: ...
    def last_reserved(self, range_id: int) -> str | None: ...
    def held_by(self, container_id: str, ifname: str) -> list[str]: ...
    def release(self, container_id: str, ifname: str) -> None: ...


def shown(ranges: RangeSet) -> str:
    """A range set as messages show it."""
    return ",".join(str(each) for each in ranges)


def range_for(ranges: RangeSet, address: str | None) -> Range | None:
    """The range that an address belongs to."""
    place = place_of(ranges, number_of(address) if address else None)
    return None if place is None else ranges[place]


def place_of(ranges: RangeSet, address: tuple[int, int] | None) -> int | None:
    """Which range of the set an address (family, number) belongs to."""
    if address is not None:
        for place, each in enumerate(ranges):
            if each.contains(*address):
                return place
    return None


def in_turn(ranges: RangeSet, last: str | None) -> Iterator[tuple[Range, int]]:
    """Every address that may be given, once, from the one after `last` onwards, gateways left out.

    Without a `last` that belongs here the first range's start comes first. Asked on, the walk ends where it began.
    """
    address = number_of(last) if last else None
    here = place_of(ranges, address)
    place = here or 0
    now = ranges[0].first - 1 if here is None or address is None else address[1]
    begin, fresh = None, here is None
    while True:
        if now == ranges[place].last and not fresh:
            place = (place + 1) % len(ranges)
            now = ranges[place].first
        else:
            now, fresh = now + 1, False
        if begin is None:
            begin = now
        elif now == begin:
            return
        spot = ranges[place]
        if now != spot.skip:
            yield spot, now


def give(
    store: Reservations, container_id: str, ifname: str, ranges: RangeSet, range_id: int, wanted: str | None = None
) -> Given:
    """Reserves one address of a range set: the wanted one, else the next in turn.

    Raises CniError (999): no address is left, the wanted one is taken or is the gateway, or the interface has one here.
    """
    if wanted is not None:
        return _give_wanted(store, container_id, ifname, ranges, range_id, wanted)
    for held in store.held_by(container_id, ifname):
        if range_for(ranges, held) is not None:
            raise refused(f"{held} has been allocated to {container_id}, duplicate allocation is not allowed")
    for spot, number in in_turn(ranges, store.last_reserved(range_id)):
        address = text_of(spot.version, number)
        if store.reserve(container_id, ifname, address, range_id):
            return Given(address, spot.prefix, spot.gateway)
    raise refused(f"no IP addresses available in range set: {shown(ranges)}")


def _give_wanted(
    store: Reservations, container_id: str, ifname: str, ranges: RangeSet, range_id: int, wanted: str
) -> Given:
    spot = range_for(ranges, wanted)
    if spot is None:
        raise refused(f"{wanted} not in range set {shown(ranges)}")
    if wanted == spot.gateway:
        raise refused(f"requested ip {wanted} is subnet's gateway")
    if not store.reserve(container_id, ifname, wanted, range_id):
        raise refused(f"requested IP address {wanted} is not available in range set {shown(ranges)}")
    return Given(wanted, spot.prefix, spot.gateway)


def give_all(
    store: Reservations,
    container_id: str,
    ifname: str,
    range_sets: Sequence[RangeSet],
    requested: Sequence[str] = (),
) -> list[Given]:
    """One address of every range set, or none at all: when one set refuses, what the others gave goes back.

    Where each set stands is not taken back. Raises CniError (999) as `give` does, naming the set.
    """
    asked, given = list(requested), []
    for range_id, ranges in enumerate(range_sets):
        wanted = next((each for each in asked if range_for(ranges, each) is not None), None)
        if wanted is not None:
            asked.remove(wanted)
        try:
            given.append(give(store, container_id, ifname, ranges, range_id, wanted))
        except CniError as wrong:
            take_back(store, container_id, ifname, len(given))
            raise refused(f"failed to allocate for range {range_id}: {wrong.msg}", wrong.details) from None
    if asked:
        take_back(store, container_id, ifname, len(given))
        raise refused("failed to allocate all requested IPs: " + " ".join(asked))
    return given


def take_back(store: Reservations, container_id: str, ifname: str, sets: int) -> None:
    """Releases once for every range set.

    The second time nothing of this interface is left, so that what an older plugin reserved for its container goes too.
    """
    for _ in range(sets):
        store.release(container_id, ifname)


class Remembered:
    """Reservations that live as long as this object: for models, lessons and measurements."""

    def __init__(self) -> None:
        self.owners: dict[str, tuple[str, str]] = {}
        self.held: dict[tuple[str, str], list[str]] = {}
        self.last: dict[int, str] = {}

    def reserve(self, container_id: str, ifname: str, address: str, range_id: int) -> bool:
        if address in self.owners:
            return False
        self.owners[address] = container_id, ifname
        self.held.setdefault((container_id, ifname), []).append(address)
        self.last[range_id] = address
        return True

    def last_reserved(self, range_id: int) -> str | None:
        return self.last.get(range_id)

    def held_by(self, container_id: str, ifname: str) -> list[str]:
        return self.held.get((container_id, ifname), [])

    def release(self, container_id: str, ifname: str) -> None:
        for address in self.held.pop((container_id, ifname), []):
            del self.owners[address]
