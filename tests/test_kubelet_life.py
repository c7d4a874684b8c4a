"""Stories of a pod's life. A pod comes to its node at 0.05 s (there its tickers begin) and its container starts at 1 s."""

from itertools import pairwise

import pytest
from kubelet_stories import lives, pod_of, probe, times

from kubenet_course.kube.kubelet.behaviour import Behaviour, Crash, Outage, Pull, Shutdown
from kubenet_course.kube.kubelet.event import Settings
from kubenet_course.kube.kubelet.lanes import lanes, said_of
from kubenet_course.kube.kubelet.restart import BackOff, may_start, started
from kubenet_course.kube.kubelet.spec import (
    Container,
    Exec,
    ExitCodes,
    Handler,
    Lifecycle,
    PodSpec,
    Probe,
    ReadinessGate,
    RestartRule,
    Sleep,
    TCPSocket,
)
from kubenet_course.linux.timeline import SECOND

CRASHES = {"crash": Crash(after=3)}
HEARS_NOTHING = Shutdown(takes=None)


def test_without_probes_a_running_container_is_ready_at_once():
    pod, events = lives(pod_of(), 5)
    assert times(events, "endpoints", "ready") == [1.0]
    assert (pod.phase, pod.is_ready) == ("Running", True)


def test_a_readiness_probe_runs_as_soon_as_the_container_is_seen_and_then_when_its_ticker_rings():
    _, events = lives(pod_of(readiness_probe=probe(period_seconds=10)), 25)
    assert times(events, "probe") == [1.005, 10.055, 20.055]  # an answer takes 5 ms


def test_an_initial_delay_ends_at_the_next_ring_of_the_ticker_and_not_before():
    _, events = lives(pod_of(liveness_probe=probe(initial_delay_seconds=12)), 35)
    assert times(events, "probe") == [20.055, 30.055]  # 12 s after the start would be 13


def test_a_deadlock_is_ended_by_the_second_failure_and_sigkill_comes_after_the_grace_period():
    spec = pod_of(liveness_probe=probe(period_seconds=5, failure_threshold=2))
    _, events = lives(spec, 60, deadlock_after=14, shutdown=HEARS_NOTHING)
    assert times(events, "probe", "Failure") == [16.05, 21.05]  # asked at 15.05 and 20.05, a second each
    assert times(events, "signal", "SIGTERM") == [21.05]
    assert times(events, "container", "terminated") == [51.05]  # 30 s later
    assert times(events, "container", "running") == [1.0, 51.05]  # and at once again


def test_a_probes_own_grace_period_goes_before_the_pods():
    spec = pod_of(liveness_probe=probe(period_seconds=5, failure_threshold=1, termination_grace_period_seconds=4))
    _, events = lives(spec, 30, deadlock_after=14, shutdown=HEARS_NOTHING)
    assert times(events, "container", "terminated") == [20.05]


def test_a_tcp_probe_does_not_see_a_deadlock():
    tcp = Probe(tcp_socket=TCPSocket(port=80), period_seconds=5)
    pod, events = lives(pod_of(liveness_probe=tcp), 60, deadlock_after=10)
    assert times(events, "probe", "Failure") == []
    assert pod.boxes[0].runs == 1


def test_readiness_never_restarts():
    pod, events = lives(pod_of(readiness_probe=probe(period_seconds=1)), 600, warm_after=10_000)
    assert (pod.boxes[0].runs, pod.is_ready) == (1, False)
    assert len(times(events, "probe", "Failure")) >= 599


def test_a_liveness_probe_that_asks_the_database_turns_its_outage_into_restarts():
    spec = pod_of(liveness_probe=probe(period_seconds=2, failure_threshold=1))
    outage = (Outage(since=10, until=300),)
    storm, _ = lives(spec, 300, dependency=outage, looks_at={"liveness": ("dependency",)})
    calm, _ = lives(spec, 300, dependency=outage)
    assert storm.boxes[0].runs > 5
    assert calm.boxes[0].runs == 1


