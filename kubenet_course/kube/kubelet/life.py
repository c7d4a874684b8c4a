"""A pod while it lives on a node: what its containers do, what the kubelet has seen of them, what it tells.

The truth (processes) and what the kubelet knows (statuses) differ: the kubelet looks at its containers once a second
(pleg/generic.go), so that a container that has just ended is Running for a moment longer.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from ...linux.timeline import SECOND, Timeline, seconds
from . import conditions
from .behaviour import Behaviour, Process
from .event import Event, Settings
from .outcome import ProbeOutcome
from .phase import PENDING, kept, phase
from .printed import printed
from .restart import BackOff
from .spec import Condition, Container, ContainerState, ContainerStatus, PodSpec, Running, Terminated, Waiting
from .worker import ProbeKind, ProbeResult, Worker, is_ready, is_started

NOTHING_SEEN, NO_BACK_OFF = ContainerStatus(), BackOff()
INIT, SIDECAR, REGULAR = "init", "sidecar", "regular"


@dataclass(eq=False)
class Box:
    """One container of a pod, through all its runs."""

    spec: Container
    kind: str
    behaviour: Behaviour
    process: Process | None = None  # None: it does not run
    arrivals: deque[int] = field(default_factory=deque)  # of requests, in the last second
    status: ContainerStatus = NOTHING_SEEN
    runs: int = 0
    finished: int = -1  # when the last run ended
    ended: Terminated | None = None
    waits_for: str = "ContainerCreating"
    back_off: BackOff = NO_BACK_OFF
    pulls: int = 0  # attempts to get its image that failed
    pulls_again: int = 0  # when the next one may come
    is_starting: bool = False
    is_ending: bool = False
    end_event: int = 0  # of a program that ends by itself
    after_end: list[Callable[[], None]] = field(default_factory=list)  # who waits for its end
    workers: dict[ProbeKind, Worker] = field(default_factory=dict)
    verdicts: dict[ProbeKind, ProbeResult] = field(default_factory=dict)
    first: dict[ProbeKind, int] = field(default_factory=dict)  # worker -> when its ticker rang first
    rang: dict[ProbeKind, int] = field(default_factory=dict)  # worker -> when its ticker rang last
    ticks: dict[ProbeKind, int] = field(default_factory=dict)  # worker -> its next event; none: it sleeps until `wake`
    busy: set[ProbeKind] = field(default_factory=set)  # workers that wait for an answer
    answers: dict[ProbeKind, int] = field(default_factory=dict)  # the events of those answers, in the model
    passed: dict[ProbeKind, tuple[int, int]] = field(default_factory=dict)  # answers passed over: asked when, due when
    end_put: int = 0  # when the event of its end was put on the timeline: of two at one time the older comes first
    again: set[ProbeKind] = field(default_factory=set)  # and that were called meanwhile

    @property
    def name(self) -> str:
        return self.spec.name

    def load(self, now: int) -> int:
        """How many requests have come within the last second."""
        while self.arrivals and self.arrivals[0] <= now - SECOND:
            self.arrivals.popleft()
        return len(self.arrivals)

    @property
    def is_seen(self) -> bool:
        """Whether the kubelet knows of the run that is the last one by now."""
        return self.status.container_id == self.id

    @property
    def id(self) -> str:
        return f"{self.name}-{self.runs - 1}" if self.runs else ""


@dataclass(eq=False)
class Pod:
    """A pod on its node. `tell` hears every event; `changed` hears that readiness, phase or deletion changed."""

    name: str
    spec: PodSpec
    timeline: Timeline
    settings: Settings
    boxes: list[Box]
    tell: Callable[[Event], None] | None = None
    changed: Callable[["Pod"], None] | None = None
    sync: Callable[["Pod"], None] | None = None  # what the pod's worker does; None until it is scheduled
    asks: Callable[["Pod", Box, ProbeKind, Callable[[ProbeOutcome], None]], None] | None = (
        None  # a prober on real sockets
    )
    relist: Callable[["Pod"], None] | None = None  # what the kubelet does when it looks at its containers
    node: str = ""
    created: int = 0
    has_sandbox: bool = False
    has_initialized: bool = False
    is_deleted: bool = False  # it has a deletionTimestamp
    is_gone: bool = False
    is_unschedulable: bool = False  # no node takes it
    is_lost: bool = False  # its node is gone, and nobody has told it so
    is_killing: bool = False  # the pod's worker is busy ending a container
    phase: str = PENDING
    gates: dict[str, str] = field(default_factory=dict)  # conditions that others set
    conditions: tuple[Condition, ...] = ()
    is_ready: bool = False
    in_endpoints: bool = False
    grace: int = 0
    deleted_at: int = 0
    ends_at: int = -1  # a pod whose own containers have ended: when its sidecars' grace is over

    def say(self, what: str, box: Box | None = None, probe: str = "", result: str = "", said: str = "") -> None:
        if self.tell is None:
            return
        status = box.status if box else NOTHING_SEEN
        self.tell(
            Event(
                seconds(self.timeline.now),
                what,
                box.name if box else "",
                probe,
                result,
                bool(status.started),
                status.ready if box else self.is_ready,
                status.restart_count,
                self.phase,
                "" if self.settings.quiet else self.printed,
                self.in_endpoints,
                said,
            )
        )

    @property
    def printed(self) -> str:
        """What kubectl prints under STATUS."""
        known = tuple(box.status for box in self.boxes)
        return printed(self.spec, self.phase, known, self.conditions, self.is_deleted)

    def sync_soon(self, wait: int = 0) -> None:
        """Asks the pod's worker for a sync."""
        if self.sync is not None and not self.is_gone:
            sync = self.sync
            self.timeline.after(wait, lambda: sync(self))

    def relist_soon(self) -> None:
        """The kubelet will notice at its next look. It looks at whole multiples of the interval."""
        if self.relist is not None:
            every, relist = self.settings.relist, self.relist
            self.timeline.after(-self.timeline.now % every if every else 0, lambda: relist(self))


