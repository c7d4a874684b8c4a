"""How a container ends and how a pod ends (pkg/kubelet/kuberuntime/kuberuntime_container.go, killContainer).

A container: its preStop hook, then SIGTERM, then SIGKILL when the grace period is over; the hook's time is taken off it,
and two seconds at least are left. A pod: all containers at once, but sidecars get their SIGTERM when the containers that
they serve have ended, the last one first. That the pod leaves the EndpointSlices is another's business, and goes on at
the same time.
"""

import re
from collections.abc import Callable

import msgspec

from ...linux.timeline import NEVER, SECOND
from .life import INIT, REGULAR, SIDECAR, Box, Pod, look, report
from .probing import broken, wake
from .spec import Handler, Terminated

LEAST_GRACE = 2 * SECOND
SIGKILLED = 137
_SLEEP = re.compile(r"\bsleep\s+(\d+(?:\.\d+)?)\b")


def hook_time(hook: Handler | None) -> int:
    """How long a preStop hook takes: its sleep, or the sleep that its command line names; any other takes no time (DEV-32)."""
    if hook is None:
        return 0
    if hook.sleep is not None:
        return hook.sleep.seconds * SECOND
    found = _SLEEP.search(" ".join(hook.exec.command)) if hook.exec is not None else None
    return round(float(found[1]) * SECOND) if found else 0


def ended(pod: Pod, box: Box, code: int, reason: str = "") -> None:
    """The process is over. The kubelet notices when it next looks."""
    broken(pod, box)
    box.process = None
    box.is_ending = False
    box.finished = pod.timeline.now
    box.ended = Terminated(exit_code=code, reason=reason or ("Completed" if code == 0 else "Error"))
    box.waits_for = ""
    pod.timeline.cancel(box.end_event)
    pod.say("container", box, result="terminated", said=f"exit code {code}")
    wake(pod, box)
    pod.relist_soon()
    waiting, box.after_end = box.after_end, []
    for then in waiting:
        then()


def kill(pod: Pod, box: Box, grace: int, why: str, then: Callable[[], None] | None = None) -> None:
    """Ends a running container in order; `then` happens at its end, whatever ends it."""
    if box.process is None:
        return
    if then is not None:
        box.after_end.append(then)
    if box.is_ending:
        return
    box.is_ending = True
    run = box.runs
    cycle = box.spec.lifecycle
    hook = min(hook_time(cycle.pre_stop if cycle else None), grace)
    pod.say("killing", box, said=why)

    def alive() -> bool:
        return box.process is not None and box.runs == run

    def over(code: int) -> None:
        if alive():
            ended(pod, box, code)

    def sigterm(left: int) -> None:
        if not alive():
            return
        assert box.process is not None
        box.process = msgspec.structs.replace(box.process, terminated=pod.timeline.now)
        pod.say("signal", box, result="SIGTERM")
        wake(pod, box)
        takes = box.process.ends_after_sigterm
        left = max(left, LEAST_GRACE)
        box.end_put = pod.timeline.now
        if takes <= left and takes != NEVER:
            pod.timeline.after(takes, lambda: over(box.behaviour.shutdown.exit_code))
        else:
            pod.timeline.after(left, lambda: over(SIGKILLED))

    pod.timeline.after(hook, lambda: sigterm(grace - hook))


def delete(pod: Pod, grace: int | None = None, why: str = "") -> None:
    """The pod is deleted: it has a deletionTimestamp, is no endpoint any more, and its containers end in order."""
    if pod.is_deleted or pod.is_gone:
        return
    pod.is_deleted = True
    pod.deleted_at = pod.timeline.now
    pod.grace = pod.spec.termination_grace_period_seconds * SECOND if grace is None else grace
    pod.say("deleted", said=why)
    listed = pod.in_endpoints
    pod.in_endpoints = False
    if listed:
        pod.say("endpoints", result="terminating")
    if pod.changed is not None:
        pod.changed(pod)
    for box in pod.boxes:
        wake(pod, box)
    last = [box for box in pod.boxes if box.kind == SIDECAR]
    for box in pod.boxes:
        if box.kind in (REGULAR, INIT):
            kill(pod, box, pod.grace, why or "pod is deleted", then=lambda: _next_sidecar(pod, last))
    _next_sidecar(pod, last)
    if pod.sync is None:
        finish(pod)
    pod.sync_soon()


def _next_sidecar(pod: Pod, left: list[Box]) -> None:
    """The last sidecar's turn comes when no regular container runs. Its hook has no later start than that here."""
    if any(box.process is not None for box in pod.boxes if box.kind != SIDECAR):
        return
    while left and left[-1].process is None:
        left.pop()
    if left:
        spent = pod.timeline.now - pod.deleted_at
        why = "the containers that it serves have ended"
        kill(pod, left[-1], max(pod.grace - spent, 0), why, then=lambda: _next_sidecar(pod, left))


def finish(pod: Pod) -> None:
    """When nothing of a deleted pod runs any more, the API forgets it."""
    if pod.is_gone or not pod.is_deleted or any(box.process is not None for box in pod.boxes):
        return
    for box in pod.boxes:
        look(pod, box)
    report(pod)
    pod.is_gone = True
    pod.say("gone")
    if pod.changed is not None:
        pod.changed(pod)
