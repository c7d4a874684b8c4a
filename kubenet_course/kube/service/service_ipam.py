"""The addresses of Services: which ones exist, which are kept for people, which one is next.

Check it against pkg/registry/core/service/ipallocator/ipallocator.go (1.36) and KEP-3070. The memory is the set of
IPAddress objects, so it is a parameter here: any container of addresses. Chance is a parameter too.
"""

from collections.abc import Callable, Container

from msgspec import Struct

from ...linux.packet.address import Address, number
from ..nodeipam.cidr import Cidr, spelled

FULL = "range is full"
ALLOCATED = "provided IP is already allocated"
MISMATCH = "the provided network does not match the current range"
Draw = Callable[[int], int]  # draw(n) is one of 0 .. n-1


class AddressRefused(Exception):
    """The API server will not give this Service that address; the sentence is its own."""


class ServiceRange(Struct, frozen=True):
    """One Service range. `first` and `last` are the addresses that a Service can have, as integers.

    `band`: the first so many of them are left to people who choose an address by hand; a draw takes one of them only
    when all others are gone. It is 0 in ranges of 16 addresses and less.
    """

    cidr: Cidr
    first: int
    last: int
    band: int

    @property
    def size(self) -> int:
        """How many addresses Services can have."""
        return max(self.last - self.first + 1, 0)

    @property
    def static_band(self) -> tuple[Address, Address] | None:
        """First and last address that draws avoid, or None where the range is too small for a band."""
        return (self.address(0), self.address(self.band - 1)) if self.band else None

    def address(self, index: int) -> Address:
        """The address with this number, counted from the first that a Service can have."""
        return spelled(self.first + index, self.cidr.bits)

    def holds(self, address: Address) -> bool:
        """Whether a Service can have this address: neither the network's own nor, in IPv4, the broadcast address."""
        return (":" in address) is (self.cidr.bits == 128) and self.first <= number(address) <= self.last


def service_range(cidr: Cidr) -> ServiceRange:
    """A range made ready. The network's address is never given, nor IPv4's broadcast address.

    Raises ValueError for an IPv6 range larger than /64.
    """
    if cidr.bits == 128 and cidr.length < 64:
        raise ValueError(f"shortest allowed prefix length for service CIDR is 64, got {cidr.length}")
    last = cidr.last - (1 if cidr.bits == 32 else 0)
    return ServiceRange(cidr, cidr.first + 1, last, band_of(cidr.size))


def band_of(size: int) -> int:
    """How many addresses are kept for people: a sixteenth of the range, at least 16, at most 256."""
    return 0 if size <= 16 else min(max(16, size // 16), 256)


def allocate(services: ServiceRange, given: Container[Address], address: Address) -> Address:
    """The very address that a manifest asks for, from the band or not. Raises AddressRefused."""
    if not services.holds(address):
        raise AddressRefused(MISMATCH)
    if address in given:
        raise AddressRefused(ALLOCATED)
    return address


def allocate_next(services: ServiceRange, given: Container[Address], draw: Draw) -> Address:
    """An address drawn: from a drawn place upwards through the dynamic part, round once, then through the band."""
    for first, size in ((services.band, services.size - services.band), (0, services.band)):
        begin = draw(size) if size else 0
        for step in range(size):
            address = services.address(first + (begin + step) % size)
            if address not in given:
                return address
    raise AddressRefused(FULL)
