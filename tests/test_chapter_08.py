"""Chapter 08: a pod watched, a rollout watched, the lanes in words, the controls, and what its exercises say to wrong
answers.

Expected seconds are counted by hand from the kubelet's rules, and never read off the program.
"""

from __future__ import annotations

import time

import pytest

from kubenet_course.data import data
from kubenet_course.errors import BadInput
from kubenet_course.kube.workload.rolled import roll_out
from kubenet_course.kube.workload.watched import watch
from kubenet_course.learn.bank import find, of_chapter
from kubenet_course.learn.questions.feedback import RIGHT, UNREADABLE, WRONG, judged
from kubenet_course.learn.questions.forms import in_words
from kubenet_course.views.timeline.desk import ProbeControls
from kubenet_course.views.timeline.lifeline import Lifeline
from kubenet_course.views.timeline.story import headline, rows_of
from kubenet_course.views.timeline.wishes import CONTROLS, FIRST, behaviour_of, manifest_of

POD = data("pods/probed.yaml").read_text(encoding="utf-8")
DEPLOYMENT = data("pods/deployed.yaml").read_text(encoding="utf-8")
QUICK = {"schedulesAfter": 0, "sandboxAfter": 0, "pullsAfter": 0}


def live(web, until=120, deleted_at=0, text=POD, **more):
    return watch(text, {"delays": QUICK, "containers": {"web": web}, **more}, until, deleted_at)


def lane(life, label):
    return next(row for row in rows_of(life) if row.label == label)


