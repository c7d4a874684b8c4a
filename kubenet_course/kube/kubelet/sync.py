"""A pod's worker: sees how its containers stand, and does the next thing (kuberuntime_manager.go, computePodActions).

Init containers one after the other, a sidecar until it has started, then all regular ones; what has ended runs again if
its policy says so, after its back-off; what fails its liveness or startup probe is ended first.
"""

from random import Random

from ...linux.timeline import NEVER, SECOND, Timeline
from .behaviour import Behaviour, Process
from .ending import ended, finish, kill
from .event import Settings
from .life import INIT, REGULAR, SIDECAR, Box, Pod, look, report
from .phase import FAILED, SUCCEEDED
from .probing import add_workers, probe_of, trigger, wake
from .pulling import fails
from .restart import RESTARTING_ALL, may_start, restarts_all, should_restart, started
from .spec import NEVER as NO_RESTART
from .spec import PodSpec, Terminated
from .worker import ProbeKind, ProbeResult

CRASH_LOOP = "CrashLoopBackOff"


def create(
    timeline: Timeline, name: str, spec: PodSpec, behaviours: dict[str, Behaviour], settings: Settings, seed: int = 0
) -> Pod:
    """A pod is created: it will be scheduled, get its sandbox, pull its images and start."""
    boxes = [
        Box(one, SIDECAR, behaviours.get(one.name, Behaviour()))
        if one.is_sidecar
        else Box(one, INIT, behaviours.get(one.name, JOB))
        for one in spec.init_containers
    ]
    boxes += [Box(one, REGULAR, behaviours.get(one.name, Behaviour())) for one in spec.containers]
    pod = Pod(name, spec, timeline, settings, boxes, created=timeline.now)
    for box in boxes:
        box.waits_for = "PodInitializing" if spec.init_containers and box.kind == REGULAR else "ContainerCreating"
    chance = Random(f"{seed}/{name}")
    report(pod)
    timeline.after(settings.schedules_after, lambda: _scheduled(pod, chance))
    return pod


JOB = Behaviour(finishes_after=0.5)  # what an init container does where no behaviour is told


def _scheduled(pod: Pod, chance: Random) -> None:
    if pod.is_gone or pod.is_unschedulable:
        return
    pod.node = pod.node or pod.spec.node_name or "node-1"
    pod.sync, pod.relist = _sync, _relist
    for box in pod.boxes:
        look(pod, box)
    add_workers(pod, chance)
    report(pod)

    def made() -> None:
        pod.has_sandbox = True
        _sync(pod)

    pod.timeline.after(pod.settings.sandbox_after, made)


def resume(pod: Pod) -> None:
    """A kubelet that was silent is heard again: it looks at its containers and tells how they stand."""
    pod.sync, pod.relist = _sync, _relist
    _relist(pod)


def _relist(pod: Pod) -> None:
    """The kubelet looks at its containers, and syncs the pod where something changed."""
    if pod.is_gone:
        return
    before = [(box.status.container_id, box.status.state) for box in pod.boxes]
    for box in pod.boxes:
        look(pod, box)
    report(pod)
    for box, was in zip(pod.boxes, before, strict=True):
        if was != (box.status.container_id, box.status.state):
            pod.say("seen", box, result=_word(box))
            wake(pod, box)
    _sync(pod)


def _word(box: Box) -> str:
    state = box.status.state
    if state.running is not None:
        return "running"
    return "terminated" if state.terminated is not None else "waiting"


def _sync(pod: Pod) -> None:
    """Tells, asks those that are not ready, acts."""
    if pod.is_gone:
        return
    report(pod)
    for box in pod.boxes:
        if box.status.started and not box.status.ready and box.kind != INIT:
            trigger(pod, box)
    if pod.is_deleted:
        finish(pod)
    elif pod.phase in (FAILED, SUCCEEDED) or _is_done(pod):
        _over(pod)
    elif pod.has_sandbox and not pod.is_killing:
        _act(pod)


def _is_done(pod: Pod) -> bool:
    """Whether every regular container has ended for good: then the sidecars have nobody to serve."""
    regular = [(box, box.status.state.terminated) for box in pod.boxes if box.kind == REGULAR]
    return bool(regular) and all(
        box.process is None and end is not None and not should_restart(box.spec, pod.spec, end.exit_code)
        for box, end in regular
    )


def _over(pod: Pod) -> None:
    """A pod that has ended keeps no sidecar running; the last of them ends first, and all share one grace period."""
    left = [box for box in pod.boxes if box.process is not None]
    if left:
        now = pod.timeline.now
        pod.ends_at = now + pod.spec.termination_grace_period_seconds * SECOND if pod.ends_at < 0 else pod.ends_at
        grace = max(0, pod.ends_at - now)
        kill(pod, left[-1], grace, "the containers that it serves have ended", then=lambda: _over(pod))


