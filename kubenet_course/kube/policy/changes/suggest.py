"""The smallest change that flips a verdict: the fewest edits, and of these the ones that change the least besides.

To allow, each direction that denies needs one edit. To deny, one direction is enough: every rule there that fits must go,
or, where nothing isolates the pod, one new policy must come.
"""

from collections.abc import Callable, Sequence
from functools import cached_property, partial

from msgspec.structs import replace

from ..judge.decide import decide, isolates, on_its_node, side
from ..judge.fits import Ask, any_of, peer_fits, pods_fit, rule_fits
from ..judge.near import asks
from ..judge.values import DIRECTIONS, Direction, Policy, Port
from ..judge.world import PolicyWorld, Who
from ..pairs.matrix import PairMatrix
from ..pairs.pods import Pods
from ..pairs.samples import outsiders, ports_that_matter
from .diff import TABLES, Changed, changes
from .edits import Edit, applied, closed, inserted, narrowed, widened, with_port, with_rules

MANY = 200  # pods from which on candidates are compared by the pods that they name, not by all that they change


def _same(one: Port, other: Port) -> bool:
    return (one.number, one.protocol) == (other.number, other.protocol)


class Asked:
    """A connection, the verdict that is wanted, and the worlds that edits lead to."""

    def __init__(self, world: PolicyWorld, source: Who, to: Who, port: Port, family: int = 0):
        self.world, self.source, self.to, self.port, self.family = world, source, to, port, family
        self.asks = asks(world, source, to, port, family)
        self.many = len(world.pods) > MANY
        self.members = [*world.pods.values(), *outsiders([world]), *(one for one in (source, to) if one.kind != "pod")]
        self._known: dict[tuple[Port, Direction], list[str]] = {}
        others = [] if self.many else [one for one in ports_that_matter([world]) if not _same(one, port)]
        self.ports: Sequence[Port] = [port, *others]

    def verdict(self, world: PolicyWorld) -> bool | None:
        return decide(world, self.source, self.to, self.port, self.family).allowed

    def also(self, edits: tuple[Edit, ...]) -> list[Changed]:
        """What else would change."""
        found = changes(self.world, applied(self.world, edits), self.ports, self.family)
        return [one for one in found if not self._is_it(one)]

    def _is_it(self, one: Changed) -> bool:
        asked = self.port.number, self.port.protocol
        return (one.source, one.to, one.port.number, one.port.protocol) == (self.source, self.to, *asked)

    def best(
        self, candidates: Sequence[Edit], direction: Direction, works: Callable[[PolicyWorld], bool]
    ) -> Edit | None:
        """Of single edits that work: what changes least besides, then what asks for least."""
        working = [one for one in candidates if works(applied(self.world, (one,)))]
        if not working:
            return None
        return min(working, key=lambda one: (self.touched(one, direction), one.labels, one.path, one.policy))

    def touched(self, edit: Edit, direction: Direction) -> int:
        """How much an edit changes in its own direction, whether or not the other direction allows it. Among many pods:
        how many it names.
        """
        if self.many:
            return len(self._pods.fitting(edit.opens)) if edit.opens else 0
        made = applied(self.world, (edit,))
        return sum(
            one != other
            for port in self.ports
            for old, new in zip(self._before(port, direction), self._rows(made, port, direction), strict=True)
            if old != new
            for one, other in zip(old, new, strict=True)
        )

    @cached_property
    def _pods(self) -> Pods:
        return Pods(self.world)

    def _before(self, port: Port, direction: Direction) -> list[str]:
        key = port, direction
        if key not in self._known:
            self._known[key] = self._rows(self.world, port, direction)
        return self._known[key]

    def _rows(self, world: PolicyWorld, port: Port, direction: Direction) -> list[str]:
        made = PairMatrix(world, port, self.members, self.family)
        return list(made.text(getattr(made, direction), TABLES[direction]))


def allow(world: PolicyWorld, source: Who, to: Who, port: Port, family: int = 0) -> tuple[Edit, ...] | None:
    """The edits, () where it is allowed already, None where no policy can help."""
    asked = Asked(world, source, to, port, family)
    chosen: list[Edit] = []
    for direction in DIRECTIONS:
        ask = asked.asks[direction]
        if all(end.allowed for end in side(world, ask)):
            continue
        found = asked.best(_opening(world, ask), direction, partial(_is, ask=ask, allowed=True))
        edits = (found,) if found else _in_all_of_a_group(world, ask, "Accept")
        if not edits:
            return None
        chosen += edits
    return _merged(chosen)


def _merged(chosen: list[Edit]) -> tuple[Edit, ...]:
    """Edits of one policy in both directions: each leads to the policy that all of them make."""
    made: dict[str, Policy] = {}
    for one in chosen:
        if one.before is not None and one.after is not None:
            now = made.get(str(one.before), one.before)
            for direction in DIRECTIONS:
                if one.after.rules(direction) != one.before.rules(direction):
                    now = with_rules(now, direction, one.after.rules(direction) or ())
            made[str(one.before)] = now
    return tuple(_with(one, made[str(one.before)]) if one.before is not None else one for one in chosen)


