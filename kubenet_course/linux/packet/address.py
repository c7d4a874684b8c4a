"""Addresses as the text that people read, and as numbers when a mask is asked.

An address is a `str` in its one canonical spelling (RFC 5952 for IPv6): equal text, equal address. What differs between
the two families is data, in `Family`; the walk asks the family and has no branch of its own.
"""

import re
import socket
from functools import lru_cache

from msgspec import Struct

from ...errors import BadInput

Address = str
Mac = str
_IPV4 = re.compile(r"(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})")
_GROUP = re.compile(r"[0-9a-fA-F]{1,4}")
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
    any: Address
    loopback: str
    fragment_header: int  # bytes that only a fragment has, behind the header


IPV4 = Family(4, "IPv4", 32, 0x0800, 20, "icmp", 576, "0.0.0.0", "127.0.0.0/8", 0)
IPV6 = Family(6, "IPv6", 128, 0x86DD, 40, "ipv6-icmp", 1280, "::", "::1/128", 8)
FAMILIES = {4: IPV4, 6: IPV6}
ALL_ONES = {4: (1 << 32) - 1, 6: (1 << 128) - 1}


def family(address: Address) -> Family:
    """The family that a canonical address (or prefix) belongs to."""
    return IPV6 if ":" in address else IPV4


@lru_cache(maxsize=1 << 18)
def number(address: Address) -> int:
    """The address as an integer, in network order."""
    return reads6(address) if ":" in address else reads4(address)


def spelled(value: int, of: Family) -> Address:
    """The canonical text of an integer address."""
    return spells4(value) if of is IPV4 else spells6(value)


def spelled4(value: int) -> Address:
    """Four decimal numbers."""
    if value >> 32 or value < 0:
        raise ValueError(value)
    return f"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"


def number4(text: str) -> int:
    """Four decimal numbers, none with a zero before it, as inet_pton(3) takes them. Raises ValueError."""
    found = _IPV4.fullmatch(text)
    if found is None:
        raise ValueError(text)
    a, b, c, d = map(int, found.groups())
    if max(a, b, c, d) > 255:
        raise ValueError(text)
    return a << 24 | b << 16 | c << 8 | d


def number6(text: str) -> int:
    """Eight groups of hexadecimal digits, the last two perhaps as IPv4, a run of zeros perhaps as `::`. Raises ValueError."""
    head, dots, tail = text.rpartition(":") if "." in text else (text, "", "")
    if dots:
        low = number4(tail)
        text = f"{head}:{low >> 16:x}:{low & 0xFFFF:x}"
    before, gap, after = text.partition("::")
    left, right = (part.split(":") if part else [] for part in (before, after))
    groups = [*left, *right]
    if len(groups) > (7 if gap else 8) or (not gap and len(groups) < 8) or not all(map(_GROUP.fullmatch, groups)):
        raise ValueError(text)
    return int("".join(group.zfill(4) for group in (*left, *("0",) * (8 - len(groups)), *right)), 16)


def spelled6(value: int) -> Address:
    """As inet_ntop(3) spells it: the first of the longest runs of zeros as `::`, IPv4 at the end of what was made of IPv4."""
    if value >> 128 or value < 0:
        raise ValueError(value)
    groups = [f"{value >> shift & 0xFFFF:x}" for shift in range(112, -16, -16)]
    start, length = _longest_zeros(groups)
    if length < 2:
        return ":".join(groups)
    if start == 0 and (length == 6 or (length == 5 and groups[5] == "ffff")):
        groups[6:] = [spelled4(value & 0xFFFFFFFF)]
    return f"{':'.join(groups[:start])}::{':'.join(groups[start + length :])}"


def _longest_zeros(groups: list[str]) -> tuple[int, int]:
    """Where the first of the longest runs of zeros begins, and how long it is."""
    best = run = (0, 0)
    for at, group in enumerate(groups):
        run = (run[0] if run[1] else at, run[1] + 1) if group == "0" else (0, 0)
        best = run if run[1] > best[1] else best
    return best


def c_reads4(text: str) -> int:
    return int.from_bytes(socket.inet_pton(socket.AF_INET, text), "big")


def c_reads6(text: str) -> int:
    return int.from_bytes(socket.inet_pton(socket.AF_INET6, text), "big")


def c_spells4(value: int) -> Address:
    return socket.inet_ntop(socket.AF_INET, value.to_bytes(4, "big"))


def c_spells6(value: int) -> Address:
    return socket.inet_ntop(socket.AF_INET6, value.to_bytes(16, "big"))


def _c_library_knows_both() -> bool:
    try:
        return c_spells6(c_reads6("fd00::1")) == "fd00::1" and c_spells4(c_reads4("10.0.0.1")) == "10.0.0.1"
    except (OSError, ValueError, AttributeError):
        return False


# The C library where it knows both families, for it is ten times faster; in a browser it knows no IPv6. Tests hold both equal.
if _c_library_knows_both():
    reads4, reads6, spells4, spells6 = c_reads4, c_reads6, c_spells4, c_spells6
else:
    reads4, reads6, spells4, spells6 = number4, number6, spelled4, spelled6


@lru_cache(maxsize=1 << 18)
def address(text: str, where: str = "") -> Address:
    """Any spelling of an address, as its canonical text. Raises BadInput for what is none."""
    plain = text.strip()
    try:
        return spells6(reads6(plain)) if ":" in plain else spells4(reads4(plain))
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
        return self.mask == ALL_ONES[self.family.number]

    def __str__(self) -> str:
        if self.is_host:
            return f"{self.first}/{self.family.bits}"
        holes = self.mask != mask_of(self.length, self.family)
        return f"{self.first}/{spelled(self.mask, self.family) if holes else self.length}"

    __repr__ = __str__


def mask_of(length: int, of: Family) -> int:
    """The mask with `length` leading ones."""
    return ((1 << length) - 1) << (of.bits - length)


def host(address: Address) -> Prefix:
    """The block of one canonical address alone."""
    of = family(address)
    return Prefix(number(address), ALL_ONES[of.number], of)


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
