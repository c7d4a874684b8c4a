"""The hashes of IPVS' schedulers: hash_32 (include/linux/hash.h), hsiphash (lib/siphash.c), and Maglev's table.

Everything is as on a 64-bit machine, where hsiphash is SipHash-1-3 cut to 32 bits. Maglev: Eisenbud et al., NSDI 2016.
"""

from collections.abc import Sequence
from functools import lru_cache, reduce
from math import gcd

from ...packet.address import Address, number

GOLDEN_RATIO_32 = 0x61C88647
WORD, LONG = (1 << 32) - 1, (1 << 64) - 1
MH_PRIME = 4093  # places in mh's table (CONFIG_IP_VS_MH_TAB_INDEX 12)
MH_BITS = 6
PLACE_KEY, STEP_KEY = (2654435761, 2654435761), (2654446892, 2654446892)


def fold(address: Address) -> int:
    """32 bits of an address: an IPv6 address' four words, one upon the other."""
    value = number(address)
    return value & WORD ^ value >> 32 & WORD ^ value >> 64 & WORD ^ value >> 96


def hash_32(value: int, bits: int) -> int:
    return (value * GOLDEN_RATIO_32 & WORD) >> 32 - bits


def _turned(value: int, by: int) -> int:
    return (value << by | value >> 64 - by) & LONG


def _round(v: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """One SipRound."""
    a, b, c, d = v
    a = a + b & LONG
    b = _turned(b, 13) ^ a
    a = _turned(a, 32)
    c = c + d & LONG
    d = _turned(d, 16) ^ c
    a = a + d & LONG
    d = _turned(d, 21) ^ a
    c = c + b & LONG
    b = _turned(b, 17) ^ c
    return a, b, _turned(c, 32), d


@lru_cache(maxsize=1 << 17)
def hsiphash(value: int, key: tuple[int, int] = PLACE_KEY) -> int:
    """Of one 32-bit number (hsiphash_1u32)."""
    low, high = key
    last = 4 << 56 | value & WORD
    v = (
        low ^ 0x736F6D6570736575,
        high ^ 0x646F72616E646F6D,
        low ^ 0x6C7967656E657261,
        high ^ 0x7465646279746573 ^ last,
    )
    a, b, c, d = _round(v)
    a, b, c, d = _round(_round(_round((a ^ last, b, c ^ 0xFF, d))))
    return (a ^ b ^ c ^ d) & WORD


def mh_value(value: int) -> int:
    """Where a client belongs, before it is cut to the table's size."""
    return hsiphash(value & WORD, PLACE_KEY)


class _Wish:
    """A server's list of places in its order of liking, read one by one: it starts somewhere and steps on by a
    number that, for the table's size is prime, meets every place.
    """

    def __init__(self, address: Address, port: int, turns: int):
        value = fold(address) + port
        self.place = hsiphash(value & WORD, PLACE_KEY) % MH_PRIME
        self.step = hsiphash(value & WORD, STEP_KEY) % (MH_PRIME - 1) + 1
        self.turns = turns  # how many places it takes when it is its turn

    def take(self, table: list[int], server: int) -> None:
        while table[self.place] >= 0:
            self.place = (self.place + self.step) % MH_PRIME
        table[self.place] = server


def mh_table(servers: Sequence[tuple[Address, int, int]]) -> tuple[int, ...]:
    """Place -> server. `servers`: address, port, weight. () where no server has a weight."""
    weights = [weight for _, _, weight in servers]
    unit = reduce(gcd, weights, 0)
    if not unit:
        return ()
    shift = max(0, (max(weights) // unit).bit_length() - MH_BITS)
    wishes = [
        (at, _Wish(address, port, weight // unit >> shift or 1))
        for at, (address, port, weight) in enumerate(servers)
        if weight
    ]
    table, left = [-1] * MH_PRIME, MH_PRIME
    while left:
        for at, wish in wishes:
            for _ in range(min(wish.turns, left)):
                wish.take(table, at)
                left -= 1
    return tuple(table)
