"""The probe workers of a pod on the timeline: each has a ticker of its own, that began when the pod came to the node.

So a probe does not run `initialDelaySeconds` after the start, but at the ticker's first ring after that; and a readiness
probe runs besides whenever the kubelet looks at a started container that is not ready (prober_manager.go).
"""

from random import Random

from ...linux.timeline import NEVER, SECOND
from . import outcome
from .behaviour import answer, next_turn
from .life import INIT, Box, Pod, refresh, report
from .spec import Probe
from .worker import ProbeKind, ProbeResult, Seen, Tick, Worker, decide, heard


def probe_of(box: Box, kind: ProbeKind) -> Probe:
    """The probe of that kind; only asked where there is a worker, or to see whether there shall be one."""
    return getattr(box.spec, f"{kind.value}_probe")  # type: ignore[no-any-return]


def add_workers(pod: Pod, chance: Random) -> None:
    """A worker for each probe, when the pod comes to the kubelet. Those of a kubelet that has just started wait a random
    part of their period first.
    """
    for box in pod.boxes:
        for kind in ProbeKind:
            if box.kind == INIT or probe_of(box, kind) is None:
                continue
            period = _period(box, kind)
            wait = chance.randrange(period) if period > pod.settings.kubelet_age else 0
            box.workers[kind] = Worker(kind)
            box.first[kind] = pod.timeline.now + wait
            _ring(pod, box, kind, box.first[kind])


def _period(box: Box, kind: ProbeKind) -> int:
    return probe_of(box, kind).period * SECOND


