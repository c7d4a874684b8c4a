"""Chapter 08: a status as `kubectl get pod -o yaml` prints it, and what happened to the pod."""

from __future__ import annotations

from random import Random
from typing import Any

import yaml
from msgspec import Struct

from ....views.tables.source import Source
from ....views.tables.table import table
from ...questions.kinds_lists import Choose, Statement
from .. import defined
from .lives import one_of_kinds

DAY = "2026-11-20T"


class Case(Struct, frozen=True):
    """A status, the lines that decide, what happened, and what people read in it instead (belief, why not)."""

    container: dict[str, Any]
    ready: bool
    lines: tuple[tuple[str, str], ...]
    right: str
    wrong: dict[str, tuple[int, str]]
    because: str
    metadata: dict[str, Any] = {}
    phase: str = "Running"


def _ended(code: int, reason: str, since: str, until: str) -> dict[str, Any]:
    return {
        "terminated": {
            "exitCode": code,
            "finishedAt": f"{DAY}{until}Z",
            "reason": reason,
            "startedAt": f"{DAY}{since}Z",
        }
    }


def _box(state: dict[str, Any], last: dict[str, Any], restarts: int, ready: bool, started: bool) -> dict[str, Any]:
    return {
        "lastState": last,
        "name": "web",
        "ready": ready,
        "restartCount": restarts,
        "started": started,
        "state": state,
    }


def _runs(since: str) -> dict[str, Any]:
    return {"running": {"startedAt": f"{DAY}{since}Z"}}


STORIES = (
    Case(
        _box(_runs("03:14:31"), _ended(137, "Error", "02:51:07", "03:14:31"), 4, True, True), True,
        (("lastState.terminated.exitCode", "137 = 128 + 9: SIGKILL"), ("lastState.terminated.reason", ("Error: not "
            "the memory limit")),
         ("state.running.startedAt", "started anew in the second in which it ended")),
        "The kubelet ended it with SIGKILL, after it had not heard SIGTERM; probably its liveness probe had failed.",
        {"It used more memory than its limit, and the kernel ended it.": (186, "Then the reason would be OOMKilled."),
         "It ended by itself with an error.": (184, ("A program that exits by itself has an exit code of its own, not "
                                                    "128 + 9.")),
         "Its phase was Failed for a while.": (41, "The restart policy starts it again, so the pod stayed Running.")},
        "137 is SIGKILL, and the reason Error says that the memory limit was not it. `kubectl describe pod` has the "
        "event: Liveness probe failed."),
    Case(
        _box(_runs("03:20:12"), _ended(137, "OOMKilled", "03:02:45", "03:20:02"), 7, True, True), True,
        (("lastState.terminated.reason", "OOMKilled"), ("lastState.terminated.exitCode", "137 = 128 + 9: SIGKILL")),
        "It used more memory than its limit, and the kernel ended it.",
        {"Its liveness probe failed, and the kubelet ended it.": (186, ("Both are SIGKILL, 137. The reason tells them "
            "apart, and here it is OOMKilled.")),
         "Its grace period was too short.": (185, "Nobody asked it to end. The kernel did not wait either."),
         "Its readiness probe failed too often.": (183, "A readiness probe never ends a container.")},
        "The reason OOMKilled stands for the kernel's memory limit. No probe has a part in it."),
    Case(
        _box({"waiting": {"message": "back-off 2m40s restarting failed container=web", "reason": "CrashLoopBackOff"}},
             _ended(1, "Error", "03:10:00", "03:10:02"), 6, False, False), False,
        (("state.waiting.reason", "CrashLoopBackOff: the kubelet waits"), ("lastState.terminated.exitCode",
            "1: the program's own"),
         ("lastState.terminated", "it ran for 2 seconds")),
        "The program ends by itself with an error, soon after each start; the kubelet waits before it starts it "
        "again.",
        {"The pod is in the phase CrashLoopBackOff, and must be deleted to start again.": (41, ("The phase is "
            "Running, and the kubelet starts it again by itself.")),
         "Its liveness probe ends it after each start.": (181, ("Then the exit code would be 137 or 143, and it would "
             "live for more than two seconds.")),
         "Its image cannot be fetched.": (41, "It has run: lastState has an exit code.")},
        "Exit code 1 is the program's own word, two seconds after its start. Its log says why: `kubectl logs web "
        "--previous`."),
    Case(
        _box(_runs("01:00:04"), {}, 0, False, True), False,
        (("restartCount", "0: nothing was ever ended"), ("started", "true"), ("ready", "false")),
        "It runs, and its readiness probe fails; so its Services do not send to it.",
        {"It will be restarted as soon as the probe has failed often enough.": (183, ("A readiness probe restarts "
            "nothing, however often it fails.")),
         "It is still starting.": (38, "`started: true`: its startup probe has succeeded, or there is none."),
         "Its phase is about to become Failed.": (182, "Probes have no part in the phase.")},
        "Running, started, not ready, never restarted: only readiness fails. `kubectl describe pod` shows what the "
        "probe gets to hear."),
    Case(
        _box(_runs("03:05:01"), _ended(143, "Error", "03:04:01", "03:05:01"), 9, False, False), False,
        (("started", "false: the startup probe has not succeeded"), ("lastState.terminated", "it ran for 60 seconds"),
         ("lastState.terminated.exitCode", "143 = 128 + 15: SIGTERM")),
        "Its startup probe gives up after a minute, before the program has started; the kubelet ends and restarts it.",
        {"Its liveness probe is too strict.": (38, "While `started` is false no liveness probe is asked."),
         "It waits until its readiness probe succeeds.": (183, ("Nobody would end it for that. It has been ended nine "
             "times.")),
         "It ends by itself after a minute.": (181, "143 is SIGTERM: somebody told it to end.")},
        "It never gets to `started: true`. periodSeconds x failureThreshold of the startup probe come to a minute "
        "here."),
    Case(
        _box(_runs("22:40:10"), {}, 0, True, True), True,
        (("metadata.deletionTimestamp", "set: it is being deleted"), ("status.phase", "Running"), ("state.running",
            "its program still runs")),
        "It is being deleted, and its program still runs; at the deletionTimestamp its grace period ends.",
        {"It is in the phase Terminating, so nothing of it runs any more.": (41, ("Its phase is Running, and so is "
            "its container.")),
         "It is ready, so its Services still send new connections to it.": (43, ("In the EndpointSlice it has ready "
             "false and terminating true, whatever its own condition says.")),
         "It was deleted long ago, and only the API has not noticed.": (43, ("The object stays until its last "
             "container has ended."))},
        "kubectl prints Terminating for a pod with a deletionTimestamp. The phase and the containers go on as they "
        "are until the end.",
        metadata={"deletionGracePeriodSeconds": 60, "deletionTimestamp": f"{DAY}03:30:00Z"}),
)  # fmt: skip


