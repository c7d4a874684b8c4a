"""Which ranges of addresses somebody claims in the wider network, and which of them must not overlap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from ...linux.packet.address import Prefix, prefix
from ..model.ranges import overlap
from .plan import PUBLIC, TRANSIT, Plan


class Claim(Struct, frozen=True):
    """A range and whose it is. `routed`: the routers have a route to it. `owner` is the cluster of a range of pods or nodes."""

    what: str
    owner: str
    block: Prefix
    pods: bool = False
    routed: bool = True

    def __str__(self) -> str:
        return f"the {self.what} of {self.owner}" if self.owner else self.what

    def clashes(self, other: Claim) -> bool:
        """Whether the two may not overlap: both are routed, or pods have the addresses of what they want to reach outside.

        Pods that nobody routes may share addresses with the pods of any other cluster: nobody can tell.
        """
        return (self.routed and other.routed) or not (self.pods and other.pods)

    def why(self, other: Claim) -> str:
        if self.routed and other.routed:
            return "and a router knows one way to an address"
        return "and a pod would look for the others within its own cluster"


def claims(plan: Plan) -> Iterator[Claim]:
    """Every range of the plan: nodes, pods and networks."""
    for leg in plan.legs:
        name = leg.name or plan.name
        yield from (Claim("nodes", name, block) for block in leg.lan.ranges.values())
    seen: set[str] = set()
    for leg in plan.legs:
        name, part = leg.name or plan.name, leg.cluster.part
        if name not in seen:
            seen.add(name)
            is_flat = part is not None and part.layout == "flat"
            yield from (Claim("pods", name, leg.cluster.ranges.pods[of], True, is_flat) for of in leg.cluster.families)
    if plan.internet:
        for of in plan.families:
            yield Claim("the link between router and border", "", TRANSIT[of])
            yield Claim("the link between border and internet", "", PUBLIC[of])
    for one in plan.networks:
        yield from (Claim(f"network {one.name}", "", prefix(text)) for text in one.ranges)


def free_beside(taken: Prefix, known: Iterable[Prefix]) -> Prefix:
    """The next range of the same size behind one that is taken, which overlaps with nothing that is known."""
    size, blocks = 1 << (taken.family.bits - taken.length), tuple(known)
    value = taken.network
    for _ in range(1 << 16):
        value = (value + size) % (1 << taken.family.bits)
        found = Prefix(value, taken.mask, taken.family)
        if not any(overlap(found, block) for block in blocks):
            return found
    return taken
