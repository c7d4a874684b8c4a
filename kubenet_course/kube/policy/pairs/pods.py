"""Whom a selector fits, asked once a class and not once a pod."""

from ..judge.values import PodPeer, Port
from ..judge.world import PolicyWorld, Who
from .classes import NONE, Classes, places
from .matrix import usual_family
from .sets import Sets


class Pods:
    """The pods of a world by class, so that a selector is asked once and not once a pod."""

    def __init__(self, world: PolicyWorld):
        members = list(world.pods.values())
        self.classes = Classes(world, members, Port(1), usual_family(members), world.policies)
        self.sets = Sets(world, self.classes)
        self.by_class: list[list[Who]] = [[] for _ in range(self.classes.size)]
        for pod, at in zip(members, self.classes.of, strict=True):
            self.by_class[at].append(pod)

    def fitting(self, *peers: PodPeer) -> list[Who]:
        """The pods that one of the peers fits, or may fit."""
        found = NONE
        for peer in peers:
            found |= self.sets.peer(peer)
        return [pod for at in places(found.may) for pod in self.by_class[at]]
