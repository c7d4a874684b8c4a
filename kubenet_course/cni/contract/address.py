"""Addresses and networks read from text exactly as the reference plugins read them (Go's package net).

An IPv4 address written as IPv6 (`::ffff:10.0.0.1`) *is* the IPv4 address. A zone (`fe80::1%eth0`) is no address.
"""

from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import NamedTuple

Address = IPv4Address | IPv6Address


def parse_ip(text: str) -> Address | None:
    """The address that the text spells, in its shortest family; None when it spells none."""
    if "%" in text or "/" in text:
        return None
    try:
        if ":" not in text:
            return IPv4Address(text)
        address = IPv6Address(text)
    except AddressValueError:
        return None
    return address.ipv4_mapped or address


class Cidr(NamedTuple):
    """An address with the length of its mask. `bits` is the mask's own width: 128 when IPv4 was written as IPv6."""

    ip: Address
    ones: int
    bits: int

    def __str__(self) -> str:
        return f"{self.ip}/{self.prefix}"

    @property
    def prefix(self) -> int:
        """The mask's length counted in the address's own family."""
        return max(0, self.ones - (self.bits - self.ip.max_prefixlen))

    @property
    def network(self) -> int:
        """The address with its host bits cleared, as a number."""
        host = self.ip.max_prefixlen - self.prefix
        return int(self.ip) >> host << host

    def contains(self, address: Address) -> bool:
        """Whether the address has this network's family and leading bits."""
        host = self.ip.max_prefixlen - self.prefix
        return address.version == self.ip.version and int(address) >> host == int(self.ip) >> host


def parse_cidr(text: str) -> Cidr | None:
    """`10.2.3.1/24` with its host bits kept; None when the text spells no address with a mask length."""
    before, slash, after = text.partition("/")
    ip = parse_ip(before)
    if not slash or ip is None or not (after.isascii() and after.isdigit() and len(after) < 7):
        return None
    bits = 128 if ":" in before else 32
    return Cidr(ip, int(after), bits) if int(after) <= bits else None


def number_of(text: str) -> tuple[int, int] | None:
    """An address as its family (4 or 6) and a number; None when the text spells none.

    Canonical IPv4 text, by far the most frequent, is read without making an address of it.
    """
    try:
        a, b, c, d = text.split(".")
        number = int(a) << 24 | int(b) << 16 | int(c) << 8 | int(d)
        if text_of(4, number) == text and number < 1 << 32:
            return 4, number
    except ValueError:
        pass
    address = parse_ip(text)
    return (address.version, int(address)) if address is not None else None


def text_of(version: int, number: int) -> str:
    """The canonical text of an address given as a family (4 or 6) and a number."""
    if version == 4:
        return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return str(IPv6Address(number))
