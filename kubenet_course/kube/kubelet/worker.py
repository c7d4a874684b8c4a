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


class ProbeKind(Enum):
    """The three questions, and what holds before the first answer."""

    LIVENESS = "liveness"
    READINESS = "readiness"
    STARTUP = "startup"


class ProbeResult(Enum):
    """A verdict. An answer is the first two of them, or ERROR: the question could not be asked, which counts neither
    way.
    """

    SUCCESS = "Success"
    FAILURE = "Failure"
    UNKNOWN = "Unknown"
    ERROR = "Error"


FIRST = {
    ProbeKind.READINESS: ProbeResult.FAILURE,
    ProbeKind.LIVENESS: ProbeResult.SUCCESS,
    ProbeKind.STARTUP: ProbeResult.UNKNOWN,
}
QUIET_END = frozenset(
    {ProbeKind.LIVENESS, ProbeKind.STARTUP}
)  # of a pod that is being deleted, these are no longer asked
KUBELET_GRACE = 10  # seconds: what started this long before the kubelet did was running when the kubelet restarted


class Worker(msgspec.Struct, frozen=True):
    """What a worker remembers. The count goes on from one container to the next."""

    kind: ProbeKind
    container_id: str = ""
    last: ProbeResult = ProbeResult.SUCCESS
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


class Tick(msgspec.Struct, frozen=True):
    """What a tick did. `published`: the verdict for the container, or None where it stays as it was."""

    worker: Worker
    published: ProbeResult | None = None
    keeps_going: bool = True
    asks: bool = False


def decide(worker: Worker, probe: Probe | None, pod: PodSpec, container: Container, seen: Seen | None) -> Tick:
    """The first half of a tick: everything that comes before the question."""
    if seen is None:
        return Tick(worker)
    if seen.phase in FAILED_OR_DONE:
        return Tick(worker, keeps_going=False)
    status = seen.status
    if status is None or not status.container_id:
        return Tick(worker)
    published = None
    if worker.container_id != status.container_id:
        worker = msgspec.structs.replace(worker, container_id=status.container_id, on_hold=False)
        published = None if seen.predates_kubelet else FIRST[worker.kind]
    if worker.on_hold:
        return Tick(worker, published)
    if status.state.running is None:
        ended = status.state.terminated
        again = ended is None or seen.restarts_all or should_restart(container, pod, ended.exit_code)
        return Tick(worker, ProbeResult.FAILURE, keeps_going=again)
    if seen.is_deleted and worker.kind in QUIET_END:
        return Tick(worker, ProbeResult.SUCCESS, keeps_going=False)
    if probe is not None and seen.age < probe.initial_delay_seconds:
        return Tick(worker, published)
    return Tick(worker, published, asks=bool(status.started) != (worker.kind is ProbeKind.STARTUP))


def heard(worker: Worker, probe: Probe, answer: ProbeResult) -> Tick:
    """The second half: the answer is counted, and at the threshold it becomes the verdict."""
    if answer is ProbeResult.ERROR:
        return Tick(worker)
    run = worker.run + 1 if worker.last is answer else 1
    worker = msgspec.structs.replace(worker, last=answer, run=run)
    if run < (probe.failures if answer is ProbeResult.FAILURE else probe.successes):
        return Tick(worker)
    if worker.kind is ProbeKind.STARTUP or (worker.kind is ProbeKind.LIVENESS and answer is ProbeResult.FAILURE):
        worker = msgspec.structs.replace(worker, run=0, on_hold=True)
    return Tick(worker, answer)


def is_started(status: ContainerStatus, verdict: ProbeResult | None, has_startup_worker: bool) -> bool:
    """`started` of a container (prober_manager.go, isContainerStarted). `verdict`: what the startup probe found."""
    if status.state.running is None:
        return False
    if verdict is not None:
        return verdict is ProbeResult.SUCCESS
    return bool(status.started) or not has_startup_worker


def is_ready(status: ContainerStatus, verdict: ProbeResult | None, has_readiness_worker: bool) -> bool:
    """`ready` of a started container (prober_manager.go, UpdatePodStatus): without a readiness probe, at once."""
    if not status.started or status.state.running is None:
        return False
    return verdict is ProbeResult.SUCCESS or not has_readiness_worker