@pytest.mark.parametrize("hangs, sigterm", [(3, 31), (30, 51), (33, 61), (39, 61), (40, 61), (41, 71)])
def test_the_third_failure_of_a_liveness_probe_is_its_last(hangs, sigterm):
    """Asked every 10 s, answered by the timeout of 1 s: the third question at or after the hang decides. One that is
    asked in the very second of the hang meets it.
    """
    first = -(-hangs // 10) * 10
    assert first + 2 * 10 + 1 == sigterm
    life = live({"deadlockAfter": hangs})
    assert life.when("signal", "SIGTERM")[0] == sigterm
    assert life.when("container", "running")[1] == sigterm + 30  # the grace period, as a hang hears no signal


def test_clients_begin_when_their_node_has_heard_and_stop_when_it_has_heard_again():
    network = {"fastest": 3, "slowest": 3}
    life = live({"shutdown": {"takes": 1}}, 60, 40, network=network)
    since, until = life.known
    assert since[1] and not until[1] and until[0] == 43
    assert all(40 <= one.t <= 43 for one in life.lost) and life.lost
    assert sum(one.served + one.lost for one in life.requests[50:]) == 0


@pytest.mark.parametrize("hook, is_lost", [(0, True), (2, True), (4, False)])
def test_a_hook_longer_than_the_news_needs_loses_nothing(hook, is_lost):
    text = POD.replace(
        "    livenessProbe:", f"    lifecycle: {{preStop: {{sleep: {{seconds: {hook}}}}}}}\n    livenessProbe:"
    )
    life = live({"shutdown": {"takes": 0}}, 60, 30, text if hook else POD, network={"fastest": 3, "slowest": 3})
    assert bool(life.lost) is is_lost
    assert life.when("signal", "SIGTERM") == (30 + hook,)


def test_every_request_is_counted_once():
    life = live({"crash": {"after": 9}}, 90, clients={"count": 1, "every": 1})
    assert life.lost_count == len(life.lost)
    first = life.known[0][0]
    assert abs(life.served_count + life.lost_count - (90 - first)) <= 1


@pytest.mark.parametrize("text, said", [
    ("kind: Service\napiVersion: v1\nmetadata: {name: x}", "there is no Pod and no Deployment"),
    (POD.replace("livenessProbe", "liveness"), "field spec.containers.*liveness is not understood"),
    (POD.replace("port: 8080}\n    readiness", "port: 70000}\n    readiness"), "must be between 1 and 65535"),
    ("", "the file is empty"),
])  # fmt: skip
def test_a_manifest_that_cannot_live_is_refused_in_a_sentence(text, said):
    with pytest.raises(BadInput, match=said):
        watch(text)


def test_a_behaviour_of_a_container_that_is_not_there_is_refused():
    with pytest.raises(BadInput, match="the pod has no such container"):
        watch(POD, {"containers": {"shop": {}}})


def test_rollout_status_says_what_kubectl_says():
    """kubectl, pkg/polymorphichelpers/rollout_status.go, and a Deployment of 3 with one to spare and none to miss."""
    web, broken = {"startsAfter": 3}, {"startsAfter": 3, "warmAfter": 900}
    assert roll_out(DEPLOYMENT, {"containers": {"web": web}}).status == 'deployment "web" successfully rolled out'
    halted = roll_out(DEPLOYMENT, {"containers": {"web": web}, "newContainers": {"web": broken}})
    assert (
        halted.status == 'Waiting for deployment "web" rollout to finish: 1 out of 3 new replicas have been updated...'
    )
    assert not halted.is_complete and halted.lost_since(30) == 0
    hasty = DEPLOYMENT.replace("  replicas: 3", "  replicas: 3\n  progressDeadlineSeconds: 60")
    late = roll_out(hasty, {"containers": {"web": web}, "newContainers": {"web": broken}})
    assert late.status == 'error: deployment "web" exceeded its progress deadline'


def test_a_rollout_has_a_lane_for_each_pod_that_ends_where_the_pod_ends():
    rolled = roll_out(DEPLOYMENT, {"containers": {"web": {"startsAfter": 3}}}, 90)
    *pods, requests = rows_of(rolled)
    assert len(pods) == 6 and requests.bars
    assert [row.spans[-1].value for row in pods] == ["Terminating"] * 3 + ["ready"] * 3
    assert all(row.spans[-1].until == 90 for row in pods[3:])


def test_a_restart_is_seen_in_the_lanes_and_said_in_words():
    life = live({"deadlockAfter": 30})
    assert [(one.since, one.until, one.value) for one in lane(life, "container web").spans] == [
        (0, 81, "running"),
        (81, 120, "running"),
    ]
    assert lane(life, "liveness probe").said.startswith(
        "liveness probe: Success 2 times from 10.005 s to 20.005 s; Failure 3 times"
    )
    assert {one.value for one in lane(life, "phase").spans} == {"Running"}
    assert headline(life).startswith("In 120 s the pod was restarted once; ")


def test_a_container_that_waits_for_its_next_start_is_in_crashloopbackoff_under_status_and_its_pod_runs():
    life = live({"crash": {"after": 8}}, 60)
    words = [(one.since, one.value) for one in lane(life, "STATUS in kubectl").spans]
    assert (16.0, "CrashLoopBackOff") in words  # the second end: the first restart came at once
    assert {one.value for one in lane(life, "phase").spans} == {"Running"}


def test_nothing_holds_of_a_pod_that_is_gone():
    life = live({"shutdown": {"takes": 5}}, 60, 30)
    assert life.when("gone") == (35.0,)
    for row in rows_of(life)[:-2]:
        assert not row.spans or row.spans[-1].value == "gone"


def test_a_node_that_has_not_heard_sends_to_a_pod_that_is_gone():
    life = live({"shutdown": {"takes": 1}}, 60, 30, network={"fastest": 4, "slowest": 4})
    assert life.when("gone") == (31.0,)
    assert [one.until for one in lane(life, "clients' node sends to it").spans if one.value == "yes"] == [34]


def test_the_picture_and_its_words_hold_the_same():
    shown = Lifeline(live({"deadlockAfter": 30}), "A hang")
    assert len(shown.story["rows"]) == len(shown.said)
    assert str(shown).splitlines()[0].startswith("A hang. In 120 s the pod was restarted once")
    bundle = shown._repr_mimebundle_()
    assert bundle["text/plain"] == repr(shown) and len(bundle["image/png"]) > 5000
    assert all(len(line) <= 120 for line in repr(shown).splitlines())


def test_every_control_reaches_the_manifest_or_the_behaviour():
    """Each is moved alone, with all probes there, a database that is slow and a pod that is deleted."""
    base = FIRST | {"startup": True, "slow_for": 20, "deleted_at": 100}
    for one in CONTROLS:
        other = {"check": not base[one.name], "choice": one.options[-1:] and one.options[-1]}.get(one.kind, one.most)
        moved = base | {one.name: other}
        is_said = (manifest_of(moved), behaviour_of(moved)) != (manifest_of(base), behaviour_of(base))
        assert is_said or one.name in ("until", "deleted_at"), one.name


def test_controls_turn_from_a_cell_and_refuse_what_cannot_be():
    desk = ProbeControls(hangs_after=30)
    before = desk.answer
    desk.choose(liveness_failures=1, grace=5)
    assert desk.answer != before and "failureThreshold: 1" in desk.manifest
    for wrong, said in {
        "fast": "no such control",
        "liveness_period": "out of reach",
        "liveness_way": "cannot be chosen",
    }.items():
        with pytest.raises(BadInput, match=said):
            desk.choose(**{wrong: 0})
    desk.choose(hangs_after=1)  # it hangs before it listens
    assert "it hangs before it listens" in desk.story["refused"] and desk.story["rows"]
    desk.choose(hangs_after=40)
    assert "refused" not in desk.story


def test_a_page_that_sends_nonsense_is_answered_in_a_sentence():
    desk = ProbeControls()
    for nonsense in ({"liveness_period": "x"}, {"nobody": 1}, {"until": 10**9}):
        desk.wishes = {**desk.wishes, **nonsense}
        assert "This cannot be" in desk.story["refused"]
        desk.wishes = dict(FIRST)


def test_a_change_is_worked_out_in_a_tenth_of_a_second():
    desk = ProbeControls(hangs_after=30)
    took = []
    for period in range(5, 25):
        began = time.perf_counter()
        desk.choose(liveness_period=period)
        took.append(time.perf_counter() - began)
    assert sorted(took)[len(took) // 2] < 0.1


@pytest.mark.parametrize("exercise", of_chapter("08"), ids=lambda one: one.id)
def test_the_first_four_variants_ask_four_different_things(exercise):
    """Not only other numbers: the words differ too."""
    words = [
        " ".join(word for word in in_words(exercise, n).split() if not any(map(str.isdigit, word))) for n in range(4)
    ]
    assert len(set(words)) == 4


# What people do to a manifest of an exercise, and what they are told. `{solved}` stands for the reference solution.
ATTEMPTS = [
    ("08-storm", lambda good: good.replace("httpGet: {path: /alive, port: 8080}", "tcpSocket: {port: 8080}"), WRONG),
    ("08-storm", lambda good: good.replace("/alive", "/healthz"), UNREADABLE),
    ("08-storm", lambda good: good.replace("livenessProbe", "livenesProbe"), UNREADABLE),
    ("08-storm", lambda good: f"{good}\n  - [", UNREADABLE),
    ("08-storm", lambda good: good.replace("periodSeconds: 10", "periodSeconds: 9"), RIGHT),
    ("08-startup", lambda good: good.replace("startupProbe", "readinessProbe"), WRONG),
    ("08-startup", lambda good: good.replace("port: 8080}", "port: 70000}", 1), UNREADABLE),
    ("08-drain", lambda good: good.replace("kind: Deployment", "kind: Pod").replace("apps/v1", "v1"), UNREADABLE),
    ("08-drain", lambda good: good.replace("replicas: 3", "replicas: 4"), RIGHT),
]


@pytest.mark.parametrize("variant", range(4))
@pytest.mark.parametrize("id, change, state", ATTEMPTS, ids=[f"{one[0]}-{n}" for n, one in enumerate(ATTEMPTS)])
def test_each_way_to_change_a_manifest_is_met_by_a_sentence(id, change, state, variant):
    good = find(id).instance(variant).solution
    assert change(good) != good
    given = judged(id, change(good), variant)
    assert given.state == state, given


@pytest.mark.parametrize("variant", range(40))
def test_the_second_of_an_exercise_is_what_one_counts_by_hand(variant):
    """The hints count in another way than the model: questions at multiples of the period, waits that double."""
    of = find("08-second").instance(variant)
    number = [int(word) for word in "".join(c if c.isdigit() else " " for c in of.asks).split()]
    if "send SIGTERM" in of.asks:
        period, timeout, failures, hangs, _ = number
        assert of.answer == -(-hangs // period) * period + (failures - 1) * period + timeout
    elif "leave the EndpointSlice" in of.asks:
        period, timeout, failures, hangs, _, _ = number
        assert of.answer == -(-hangs // period) * period + (failures - 1) * period + timeout
    elif "next container start" in of.asks:
        last, grace, _ = number
        assert of.answer == last + grace
    elif "run begin" in of.asks:
        after = number[0]
        assert (
            of.answer == {"third": 2 * after + 10, "fourth": 3 * after + 30}[of.asks.split(" run begin")[0].split()[-1]]
        )
    else:
        period, failures, *_ = number
        assert of.answer == period * failures
