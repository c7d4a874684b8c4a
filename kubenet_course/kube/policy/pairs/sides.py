"""One direction of all pairs: what may be allowed and what may be denied, tier by tier, a sender's class at a time."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from ..judge.values import Action, Direction, Peer, Policy, Tier
from ..judge.world import PolicyWorld
from .classes import NONE, Bits, places
from .senders import Senders
from .sets import Sets


class Row(NamedTuple):
    """Whom a sender may reach (`can`), and may not (`cannot`), as far as one direction goes."""

    can: int
    cannot: int

    def both(self, other: "Row") -> "Row":
        return Row(self.can & other.can, self.cannot | other.cannot)


class Side(ABC):
    """What both directions share: the order of tiers."""

    direction: Direction

    def __init__(self, sets: Sets, world: PolicyWorld, named: Sequence[Policy]):
        self.sets, self.world = sets, world
        self.named = [one for one in named if one.rules(self.direction) is not None]
        self.tiers: dict[Tier, list] = {tier: self._compiled(tier) for tier in ("Admin", "Baseline")}

    def _compiled(self, tier: Tier) -> list:
        """By priority: each policy's subject, and its rules as (action, peers, where the port fits)."""
        groups = [[one for one in group if one.rules(self.direction)] for group in self.world.groups(tier)]
        return [[self._rules(policy) for policy in group] for group in groups if group]

    def _rules(self, policy: Policy) -> tuple[Bits, list[tuple[Action, Bits, int]]]:
        strange = str(policy) in self.world.half_read
        rules = []
        for rule in policy.rules(self.direction) or ():
            peers = self.sets.peers(rule)
            rules.append((rule.action, Bits(0, peers.may) if strange else peers, self.sets.ports(rule)))
        return self.sets.subject(policy), rules

    @abstractmethod
    def hits(self, at: int, subject: Bits, peers: Bits, ports: int) -> Bits:
        """For a sender: the receivers for which a rule fits."""

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

    @abstractmethod
    def allowed(self, at: int) -> tuple[int, Bits]:
        """For a sender: the receivers for which NetworkPolicies isolate, and those for which one of them allows."""

    @abstractmethod
    def exempt(self, at: int) -> int:
        """The receivers at whose end no policy is asked."""

    def row(self, at: int) -> Row:
        """Complements are made by ^ within a set: ~ would make negative numbers, at twice the price."""
        everybody, free = self.sets.classes.all, self.exempt(at)
        if free == everybody:
            return Row(everybody, 0)
        can, cannot, onward = 0, 0, everybody ^ free
        if self.tiers["Admin"]:
            can, cannot, onward = self.tier("Admin", at, onward)
        isolated, allowed = self.allowed(at)
        if isolated:
            closed = onward & isolated
            can |= closed & allowed.may
            cannot |= closed ^ (closed & allowed.sure)
            onward ^= closed
        if self.tiers["Baseline"]:
            accept, deny, onward = self.tier("Baseline", at, onward)
            can, cannot = can | accept, cannot | deny
        return Row(can | onward | free, cannot)


class Egress(Side):
    """The sender is the subject."""

    direction: Direction = "egress"

    def __init__(self, sets: Sets, world: PolicyWorld, named: Sequence[Policy]):
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


def _reach(sets: Sets, world: PolicyWorld, policy: Policy, direction: Direction) -> Bits:
    if str(policy) in world.half_read:
        return Bits(0, sets.classes.all)
    found = NONE
    for rule in policy.rules(direction) or ():
        ports = sets.ports(rule)
        if ports:
            found |= sets.peers(rule) & Bits(ports, ports)
    return found


class Ingress(Side):
    """The receivers are the subjects."""

    direction: Direction = "ingress"

    def __init__(self, sets: Sets, world: PolicyWorld, named: Sequence[Policy]):
        super().__init__(sets, world, named)
        self.isolated = 0
        allowed: dict[Peer | None, int] = {}
        strange = 0
        for policy in self.named:
            selected = sets.subject(policy).sure
            self.isolated |= selected
            if str(policy) in world.half_read:
                strange |= selected
                continue
            for rule in policy.rules(self.direction) or ():
                to = selected & sets.ports(rule)
                for peer in rule.peers if rule.peers is not None else (None,):
                    allowed[peer] = allowed.get(peer, 0) | to
        self.senders = Senders(sets, world, allowed)
        self.strange = Bits(0, strange)

    def hits(self, at: int, subject: Bits, peers: Bits, ports: int) -> Bits:
        if not peers.may >> at & 1:
            return NONE
        return Bits(subject.sure & ports if peers.sure >> at & 1 else 0, subject.may & ports)

    def allowed(self, at: int) -> tuple[int, Bits]:
        found = self.senders.reach(at)
        return self.isolated, found | self.strange if self.strange.may else found

    def exempt(self, at: int) -> int:
        return self.sets.special
