"""What the kubelet 1.36.2 decided, recorded, and what the models decide: all equal."""

import json
from pathlib import Path

import msgspec
import pytest

from kubenet_course.kube.kubelet import conditions
from kubenet_course.kube.kubelet.phase import phase
from kubenet_course.kube.kubelet.spec import (
    Condition,
    Container,
    ContainerState,
    ContainerStatus,
    PodSpec,
    Probe,
    Running,
    Terminated,
)
from kubenet_course.kube.kubelet.worker import ProbeKind, ProbeResult, Seen, Worker, decide, heard, is_ready, is_started

HERE = Path(__file__).parent.parent / "data/reference/kubelet-1.36.2"


def recorded(name, part):
    """The cases of every file of that form: the ones that are here, and those that somebody puts beside them."""
    return [
        pytest.param(case, id=f"{path.stem}-{number}")
        for path in sorted(HERE.glob(f"{name}*.json"))
        for number, case in enumerate(json.loads(path.read_text())[part])
    ]


def statuses(case):
    return tuple(msgspec.convert(one, ContainerStatus) for one in case.get("containerStatuses") or ())


@pytest.mark.parametrize("case", recorded("podphase", "cases"))
def test_a_pod_has_the_phase_that_the_kubelet_gave_it(case):
    spec = msgspec.convert(case["spec"], PodSpec)
    found = phase(spec, statuses(case), is_terminal=case["podIsTerminal"], has_initialized=case["podHasInitialized"])
    assert found == case["expected_phase"]


@pytest.mark.parametrize("case", recorded("podconditions", "cases"))
def test_a_condition_has_the_status_reason_and_message_of_the_kubelet(case):
    spec = msgspec.convert(case["spec"], PodSpec)
    known = statuses(case) if "containerStatuses" in case else None
    if case["kind"] == "ContainersReady":
        found = conditions.containers_ready(spec, known, case["phase"])
    elif case["kind"] == "PodReady":
        held = [msgspec.convert(one, Condition) for one in case.get("conditions", ())]
        found = conditions.ready(spec, held, known, case["phase"])
    else:
        assert case["kind"] == "PodInitialized"
        found = conditions.initialized(spec, known, case["phase"])
    assert found == msgspec.convert(case["expected"], Condition)


ANSWERS = {"success": ProbeResult.SUCCESS, "failure": ProbeResult.FAILURE, "error": ProbeResult.ERROR}
SPELLED = {"success": "Success", "failure": "Failure", "unknown": "UNKNOWN"}


def exit_code_of(event):
    """`container terminated exit 1`"""
    return int(event.split()[-1]) if event.startswith("container terminated exit") else None


class Told:
    """A container and its workers, as the recording drives them."""

    def __init__(self, case):
        self.probes = {ProbeKind(name): msgspec.convert(one, Probe) for name, one in case["probes"].items()}
        self.workers = {
            kind: Worker(kind)
            for kind in (ProbeKind.STARTUP, ProbeKind.LIVENESS, ProbeKind.READINESS)
            if kind in self.probes
        }
        self.pod = PodSpec(restart_policy=case["restartPolicy"])
        self.verdicts = {}
        self.deleted = False
        self.exit_code = 0

    def status(self, step):
        ended = ContainerState(terminated=Terminated(exit_code=self.exit_code))
        state = ContainerState(running=Running()) if step["running"] else ended
        status = ContainerStatus(name="c", state=state, container_id=step["containerID"])
        started = is_started(status, self.verdict(ProbeKind.STARTUP, step), ProbeKind.STARTUP in self.workers)
        status = msgspec.structs.replace(status, started=started)
        ready = is_ready(status, self.verdict(ProbeKind.READINESS, step), ProbeKind.READINESS in self.workers)
        return msgspec.structs.replace(status, ready=ready)

    def verdict(self, kind, step):
        return self.verdicts.get((kind, step["containerID"]))

    def tick(self, step):
        """Every worker once, startup first; each sees the status from before the tick."""
        status = self.status(step)
        asked = {}
        for kind in list(self.workers):
            seen = Seen("Running", status, age=100, is_deleted=self.deleted)
            done = decide(self.workers[kind], self.probes[kind], self.pod, Container(name="c"), seen)
            self.publish(kind, step, done)
            asked[kind] = done.asks
            if done.asks:
                answer = ANSWERS[step["workers"][kind.value]["nextProbeWouldReturn"]]
                done = heard(done.worker, self.probes[kind], answer)
                self.publish(kind, step, done)
            self.workers[kind] = done.worker
            if not done.keeps_going:
                asked[kind, "gone"] = self.workers.pop(kind)
        return status, asked

    def publish(self, kind, step, done):
        if done.published is not None:
            self.verdicts[kind, step["containerID"]] = done.published


