"""The blocks of one cluster range: which are given, and where the search for the next one starts.

Check it against pkg/controller/nodeipam/ipam/cidrset/cidr_set.go. There the memory is a bitmap; here it is the list of
edges between used and free, which says the same, stays short, and draws itself: (0, 3, 5, 6) means that blocks 0 to 2
and block 5 are used.
"""

from bisect import bisect_left, bisect_right

from msgspec import Struct
from msgspec.structs import replace

from .cidr import Cidr

MAX_DIFFERENCE = 16  # clusterSubnetMaxDiff: the bitmap was to stay small, and only IPv6 was ever held to it
NONE_LEFT = "CIDR allocation failed; there are no remaining CIDRs left to allocate in the accepted range"
TOO_BIG = "New CIDR set failed; the node CIDR size is too big"


class CidrSet(Struct, frozen=True, gc=False):
    """What the controller remembers of one range. `next_candidate` is the block after the one given last.

    That is why a freed block rests until the search has gone round: packets to the dead node's pods may still be under
    way, and somebody's cache may still know them.
    """

    cluster: Cidr
    node_mask: int
    blocks: int  # how many blocks there are in all
    edges: tuple[int, ...] = ()
    taken: int = 0
    next_candidate: int = 0

    def block(self, index: int) -> Cidr:
        """The block with this number, counted from the start of the range."""
        cluster, shift = self.cluster, self.cluster.bits - self.node_mask
        return Cidr(cluster.first + (index << shift if shift >= 0 else 0), self.node_mask, cluster.bits)

    def uses(self, index: int) -> bool:
        """Whether the block is out of the pool: given to a node, lost to Services, or leaked."""
        return bisect_right(self.edges, index) % 2 == 1


class Allocation(Struct, frozen=True, gc=False):
    """A block, the set without it, and how many used blocks the search walked over (the metric
    `node_ipam_controller_cidrset_allocation_tries_per_request`)."""

    block: Cidr
    rest: CidrSet
    tries: int


def cidr_set(cluster: Cidr, node_mask: int) -> CidrSet:
    """An empty set. The node mask must not be shorter than the cluster's: the caller has checked.

    Raises ValueError for an IPv6 range with more than 2 ** 16 blocks. IPv4 is not held to that.
    """
    difference = node_mask - cluster.length
    if cluster.bits == 128 and difference > MAX_DIFFERENCE:
        raise ValueError(TOO_BIG)
    return CidrSet(cluster, node_mask, 1 << difference if difference < 64 else 0)  # Go shifts 64 bits out to nothing


def allocate_next(pool: CidrSet) -> Allocation:
    """The first free block at or after `next_candidate`, going round once. Raises LookupError when all are used."""
    if pool.taken == pool.blocks:
        raise LookupError(NONE_LEFT)
    edges, index = pool.edges, pool.next_candidate
    run = bisect_right(edges, index)
    if run % 2:
        index = edges[run]
        if index == pool.blocks:
            index = edges[1] if edges[0] == 0 else 0
    tries = (index - pool.next_candidate) % pool.blocks
    following = (index + 1) % pool.blocks
    rest = CidrSet(pool.cluster, pool.node_mask, pool.blocks, _used(edges, index, index + 1), pool.taken + 1, following)
    return Allocation(pool.block(index), rest, tries)


def occupy(pool: CidrSet, cidr: Cidr) -> CidrSet:
    """Every block that the range touches is used from now on; the search pointer stays where it is.

    Used already is no error. Raises ValueError for a range outside the cluster's.
    """
    begin, end = span(pool, cidr)
    fresh = end - begin - _count(pool.edges, begin, end)
    return replace(pool, edges=_used(pool.edges, begin, end), taken=pool.taken + fresh) if fresh else pool


def release(pool: CidrSet, cidr: Cidr) -> CidrSet:
    """Every block that the range touches is free again, whoever else thinks to own it. Raises as `occupy` does."""
    begin, end = span(pool, cidr)
    gone = _count(pool.edges, begin, end)
    return replace(pool, edges=_freed(pool.edges, begin, end), taken=pool.taken - gone) if gone else pool


def span(pool: CidrSet, cidr: Cidr) -> tuple[int, int]:
    """The numbers of the blocks that a range touches, from `begin` up to and without `end`.

    A range as large as the cluster's, or larger, touches all of them; a smaller one than a block touches that block.
    """
    cluster, first, last = pool.cluster, cidr.first, cidr.last
    if cluster.bits != cidr.bits or last < cluster.first or cluster.last < first:
        raise ValueError(f"cidr {cidr} is out the range of cluster cidr {cluster}")
    if cidr.length <= cluster.length or cidr.length > cidr.bits:
        return 0, pool.blocks
    if pool.node_mask > cluster.bits:
        raise ValueError("invalid IP: <nil>")  # Go: an address under a mask that cannot be
    if pool.blocks > 0xFFFFFFFF:  # Go compares the block's number with this one cut to 32 bits, which is 0
        raise ValueError(f"CIDR: {Cidr(cidr.first, 32, 32)} is out of the range of CIDR allocator")
    shift = cluster.bits - pool.node_mask
    return (first - cluster.first) >> shift, ((last - cluster.first) >> shift) + 1


def _used(edges: tuple[int, ...], begin: int, end: int) -> tuple[int, ...]:
    """The edges once [begin, end) is used too. An odd place means: inside a used run, or at its border, so join it."""
    low, high = bisect_left(edges, begin), bisect_right(edges, end)
    return edges[:low] + (() if low % 2 else (begin,)) + (() if high % 2 else (end,)) + edges[high:]


def _freed(edges: tuple[int, ...], begin: int, end: int) -> tuple[int, ...]:
    """The edges once [begin, end) is free. What of a run stands out on either side stays used."""
    low, high = bisect_left(edges, begin), bisect_right(edges, end)
    return edges[:low] + ((begin,) if low % 2 else ()) + ((end,) if high % 2 else ()) + edges[high:]


def _count(edges: tuple[int, ...], begin: int, end: int) -> int:
    """How many blocks of [begin, end) are used."""
    low, high = bisect_right(edges, begin), bisect_left(edges, end)
    within = ((begin,) if low % 2 else ()) + edges[low:high] + ((end,) if high % 2 else ())
    return sum(within[1::2]) - sum(within[::2])