def look(pod: Pod, box: Box) -> None:
    """The kubelet looks at a container: the truth becomes its status."""
    state, last = _state(box)
    number = box.runs - 1
    status = ContainerStatus(
        name=box.name,
        state=state,
        last_state=last,
        restart_count=max(0, number),
        container_id=box.id,
    )
    if box.status.container_id != status.container_id:
        box.verdicts.clear()
    box.status = status
    refresh(box)


def refresh(box: Box) -> None:
    """`started` and `ready` of a status, after a verdict."""
    status = msgspec.structs.replace(box.status, started=None)
    started = is_started(status, box.verdicts.get(ProbeKind.STARTUP), ProbeKind.STARTUP in box.workers)
    status = msgspec.structs.replace(status, started=started)
    if box.kind == INIT:
        ended = status.state.terminated
        ready = ended is not None and ended.exit_code == 0
    else:
        ready = is_ready(status, box.verdicts.get(ProbeKind.READINESS), ProbeKind.READINESS in box.workers)
    box.status = msgspec.structs.replace(status, ready=ready)


def _state(box: Box) -> tuple[ContainerState, ContainerState]:
    last = ContainerState(terminated=box.ended)
    if box.process is not None:
        return ContainerState(running=Running()), last
    if box.ended is not None and not box.waits_for:
        return last, ContainerState()
    return ContainerState(waiting=Waiting(reason=box.waits_for or "ContainerCreating")), last


def report(pod: Pod) -> None:
    """Phase and conditions anew; whoever listens is told of what changed."""
    known = tuple(box.status for box in pod.boxes)
    was, was_ready = pod.phase, pod.is_ready
    pod.has_initialized = pod.has_initialized or any(box.runs for box in pod.boxes if box.kind == REGULAR)
    running = any(box.process is not None for box in pod.boxes)
    over = pod.is_deleted and not running
    pod.phase = kept(was, phase(pod.spec, known, is_terminal=over, has_initialized=pod.has_initialized))
    held = [Condition(type=name, status=value) for name, value in pod.gates.items()]
    sandboxes = (conditions.Sandbox(True, "10.0.0.1", pod.spec.host_network),) if pod.has_sandbox else ()
    before = {one.type: one for one in pod.conditions}
    pod.conditions = (
        conditions.scheduled(pod.node),
        conditions.ready_to_start_containers(pod.spec, sandboxes),
        conditions.initialized(pod.spec, known, pod.phase),
        conditions.containers_ready(pod.spec, known, pod.phase),
        conditions.ready(pod.spec, held, known, pod.phase),
    )
    pod.is_ready = pod.conditions[-1].status == "True"
    if pod.tell is not None:
        if pod.phase != was:
            pod.say("phase", result=pod.phase)
        for one in pod.conditions:
            if before.get(one.type, Condition()).status != one.status:
                pod.say(
                    "condition", result=one.status, said=" ".join(filter(None, (one.type, one.reason, one.message)))
                )
    if (was, was_ready) != (pod.phase, pod.is_ready):
        _listed(pod)
        if pod.changed is not None:
            pod.changed(pod)


def _listed(pod: Pod) -> None:
    """The EndpointSlice follows the Ready condition, and a deletion takes a pod out at once."""

    def written() -> None:
        listed = pod.is_ready and not pod.is_deleted
        if listed != pod.in_endpoints:
            pod.in_endpoints = listed
            pod.say("endpoints", result="ready" if listed else "not ready")

    if pod.settings.reports_after:
        pod.timeline.after(pod.settings.reports_after, written)
    else:
        written()
