"""Addresses as the text that people read, and as numbers when a mask is asked.

An address is a `str` in its one canonical spelling (RFC 5952 for IPv6): equal text, equal address. What differs between
the two families is data, in `Family`; the walk asks the family and has no branch of its own.
"""

import socket
from functools import lru_cache

from msgspec import Struct

from ...errors import BadInput

Address = str
Mac = str
BROADCAST_MAC: Mac = "ff:ff:ff:ff:ff:ff"


class Family(Struct, frozen=True):
    """What differs between IPv4 and IPv6 (RFC 791, RFC 8200), so that no code has to ask which one it holds."""

    number: int
    name: str
    bits: int
    ethertype: int
    header: int  # bytes, without options
    icmp: str  # the protocol that carries its errors, by its name in /etc/protocols
    quote: int  # an ICMP error is cut so that its IP packet has at most this many bytes
    af: int
    any: Address
    loopback: str


IPV4 = Family(4, "IPv4", 32, 0x0800, 20, "icmp", 576, socket.AF_INET, "0.0.0.0", "127.0.0.0/8")
IPV6 = Family(6, "IPv6", 128, 0x86DD, 40, "ipv6-icmp", 1280, socket.AF_INET6, "::", "::1/128")
FAMILIES = {4: IPV4, 6: IPV6}


def family(address: Address) -> Family:
    """The family that a canonical address (or prefix) belongs to."""
    return IPV6 if ":" in address else IPV4


@lru_cache(maxsize=1 << 18)
def number(address: Address) -> int:
    """The address as an integer, in network order."""
    return int.from_bytes(socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address), "big")


def spelled(value: int, of: Family) -> Address:
    """The canonical text of an integer address."""
    return socket.inet_ntop(of.af, value.to_bytes(of.bits // 8, "big"))


@lru_cache(maxsize=1 << 18)
def address(text: str, where: str = "") -> Address:
    """Any spelling of an address, as its canonical text. Raises BadInput for what is none."""
    af = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        return socket.inet_ntop(af, socket.inet_pton(af, text.strip()))
    except (OSError, ValueError):
        raise BadInput(where, f"{text!r} is not an address", "write one like 10.244.1.10 or fd00:10:244::1") from None


class Prefix(Struct, frozen=True, gc=False):
    """A block of addresses: those whose bits under `mask` equal `network`. Usually written 10.244.0.0/16."""

    network: int
    mask: int
    family: Family

    def __contains__(self, address: Address) -> bool:
        return number(address) & self.mask == self.network and (":" in address) is (self.family is IPV6)

    @property
    def length(self) -> int:
        """How many leading bits are fixed (meaningless for the rare mask with holes that iptables allows)."""
        return self.mask.bit_count()

    @property
    def first(self) -> Address:
        return spelled(self.network, self.family)

    @property
    def is_host(self) -> bool:
        return self.mask == (1 << self.family.bits) - 1

    def __str__(self) -> str:
        holes = self.mask != mask_of(self.length, self.family)
        return f"{self.first}/{spelled(self.mask, self.family) if holes else self.length}"

    __repr__ = __str__


def mask_of(length: int, of: Family) -> int:
    """The mask with `length` leading ones."""
    return ((1 << length) - 1) << (of.bits - length)


@lru_cache(maxsize=1 << 18)
def prefix(text: str, where: str = "", strict: bool = False) -> Prefix:
    """Reads `10.244.0.0/16`, a bare address (a block of one), or `10.0.0.0/255.0.255.0` as iptables allows.

    Bits to the right of the mask are cleared, as iptables and `ip route` do, unless `strict`, which refuses them.
    """
    head, _, tail = text.strip().partition("/")
    of = family(base := address(head, where))
    if not tail or (tail.isascii() and tail.isdigit() and int(tail) <= of.bits):
        mask = mask_of(int(tail) if tail else of.bits, of)
    elif "/" not in tail and ("." in tail or ":" in tail) and family(head_mask := address(tail, where)) is of:
        mask = number(head_mask)
    else:
        raise BadInput(where, f"/{tail} is not a mask of {of.name}", f"write a length from 0 to {of.bits}")
    if strict and number(base) & ~mask:
        block = Prefix(number(base) & mask, mask, of)
        raise BadInput(where, f"{text} has bits set to the right of its mask", f"write {block}")
    return Prefix(number(base) & mask, mask, of)


def mac(text: str, where: str = "") -> Mac:
    """Any usual spelling of a MAC address, as lower-case hexadecimal with colons."""
    digits = text.strip().lower().replace("-", ":").split(":")
    if len(digits) == 6 and all(0 < len(d) <= 2 and set(d) <= set("0123456789abcdef") for d in digits):
        return ":".join(d.zfill(2) for d in digits)
    raise BadInput(where, f"{text!r} is not a MAC address", "write six pairs like 02:42:0a:f4:01:0a")
