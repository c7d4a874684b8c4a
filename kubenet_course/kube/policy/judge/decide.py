"""One connection, judged: tier Admin, then NetworkPolicy, then Baseline, for the sender's egress and the receiver's
ingress. Both must allow it.

A tier may end in several ways where the API leaves it undefined (equal priorities) or where a file does not say enough.
All of them are followed, so that a verdict is certain only if every way leads to it.
"""

from collections.abc import Iterator

from msgspec import Struct

from .fits import Ask, Fits, pods_fit, rule_fits, seen_as_node, shared_family
from .values import Direction, Policy, PolicyRule, Port, Tier
from .world import PolicyWorld, Who


class Clause(Struct, frozen=True, gc=False):
    """What decided, or would have: a policy, the path of its rule (None: the policy as a whole), and a sentence."""

    policy: str | None
    direction: Direction
    rule: str | None
    says: str


class End(Struct, frozen=True, gc=False):
    """One way in which a direction may end."""

    allowed: bool
    clauses: tuple[Clause, ...]


class PolicyVerdict(Struct, frozen=True, gc=False):
    """`allowed` None: it hangs on what `hangs_on` names. The sides are the ways in which each direction may end."""

    allowed: bool | None
    because: tuple[Clause, ...]
    hangs_on: tuple[Clause, ...] = ()
    egress: tuple[End, ...] = ()
    ingress: tuple[End, ...] = ()

    @property
    def certain(self) -> bool:
        return self.allowed is not None


def decide(
    world: PolicyWorld, source: Who, to: Who, port: Port, family: int = 0, by_service: bool = False
) -> PolicyVerdict:
    """May `source` open a connection to `to`? `by_service`: it asked a Service, which leads to `to`."""
    if source.name == to.name and source.kind == to.kind and not by_service:
        says = f"{source} asks itself by its own address, which no policy can forbid"
        return PolicyVerdict(True, (Clause(None, "egress", None, says),))
    of = shared_family(source, to, family)
    egress = tuple(side(world, Ask("egress", source, to, port, of)))
    ingress = tuple(side(world, Ask("ingress", to, source, port, of)))
    ends = egress, ingress
    can = [{end.allowed for end in way} for way in ends]
    if any(one == {False} for one in can):
        denied = [end for way, one in zip(ends, can, strict=True) if one == {False} for end in way]
        return PolicyVerdict(False, _clauses(denied), (), egress, ingress)
    if all(one == {True} for one in can):
        return PolicyVerdict(True, _clauses([*egress, *ingress]), (), egress, ingress)
    open_ends = [end for way, one in zip(ends, can, strict=True) if len(one) == 2 for end in way]
    return PolicyVerdict(None, (), _clauses(open_ends), egress, ingress)


def _clauses(ends: list[End]) -> tuple[Clause, ...]:
    return tuple(dict.fromkeys(clause for end in ends for clause in end.clauses))


def side(world: PolicyWorld, ask: Ask) -> Iterator[End]:
    """Every way in which one direction may end. Only pods with a network of their own are subject to policies."""
    subject = ask.subject
    if subject.kind != "pod" or subject.host_network:
        why = "a pod of the host's network" if subject.host_network else "no pod"
        says = f"{subject} is {why}, and no policy restricts its {ask.direction}"
        yield End(True, (Clause(None, ask.direction, None, says),))
        return
    for action, clauses in cluster_tier(world, "Admin", ask):
        if action in ("Accept", "Deny"):
            yield End(action == "Accept", clauses)
            continue
        for allowed, found in namespaced_tier(world, ask):
            if allowed is not None:
                yield End(allowed, clauses + found)
                continue
            for base, last in cluster_tier(world, "Baseline", ask):
                yield End(base != "Deny", clauses + (last or found))


def cluster_tier(world: PolicyWorld, tier: Tier, ask: Ask) -> Iterator[tuple[str, tuple[Clause, ...]]]:
    """Accept, Deny or Pass of the first rule that fits; "" where none does. Several where that is undefined."""
    for group in world.groups(tier):
        sure = False
        for policy in group:
            for action, fits, clauses in first_rule(world, policy, ask):
                yield action, clauses
                sure |= bool(fits)
        if sure:
            return
    yield "", ()