def _text(one: Case) -> str:
    conditions = [
        {"status": "True", "type": "PodReadyToStartContainers"},
        {"status": "True", "type": "Initialized"},
        *(
            {"status": "True", "type": name}
            if one.ready
            else {
                "message": "containers with unready status: [web]",
                "reason": "ContainersNotReady",
                "status": "False",
                "type": name,
            }
            for name in ("Ready", "ContainersReady")
        ),
        {"status": "True", "type": "PodScheduled"},
    ]
    status = {"conditions": conditions, "containerStatuses": [one.container], "phase": one.phase}
    return str(yaml.safe_dump({"metadata": {**one.metadata, "name": "web"}, "status": status}, width=100))


@defined("08-status", "What happened to this pod?")
def status(chance: Random) -> Choose:
    one = one_of_kinds(chance, STORIES, 5)
    evidence = table("The lines that decide", ("line", "what it says"), one.lines, code=(0,))
    listing = Source(_text(one), "kubectl get pod web -o yaml, shortened")
    return Choose(
        asks="Below is what `kubectl get pod web -o yaml` prints, shortened. What happened?",
        look=listing,
        statements=(
            Statement(one.right, True),
            *(
                Statement(text, belief=belief, said=said, evidence=evidence)
                for text, (belief, said) in one.wrong.items()
            ),
        ),
        because=one.because,
        evidence=evidence,
        hints=(
            "Read state first, then lastState: how does the container stand, and how did its last run end?",
            "An exit code above 128 is a signal: 137 is SIGKILL, 143 is SIGTERM. `reason` says more.",
            f"Look at {', '.join(f'`{name}`' for name, _ in one.lines)}.",
        ),
    )
