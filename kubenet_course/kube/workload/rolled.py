"""A rolling update watched from its first second to a last one: how each pod stood, what became of the requests.

`kubectl rollout status` looks at numbers of the Deployment's status only (kubectl,
pkg/polymorphichelpers/rollout_status.go); `status` is what it prints.
"""

from typing import Any

import msgspec

from ...errors import BadInput
from ...linux.timeline import seconds
from ..kubelet.behaviour_file import behaviour_of, names_of
from ..kubelet.event import Event
from ..kubelet.life import Pod
from .api import Deployment, PodDisruptionBudget
from .read import read_workload_text
from .revision import Happened
from .rollout import begun
from .traffic import Lost
from .watched import Second, by_second
from .world import WorkloadWorld

GONE = "gone"


class Stood(msgspec.Struct, frozen=True):
    """How one pod stood from a time on: `ready`, `not ready`, or what kubectl prints under STATUS."""

    t: float
    word: str


class Rolled(msgspec.Struct, frozen=True):
    """What became of a rollout, in plain values. `pods`: each pod's turns, in the order in which they were created."""

    name: str
    until: float
    pods: dict[str, tuple[Stood, ...]]
    requests: tuple[Second, ...]
    lost: tuple[Lost, ...]
    events: tuple[Happened, ...]
    status: str
    is_complete: bool

    @property
    def served_count(self) -> int:
        return sum(one.served for one in self.requests)

    @property
    def lost_count(self) -> int:
        return len(self.lost)

    def lost_since(self, t: float) -> int:
        """How many requests were lost at or after a time."""
        return sum(one.t >= t for one in self.lost)

    def __repr__(self) -> str:
        return f"{self.status}\n{self.served_count} requests served, {self.lost_count} lost"


def roll_out(
    manifest: str, behaviour: dict[str, Any] | None = None, until: float = 180, seed: int | None = None
) -> Rolled:
    """A Deployment rolled out once more, or its second text after its first; `behaviour` as in docs/behaviour.md.
    Raises BadInput as `kubenet rollout run` does.
    """
    found = read_workload_text(manifest)
    deployments = [one for one in found.objects if isinstance(one, Deployment)]
    if not 1 <= len(deployments) <= 2:
        raise BadInput("manifest", f"there are {len(deployments)} Deployments", "write one, or the old one and the new")
    if found.notices:
        raise BadInput("manifest", found.notices[0].partition(": ")[2], "leave it out, or mend its spelling")
    told = behaviour_of({"kind": "Behaviour", **(behaviour or {})})
    first, last = deployments[0], deployments[-1]
    pods = (first.spec.template.spec, last.spec.template.spec)
    names_of(told, [one.name for spec in pods for one in spec.init_containers + spec.containers], "behaviour")
    budgets = [one.spec for one in found.objects if isinstance(one, PodDisruptionBudget)]
    turns: dict[str, list[Stood]] = {}

    def tell(pod: Pod, event: Event) -> None:
        rows = turns.setdefault(pod.name, [Stood(seconds(pod.created), "Pending")])
        if rows[-1].word != (word := _word(pod)):
            rows.append(Stood(event.t, word))

    name, budget = first.metadata.name, (budgets[0] if budgets else None)
    world = begun(name, first.spec, last.spec, told, seed=seed, budget=budget, tell=tell)
    requests, lost = by_second(world.timeline, world.tally, until, lambda _: True)
    listed = {one: tuple(rows) for one, rows in turns.items()}
    return Rolled(name, until, listed, requests, lost, tuple(world.events), status(world), world.is_complete)


def _word(pod: Pod) -> str:
    if pod.is_gone:
        return GONE
    if pod.is_deleted or pod.printed != "Running":
        return pod.printed
    return "ready" if pod.is_ready else "not ready"


def status(world: WorkloadWorld) -> str:
    """What `kubectl rollout status` prints last. It watches until the rollout is complete once, and then it is gone:
    what becomes of the pods later it does not see.
    """
    wanted = world.spec.replicas
    counts = [world.counts(one) for one in world.revisions]
    updated, everything = counts[-1].there, sum(one.there for one in counts)
    waiting = f'Waiting for deployment "{world.name}" rollout to finish:'
    if world.is_done:
        return f'deployment "{world.name}" successfully rolled out'
    if world.is_late:
        return f'error: deployment "{world.name}" exceeded its progress deadline'
    if updated < wanted:
        return f"{waiting} {updated} out of {wanted} new replicas have been updated..."
    if everything > updated:
        return f"{waiting} {everything - updated} old replicas are pending termination..."
    return f"{waiting} {counts[-1].available} of {updated} updated replicas are available..."