@pytest.mark.parametrize(("failures", "runs"), [(8, 2), (9, 1)])
def test_a_start_of_90_seconds_needs_a_startup_probe_of_more_than_90_seconds(failures, runs):
    """Asked every 10 s from 10.05 on; it listens at 91.0: the ninth answer, at 90.05, is the last failure."""
    spec = pod_of(startup_probe=probe(failure_threshold=failures + 1), liveness_probe=probe(period_seconds=1))
    pod, events = lives(spec, 100, starts_after=90)
    assert pod.boxes[0].runs == (1 if failures == 9 else runs)
    assert len(times(events, "probe", "Failure", kind="liveness")) == 0


def test_a_crash_loop_waits_10_20_40_80_160_300_seconds():
    _, events = lives(pod_of(), 700, **CRASHES)
    assert times(events, "container", "running") == [1, 4, 17, 40, 83, 166, 329, 632]
    assert {one.phase for one in events if one.t > 1} == {"Running"}  # CrashLoopBackOff is a reason, not a phase
    assert "CrashLoopBackOff" in {one.result for one in events if one.what == "backoff"}


def test_after_a_failed_probe_the_back_off_counts_from_the_end_before_this_one():
    """Three failures, at 10, 20 and 30 s: each run lasts about 30 s. When the kubelet ends a container for its probe, the
    last end that it has seen is the one before; so the waits of 10 and 20 s are over by then, and the fourth is the first
    that is felt: 40 s, at 150.055, are counted from 120.055 first, and from the last end as soon as that is seen.
    """
    forever = (Outage(since=0),)
    _, events = lives(pod_of(liveness_probe=probe()), 200, dependency=forever, looks_at={"liveness": ("dependency",)})
    assert times(events, "container", "running") == [1.0, 30.055, 60.055, 90.055, 120.055, 190.055]


def test_a_node_may_wait_less_long():
    _, events = lives(pod_of(), 150, settings=Settings(longest=30 * SECOND), **CRASHES)
    assert times(events, "container", "running") == [1, 4, 17, 40, 73, 106, 139]


def test_ten_minutes_of_peace_and_the_waiting_begins_anew():
    grown = BackOff(160 * SECOND, started=1000 * SECOND)
    assert may_start(grown, finished=1600 * SECOND) == 1760 * SECOND
    assert may_start(grown, finished=1601 * SECOND) == 1601 * SECOND
    assert started(grown, 1601 * SECOND, 1601 * SECOND).wait == 10 * SECOND


def test_the_first_wait_is_no_longer_than_the_nodes_maximum():
    assert started(BackOff(), 5 * SECOND, 5 * SECOND, longest=3 * SECOND).wait == 3 * SECOND


@pytest.mark.parametrize(
    ("policy", "code", "phase", "runs"),
    [
        ("Never", 0, "Succeeded", 1),
        ("Never", 3, "Failed", 1),
        ("OnFailure", 0, "Succeeded", 1),
        ("OnFailure", 3, "Running", 2),
        ("Always", 0, "Running", 2),
    ],
)
def test_what_an_exit_code_means_is_the_restart_policys_business(policy, code, phase, runs):
    pod, _ = lives(pod_of(policy), 6, finishes_after=3, finishes_with=code)
    assert (pod.phase, pod.boxes[0].runs) == (phase, runs)


def rule(action, *codes):
    return RestartRule(action=action, exit_codes=ExitCodes(operator="In", values=codes))


def test_a_rule_restarts_a_container_that_its_policy_would_leave():
    rules = {"restart_policy": "Never", "restart_policy_rules": (rule("Restart", 42),)}
    restarted, _ = lives(pod_of("Never", **rules), 6, finishes_after=3, finishes_with=42)
    left, _ = lives(pod_of("Never", **rules), 6, finishes_after=3, finishes_with=43)
    assert (restarted.boxes[0].runs, left.boxes[0].runs, left.phase) == (2, 1, "Failed")


def test_a_rule_may_restart_every_container_of_the_pod():
    first = Container(name="a", restart_policy="Never", restart_policy_rules=(rule("RestartAllContainers", 42),))
    spec = PodSpec(containers=(first, Container(name="b")), restart_policy="Never")
    told = {"a": Behaviour(crash=Crash(after=3, exit_code=42, times=1)), "b": Behaviour()}
    pod, events = lives(spec, 10, told)
    assert [box.runs for box in pod.boxes] == [2, 2]
    assert times(events, "container", "removed") == [4.0, 4.0]
    assert pod.phase == "Running"