def first_rule(world: PolicyWorld, policy: Policy, ask: Ask) -> Iterator[tuple[str, Fits, tuple[Clause, ...]]]:
    """The rules that decide in one policy: the first that surely fits, and before it those that may."""
    rules = policy.rules(ask.direction)
    selected = pods_fit(world, policy.subject, ask.subject) if rules else False
    if selected is False:
        return
    for rule in rules or ():
        fits = rule_fits(world, rule, ask)
        if fits is False:
            continue
        fits = fits and selected and (str(policy) not in world.half_read or None)
        says = f"{rule.action}: {spoken(rule, ask.direction)}" if not rule.unknown else FAILS_CLOSED
        yield rule.action, fits, (Clause(policy.name, ask.direction, str(rule), f"{says}{_doubt(fits)}"),)
        if fits:
            return


FAILS_CLOSED = "Deny: the rule has a peer or a port of an unknown kind, so it denies everything (fails closed)"


def namespaced_tier(world: PolicyWorld, ask: Ask) -> Iterator[tuple[bool | None, tuple[Clause, ...]]]:
    """Whom no policy isolates goes on (None). Else one rule of one policy must allow it; all rules add up. The own node is
    always allowed, but that is a rule of this tier: it does not keep whom nobody isolates from Baseline.
    """
    direction, subject = ask.direction, ask.subject
    isolating = isolates(world, direction, subject)
    if not isolating:
        says = f"no NetworkPolicy selects {subject} for {direction}, so nothing restricts it"
        yield None, (Clause(None, direction, None, says),)
        return
    if on_its_node(world, ask):
        says = f"traffic between {subject} and its own node is always allowed"
        yield True, (Clause(None, direction, None, says),)
        return
    found = [
        (policy, rule, rule_fits(world, rule, ask)) for policy in isolating for rule in policy.rules(direction) or ()
    ]
    doubts = [policy for policy in isolating if str(policy) in world.half_read]
    sure = tuple(_clause(policy, rule, ask) for policy, rule, fits in found if fits and policy not in doubts)
    maybe = tuple(_clause(policy, rule, ask, _doubt(None)) for policy, rule, fits in found if fits is not False)
    strange = tuple(Clause(p.name, direction, None, f"it has {world.half_read[str(p)][0]}, {UNKNOWN}") for p in doubts)
    if sure:
        yield True, sure
        return
    if maybe or strange:
        yield True, maybe or strange
    yield False, strange + tuple(Clause(one.name, direction, None, _none_fits(one, ask)) for one in isolating)


UNKNOWN = "which is not understood"


def isolates(world: PolicyWorld, direction: Direction, subject: Who) -> list[Policy]:
    """The NetworkPolicies that select a pod for a direction."""
    rows = world.by_namespace.get(subject.namespace, ())
    return [one for one in rows if one.rules(direction) is not None and one.subject.pods.fits(subject.labels)]


def on_its_node(world: PolicyWorld, ask: Ask) -> bool:
    """Whether the other end is the subject's own node, or a pod in that node's network."""
    home, other = ask.subject.node, ask.other
    if not home or (other.kind == "pod" and not other.host_network):
        return False
    node = seen_as_node(world, other)
    return home == (node.name if node is not None else other.node)


def _clause(policy: Policy, rule: PolicyRule, ask: Ask, doubt: str = "") -> Clause:
    return Clause(policy.name, ask.direction, str(rule), f"allows {spoken(rule, ask.direction)}{doubt}")


def spoken(rule: PolicyRule, direction: Direction) -> str:
    """A rule in words: from whom or to whom, at which ports."""
    peers = "anybody" if rule.peers is None else " or ".join(map(str, rule.peers)) or "nobody"
    ports = "" if rule.ports is None else f" at {' or '.join(map(str, rule.ports))}"
    return f"{'from' if direction == 'ingress' else 'to'} {peers}{ports}"


def _none_fits(policy: Policy, ask: Ask) -> str:
    rules = policy.rules(ask.direction) or ()
    said = {0: "has no rule that could allow anything", 1: "its rule does not fit"}
    return (
        f"selects {ask.subject} for {ask.direction}, and {said.get(len(rules), f'none of its {len(rules)} rules fits')}"
    )


def _doubt(fits: Fits) -> str:
    return "" if fits else " (whether it fits is not known)"
