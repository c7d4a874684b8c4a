"""Every pair at once: `decide`, with sets of receivers where it has one. A row is a sender's class.

What may be allowed and what may be denied are two sets; a pair in both is undefined, or hangs on what no file says.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from operator import itemgetter
from typing import NamedTuple

from .classes import NONE, Bits, Classes, places
from .decide import decide
from .fits import seen_as_node
from .sets import Sets, isolated
from .values import Direction, Policy, Port, Tier
from .world import Who, World


class Row(NamedTuple):
    """Whom a sender may reach (`can`), and may not (`cannot`), as far as one direction goes."""

    can: int
    cannot: int

    def both(self, other: "Row") -> "Row":
        return Row(self.can & other.can, self.cannot | other.cannot)


class Matrix:
    """Who may ask whom at one port. Rows are by class; `text` spells them out for every member."""

    def __init__(self, world: World, port: Port, members: Sequence[Who] | None = None, family: int = 0):
        self.world, self.port = world, port
        self.members = list(world.pods.values()) if members is None else list(members)
        self.family = family or usual_family(self.members)
        self.classes = Classes(world, self.members, port, self.family, world.policies)
        self.sets = Sets(world, self.classes)
        named = [one for one in world.policies if one.tier == "NetworkPolicy"]
        self._egress = _Egress(self.sets, world, named)
        self._ingress = _Ingress(self.sets, world, named)

    @cached_property
    def egress(self) -> list[Row]:
        return [self._egress.row(at) for at in range(self.classes.size)]

    @cached_property
    def ingress(self) -> list[Row]:
        return [self._ingress.row(at) for at in range(self.classes.size)]

    @cached_property
    def combined(self) -> list[Row]:
        return [one.both(other) for one, other in zip(self.egress, self.ingress, strict=True)]

    def text(self, rows: Sequence[Row], which: int) -> Iterable[str]:
        """A string per member: 1, 0, or ? where it is not certain. `which`: 0 ingress, 1 egress, 2 combined."""
        spell = itemgetter(*self.classes.of) if len(self.members) > 1 else lambda row: row[self.classes.of[0]]
        known: dict[int, str] = {}
        spelled: dict[Row, str] = {}
        for source, at in enumerate(self.classes.of):
            if at not in known:
                row = rows[at]
                if row not in spelled:
                    spelled[row] = "".join(spell(digits(row, self.classes.size)))
                known[at] = spelled[row]
            yield self._corrected(source, known[at], which)

    def _corrected(self, source: int, row: str, which: int) -> str:
        fixed = self.exceptions.get(source, {})
        changed = list(row)
        changed[source] = "1"
        for to, answers in fixed.items():
            changed[to] = answers[which]
        return "".join(changed)

    @cached_property
    def exceptions(self) -> dict[int, dict[int, str]]:
        """Pairs that classes cannot tell: a pod and those in its own node's network, and ends of different families."""
        found: dict[int, dict[int, str]] = {}
        for source, to in self._odd_pairs():
            verdict = decide(self.world, self.members[source], self.members[to], self.port)
            sides = [{end.allowed for end in side} for side in (verdict.ingress, verdict.egress)]
            found.setdefault(source, {})[to] = "".join(
                [*("?" if len(side) > 1 else str(int(side == {True})) for side in sides), digit(verdict.allowed)]
            )
        return found

    def _odd_pairs(self) -> Iterable[tuple[int, int]]:
        homes: dict[str, list[int]] = {}
        nodes: dict[str, list[int]] = {}
        for at, one in enumerate(self.members):
            node = seen_as_node(self.world, one) if one.kind != "pod" or one.host_network else None
            if one.kind == "pod" and one.node and not one.host_network:
                homes.setdefault(one.node, []).append(at)
            elif node is not None or one.node:
                nodes.setdefault(node.name if node else one.node, []).append(at)
        policed = self.world.policies and nodes
        for name, shared in nodes.items() if policed else ():
            for at in shared:
                for pod in homes.get(name, ()):
                    yield from (pair for pair in ((at, pod), (pod, at)) if self._denied(*pair))
        odd = [at for at, one in enumerate(self.members) if one.addresses and self.classes.address(one) is None]
        for at in odd:
            for other in range(len(self.members)):
                yield at, other
                yield other, at

    def _denied(self, source: int, to: int) -> bool:
        row, at = self.combined[self.classes.of[source]], self.classes.of[to]
        return bool(row.cannot >> at & 1)

    def allowed(self, source: int, to: int) -> bool | None:
        """One pair of it, by the members' places."""
        if source == to:
            return True
        fixed = self.exceptions.get(source, {}).get(to)
        if fixed is not None:
            return {"1": True, "0": False}.get(fixed[2])
        row, at = self.combined[self.classes.of[source]], self.classes.of[to]
        can, cannot = row.can >> at & 1, row.cannot >> at & 1
        return None if can and cannot else bool(can)


