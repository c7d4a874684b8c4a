"""What a policy says and its author probably did not mean. Every finding states a fact that the files show."""

from collections.abc import Callable, Iterator

from ..changes.diff import changes
from ..judge.values import Policy
from ..judge.world import PolicyWorld
from ..pairs.matrix import PairMatrix
from ..pairs.samples import ports_that_matter
from .findings import Finding, subjects
from .peers import a_dash_too_many, one_family_only, peers_that_fit_nobody, selects_nothing, wrong_types
from .ports import dns_forgotten, metrics_locked, ports_of_nobody, service_ports


def lint(world: PolicyWorld) -> list[Finding]:
    """All findings, in the order of the policies."""
    found = [finding for policy in world.policies for look in LOOKS for finding in look(world, policy)]
    found += [finding for look in WHOLE for finding in look(world)]
    order = {policy.name: at for at, policy in enumerate(world.policies)}
    return sorted(dict.fromkeys(found), key=lambda one: order[one.policy])


def same_priority(world: PolicyWorld) -> Iterator[Finding]:
    """Equal priorities are undefined only where two rules with different actions fit one connection."""
    for tier in ("Admin", "Baseline"):
        for group in world.groups(tier):  # type: ignore[arg-type]
            for at, policy in enumerate(group):
                for other in group[at + 1 :]:
                    if _may_collide(world, policy, other):
                        says = f"{other.name} has the same tier and priority ({policy.priority}), and some connections fit both"
                        yield Finding(policy.name, "spec.priority", f"{says} with different actions: undefined")


def _may_collide(world: PolicyWorld, policy: Policy, other: Policy) -> bool:
    alone = world.under([policy, other])
    for port in ports_that_matter([alone]):
        made = PairMatrix(alone, port)
        if any(row.can & row.cannot for row in made.combined):
            return True
    return False


def useless(world: PolicyWorld) -> Iterator[Finding]:
    """Without it nothing would change, among these pods and outside addresses: others say all that it says."""
    if not 1 < len(world.policies) <= 40 or len(world.pods) > 100:
        return
    for policy in world.policies:
        if not subjects(world, policy):
            continue
        without = world.under([one for one in world.policies if one is not policy])
        if next(changes(world, without), None) is None:
            says = "without it no verdict would change, for these pods and any outside address"
            yield Finding(policy.name, "", says)


Look = Callable[[PolicyWorld, Policy], Iterator[Finding]]
LOOKS: tuple[Look, ...] = (
    selects_nothing, peers_that_fit_nobody, a_dash_too_many, wrong_types, ports_of_nobody, service_ports,
    dns_forgotten, metrics_locked, one_family_only,
)  # fmt: skip
WHOLE = (same_priority, useless)
