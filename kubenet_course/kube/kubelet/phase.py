"""A pod's phase from its containers' states (pkg/kubelet/kubelet_pods.go, getPhase).

CrashLoopBackOff and Terminating are no phases: the first is the reason of a container that waits, the second is what
kubectl prints for a pod with a deletionTimestamp. Unknown is in the API; nothing has set it since 2015.
"""

from collections import Counter
from collections.abc import Iterator

from .restart import RESTARTING_ALL, should_restart
from .spec import Container, ContainerStatus, PodSpec, Terminated, status_of

PENDING, RUNNING, SUCCEEDED, FAILED, UNKNOWN = "Pending", "Running", "Succeeded", "Failed", "Unknown"

# Which phase may follow which. The status manager keeps a pod that has ended where it ended.
MOVES: dict[str, frozenset[str]] = {
    PENDING: frozenset({PENDING, RUNNING, SUCCEEDED, FAILED}),
    RUNNING: frozenset({PENDING, RUNNING, SUCCEEDED, FAILED}),  # Pending again: a sandbox that had to be made anew
    SUCCEEDED: frozenset({SUCCEEDED}),
    FAILED: frozenset({FAILED}),
}


def phase(
    spec: PodSpec,
    statuses: tuple[ContainerStatus, ...],
    *,
    is_terminal: bool = False,
    has_initialized: bool = False,
    is_static: bool = False,
) -> str:
    """`is_terminal`: nothing of the pod will be restarted (it is being deleted, or was evicted); `has_initialized`: a
    regular container of the present sandbox has started.
    """
    first = Counter(word for one in spec.init_containers for word in _before(one, spec, statuses))
    count = Counter(word for one in spec.init_containers if one.is_sidecar for word in _beside(one, statuses))
    count += Counter(word for one in spec.containers for word in _regular(one, spec, statuses))
    if first["failed for good"]:
        return FAILED
    if first["pending"] or (count["sidecar pending"] and not has_initialized) or count["waiting"]:
        return PENDING
    if count["unknown"]:
        return PENDING
    if count["running"]:
        return RUNNING
    if not count["stopped"]:
        return PENDING
    ended = SUCCEEDED if count["stopped"] == count["succeeded"] else FAILED
    if is_terminal and not is_static:
        return ended
    return RUNNING if count["stopped"] != count["stopped for good"] else ended


def kept(before: str, after: str) -> str:
    """The phase that is reported: what has ended stays ended."""
    return before if before in (SUCCEEDED, FAILED) else after


def _ended(status: ContainerStatus) -> Terminated | None:
    """How the last run ended, of a container that stands still."""
    state = status.state
    if state.running is not None:
        return None
    return state.terminated or (status.last_state.terminated if state.waiting is not None else None)


def _again(container: Container, spec: PodSpec, ended: Terminated) -> bool:
    return should_restart(container, spec, ended.exit_code) or ended.reason == RESTARTING_ALL


def _before(container: Container, spec: PodSpec, statuses: tuple[ContainerStatus, ...]) -> Iterator[str]:
    """An init container that must end well before the others start."""
    if container.is_sidecar:
        return
    status = status_of(statuses, container.name)
    ended = _ended(status) if status else None
    if ended is None:
        yield "pending"
    elif ended.exit_code != 0 and not _again(container, spec, ended):
        yield "failed for good"


def _beside(container: Container, statuses: tuple[ContainerStatus, ...]) -> Iterator[str]:
    """A sidecar: once it has run, its ends count for nothing."""
    status = status_of(statuses, container.name)
    if status is None:
        yield "unknown"
    elif status.state.running is not None:
        yield "running"
        if not status.started:
            yield "sidecar pending"
    elif status.state.terminated is not None:
        return
    elif status.state.waiting is None:
        yield from ("unknown", "sidecar pending")
    elif status.last_state.terminated is None:
        yield from ("waiting", "sidecar pending")


def _regular(container: Container, spec: PodSpec, statuses: tuple[ContainerStatus, ...]) -> Iterator[str]:
    status = status_of(statuses, container.name)
    if status is None:
        yield "unknown"
        return
    ended = _ended(status)
    if status.state.running is not None:
        yield "running"
    elif ended is not None:
        yield "stopped"
        if not _again(container, spec, ended):
            yield "stopped for good"
        if ended.exit_code == 0 and status.state.terminated is not None:
            yield "succeeded"
    else:
        yield "waiting" if status.state.waiting is not None else "unknown"