def _next_ring(box: Box, kind: ProbeKind, when: int) -> int:
    """The ticker's first ring at or after a time."""
    period = _period(box, kind)
    return box.first[kind] + max(0, -(-(when - box.first[kind]) // period)) * period


def _ring(pod: Pod, box: Box, kind: ProbeKind, when: int) -> None:
    box.ticks[kind] = pod.timeline.at(when, lambda: _tick(pod, box, kind))


def _tick(pod: Pod, box: Box, kind: ProbeKind) -> None:
    """The ticker rings. A worker that still waits for an answer takes the ring when it has heard it."""
    box.ticks.pop(kind, None)
    if kind not in box.workers:
        return
    now = box.rang[kind] = pod.timeline.now
    step = None
    if kind in box.busy:
        box.again.add(kind)
    else:
        step = _ask(pod, box, kind)
    if kind not in box.workers or kind in box.ticks:  # it is over, or somebody has woken it meanwhile
        return
    wakes = now + 1
    if pod.settings.quiet and step is not None and kind not in box.busy and _is_quiet(pod, box, kind, step):
        wakes = next_turn(box.process, now) if step.asks and box.process is not None else NEVER
    if wakes != NEVER:
        _ring(pod, box, kind, _next_ring(box, kind, wakes))


def _is_quiet(pod: Pod, box: Box, kind: ProbeKind, step: Tick) -> bool:
    """Whether further rings leave all as it is until the program's next turn, or until somebody wakes the worker."""
    if step.asks:
        return box.verdicts.get(kind) is box.workers[kind].last
    return box.process is None or _age(pod, box) >= probe_of(box, kind).initial_delay_seconds


def wake(pod: Pod, box: Box) -> None:
    """Something about the container changed: workers that sleep ring again at their tickers' next times."""
    if not pod.settings.quiet:
        return
    now = pod.timeline.now
    for kind in box.workers:
        if kind in box.ticks:
            pod.timeline.cancel(box.ticks[kind])
        _ring(pod, box, kind, _next_ring(box, kind, now + (box.rang.get(kind) == now)))


def trigger(pod: Pod, box: Box) -> None:
    """A readiness probe out of turn."""
    if ProbeKind.READINESS not in box.workers:
        return
    if ProbeKind.READINESS in box.busy:
        box.again.add(ProbeKind.READINESS)
    else:
        _ask(pod, box, ProbeKind.READINESS)


def _age(pod: Pod, box: Box) -> int:
    """Whole seconds since the start, which the status knows to the second."""
    assert box.process is not None
    return (pod.timeline.now - box.process.started // SECOND * SECOND) // SECOND


def _ask(pod: Pod, box: Box, kind: ProbeKind) -> Tick:
    probe = probe_of(box, kind)
    seen = Seen(pod.phase, box.status, _age(pod, box) if box.process else 0, pod.is_deleted)
    step = decide(box.workers[kind], probe, pod.spec, box.spec, seen)
    box.workers[kind] = step.worker
    _publish(pod, box, kind, step)
    if not step.keeps_going:
        del box.workers[kind]
        refresh(box)
    elif step.asks:
        box.busy.add(kind)
        if pod.asks is not None:
            pod.asks(pod, box, kind, lambda said: _hear(pod, box, kind, said))
        else:
            _answered(pod, box, kind, step)
    return step


def _answered(pod: Pod, box: Box, kind: ProbeKind, step: Tick) -> None:
    """The model's answer, some time later; none is ever lost on its way (DEV-33)."""
    probe = probe_of(box, kind)
    if box.process is None:  # ended, and the kubelet has not looked since
        is_exec = probe.kind == "exec"
        said = outcome.ProbeOutcome(
            outcome.Said.UNKNOWN if is_exec else outcome.Said.FAILURE,
            "container is not running" if is_exec else outcome.REFUSED[probe.kind],
        )
        took = 0
    else:
        now = pod.timeline.now
        said, took = outcome.judged(probe, answer(box.process, kind.value, now, box.load(now)))
    same = said.result is step.worker.last is box.verdicts.get(kind)
    if pod.settings.quiet and same and took < _period(box, kind):
        box.busy.discard(kind)  # the same again: nobody is waiting for it
        box.passed[kind] = pod.timeline.now, pod.timeline.now + took
    else:
        box.answers[kind] = pod.timeline.after(took, lambda: _hear(pod, box, kind, said))


def broken(pod: Pod, box: Box) -> None:
    """The process ends now: whoever waits for its answer hears that the connection broke."""
    for kind in ProbeKind:
        waiting = kind in box.answers and pod.timeline.cancel(box.answers.pop(kind))
        if waiting or _would_wait(pod, box, kind):
            said = outcome.ProbeOutcome(outcome.Said.FAILURE, outcome.BROKEN[probe_of(box, kind).kind])
            pod.timeline.after(0, lambda kind=kind, said=said: _hear(pod, box, kind, said))  # type: ignore[misc]


def _would_wait(pod: Pod, box: Box, kind: ProbeKind) -> bool:
    """Whether a worker whose rings are passed over would be waiting for an answer now."""
    asked, due = box.passed.pop(kind, (0, -1))
    if due < 0 or box.process is None or kind not in box.workers:
        return False
    now, probe = pod.timeline.now, probe_of(box, kind)
    ring = now - (now - box.first[kind]) % _period(box, kind)
    if ring == now and box.end_put <= now - _period(box, kind):
        return False  # the end comes before this ring, which was put on the timeline by the one before
    if ring > asked:
        asked, due = ring, ring + outcome.judged(probe, answer(box.process, kind.value, ring))[1]
    return due > now or (due == now and box.end_put < asked)


def _hear(pod: Pod, box: Box, kind: ProbeKind, said: outcome.ProbeOutcome) -> None:
    box.busy.discard(kind)
    worker = box.workers.get(kind)
    if worker is None:
        return
    step = heard(worker, probe_of(box, kind), said.result)
    box.workers[kind] = step.worker
    changes = step.published is not None and box.verdicts.get(kind) is not step.published
    _publish(pod, box, kind, step)
    pod.say("probe", box, kind.value, said.result.value, said.output)
    if changes:
        pod.sync_soon()
    if kind in box.again:
        box.again.discard(kind)
        _ask(pod, box, kind)


def _publish(pod: Pod, box: Box, kind: ProbeKind, step: Tick) -> None:
    if step.published is None:
        return
    before = box.verdicts.get(kind)
    box.verdicts[kind] = step.published
    if before is not step.published:
        was = box.status.started
        refresh(box)
        if box.status.started != was:
            wake(pod, box)
        if before is not None or step.published is not ProbeResult.UNKNOWN:
            report(pod)
