"""Which pods a ReplicaSet deletes first (pkg/controller/controller_utils.go, ActivePodsWithRanks)."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from ...linux.timeline import SECOND

PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


class Candidate(msgspec.Struct, frozen=True):
    """What the choice looks at. Times in nanoseconds; `ready_since` counts for a pod that is ready."""

    name: str
    node: str
    phase: str
    is_ready: bool
    created: int
    ready_since: int = 0
    restarts: int = 0
    cost: int = 0  # the annotation controller.kubernetes.io/pod-deletion-cost


def victims(candidates: Iterable[Candidate], how_many: int, now: int) -> list[str]:
    """Names, the first to go first: without a node, in an earlier phase, not ready, cheaper, on a node with more of its
    kind, ready for less long, restarted more often, younger. Ages are compared by their logarithms, so that among pods of
    about one age chance decides (KEP-2185); here the name stands for chance.
    """
    listed = list(candidates)
    beside = Counter(one.node for one in listed)

    def rank(one: Candidate) -> tuple[object, ...]:
        return (
            one.node != "",
            PHASES.get(one.phase, 2),
            one.is_ready,
            one.cost,
            -beside[one.node],
            _scale(now - one.ready_since) if one.is_ready else 0,
            -one.restarts,
            _scale(now - one.created),
            one.name,
        )

    return [one.name for one in sorted(listed, key=rank)[:how_many]]


def _scale(age: int) -> int:
    """The logarithm of an age in seconds, to the base of two."""
    return max(0, age // SECOND).bit_length()
