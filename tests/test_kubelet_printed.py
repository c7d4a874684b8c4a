"""What kubectl prints under STATUS, by hand from its printer's rules, and what it prints of a pod's life."""

import pytest
from kubelet_stories import lives, pod_of, probe

from kubenet_course.kube.kubelet.behaviour import Behaviour, Crash
from kubenet_course.kube.kubelet.printed import printed, ready_of
from kubenet_course.kube.kubelet.spec import (
    Condition,
    Container,
    ContainerState,
    ContainerStatus,
    PodSpec,
    Running,
    Terminated,
    Waiting,
)

SPEC = PodSpec(
    init_containers=(Container(name="i1"), Container(name="i2"), Container(name="side", restart_policy="Always")),
    containers=(Container(name="a"), Container(name="b")),
)


def status(name, ready=False, started=None, **state):
    return ContainerStatus(name=name, state=ContainerState(**state), ready=ready, started=started)


def ended(code, reason="", signal=0):
    return Terminated(exit_code=code, reason=reason, signal=signal)


RUNS, DONE = {"running": Running()}, {"terminated": ended(0, "Completed")}
INIT = (status("i1", **DONE), status("i2", **DONE), status("side", started=True, ready=True, **RUNS))
READY = (Condition(type="Ready", status="True"),)


@pytest.mark.parametrize(
    ("story", "word", "phase", "statuses", "more"),
    [
        ("all run", "Running", "Running", (*INIT, status("a", True, **RUNS), status("b", True, **RUNS)), {}),
        (
            "the first is done, the other runs",
            "Running",
            "Running",
            (*INIT, status("a", **DONE), status("b", True, **RUNS)),
            {"conditions": READY},
        ),
        (
            "the same, and the pod is not ready",
            "NotReady",
            "Running",
            (*INIT, status("a", **DONE), status("b", True, **RUNS)),
            {},
        ),
        (
            "one waits for its back-off",
            "CrashLoopBackOff",
            "Running",
            (*INIT, status("a", waiting=Waiting(reason="CrashLoopBackOff")), status("b", True, **RUNS)),
            {},
        ),
        ("one was ended by a signal", "Signal:9", "Failed", (*INIT, status("a", terminated=ended(137, signal=9))), {}),
        ("one has ended and nobody says why", "ExitCode:3", "Failed", (*INIT, status("a", terminated=ended(3))), {}),
        ("the second init container runs", "Init:1/3", "Pending", (status("i1", **DONE), status("i2", **RUNS)), {}),
        ("an init container has failed", "Init:Error", "Pending", (status("i1", terminated=ended(1, "Error")),), {}),
        (
            "an init container waits",
            "Init:CrashLoopBackOff",
            "Pending",
            (status("i1", waiting=Waiting(reason="CrashLoopBackOff")),),
            {},
        ),
        ("it is being deleted", "Terminating", "Running", (*INIT, status("a", True, **RUNS)), {"is_deleted": True}),
        (
            "it has ended and is being deleted",
            "Error",
            "Failed",
            (*INIT, status("a", terminated=ended(1, "Error"))),
            {"is_deleted": True},
        ),
        ("it was evicted", "Evicted", "Failed", (), {"reason": "Evicted"}),
        ("its node is lost", "Unknown", "Running", (), {"is_deleted": True, "reason": "NodeLost"}),
        ("nothing is known yet", "Pending", "Pending", (), {}),
    ],
)
def test_the_word_under_status(story, word, phase, statuses, more):
    assert printed(SPEC, phase, statuses, **more) == word


def test_under_ready_sidecars_count():
    assert ready_of(SPEC, (*INIT, status("a", True, **RUNS), status("b", **RUNS))) == "2/3"


def words(events):
    found = []
    for one in events:
        if not found or found[-1] != one.printed:
            found.append(one.printed)
    return found


def test_a_crash_loop_is_running_error_crashloopbackoff_while_the_phase_stays_running():
    _, events = lives(pod_of(), 60, crash=Crash(after=3.5))
    assert words(events)[:4] == ["ContainerCreating", "Running", "Error", "Running"]
    assert "CrashLoopBackOff" in words(events)


def test_a_deleted_pod_is_terminating_until_it_is_gone():
    spec = pod_of(readiness_probe=probe(period_seconds=2))
    _, events = lives(spec, 60, {"web": Behaviour()}, delete_at=20)
    assert "Terminating" in words(events)
