"""A range of addresses, read and printed as Kubernetes' control plane reads and prints it.

The control plane's flags are read by a parser that forgives more than `ipaddress` does: host bits are cut off, leading
zeros are decimal (`netutils.ParseCIDRSloppy` of k8s.io/utils). The API server is stricter: see `kube/node_api.py`.
"""

import ipaddress
import re
from contextlib import suppress

from msgspec import Struct

from ...linux.packet.address import reads4, reads6, spells4, spells6

_LENGTH = re.compile(r"0*[0-9]{1,3}")
_LEADING_ZEROS = re.compile(r"(?<![0-9A-Fa-f])0+(?=[0-9A-Fa-f])")


class Cidr(Struct, frozen=True, gc=False):
    """A range by its first address and prefix length. `bits` is 32 or 128, the length of an address of its family.

    A length beyond `bits` is a mask that cannot be. Go goes on with it and prints `<nil>`; so does this.
    """

    first: int
    length: int
    bits: int

    @property
    def size(self) -> int:
        """How many addresses: 2 ** (bits - length)."""
        return 1 << max(self.bits - self.length, 0)

    @property
    def last(self) -> int:
        return self.first + self.size - 1

    def overlaps(self, other: "Cidr") -> bool:
        """Two ranges of prefixes share an address only if one of them holds the other."""
        return self.bits == other.bits and self.first <= other.last and other.first <= self.last

    def __str__(self) -> str:
        return f"{spelled(self.first, self.bits)}/{self.length}" if self.length <= self.bits else "<nil>"


def spelled(number: int, bits: int) -> str:
    """An address as text, RFC 5952 for IPv6. Several times faster than `ipaddress`, and the same answer."""
    if bits == 32:
        return spells4(number)
    if number >> 32 in (0, 0xFFFF):  # the C library writes these with a dotted tail
        return str(ipaddress.IPv6Address(number))
    return spells6(number)


def parse_sloppy(text: str) -> Cidr:
    """What a component makes of a CIDR in a flag. Raises ValueError with Go's own sentence."""
    address, slash, digits = text.partition("/")
    number, bits = _address(address)
    length = int(digits[-3:]) if _LENGTH.fullmatch(digits) else bits + 1
    if not slash or not bits or length > bits:
        raise ValueError(f"invalid CIDR address: {text}")
    host = bits - length
    return Cidr(number >> host << host, length, bits)


def _address(text: str) -> tuple[int, int]:
    """The number and the bits of an address; bits 0 for what is none. Zeros may lead each group, however many."""
    with suppress(OSError, ValueError):
        return reads4(text), 32
    plain = _LEADING_ZEROS.sub("", text)
    for reads, bits in ((reads4, 32), (reads6, 128)):
        with suppress(OSError, ValueError):
            return reads(plain), bits
    return 0, 0
