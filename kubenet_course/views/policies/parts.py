"""A set of policies taken apart for the page: for each rule the pods that it fits, as a row of 0 and 1.

With these rows the page can judge every pair by itself, whichever rules are switched on. It does what
`kube.policy.judge.decide` does; only verdicts that are certain can be taken apart like this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from ...errors import BadInput
from ...kube.policy.judge.decide import on_its_node, spoken
from ...kube.policy.judge.fits import Ask, Fits, peer_fits, pods_fit, port_fits
from ...kube.policy.judge.values import DIRECTIONS, Direction, Policy, PolicyRule, Port
from ...kube.policy.judge.world import PolicyWorld, Who

TIERS = {"Admin": 0, "NetworkPolicy": 1, "Baseline": 2}


def taken_apart(world: PolicyWorld, ports: Sequence[Port]) -> dict[str, Any]:
    """Everything that the page needs to judge. Raises BadInput where a verdict may be uncertain."""
    pods = members(world)
    _certain(world)
    ordered = sorted(world.policies, key=lambda one: (TIERS[one.tier], one.priority))
    return {
        "pods": [
            {"name": label, "namespace": pod.namespace, "labels": _labels(pod)}
            for label, pod in zip(labels(world), pods, strict=True)
        ],
        "ports": [str(port) for port in ports],
        "free": bits(pods, lambda one: one.host_network),
        "home": [bits(pods, partial(_is_home, world, pod)) for pod in pods],
        "policies": [_policy(world, policy, ports) for policy in ordered],
    }


def members(world: PolicyWorld) -> list[Who]:
    """The pods that run, in the order of the files: that is how their author tells the story."""
    written = ("/".join(pod.key) for pod in world.objects.pods)
    return [world.pods[name] for name in dict.fromkeys(written) if name in world.pods]


def labels(world: PolicyWorld) -> list[str]:
    """The pods' names; with the namespace where two pods share one."""
    full = [pod.name for pod in members(world)]
    names = [name.partition("/")[2] for name in full]
    return [name if names.count(name) == 1 else whole for name, whole in zip(names, full, strict=True)]


def bits(pods: Iterable[Who], fits: Callable[[Who], Fits]) -> str:
    """A row of 0 and 1 over the pods."""
    found = [fits(pod) for pod in pods]
    if None in found:
        raise BadInput("explorer", "a peer hangs on something that no file says", "give namespaces and addresses too")
    return "".join("1" if one else "0" for one in found)


def switched(policies: Iterable[Policy], off: Iterable[str]) -> list[Policy]:
    """The policies without what is switched off: whole ones by name, single rules by name and path."""
    gone = set(off)
    kept = [one for one in policies if policy_id(one) not in gone]
    return [replace(one, **{way: _left(one, way, gone) for way in DIRECTIONS}) for one in kept]


def policy_id(policy: Policy) -> str:
    return policy.name


def rule_id(policy: Policy, rule: PolicyRule) -> str:
    return f"{policy.name} {rule.path}"


def switches(world: PolicyWorld) -> list[str]:
    """The id of everything that can be switched off."""
    found = []
    for policy in world.policies:
        found.append(policy_id(policy))
        found += [rule_id(policy, rule) for way in DIRECTIONS for rule in policy.rules(way) or ()]
    return found


def _left(policy: Policy, way: Direction, gone: set[str]) -> tuple[PolicyRule, ...] | None:
    rules = policy.rules(way)
    return None if rules is None else tuple(rule for rule in rules if rule_id(policy, rule) not in gone)


def _certain(world: PolicyWorld) -> None:
    ranks = [(one.tier, one.priority) for one in world.policies if one.tier != "NetworkPolicy"]
    unknown = any(rule.unknown for one in world.policies for way in DIRECTIONS for rule in one.rules(way) or ())
    if len(set(ranks)) < len(ranks) or world.half_read or world.foreign or unknown:
        says = "two cluster-wide policies share a priority, or a policy is not fully understood"
        raise BadInput("explorer", says, "ask `kubenet policy why`, which says what a verdict hangs on")


def _labels(pod: Who) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(pod.labels.items()))


def _is_home(world: PolicyWorld, pod: Who, other: Who) -> bool:
    return on_its_node(world, Ask("ingress", pod, other, Port(1), 0))


def _policy(world: PolicyWorld, policy: Policy, ports: Sequence[Port]) -> dict[str, Any]:
    pods = members(world)
    made: dict[str, Any] = {
        "id": policy_id(policy),
        "kind": policy.kind if policy.tier == "NetworkPolicy" else f"{policy.kind}, tier {policy.tier}",
        "tier": policy.tier,
        "subject": bits(pods, lambda one: pods_fit(world, policy.subject, one)),
        "selects": str(policy.subject),
    }
    for way in DIRECTIONS:
        rules = policy.rules(way)
        made[way] = None if rules is None else [_rule(world, policy, rule, way, ports) for rule in rules]
    return made


def _rule(
    world: PolicyWorld, policy: Policy, rule: PolicyRule, way: Direction, ports: Sequence[Port]
) -> dict[str, Any]:
    """`peers` over the other ends, `ports` over the receivers: a port by name is another number for each of them."""
    pods = members(world)

    def peer(one: Who) -> Fits:
        found = [peer_fits(world, each, one, 0) for each in rule.peers or ()]
        return rule.peers is None or True in found or (None if None in found else False)

    def port(at: Port) -> Callable[[Who], Fits]:
        return lambda one: (
            rule.ports is None or any(port_fits(each, Ask("ingress", one, one, at, 0)) for each in rule.ports)
        )

    action = "allows" if policy.tier == "NetworkPolicy" else f"{rule.action}:"
    return {
        "id": rule_id(policy, rule),
        "says": f"{rule.path.removeprefix('spec.')} {action} {spoken(rule, way)}",
        "action": rule.action,
        "peers": bits(pods, peer),
        "ports": {str(at): bits(pods, port(at)) for at in ports},
    }