@pytest.mark.parametrize("case", recorded("prober", "sequences"))
def test_workers_do_tick_by_tick_what_the_kubelets_did(case):
    told = Told(case)
    for step in case["steps"]:
        event = step.get("event", "")
        told.deleted |= event == "pod deletionTimestamp set"
        told.exit_code = told.exit_code if exit_code_of(event) is None else exit_code_of(event)
        before, asked = told.tick(step)
        assert before.started == step["startedGivenToWorkers"], step
        for name, expected in step["workers"].items():
            kind = ProbeKind(name)
            worker = asked.get((kind, "gone")) or told.workers[kind]
            verdict = told.verdict(kind, step)
            assert asked[kind] == expected["probeActuallyRan"], (step["tick"], name)
            assert worker.run == expected["resultRun"], (step["tick"], name)
            assert worker.on_hold == expected["onHold"], (step["tick"], name)
            assert (kind in told.workers) == expected["keepGoing"], (step["tick"], name)
            said = None if verdict is None else verdict.value
            assert said == (expected["resultsManager"] and expected["resultsManager"].title()), (step["tick"], name)
        after = told.status(step)
        assert (after.started, after.ready) == (step["containerStartedAfter"], step["containerReadyAfter"]), step


def plain_id(text):
    """`://` is how the kubelet prints the id of no container."""
    return "" if text == "://" else text


@pytest.mark.parametrize("case", recorded("prober", "calls"))
def test_one_call_of_a_worker_leaves_it_as_the_kubelets_was_left(case):
    kind = ProbeKind(case["probeType"].lower())
    probe = msgspec.convert(case["probe"] or {}, Probe)
    container = Container(name=case["container"], restart_policy=case["containerRestartPolicy"])
    pod = PodSpec(restart_policy=case["podRestartPolicy"])
    verdicts = {}
    for call in case["calls"]:
        before = call["before"]
        worker = Worker(
            kind,
            plain_id(before["containerID"]),
            ProbeResult(before["lastResult"]),
            before["resultRun"],
            before["onHold"],
        )
        found = [one for one in statuses(call) if one.name == case["container"] and one.container_id]
        status = found[0] if found else None
        seen = (
            Seen(call["podPhase"] or "", status, 10**6, call["deletionTimestampSet"]) if call["statusKnown"] else None
        )
        done = decide(worker, probe, pod, container, seen)
        verdicts[done.worker.container_id] = done.published or verdicts.get(done.worker.container_id)
        ran = call["probeRun"]
        if ran is not None:
            assert done.asks
            answer = ProbeResult.ERROR if ran["error"] else ProbeResult(ran["result"])
            done = heard(done.worker, probe, answer)
            verdicts[done.worker.container_id] = done.published or verdicts.get(done.worker.container_id)
        after = call["after"]
        assert (done.worker.container_id, done.worker.last.value, done.worker.run, done.worker.on_hold) == (
            plain_id(after["containerID"]),
            after["lastResult"],
            after["resultRun"],
            after["onHold"],
        )
        assert done.keeps_going == call["keepGoing"]
        if call["resultsManagerValue"] is not None:
            assert verdicts[done.worker.container_id].value == call["resultsManagerValue"].title()
