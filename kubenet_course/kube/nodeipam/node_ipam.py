"""The node IPAM controller: every node a block. Watch the nodes, compare with what is remembered, act.

Check it against pkg/controller/nodeipam/ipam/range_allocator.go of 1.36. What it remembers is an Allocator; everything
else (which nodes there are, which blocks they have) it reads from the API server, where the truth is. That is why it
can be stopped at any time: `start` reads the nodes and remembers the same again.
"""

from collections.abc import Mapping
from contextlib import suppress

from msgspec import Struct

from .cidr import Cidr, parse_sloppy
from .cidr_set import CidrSet, allocate_next, cidr_set, occupy, release
from .kcm_flags import Configuration, ControllerExit

MAX_PODS = 110  # the kubelet's own default, --max-pods
PodCIDRs = tuple[str, ...]


class Allocator:
    """rangeAllocator: one set of blocks for each cluster range. Only `sync`, `release_node` and `undo` change it."""

    __slots__ = ("pools",)

    def __init__(self, pools: list[CidrSet]):
        self.pools = pools


class Assigned(Struct, frozen=True, gc=False):
    """The node had no block; these are taken out of the sets for it, and the API server is to write them down."""

    blocks: tuple[Cidr, ...]

    @property
    def pod_cidrs(self) -> PodCIDRs:
        return tuple([str(block) for block in self.blocks])

    def __str__(self) -> str:
        return f"podCIDRs := {', '.join(self.pod_cidrs)}"


class Occupied(Struct, frozen=True, gc=False):
    """The node has its blocks already: they are marked as used, which most of them were."""

    def __str__(self) -> str:
        return "has its podCIDRs: marked as used"


class Failed(Struct, frozen=True, gc=False):
    """It did not work and is tried again later. `reason` is the Event's, or empty where there is only a log line."""

    message: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.reason or 'no event'}: {self.message}"


Outcome = Assigned | Occupied | Failed
OCCUPIED = Occupied()


def start(configuration: Configuration, nodes: Mapping[str, PodCIDRs]) -> Allocator:
    """A fresh controller: empty sets, the Services' ranges out, then the blocks that nodes have, in order of name.

    Raises ControllerExit when a node's blocks do not fit these flags: it will not guess whose packets they carry.
    """
    try:
        masked = zip(configuration.cluster_cidrs, configuration.node_masks, strict=True)
        allocator = Allocator([cidr_set(cidr, mask) for cidr, mask in masked])
        for service_cidr in configuration.service_cidrs:
            _filter_out(allocator, service_cidr)
        for name in sorted(nodes):
            _occupy(allocator, name, nodes[name])
    except ValueError as error:
        raise ControllerExit(str(error)) from None
    return allocator


def sync(allocator: Allocator, name: str, pod_cidrs: PodCIDRs) -> Outcome:
    """One node compared with what is remembered (AllocateOrOccupyCIDR)."""
    if not pod_cidrs:
        return _allocate(allocator)
    try:
        _occupy(allocator, name, pod_cidrs)
    except ValueError as error:
        return Failed(str(error))
    return OCCUPIED


def release_node(allocator: Allocator, name: str, pod_cidrs: PodCIDRs) -> str:
    """The node is gone, its blocks are free. Stops at the first that cannot be released: that sentence, or ""."""
    for index, text in enumerate(pod_cidrs):
        if index >= len(allocator.pools):
            return _no_such_range(name, text, index)
        try:
            allocator.pools[index] = release(allocator.pools[index], parse_sloppy(text))
        except ValueError as error:
            return f"error when releasing CIDR {text}: {error}"
    return ""


def undo(allocator: Allocator, assigned: Assigned) -> None:
    """The API server refused to write the blocks down: back into the sets with them."""
    for index, block in enumerate(assigned.blocks):
        with suppress(ValueError):  # the real one logs the error and goes on
            allocator.pools[index] = release(allocator.pools[index], block)


def _allocate(allocator: Allocator) -> Outcome:
    """One block of each range. What was taken before a range turned out empty is not put back: a leak, until the
    next start (the real controller does the same, and each retry leaks another block)."""
    blocks: list[Cidr] = []
    for index, pool in enumerate(allocator.pools):
        try:
            found = allocate_next(pool)
        except LookupError as none_left:
            said = f"failed to allocate cidr from cluster cidr at idx:{index}: {none_left.args[0]}"
            return Failed(said, "CIDRNotAvailable")
        allocator.pools[index] = found.rest
        blocks.append(found.block)
    return Assigned(tuple(blocks))


def _occupy(allocator: Allocator, name: str, pod_cidrs: PodCIDRs) -> None:
    for index, text in enumerate(pod_cidrs):
        cidr = parse_sloppy(text)
        if index >= len(allocator.pools):
            raise ValueError(_no_such_range(name, text, index))
        try:
            allocator.pools[index] = occupy(allocator.pools[index], cidr)
        except ValueError as error:
            said = f"failed to mark cidr[{cidr}] at idx [{index}] as occupied for node: {name}: {error}"
            raise ValueError(said) from None


def _no_such_range(name: str, text: str, index: int) -> str:
    what = f"has an allocated cidr: {text} at index:{index} that does not exist in cluster cidrs configuration"
    return f"node:{name} {what}"


def _filter_out(allocator: Allocator, service_cidr: Cidr) -> None:
    """A Service's address inside a node's block would be stolen from its pods: those blocks are never given."""
    for index, pool in enumerate(allocator.pools):
        if pool.cluster.overlaps(service_cidr):
            with suppress(ValueError):  # as above
                allocator.pools[index] = occupy(pool, service_cidr)


class Capacity(Struct, frozen=True):
    """What a plan holds, all families at once.

    `nodes`: blocks that can be given, without those lost to Services. `addresses_per_node`: 2 ** (32 - mask), for IPv6
    2 ** (128 - mask); the fewer of the two. `pods_per_node`: what host-local gives out of them, but never more than
    the kubelet runs.
    """

    nodes: int
    addresses_per_node: int
    pods_per_node: int


def capacity(configuration: Configuration, max_pods: int = MAX_PODS) -> Capacity:
    """How many nodes, addresses and pods fit. Raises ControllerExit as `start` does."""
    pools = start(configuration, {}).pools
    if any(pool.node_mask > pool.cluster.bits for pool in pools):
        return Capacity(0, 0, 0)  # no such block can be written down
    addresses = [1 << (pool.cluster.bits - pool.node_mask) for pool in pools]
    # Not for pods: the network's address, the bridge's, and in IPv4 the broadcast address.
    for_pods = [size - (3 if pool.cluster.bits == 32 else 2) for size, pool in zip(addresses, pools, strict=True)]
    nodes = min(pool.blocks - pool.taken for pool in pools)
    return Capacity(nodes, min(addresses), max(min(*for_pods, max_pods), 0))