def test_init_containers_run_one_after_the_other_and_a_sidecar_must_have_started():
    sidecar = Container(
        name="proxy", restart_policy="Always", startup_probe=probe(period_seconds=1, failure_threshold=9)
    )
    spec = PodSpec(init_containers=(Container(name="migrate"), sidecar), containers=(Container(name="web"),))
    told = {"migrate": Behaviour(finishes_after=2), "proxy": Behaviour(starts_after=3)}
    _, events = lives(spec, 20, told)
    assert times(events, "container", "running", "migrate") == [1.0]
    assert times(events, "container", "running", "proxy") == [3.55]  # seen at 3.0, and its image is pulled
    assert times(events, "container", "running", "web") == [7.605]  # it listens at 6.55, is asked at 7.05
    assert "Initialized" in {one.said for one in events if one.what == "condition" and one.result == "True"}


def test_an_init_container_that_fails_for_good_fails_the_pod():
    spec = PodSpec(
        init_containers=(Container(name="migrate"),), containers=(Container(name="web"),), restart_policy="Never"
    )
    pod, events = lives(spec, 10, {"migrate": Behaviour(finishes_after=1, finishes_with=1)})
    assert (pod.phase, times(events, "container", "running", "web")) == ("Failed", [])


def test_a_sidecar_ends_last_and_the_hook_counts_into_the_grace_period():
    hook = Lifecycle(pre_stop=Handler(sleep=Sleep(seconds=3)))
    spec = PodSpec(
        init_containers=(Container(name="proxy", restart_policy="Always"),),
        containers=(Container(name="web", lifecycle=hook),),
        termination_grace_period_seconds=10,
    )
    _, events = lives(spec, 60, {"web": Behaviour(shutdown=HEARS_NOTHING)}, delete_at=20)
    assert times(events, "signal", "SIGTERM", "web") == [23.0]
    assert times(events, "container", "terminated", "web") == [30.0]  # SIGKILL, 7 s later
    assert times(events, "signal", "SIGTERM", "proxy") == [30.0]
    assert times(events, "gone") == [30.0]


def test_a_job_is_done_when_its_own_container_is_and_its_sidecars_end_then():
    spec = PodSpec(
        init_containers=(
            Container(name="first", restart_policy="Always"),
            Container(name="second", restart_policy="Always"),
        ),
        containers=(Container(name="web"),),
        restart_policy="Never",
    )
    pod, events = lives(spec, 20, {"web": Behaviour(finishes_after=3)})
    assert pod.phase == "Succeeded"
    done = [one.container for one in events if one.what == "container" and one.result == "terminated"]
    assert done == ["web", "second", "first"]


def test_what_hangs_does_not_crash():
    pod, _ = lives(pod_of(), 60, deadlock_after=5, crash=Crash(after=10, times=3))
    assert pod.boxes[0].runs == 1


def test_a_hook_that_uses_up_the_grace_period_leaves_two_seconds():
    hook = Lifecycle(pre_stop=Handler(exec=Exec(command=("sh", "-c", "sleep 60"))))
    spec = pod_of(lifecycle=hook)
    _, events = lives(spec, 90, shutdown=HEARS_NOTHING, delete_at=20)
    assert times(events, "container", "terminated") == [52.0]


def test_a_deleted_pod_leaves_the_endpoints_at_once_while_it_still_runs():
    _, events = lives(pod_of(), 60, shutdown=Shutdown(takes=5, finishes=True), delete_at=20)
    assert times(events, "endpoints", "terminating") == [20.0]
    assert times(events, "container", "terminated") == [25.0]


def test_liveness_is_not_asked_of_a_pod_that_is_being_deleted_and_readiness_still_is():
    spec = pod_of(liveness_probe=probe(period_seconds=1), readiness_probe=probe(period_seconds=1))
    _, events = lives(spec, 60, shutdown=Shutdown(takes=10, finishes=True), delete_at=20)
    assert max(times(events, "probe", kind="liveness")) < 20.1
    assert max(times(events, "probe", kind="readiness")) > 28