def _in_all_of_a_group(world: PolicyWorld, ask: Ask, action: str) -> tuple[Edit, ...]:
    """Several policies of one priority decide, each for itself: a rule is put into all of them."""
    for tier in ("Admin", "Baseline"):
        for group in world.groups(tier):  # type: ignore[arg-type]
            edits = tuple(found[-1] for one in group if (found := _before_rule_of(world, one, ask, action)))
            if edits and _is(applied(world, edits), ask, action == "Accept"):
                return edits
    return ()


def _with(edit: Edit, after: Policy) -> Edit:
    return replace(edit, after=after)


def _is(world: PolicyWorld, ask: Ask, allowed: bool) -> bool:
    return all(end.allowed is allowed for end in side(world, ask))


def _opening(world: PolicyWorld, ask: Ask) -> list[Edit]:
    found: list[Edit] = []
    for policy in isolates(world, ask.direction, ask.subject):
        found += widened(policy, ask) + with_port(world, policy, ask, rule_fits)
    return found + _before_deciding(world, ask, "Accept")


def _before_deciding(world: PolicyWorld, ask: Ask, action: str) -> list[Edit]:
    """A rule before the first that fits, in every cluster-wide policy that selects the subject and has one."""
    groups = [group for tier in ("Admin", "Baseline") for group in world.groups(tier)]  # type: ignore[arg-type]
    return [edit for group in groups for policy in group for edit in _before_rule_of(world, policy, ask, action)]


def _before_rule_of(world: PolicyWorld, policy: Policy, ask: Ask, action: str) -> list[Edit]:
    rules = policy.rules(ask.direction) or ()
    first = next((at for at, rule in enumerate(rules) if rule_fits(world, rule, ask)), None)
    if first is None or not pods_fit(world, policy.subject, ask.subject):
        return []
    return inserted(policy, first, ask, action)


def deny(world: PolicyWorld, source: Who, to: Who, port: Port, family: int = 0) -> tuple[Edit, ...] | None:
    """The edits of the direction that needs fewer, or changes less; None where no policy can help."""
    asked = Asked(world, source, to, port, family)
    if asked.verdict(world) is False:
        return ()
    ways = [found for direction in DIRECTIONS if (found := _closing(asked, direction))]
    working = [one for one in ways if asked.verdict(applied(world, one)) is False]
    best = min(working, key=lambda one: (len(one), len(asked.also(one))), default=None)
    return None if best is None else _with_types(world, best)


def _with_types(world: PolicyWorld, edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """Without policyTypes, a policy whose last egress rule goes would no longer isolate egress: they must be written."""
    silent = {f"NetworkPolicy {'/'.join(one.key)}" for one in world.objects.policies if not one.spec.policy_types}
    found = list(edits)
    for one in edits:
        bare = one.before is not None and one.after is not None and one.before.egress and one.after.egress == ()
        if (
            bare
            and str(one.before) in silent
            and all(other.op != "set" or other.policy != one.policy for other in found)
        ):
            value = ["Ingress", "Egress"]
            says = "write policyTypes, for without egress rules it would isolate ingress only"
            found.append(Edit(one.policy, "spec.policyTypes", "set", value, says, one.before, one.after))
    return tuple(found)


def _closing(asked: Asked, direction: Direction) -> tuple[Edit, ...]:
    world, ask = asked.world, asked.asks[direction]
    subject = ask.subject
    if subject.kind != "pod" or subject.host_network:
        return ()
    by_tier = asked.best(_before_deciding(world, ask, "Deny"), direction, lambda made: _is(made, ask, False))
    if by_tier is not None:
        return (by_tier,)
    in_a_group = _in_all_of_a_group(world, ask, "Deny")
    if in_a_group:
        return in_a_group
    if on_its_node(world, ask):
        return ()
    policies = isolates(world, direction, subject)
    if not policies:
        found = asked.best(closed(world, subject, direction), direction, lambda made: _is(made, ask, False))
        return (found,) if found else ()
    return _all_removed(asked, ask, policies)


def _all_removed(asked: Asked, ask: Ask, policies: list[Policy]) -> tuple[Edit, ...]:
    """One removal for each rule that fits. Rules of one policy are taken from the last to the first, so that the paths of
    the others stay true.
    """
    world, chosen = asked.world, []
    for policy in policies:
        now = policy
        for at in reversed(range(len(policy.rules(ask.direction) or ()))):
            rule = (now.rules(ask.direction) or ())[at]
            if not rule_fits(world, rule, ask):
                continue
            options = narrowed(
                now, ask.direction, at, ask, lambda peer: any_of([peer_fits(world, peer, ask.other, ask.family)])
            )
            named = [_from(one, policy) for one in options]
            best = (
                min(named, key=lambda one: (asked.touched(one, ask.direction), one.labels))
                if len(named) > 1
                else named[0]
            )
            chosen.append(best)
            now = best.after  # type: ignore[assignment]
        chosen = [_with(one, now) if one.before == policy else one for one in chosen]
    return tuple(chosen)


def _from(edit: Edit, policy: Policy) -> Edit:
    return replace(edit, before=policy)
