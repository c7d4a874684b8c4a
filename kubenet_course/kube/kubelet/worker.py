"""One probe of one container: what its worker does at a tick (pkg/kubelet/prober/worker.go, doProbe of 1.36).

Pure: a worker, what is seen of the pod, the time; out come the worker afterwards and the verdict that it published.
The asking itself stands between two halves: `decide` says whether to ask, `heard` counts the answer. So the model's
timeline and the prober on real sockets use the same rules.
"""

from enum import Enum

import msgspec

from .restart import should_restart
from .spec import Container, ContainerStatus, PodSpec, Probe

FAILED_OR_DONE = ("Failed", "Succeeded")


class Kind(Enum):
    """The three questions, and what holds before the first answer."""

    LIVENESS = "liveness"
    READINESS = "readiness"
    STARTUP = "startup"


class Result(Enum):
    """A verdict. An answer is the first two of them, or ERROR: the question could not be asked, which counts neither
    way.
    """

    SUCCESS = "Success"
    FAILURE = "Failure"
    UNKNOWN = "Unknown"
    ERROR = "Error"


FIRST = {Kind.READINESS: Result.FAILURE, Kind.LIVENESS: Result.SUCCESS, Kind.STARTUP: Result.UNKNOWN}
QUIET_END = frozenset({Kind.LIVENESS, Kind.STARTUP})  # of a pod that is being deleted, these are no longer asked
KUBELET_GRACE = 10  # seconds: what started this long before the kubelet did was running when the kubelet restarted


class Worker(msgspec.Struct, frozen=True):
    """What a worker remembers. The count goes on from one container to the next."""

    kind: Kind
    container_id: str = ""
    last: Result = Result.SUCCESS
    run: int = 0  # answers like the last one, in a row
    on_hold: bool = False  # until there is a new container


class Seen(msgspec.Struct, frozen=True):
    """What the kubelet knows of the pod and the container at this tick. No status at all: None instead of this."""

    phase: str
    status: ContainerStatus | None  # None, or one without an id: not created yet
    age: int = 0  # whole seconds since the container started
    is_deleted: bool = False
    restarts_all: bool = False  # a container's rule is restarting the whole pod
    predates_kubelet: bool = False


class Step(msgspec.Struct, frozen=True):
    """What a tick did. `published`: the verdict for the container, or None where it stays as it was."""

    worker: Worker
    published: Result | None = None
    keeps_going: bool = True
    asks: bool = False


def decide(worker: Worker, probe: Probe | None, pod: PodSpec, container: Container, seen: Seen | None) -> Step:
    """The first half of a tick: everything that comes before the question."""
    if seen is None:
        return Step(worker)
    if seen.phase in FAILED_OR_DONE:
        return Step(worker, keeps_going=False)
    status = seen.status
    if status is None or not status.container_id:
        return Step(worker)
    published = None
    if worker.container_id != status.container_id:
        worker = msgspec.structs.replace(worker, container_id=status.container_id, on_hold=False)
        published = None if seen.predates_kubelet else FIRST[worker.kind]
    if worker.on_hold:
        return Step(worker, published)
    if status.state.running is None:
        ended = status.state.terminated
        again = ended is None or seen.restarts_all or should_restart(container, pod, ended.exit_code)
        return Step(worker, Result.FAILURE, keeps_going=again)
    if seen.is_deleted and worker.kind in QUIET_END:
        return Step(worker, Result.SUCCESS, keeps_going=False)
    if probe is not None and seen.age < probe.initial_delay_seconds:
        return Step(worker, published)
    return Step(worker, published, asks=bool(status.started) != (worker.kind is Kind.STARTUP))


def heard(worker: Worker, probe: Probe, answer: Result) -> Step:
    """The second half: the answer is counted, and at the threshold it becomes the verdict."""
    if answer is Result.ERROR:
        return Step(worker)
    run = worker.run + 1 if worker.last is answer else 1
    worker = msgspec.structs.replace(worker, last=answer, run=run)
    if run < (probe.failures if answer is Result.FAILURE else probe.successes):
        return Step(worker)
    if worker.kind is Kind.STARTUP or (worker.kind is Kind.LIVENESS and answer is Result.FAILURE):
        worker = msgspec.structs.replace(worker, run=0, on_hold=True)
    return Step(worker, answer)


def is_started(status: ContainerStatus, verdict: Result | None, has_startup_worker: bool) -> bool:
    """`started` of a container (prober_manager.go, isContainerStarted). `verdict`: what the startup probe found."""
    if status.state.running is None:
        return False
    if verdict is not None:
        return verdict is Result.SUCCESS
    return bool(status.started) or not has_startup_worker


def is_ready(status: ContainerStatus, verdict: Result | None, has_readiness_worker: bool) -> bool:
    """`ready` of a started container (prober_manager.go, UpdatePodStatus): without a readiness probe, at once."""
    if not status.started or status.state.running is None:
        return False
    return verdict is Result.SUCCESS or not has_readiness_worker
