"""A finding, and what all looks at policies share."""

from collections.abc import Iterator

from msgspec import Struct

from ..judge.fits import pods_fit
from ..judge.values import DIRECTIONS, Direction, PodPeer, Policy, Rule
from ..judge.world import Who, World


class Finding(Struct, frozen=True, gc=False):
    """A policy, a field of it, and a sentence."""

    policy: str
    path: str
    says: str


def subjects(world: World, policy: Policy) -> list[Who]:
    return [pod for pod in world.pods.values() if pods_fit(world, policy.subject, pod)]


def is_nobody(world: World, peer: PodPeer) -> bool:
    return all(pods_fit(world, peer, pod) is False for pod in world.pods.values())


def rules_in(policy: Policy) -> Iterator[tuple[Rule, Direction]]:
    for direction in DIRECTIONS:
        for rule in policy.rules(direction) or ():
            yield rule, direction


def receivers_of(world: World, rule: Rule) -> list[Who]:
    """The pods that an egress rule leads to; none where it names no pods."""
    peers = [one for one in rule.peers or () if isinstance(one, PodPeer)]
    if len(peers) < len(rule.peers or ()):
        return []
    return [pod for pod in world.pods.values() if any(pods_fit(world, one, pod) for one in peers)]
