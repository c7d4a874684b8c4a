"""A finding, and what all looks at policies share."""

from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct

from ...api.policy import NetworkPolicy
from ..judge.values import DIRECTIONS, Direction, PodPeer, Policy, PolicyRule
from ..judge.world import PolicyWorld, Who
from ..pairs.pods import Pods


class Finding(Struct, frozen=True, gc=False):
    """A policy, a field of it, and a sentence."""

    policy: str
    path: str
    says: str


@lru_cache(maxsize=2)
def pods_of(world: PolicyWorld) -> Pods:
    return Pods(world)


@lru_cache(maxsize=2)
def written_in(world: PolicyWorld) -> dict[str, NetworkPolicy]:
    """The policies as their authors wrote them, by name."""
    return {"/".join(one.key): one for one in world.objects.policies}


@lru_cache(maxsize=2)
def families_in(world: PolicyWorld) -> frozenset[int]:
    return frozenset(6 if ":" in ip else 4 for pod in world.pods.values() for ip in pod.addresses)


@lru_cache(maxsize=2)
def dns_servers(world: PolicyWorld) -> list[Who]:
    return [
        one for one in world.pods.values() if one.labels.get("k8s-app") in ("kube-dns", "coredns", "node-local-dns")
    ]


def subjects(world: PolicyWorld, policy: Policy) -> list[Who]:
    return pods_of(world).fitting(policy.subject)


def is_nobody(world: PolicyWorld, peer: PodPeer) -> bool:
    return not pods_of(world).sets.peer(peer).may


def rules_in(policy: Policy) -> Iterator[tuple[PolicyRule, Direction]]:
    for direction in DIRECTIONS:
        for rule in policy.rules(direction) or ():
            yield rule, direction


def receivers_of(world: PolicyWorld, rule: PolicyRule) -> list[Who]:
    """The pods that an egress rule leads to; none where it does not name pods only."""
    peers = [one for one in rule.peers or () if isinstance(one, PodPeer)]
    return pods_of(world).fitting(*peers) if len(peers) == len(rule.peers or ()) else []