def _act(pod: Pod) -> None:
    whole = next((box for box in pod.boxes if _wants_all(box)), None)
    if whole is not None:
        _restart_all(pod)
        return
    for box in pod.boxes:
        if not _run(pod, box):
            return


def _run(pod: Pod, box: Box) -> bool:
    """Sees to one container; True when those behind it may start."""
    if box.process is not None:
        if _fails(box) and not box.is_ending:
            _end_for_probe(pod, box)
        return box.kind == REGULAR or (box.kind == SIDECAR and (bool(box.status.started) or pod.has_initialized))
    if box.is_starting or box.status.state.running is not None:  # or it has ended, and nobody has looked yet
        return box.kind == REGULAR or pod.has_initialized
    if box.ended is None:
        if not (box.kind == INIT and pod.has_initialized) and not fails(pod, box):
            _start(pod, box, pod.settings.pulls_after)
        return box.kind == REGULAR
    if box.kind == INIT and (box.ended.exit_code == 0 or pod.has_initialized):
        return True
    if should_restart(box.spec, pod.spec, box.ended.exit_code):
        _again(pod, box, box.finished)
    return box.kind == REGULAR or pod.has_initialized


def _fails(box: Box) -> bool:
    failed = ProbeResult.FAILURE
    return box.is_seen and failed in (box.verdicts.get(ProbeKind.LIVENESS), box.verdicts.get(ProbeKind.STARTUP))


def _end_for_probe(pod: Pod, box: Box) -> None:
    """Ends a container for its probe's sake. Where it restarts, it does so at once: the back-off looks at the end before
    this one, which is the last that the kubelet has seen.
    """
    kind = ProbeKind.STARTUP if box.verdicts.get(ProbeKind.STARTUP) is ProbeResult.FAILURE else ProbeKind.LIVENESS
    own = probe_of(box, kind).termination_grace_period_seconds
    grace = (pod.spec.termination_grace_period_seconds if own is None else own) * SECOND
    policy = box.spec.restart_policy or pod.spec.restart_policy
    before = box.finished
    pod.is_killing = True

    def then() -> None:
        pod.is_killing = False
        if pod.is_deleted or policy == NO_RESTART:
            return
        if before < 0:
            _start(pod, box, 0)
        else:
            _again(pod, box, before)

    kill(pod, box, grace, f"Container {box.name} failed {kind.value} probe, will be restarted", then=then)


def _again(pod: Pod, box: Box, finished: int) -> None:
    """A restart: now, or when the back-off is over."""
    now = pod.timeline.now
    when = may_start(box.back_off, finished)
    if when > now:
        if box.waits_for != CRASH_LOOP:
            box.waits_for = CRASH_LOOP
            look(pod, box)
            report(pod)
            pod.say("backoff", box, result=CRASH_LOOP, said=f"back-off {box.back_off.wait // SECOND}s")
        latest = may_start(box.back_off, box.finished)
        pod.sync_soon(max(when, latest) - now)  # DEV-31
        return
    box.back_off = started(box.back_off, finished, now, pod.settings.longest)
    _start(pod, box, 0)


def _start(pod: Pod, box: Box, wait: int) -> None:
    box.is_starting = True

    def start() -> None:
        box.is_starting = False
        if pod.is_deleted or pod.is_gone:
            return
        now = pod.timeline.now
        box.process = Process(box.behaviour, now, box.runs)
        box.runs += 1
        box.waits_for = ""
        pod.say("container", box, result="running")
        if box.process.ends != NEVER:
            code, box.end_put = box.process.exit_code, now
            box.end_event = pod.timeline.at(box.process.ends, lambda: ended(pod, box, code))
        wake(pod, box)
        pod.relist_soon()

    pod.timeline.after(wait, start)


def _wants_all(box: Box) -> bool:
    """Whether the end of this container, which the kubelet has seen, restarts the whole pod."""
    ended_so = box.status.state.terminated
    return box.process is None and ended_so is not None and restarts_all(box.spec, ended_so.exit_code)


def _restart_all(pod: Pod) -> None:
    """RestartAllContainers: every container is removed and the pod begins anew, with its sandbox and its address."""
    for box in pod.boxes:
        if box.process is not None:
            pod.timeline.cancel(box.end_event)
            box.process = None
            box.finished = pod.timeline.now
        if box.runs:
            box.ended = Terminated(exit_code=137, reason=RESTARTING_ALL)
            box.waits_for = RESTARTING_ALL
            pod.say("container", box, result="removed", said=RESTARTING_ALL)
    pod.has_initialized = False
    for box in pod.boxes:
        look(pod, box)
        box.ended = None
    report(pod)
    pod.sync_soon()
