"""An address plan in sentences: what a screen reader says, what the stored notebook says, what stands beside the picture."""

from __future__ import annotations

from math import log2

from ...kube.nodeipam.node_ipam import MAX_PODS
from .sums import Plan, Pool

EXACT = 10**7  # larger counts are told as powers of two


def many(count: int) -> str:
    """A count that can be read: 65,536, and 2^72 instead of 22 digits."""
    if count < EXACT:
        return f"{count:,}"
    power = round(log2(count))
    return f"2^{power}" if count == 1 << power else f"about 2^{power}"


def headline(plan: Plan) -> str:
    """The whole answer in one sentence."""
    if plan.refusal:
        return f"kube-controller-manager exits, and no node gets a block: {plan.refusal}"
    wanted = plan.wishes.nodes
    if plan.first_without:
        waiting = wanted - plan.served
        others = f" and {waiting - 1:,} more" * (waiting > 1)
        return f"{plan.first_without} is the first node that gets nothing; it{others} wait{'s' * (waiting == 1)}: CIDRNotAvailable"
    if plan.pods_per_node < plan.wishes.pods:
        return f"Every node gets a block, but only {plan.pods_per_node:,} of {plan.wishes.pods:,} pods a node get an address"
    if not plan.is_good:
        bad = next(check for check in plan.checks if check.said)
        return f"Every node gets a block, but {str(bad).partition(': ')[0] if bad.shared else bad}"
    return f"The plan holds: {wanted:,} nodes with {plan.wishes.pods:,} pods each"


def sentences(plan: Plan) -> list[str]:
    """Capacity, waste, and what is lost; none where the controller does not even start."""
    said = [] if plan.refusal else [_room(plan)]
    for pool in plan.pools:
        said += [_block(plan, pool), _waste(plan, pool)]
        if "Services" in pool.touched:
            begin, end = pool.touched["Services"]
            said.append(f"{_blocks(end - begin)} of {pool.pool.cluster} are lost to the Service range.")
    if plan.leaked:
        said.append(
            f"Each try of a waiting node takes a block of {plan.pools[0].pool.cluster} and does not give it back: "
            f"{_blocks(plan.leaked)} leaked in the first round."
        )
    return said


def _blocks(count: int) -> str:
    return f"{many(count)} block{'s' * (count != 1)}"


def _room(plan: Plan) -> str:
    fits = f"There is room for {many(plan.room.nodes)} nodes"
    return f"{fits}; {plan.wishes.nodes:,} are planned, {plan.served:,} get a block."


def _block(plan: Plan, pool: Pool) -> str:
    size, mask = pool.addresses, pool.pool.node_mask
    bits = pool.pool.cluster.bits
    left = size - pool.reserved
    wanted = plan.wishes.pods
    has = f"A node's /{mask} has 2^({bits}-{mask}) = {many(size)} addresses, {many(left)} of them for pods"
    if wanted > left:
        return f"{has}; {wanted:,} pods are wanted, {wanted - left:,} get none."
    beyond = f" (more than {MAX_PODS}, the kubelet's default)" * (wanted > MAX_PODS)
    return f"{has}; {wanted:,} pods{beyond}, {many(left - wanted)} to spare."


def _waste(plan: Plan, pool: Pool) -> str:
    """Of the addresses in blocks that were given, how many would not carry a pod."""
    held = plan.served * pool.addresses
    used = plan.served * min(plan.wishes.pods, pool.addresses - pool.reserved)
    share = 100 * (held - used) / held if held else 0
    percent = "more than 99%" if used and share >= 99.5 else f"{share:.0f}%"
    given = f"The {_blocks(plan.served)} given have {many(held)} of {pool.pool.cluster}'s {many(pool.pool.cluster.size)} addresses"
    return f"{given}; {used:,} carry a pod, {many(held - used)} are waste ({percent})."


def lines(plan: Plan) -> list[str]:
    """The plan as text: flags, answer, sums, and each pair of ranges."""
    checks = [f"{sign(check)} {check}" for check in plan.checks]
    return ["kube-controller-manager", *(f"  {flag}" for flag in plan.flags), headline(plan), *sentences(plan), *checks]


def sign(check: object) -> str:
    """✓ where two ranges share nothing."""
    return "✗" if getattr(check, "said", "") else "✓"
