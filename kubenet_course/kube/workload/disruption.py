"""What befalls a node of a Deployment: it is drained, or it is lost."""

from ...linux.timeline import NEVER, SECOND
from ..kubelet.ending import delete
from ..kubelet.sync import resume
from . import budget as budgets
from .nodes import lost
from .world import WorkloadWorld


def drain(world: WorkloadWorld, node: str) -> None:
    """`kubectl drain`: no new pods on the node, and its pods are evicted, as fast as the budget grants it."""
    world.cordoned.add(node)
    world.say("node", node, said="cordoned")
    _evict(world, node)


def _evict(world: WorkloadWorld, node: str) -> None:
    """Asks once for every pod that is left; what is refused is asked again (pkg/registry/core/pod/storage)."""
    waiting = False
    for pod in [one for one in world.pods if one.node == node and not one.is_deleted]:
        healthy = sum(one.is_ready and not one.is_deleted for one in world.pods)
        granted = world.budget is None or budgets.grants(
            world.budget, healthy, world.spec.replicas, pod.phase, pod.is_ready
        )
        world.say("eviction", pod.name, said="granted" if granted else "429 Too Many Requests: the budget says no")
        if granted:
            delete(pod, why="evicted")
        waiting = waiting or not granted
    if waiting:
        world.timeline.after(budgets.RETRY_SECONDS * SECOND, lambda: _evict(world, node))


def lose(world: WorkloadWorld, node: str, returns: int = NEVER) -> None:
    """The node is cut off: what runs on it runs on, and nobody hears of it or reaches it."""
    then = lost(world.timeline.now, returns)
    for pod in world.pods:
        if pod.node == node:
            pod.is_lost = True
    world.say("node", node, said="falls silent")
    if then.unknown != NEVER:
        world.timeline.at(then.unknown, lambda: _unreachable(world, node))
    if then.evicts != NEVER:
        world.timeline.at(then.evicts, lambda: _taken(world, node))
    if returns != NEVER:
        world.timeline.at(returns, lambda: _returns(world, node))


def _unreachable(world: WorkloadWorld, node: str) -> None:
    world.cordoned.add(node)
    world.say("node", node, said="Ready is Unknown; its pods are marked not ready")
    for pod in world.pods:
        if pod.node == node and pod.is_lost:
            pod.is_ready = False
            world.hears(pod)


def _taken(world: WorkloadWorld, node: str) -> None:
    """The pods get a deletionTimestamp; nobody is there to end them."""
    for pod in world.pods:
        if pod.node == node and pod.is_lost and not pod.is_deleted:
            pod.is_deleted, pod.deleted_at = True, world.timeline.now
            world.hears(pod)


def _returns(world: WorkloadWorld, node: str) -> None:
    """The kubelet is back: pods that were deleted meanwhile end now, the others are as ready as they are."""
    world.cordoned.discard(node)
    world.say("node", node, said="is back")
    for pod in world.pods:
        if pod.node == node and pod.is_lost:
            pod.is_lost = False
            if pod.is_deleted:
                pod.is_deleted = False
                delete(pod, why="deleted while its node was lost")
            else:
                resume(pod)
                world.hears(pod)
