"""Whom policies select and name, and in which directions: looks that a selector, a dash or a missing word calls for."""

from collections.abc import Iterator
from itertools import pairwise

from ..judge.values import BlockPeer, PodPeer, Policy
from ..judge.world import PolicyWorld
from .findings import Finding, families_in, is_nobody, rules_in, subjects, written_in


def selects_nothing(world: PolicyWorld, policy: Policy) -> Iterator[Finding]:
    if world.pods and not subjects(world, policy):
        path = "spec.podSelector" if policy.tier == "NetworkPolicy" else "spec.subject"
        yield Finding(policy.name, path, f"it selects no pod that runs: {policy.subject}")


def peers_that_fit_nobody(world: PolicyWorld, policy: Policy) -> Iterator[Finding]:
    for rule, _ in rules_in(policy):
        for peer, path in zip(rule.peers or (), rule.peer_paths, strict=False):
            if isinstance(peer, PodPeer) and world.pods and is_nobody(world, peer):
                yield Finding(policy.name, path, f"no pod that runs is one of {peer}")


def a_dash_too_many(world: PolicyWorld, policy: Policy) -> Iterator[Finding]:
    """`- namespaceSelector` and `- podSelector` side by side are *or*. Where the second fits nobody at home, and both
    together would fit somebody, *and* was most likely meant.
    """
    if policy.tier != "NetworkPolicy":
        return
    for rule, _ in rules_in(policy):
        peers = list(zip(rule.peers or (), rule.peer_paths, strict=False))
        for (first, path), (second, other) in pairwise(peers):
            pair = (first, second) if isinstance(first, PodPeer) and first.namespace is None else (second, first)
            spaces, pods = pair
            if not (isinstance(spaces, PodPeer) and isinstance(pods, PodPeer)):
                continue
            halves = spaces.namespace is None and not spaces.pods.demands and pods.namespace is not None
            if halves and pods.pods.demands and is_nobody(world, pods):
                both = PodPeer(pods.pods, spaces.namespaces)
                if not is_nobody(world, both):
                    says = f"{spaces} *or* {pods}; the second fits nobody, but {both} are there: one dash too many?"
                    yield Finding(policy.name, max(path, other), says)


def wrong_types(world: PolicyWorld, policy: Policy) -> Iterator[Finding]:
    """Rules without their type say nothing; egress rules without policyTypes isolate ingress as well."""
    if policy.tier != "NetworkPolicy":
        return
    spec = written_in(world)[policy.name].spec
    for name, rules in (("Ingress", spec.ingress), ("Egress", spec.egress)):
        if rules and name not in spec.types:
            says = f"policyTypes lacks {name}, so these rules say nothing"
            yield Finding(policy.name, f"spec.{name.lower()}", says)
    if not spec.policy_types and spec.egress and not spec.ingress and subjects(world, policy):
        says = "policyTypes is absent, so it isolates ingress too, and without ingress rules it allows none"
        yield Finding(policy.name, "spec.policyTypes", says)


def one_family_only(world: PolicyWorld, policy: Policy) -> Iterator[Finding]:
    """Pods have both families, and a block of all addresses names one."""
    families = families_in(world)
    for rule, _ in rules_in(policy):
        blocks = [
            (one, path)
            for one, path in zip(rule.peers or (), rule.peer_paths, strict=False)
            if isinstance(one, BlockPeer)
        ]
        whole = {one.block.family.number for one, _ in blocks if one.block.length == 0}
        if len(families) == 2 and len(whole) == 1:
            path = next(path for one, path in blocks if one.block.length == 0)
            missing = "::/0" if whole == {4} else "0.0.0.0/0"
            yield Finding(policy.name, path, f"pods have both families, and {missing} does not stand beside it")
