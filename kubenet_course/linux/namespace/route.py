"""One row of a routing table, and the search for the longest prefix (net/ipv4/fib_trie.c, fib_semantics.c)."""

from __future__ import annotations

from collections.abc import Container
from itertools import accumulate

from msgspec import Struct
from msgspec.structs import replace

from ..packet.address import IPV4, Address, Prefix, family, number

ByLength = dict[int, list[tuple[int, dict[int, list["Route"]]]]]  # by family: mask (longest first), network, rows
HASHES = 1 << 31  # of a flow, when one of several next hops is chosen (fib_select_multipath)


class Hop(Struct, frozen=True):
    """One of several next hops of a row, and how many of a row's flows it gets."""

    dev: str
    via: Address = ""
    weight: int = 1

    def __str__(self) -> str:
        via = f"via {self.via} " if self.via else ""
        return f"nexthop {via}dev {self.dev} weight {self.weight}"


class Route(Struct, frozen=True):
    """A row of a routing table (`ip route`). `type` is unicast, local, broadcast, multicast, unreachable, throw and so on.

    Of several `hops`, which a hash of the flow chooses (`Kernel.hop`), `dev` and `via` are the first.
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
        if not self.hops:
            parts += [f"via {self.via}" if self.via else "", f"dev {self.dev}" if self.dev else ""]
        parts += [f"src {self.src}" if self.src else "", f"metric {self.metric}" if self.metric else ""]
        return " ".join([part for part in parts if part] + [str(hop) for hop in self.hops])

    @property
    def bounds(self) -> list[int]:
        """Up to which hash each of its hops takes a flow, this one not included (fib_rebalance)."""
        total = sum(hop.weight for hop in self.hops)
        return [(2 * HASHES * upto + total) // (2 * total) for upto in accumulate(hop.weight for hop in self.hops)]

    def by(self, hop: Hop) -> Route:
        """The same row with one next hop."""
        return replace(self, dev=hop.dev, via=hop.via, hops=())

    def leads_by(self, dev: str) -> bool:
        """Whether one of its next hops leaves by that device."""
        return self.dev == dev or any(hop.dev == dev for hop in self.hops)


NO_ROUTE = Route(Prefix(0, 0, IPV4), type="none")


def longest(table: ByLength, to: Address, dev: str = "") -> Route:
    """The row of the longest prefix that holds an address; NO_ROUTE where none does.

    With `dev`, the longest with a next hop by that device. In IPv4 a row without any device forbids them all
    (fib_table_lookup); in IPv6 such a row has loopback as its device.
    """
    value, of = number(to), family(to)
    for mask, networks in table[of.number]:
        for row in networks.get(value & mask, ()):
            if not dev or (not row.dev and of is IPV4):
                return row
            if row.dev == dev and not row.hops:
                return row
            for hop in row.hops:
                if hop.dev == dev:
                    return row.by(hop)
    return NO_ROUTE


def alive(row: Route, devices: Container[str]) -> Route | None:
    """A row with those of its next hops whose device is up; None where there is none: the kernel takes such a row away."""
    if not row.hops:
        return row if not row.dev or row.dev in devices else None
    hops = tuple(hop for hop in row.hops if hop.dev in devices)
    if not hops:
        return None
    return row.by(hops[0]) if len(hops) == 1 else replace(row.by(hops[0]), hops=hops)
