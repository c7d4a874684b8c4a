"""What a Deployment's story is made of: its revisions, each a ReplicaSet with its pods, and what happened."""

from dataclasses import dataclass, field

import msgspec

from ..kubelet.life import Pod
from ..kubelet.spec import PodSpec


class Happened(msgspec.Struct, frozen=True):
    """Something in the Deployment's story. Plain data."""

    t: float
    what: str  # scaled, created, ready, not ready, deleted, gone, progressing, eviction, node
    name: str = ""
    revision: int = 0
    said: str = ""


@dataclass(eq=False)
class Revision:
    """A ReplicaSet: a template, how many pods it shall have, and those that it has."""

    number: int
    template: PodSpec
    is_new: bool
    wanted: int = 0
    pods: list[Pod] = field(default_factory=list)
