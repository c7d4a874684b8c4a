"""What `kubectl get pods` prints under STATUS and READY (pkg/printers/internalversion/printers.go, printPod).

STATUS is no field of a pod: kubectl makes it of the phase, of the containers' reasons and of the deletionTimestamp. So
CrashLoopBackOff, Init:0/2, Completed and Terminating stand there, and none of them is a phase.
"""

from collections.abc import Iterable

from .phase import FAILED, SUCCEEDED
from .spec import Condition, ContainerStatus, PodSpec, Terminated

NODE_LOST = "NodeLost"


def printed(
    spec: PodSpec,
    phase: str,
    statuses: tuple[ContainerStatus, ...],
    conditions: Iterable[Condition] = (),
    is_deleted: bool = False,
    reason: str = "",
) -> str:
    """The word under STATUS. `statuses`: of all containers, by name; `reason`: the pod's own, such as Evicted."""
    held = {one.type: one for one in conditions}
    if is_deleted and reason == NODE_LOST:
        return "Unknown"
    if is_deleted and phase not in (FAILED, SUCCEEDED):
        return "Terminating"
    word = reason or phase
    if held.get("PodScheduled", Condition()).reason == "SchedulingGated":
        word = "SchedulingGated"
    by_name = {one.name: one for one in statuses}
    starting = _starting(spec, by_name)
    if starting and held.get("Initialized", Condition()).status != "True":
        return starting
    return _running(
        starting or word,
        [by_name[one.name] for one in spec.containers if one.name in by_name],
        held.get("Ready", Condition()).status == "True",
    )


def ready_of(spec: PodSpec, statuses: tuple[ContainerStatus, ...]) -> str:
    """What stands under READY: how many containers and sidecars are ready, of how many."""
    asked = {one.name for one in spec.containers} | {one.name for one in spec.init_containers if one.is_sidecar}
    return f"{sum(one.ready for one in statuses if one.name in asked)}/{len(asked)}"


def _starting(spec: PodSpec, by_name: dict[str, ContainerStatus]) -> str:
    """Init:..., while an init container keeps the others waiting; "" where none does."""
    listed = [one for one in spec.init_containers if one.name in by_name]
    for index, one in enumerate(listed):
        status = by_name[one.name]
        ended, waiting = status.state.terminated, status.state.waiting
        if (ended is not None and ended.exit_code == 0) or (one.is_sidecar and status.started):
            continue
        if ended is not None:
            return f"Init:{_end(ended)}"
        if waiting is not None and waiting.reason not in ("", "PodInitializing"):
            return f"Init:{waiting.reason}"
        return f"Init:{index}/{len(spec.init_containers)}"
    return ""


def _running(word: str, statuses: list[ContainerStatus], is_ready: bool) -> str:
    """The first container's reason, if it has one; Completed does not stand beside a container that runs."""
    runs = False
    for status in reversed(statuses):
        ended, waiting = status.state.terminated, status.state.waiting
        if waiting is not None and waiting.reason:
            word = waiting.reason
        elif ended is not None:
            word = _end(ended)
        elif status.ready and status.state.running is not None:
            runs = True
    if word == "Completed" and runs:
        return "Running" if is_ready else "NotReady"
    return word


def _end(ended: Terminated) -> str:
    if ended.reason:
        return ended.reason
    return f"Signal:{ended.signal}" if ended.signal else f"ExitCode:{ended.exit_code}"
