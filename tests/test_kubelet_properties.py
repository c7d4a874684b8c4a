"""What holds of every pod, whatever its probes and its program."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from kubelet_stories import lives, pod_of, probe
from msgspec.structs import replace

from kubenet_course.kube.kubelet.behaviour import Behaviour, Crash, Flapping, Outage, Shutdown
from kubenet_course.kube.kubelet.event import Settings
from kubenet_course.kube.kubelet.phase import MOVES
from kubenet_course.kube.kubelet.spec import Container, Handler, Lifecycle, PodSpec, Sleep
from kubenet_course.kube.kubelet.worker import ProbeKind, ProbeResult, Worker, heard

HALVES = st.integers(0, 60).map(lambda number: number / 2 + 0.2)  # seconds; never the moment of a ring
PROBES = st.builds(
    probe,
    period_seconds=st.integers(1, 12),
    failure_threshold=st.integers(1, 4),
    initial_delay_seconds=st.integers(0, 15),
    timeout_seconds=st.integers(1, 3),
)
READINESS = st.builds(
    probe, period_seconds=st.integers(1, 8), failure_threshold=st.integers(1, 4), success_threshold=st.integers(1, 3)
)
MAYBE = st.one_of(st.none(), PROBES)
PROGRAMS = st.builds(
    Behaviour,
    starts_after=HALVES,
    warm_after=HALVES,
    deadlock_after=st.one_of(st.none(), HALVES),
    crash=st.one_of(st.none(), st.builds(Crash, after=HALVES, times=st.one_of(st.none(), st.integers(1, 3)))),
    dependency=st.one_of(st.just(()), st.builds(lambda since: (Outage(since=since, until=since + 40.0),), HALVES)),
    flapping=st.one_of(st.none(), st.just(Flapping(every=17.3, lasting=6.1))),
    shutdown=st.sampled_from([Shutdown(), Shutdown(takes=None), Shutdown(takes=3.3, finishes=True)]),
    looks_at=st.sampled_from([{}, {"liveness": ("dependency",)}, {"readiness": ("dependency", "flapping")}]),
)
PODS = st.builds(
    lambda policy, live, ready, start: pod_of(policy, liveness_probe=live, readiness_probe=ready, startup_probe=start),
    st.sampled_from(["Always", "OnFailure", "Never"]),
    MAYBE,
    st.one_of(st.none(), READINESS),
    MAYBE,
)


@given(st.lists(st.booleans(), max_size=30), st.integers(1, 4), st.integers(1, 4))
def test_a_run_below_the_threshold_never_changes_the_verdict(answers, successes, failures):
    asked = probe(success_threshold=successes, failure_threshold=failures)
    worker, verdict, run, last = Worker(ProbeKind.READINESS), ProbeResult.FAILURE, 0, None
    for well in answers:
        run, last = (run + 1 if well == last else 1), well
        step = heard(worker, asked, ProbeResult.SUCCESS if well else ProbeResult.FAILURE)
        worker = step.worker
        below = run < (successes if well else failures)
        assert (step.published is None) == below or worker.run == run
        if not below:
            verdict = ProbeResult.SUCCESS if well else ProbeResult.FAILURE
        else:
            assert step.published in (None, verdict)


@given(PODS, PROGRAMS)
@settings(max_examples=150, deadline=None)
def test_liveness_and_readiness_wait_for_startup(spec, program):
    _, events = lives(spec, 120, {"web": program})
    if spec.containers[0].startup_probe is not None:
        was_started = (
            False  # an answer that was asked before an end may be heard after it, when nothing is started any more
        )
        for one in events:
            was_started = was_started or one.started
            assert was_started or one.what != "probe" or one.probe not in ("liveness", "readiness")


@given(READINESS, PROGRAMS)
@settings(max_examples=100, deadline=None)
def test_a_readiness_probe_never_restarts(ready, program):
    """With it or without it, the container runs as often."""
    asked, _ = lives(pod_of(readiness_probe=ready), 200, {"web": program})
    left, _ = lives(pod_of(), 200, {"web": program})
    assert asked.boxes[0].runs == left.boxes[0].runs


@given(PODS, PROGRAMS, st.one_of(st.none(), HALVES))
@settings(max_examples=150, deadline=None)
def test_phases_move_along_the_edges_and_the_endpoints_follow_readiness(spec, program, delete_at):
    _, events = lives(spec, 150, {"web": program}, delete_at=delete_at)
    phases = ["Pending", *(one.phase for one in events)]
    assert all(after in MOVES[before] for before, after in pairwise(phases))
    assert "Unknown" not in phases
    ready, deleted = False, False
    for one in events:
        deleted = deleted or one.what == "deleted"
        if one.what == "condition" and one.said.split()[0] == "Ready":
            ready = one.result == "True"
        elif one.what in ("probe", "container", "seen", "gone"):
            assert one.in_endpoints == (ready and not deleted)


@given(PODS, PROGRAMS, st.one_of(st.none(), HALVES))
@settings(max_examples=150, deadline=None)
def test_a_quiet_hour_that_is_passed_over_ends_as_one_that_is_lived_through(spec, program, delete_at):
    stepped = lives(spec, 300, {"web": program}, delete_at=delete_at)
    passed = lives(spec, 300, {"web": program}, delete_at=delete_at, settings=Settings(quiet=True))
    told = [replace(one, printed="") for one in stepped[1] if one.what != "probe"]
    assert [one for one in passed[1] if one.what != "probe"] == told
    assert [box.status for box in passed[0].boxes] == [box.status for box in stepped[0].boxes]


@given(PROGRAMS, PROGRAMS, st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_a_story_told_twice_is_the_same_story(first, second, seed):
    spec = PodSpec(containers=(Container(name="a", liveness_probe=probe()), Container(name="b")))
    told = {"a": first, "b": second}
    early = Settings(kubelet_age=seed)
    assert lives(spec, 90, told, settings=early)[1] == lives(spec, 90, told, settings=early)[1]


HOOKS = st.sampled_from([None, Lifecycle(pre_stop=Handler(sleep=Sleep(seconds=4)))])
INIT_PROGRAMS = st.one_of(
    st.just(Behaviour(finishes_after=1.2)),
    st.just(Behaviour(finishes_after=1.2, finishes_with=1)),
    st.just(Behaviour(crash=Crash(after=0.7, times=2), finishes_after=2.2)),
)


@st.composite
def whole_pods(draw):
    """A pod with perhaps an init container, perhaps sidecars, one or two containers; and what its programs do."""
    init = [Container(name="init")] if draw(st.booleans()) else []
    init += [
        Container(name=f"side-{number}", restart_policy="Always", startup_probe=draw(MAYBE), lifecycle=draw(HOOKS))
        for number in range(draw(st.integers(0, 2)))
    ]
    regular = [
        Container(
            name=f"web-{number}",
            liveness_probe=draw(MAYBE),
            readiness_probe=draw(st.none() | READINESS),
            lifecycle=draw(HOOKS),
        )
        for number in range(draw(st.integers(1, 2)))
    ]
    policy = draw(st.sampled_from(["Always", "OnFailure", "Never"]))
    told = {one.name: draw(INIT_PROGRAMS if one.name == "init" else PROGRAMS) for one in [*init, *regular]}
    spec = PodSpec(
        init_containers=tuple(init),
        containers=tuple(regular),
        restart_policy=policy,
        termination_grace_period_seconds=draw(st.sampled_from([0, 5, 30])),
    )
    return spec, told


@given(whole_pods(), HALVES)
@settings(max_examples=200, deadline=None)
def test_a_deleted_pod_is_gone_when_its_grace_is_over_and_every_sidecar_had_two_seconds(whole, delete_at):
    spec, told = whole
    pod, events = lives(spec, delete_at + 80, told, delete_at=delete_at)
    assert pod.is_gone
    gone = next(one.t for one in events if one.what == "gone")
    hung = 30 + 2  # a container that was being ended for its probe's sake keeps the grace that it was given
    assert gone <= delete_at + max(spec.termination_grace_period_seconds, hung) + 2 * len(spec.init_containers) + 2 + 1
    assert not any(box.process for box in pod.boxes)


@given(whole_pods(), st.one_of(st.none(), HALVES))
@settings(max_examples=200, deadline=None, derandomize=True)  # not about which of two events of one nanosecond is first
def test_quiet_stretches_of_whole_pods_are_passed_over_without_a_trace(whole, delete_at):
    spec, told = whole
    stepped = lives(spec, 200, told, delete_at=delete_at)
    passed = lives(spec, 200, told, delete_at=delete_at, settings=Settings(quiet=True))
    plain = [replace(one, printed="") for one in stepped[1] if one.what != "probe"]
    assert [one for one in passed[1] if one.what != "probe"] == plain


@given(whole_pods())
@settings(max_examples=100, deadline=None)
def test_a_container_starts_only_after_those_before_it(whole):
    spec, told = whole
    _, events = lives(spec, 120, told)
    first = {}
    for one in events:
        if one.what == "container" and one.result == "running":
            first.setdefault(one.container, one.t)
    order = [first[one.name] for one in spec.init_containers if one.name in first]
    assert order == sorted(order)
    regular = [first[one.name] for one in spec.containers if one.name in first]
    assert not regular or len(order) == len(spec.init_containers)
    assert all(a >= b for a in regular for b in order)