def digit(allowed: bool | None) -> str:
    return "?" if allowed is None else str(int(allowed))


def digits(row: Row, size: int) -> str:
    """A row as text, first class first."""
    said = f"{row.can & ~row.cannot:0{size}b}"[::-1]
    doubt = row.can & row.cannot
    if not doubt:
        return said
    changed = list(said)
    for at in places(doubt):
        changed[at] = "?"
    return "".join(changed)


def usual_family(members: Iterable[Who]) -> int:
    """The family that most members have first."""
    found = Counter(6 if ":" in one.addresses[0] else 4 for one in members if one.addresses)
    return found.most_common(1)[0][0] if found else 4


class _Side:
    """What both directions share: the order of tiers."""

    direction: Direction

    def __init__(self, sets: Sets, world: World, named: Sequence[Policy]):
        self.sets, self.world = sets, world
        self.named = [one for one in named if one.rules(self.direction) is not None]
        self.tiers: dict[Tier, list] = {tier: self._compiled(tier) for tier in ("Admin", "Baseline")}

    def _compiled(self, tier: Tier) -> list:
        """By priority: each policy's subject, and its rules as (action, peers, where the port fits)."""
        groups = [[one for one in group if one.rules(self.direction)] for group in self.world.groups(tier)]
        return [[self._rules(policy) for policy in group] for group in groups if group]

    def _rules(self, policy: Policy) -> tuple[Bits, list[tuple[str, Bits, int]]]:
        strange = str(policy) in self.world.half_read
        rules = []
        for rule in policy.rules(self.direction) or ():
            peers = self.sets.peers(rule)
            rules.append((rule.action, Bits(0, peers.may) if strange else peers, self.sets.ports(rule)))
        return self.sets.subject(policy), rules

    def hits(self, at: int, subject: Bits, peers: Bits, ports: int) -> Bits:
        """For a sender: the receivers for which a rule fits."""
        raise NotImplementedError

    def tier(self, tier: Tier, at: int, live: int) -> tuple[int, int, int]:
        """Of the receivers that come to a tier: those it may accept, may deny, and may let through to the next."""
        accept = deny = through = 0
        for group in self.tiers[tier]:
            left = live
            for subject, rules in group:
                still = live
                for action, peers, ports in rules:
                    hit = self.hits(at, subject, peers, ports)
                    if action == "Accept":
                        accept |= hit.may & still
                    elif action == "Deny":
                        deny |= hit.may & still
                    else:
                        through |= hit.may & still
                    still &= ~hit.sure
                left &= still
            live = left
        return accept, deny, through | live

    def allowed(self, at: int) -> tuple[int, Bits]:
        """For a sender: the receivers for which NetworkPolicies isolate, and those for which one of them allows."""
        raise NotImplementedError

    def exempt(self, at: int) -> int:
        """The receivers at whose end no policy is asked."""
        raise NotImplementedError

    def row(self, at: int) -> Row:
        free = self.exempt(at)
        can, cannot, onward = self.tier("Admin", at, self.sets.classes.all & ~free)
        isolated, allowed = self.allowed(at)
        can |= onward & isolated & allowed.may
        cannot |= onward & isolated & ~allowed.sure
        accept, deny, through = self.tier("Baseline", at, onward & ~isolated)
        return Row(can | accept | through | free, cannot | deny)


