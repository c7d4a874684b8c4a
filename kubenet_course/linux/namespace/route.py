"""One row of a routing table, and the search for the longest prefix (net/ipv4/fib_trie.c)."""

from __future__ import annotations

from msgspec import Struct

from ..packet.address import IPV4, Address, Prefix, family, number

ByLength = dict[int, list[tuple[int, dict[int, list["Route"]]]]]  # by family: mask (longest first), network, rows


class Hop(Struct, frozen=True):
    """One of several next hops of a row, and how many of a row's flows it gets."""

    dev: str
    via: Address = ""
    weight: int = 1


class Route(Struct, frozen=True):
    """A row of a routing table (`ip route`). `type` is unicast, local, broadcast, multicast, unreachable, throw and so on.

    Of several `hops`, which a hash of the addresses chooses (`Kernel.hop`), `dev` and `via` are the first.
    """

    prefix: Prefix
    dev: str = ""
    via: Address = ""
    src: Address = ""
    metric: int = 0
    type: str = "unicast"
    onlink: bool = False
    table: str = "main"
    hops: tuple[Hop, ...] = ()

    def __str__(self) -> str:
        parts = ["" if self.type == "unicast" else self.type, "default" if not self.prefix.mask else str(self.prefix)]
        parts += [f"via {self.via}" if self.via else "", f"dev {self.dev}" if self.dev else ""]
        parts += [f"src {self.src}" if self.src else "", f"metric {self.metric}" if self.metric else ""]
        return " ".join(part for part in parts if part)


NO_ROUTE = Route(Prefix(0, 0, IPV4), type="none")


def longest(table: ByLength, to: Address, dev: str) -> Route:
    """The row of the longest prefix that holds an address; NO_ROUTE where none does."""
    value = number(to)
    for mask, networks in table[family(to).number]:
        for row in networks.get(value & mask, ()):
            if not dev or row.dev == dev:
                return row
    return NO_ROUTE