def test_a_readiness_gate_holds_a_pod_back_until_somebody_sets_it():
    spec = PodSpec(
        containers=(Container(name="web"),), readiness_gates=(ReadinessGate(condition_type="lb.example/up"),)
    )
    pod, _ = lives(spec, 10)
    assert not pod.is_ready
    assert pod.conditions[-1].reason == "ReadinessGatesNotReady"
    pod.gates["lb.example/up"] = "True"
    pod.sync_soon()
    pod.timeline.run(11 * SECOND)
    assert pod.is_ready


def test_workers_of_a_kubelet_that_has_just_started_begin_at_different_moments():
    spec = pod_of(liveness_probe=probe(), readiness_probe=probe())
    pod, _ = lives(spec, 5, settings=Settings(kubelet_age=0))
    first = list(pod.boxes[0].first.values())
    assert len(set(first)) == 2
    assert all(50_000_000 <= when < 10 * SECOND + 50_000_000 for when in first)


def test_an_exec_probe_of_a_container_that_has_ended_counts_neither_way():
    asked = Probe(exec=Exec(command=("true",)), period_seconds=1, failure_threshold=1)
    _, events = lives(pod_of(liveness_probe=asked), 8, crash=Crash(after=2.02), settings=Settings(relist=2 * SECOND))
    assert "Error" in {one.result for one in events if one.what == "probe"}
    assert times(events, "killing") == []


def test_lanes_say_from_when_to_when_something_held():
    _, events = lives(pod_of(readiness_probe=probe(period_seconds=2)), 10, starts_after=2.5)
    found = {lane.name: lane for lane in lanes(events, 10)}
    assert [(one.since, one.until, one.value) for one in found["endpoints"].spans] == [
        (0, 4.055, "no"),
        (4.055, 10, "yes"),
    ]
    assert [one.value for one in found["phase"].spans] == ["Pending", "Running"]
    assert [one.value for one in found["web readiness"].marks][:3] == ["Failure", "Failure", "Success"]
    assert "phase: Pending from 0 to 1 s; Running from 1 to 10 s" in said_of(found.values())


def test_an_image_that_cannot_be_pulled_is_tried_again_after_10_20_and_40_seconds():
    pod, events = lives(pod_of(), 100, pull=Pull(fails=3))
    assert times(events, "pull", "ErrImagePull") == [1.0, 11.55, 32.1]  # 0.55 s each, 10 s and 20 s apart
    assert times(events, "backoff", "ImagePullBackOff") == [2.0, 12.55, 33.1]
    assert times(events, "container", "running") == [72.65]  # 40 s after the third
    assert (pod.phase, pod.boxes[0].status.restart_count) == ("Running", 0)


def test_a_pod_whose_image_never_comes_stays_pending_and_can_be_deleted():
    pod, events = lives(pod_of(restart="Never"), 2000, pull=Pull(), delete_at=1900)
    tries = times(events, "pull")
    assert [round(after - before, 2) for before, after in pairwise(tries)][-1] == 300.55
    assert {one.phase for one in events if one.t < 1900} == {"Pending"}
    assert "ImagePullBackOff" in {one.printed for one in events}
    assert pod.is_gone


def test_the_image_of_an_init_container_keeps_the_others_waiting():
    spec = PodSpec(containers=(Container(name="web"),), init_containers=(Container(name="first"),))
    told = {"first": Behaviour(pull=Pull(fails=1), finishes_after=1)}
    pod, events = lives(spec, 60, behaviours=told)
    assert "Init:ErrImagePull" in {one.printed for one in events}
    assert "Init:ImagePullBackOff" in {one.printed for one in events}
    assert times(events, "container", "running", "first") == [11.55]
    assert pod.is_ready


def test_an_ephemeral_container_counts_for_nothing_in_a_pods_life():
    debugger = (Container(name="debugger"),)
    spec = PodSpec(containers=(Container(name="web"),), ephemeral_containers=debugger, restart_policy="Never")
    pod, events = lives(spec, 30, finishes_after=5)
    assert [one.name for one in pod.boxes] == ["web"]
    assert (pod.phase, times(events, "phase", "Succeeded")) == ("Succeeded", [6.0])