class _Egress(_Side):
    """The sender is the subject."""

    direction: Direction = "egress"

    def __init__(self, sets: Sets, world: World, named: Sequence[Policy]):
        super().__init__(sets, world, named)
        self.reach = [_reach(sets, world, policy, self.direction) for policy in self.named]
        self.chosen: list[list[int]] = [[] for _ in range(sets.classes.size)]
        for place, policy in enumerate(self.named):
            for at in places(sets.subject(policy).sure):
                self.chosen[at].append(place)
        self.known: dict[tuple[int, ...], Bits] = {}

    def hits(self, at: int, subject: Bits, peers: Bits, ports: int) -> Bits:
        if not subject.may >> at & 1:
            return NONE
        return Bits(peers.sure & ports if subject.sure >> at & 1 else 0, peers.may & ports)

    def allowed(self, at: int) -> tuple[int, Bits]:
        chosen = tuple(self.chosen[at])
        if not chosen:
            return 0, NONE
        if chosen not in self.known:
            found = NONE
            for place in chosen:
                found |= self.reach[place]
            self.known[chosen] = found
        return self.sets.classes.all, self.known[chosen]

    def exempt(self, at: int) -> int:
        return self.sets.classes.all if self.sets.special >> at & 1 else 0


def _reach(sets: Sets, world: World, policy: Policy, direction: Direction) -> Bits:
    if str(policy) in world.half_read:
        return Bits(0, sets.classes.all)
    found = NONE
    for rule in policy.rules(direction) or ():
        ports = sets.ports(rule)
        if ports:
            found |= sets.peers(rule) & Bits(ports, ports)
    return found


class _Ingress(_Side):
    """The receivers are the subjects."""

    direction: Direction = "ingress"

    def __init__(self, sets: Sets, world: World, named: Sequence[Policy]):
        super().__init__(sets, world, named)
        self.isolated = isolated(sets, self.named, self.direction)
        by_peer: dict[int, int] = {}
        doubtful: dict[int, int] = {}
        for policy in self.named:
            strange = str(policy) in world.half_read
            selected = sets.subject(policy).sure
            for rule in policy.rules(self.direction) or ():
                to = selected & sets.ports(rule)
                for peers in map(sets.peer, rule.peers) if rule.peers is not None else (sets.all,) if to else ():
                    if peers.sure and not strange:
                        by_peer[peers.sure] = by_peer.get(peers.sure, 0) | to
                    if peers.may != peers.sure:
                        doubtful[peers.may] = doubtful.get(peers.may, 0) | to
            if strange:
                doubtful[sets.classes.all] = doubtful.get(sets.classes.all, 0) | selected
        self.sure, self.may = self._by_sender(by_peer), self._by_sender(doubtful)

    def _by_sender(self, by_peer: dict[int, int]) -> list[int]:
        """For every sender, the union over the sets of peers that hold it."""
        size, everybody, found = self.sets.classes.size, self.sets.classes.all, 0
        rows = [0] * size
        for peers, to in by_peer.items():
            if peers == everybody:
                found |= to
            elif to:
                for at in places(peers):
                    rows[at] |= to
        return [row | found for row in rows] if found else rows

    def hits(self, at: int, subject: Bits, peers: Bits, ports: int) -> Bits:
        if not peers.may >> at & 1:
            return NONE
        return Bits(subject.sure & ports if peers.sure >> at & 1 else 0, subject.may & ports)

    def allowed(self, at: int) -> tuple[int, Bits]:
        return self.isolated, Bits(self.sure[at], self.sure[at] | self.may[at])

    def exempt(self, at: int) -> int:
        return self.sets.special
