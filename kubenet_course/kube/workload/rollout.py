"""A rolling update from its first pod to its last, with clients sending: what `kubenet rollout run` runs."""

from collections.abc import Callable
from functools import partial

import msgspec

from ...linux.timeline import NEVER, SECOND, Timeline
from ..kubelet.behaviour_file import Action, Told
from ..kubelet.event import Event
from ..kubelet.life import Pod
from .api import BudgetSpec, DeploymentSpec
from .disruption import drain, lose
from .world import WorkloadWorld


def rollout(
    name: str,
    before: DeploymentSpec,
    after: DeploymentSpec,
    told: Told,
    until: float,
    *,
    seed: int | None = None,
    budget: BudgetSpec | None = None,
    tell: Callable[[Pod, Event], None] | None = None,
) -> WorkloadWorld:
    """The world after `until` seconds."""
    world = begun(name, before, after, told, seed=seed, budget=budget, tell=tell)
    world.timeline.run(round(until * SECOND))
    return world


def begun(
    name: str,
    before: DeploymentSpec,
    after: DeploymentSpec,
    told: Told,
    *,
    seed: int | None = None,
    budget: BudgetSpec | None = None,
    tell: Callable[[Pod, Event], None] | None = None,
) -> WorkloadWorld:
    """The world at its beginning; whoever calls lets its timeline run. The first revision is there from the start; the
    clients begin once all of it is available and every node has heard of it, or when the second is rolled out at the latest.
    """
    timeline = Timeline()
    world = WorkloadWorld(timeline, name, before, told, told.seed if seed is None else seed, budget, tell)
    world.apply(before, is_new=False)
    at = round(told.rolls_out_at * SECOND)

    def begins() -> None:
        if not world.sends:
            if world.is_complete or timeline.now >= at:
                world.sends = True
                timeline.after(round(told.network.slowest * SECOND), world.send)
            else:
                timeline.after(SECOND, begins)

    timeline.after(SECOND, begins)
    timeline.at(at, lambda: world.apply(after))
    for action in told.actions:
        timeline.at(round(action.at * SECOND), partial(_do, world, action))
    return world


def _do(world: WorkloadWorld, action: Action) -> None:
    if action.do == "undo":
        world.undo()
    elif action.do in ("pause", "resume"):
        world.pause(action.do == "pause")
    elif action.do == "drain":
        drain(world, action.node)
    else:
        lose(world, action.node, NEVER if action.returns is None else round(action.returns * SECOND))


def answer(world: WorkloadWorld) -> dict[str, object]:
    """What the command prints as JSON."""
    tally = world.tally
    return {
        "events": msgspec.to_builtins(world.events),
        "requests": {
            "sent": tally.sent,
            "served": tally.served,
            "failed": tally.failed,
            "retried": tally.retried,
            "by_cause": dict(sorted(tally.by_cause.items())),
        },
        "lost": msgspec.to_builtins(tally.lost),
        "complete": world.is_complete,
    }
