"""Chapter 08: probes that make trouble, to be mended. What worked, finding a program that hangs, must go on working."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import Any

from ...questions.kinds import Slip
from ...questions.kinds_made import Repair
from .. import defined
from .checks import Check, ended_by, left_by, lived, never_restarted, stays_listed, tested
from .lives import http, one_of_kinds, pod, seen

HINTS_LAST = "The program's process answers at /alive, whatever its database does. /ready also asks the database."


@defined("08-storm", "A slow database, and everybody restarts")
def storm(chance: Random) -> Repair:
    return one_of_kinds(chance, (_path, _swapped, _strict, _flapping), 2)(chance)


def _repair(
    asks: str,
    broken: str,
    solution: str,
    checks: tuple[Check, ...],
    slips: tuple[Slip, ...],
    because: str,
    hints: tuple[str, str, str],
) -> Repair:
    return Repair(
        asks=f"{asks} The program answers GET on `/alive` (its process only) and on `/ready` (it also asks the "
        f"database).",
        look=_look(broken, checks[0]),
        starts=broken,
        tests=partial(tested, checks=checks),
        solution=solution,
        slips=slips,
        because=because,
        evidence=_look(solution, checks[0]),
        hints=hints,
    )


def _look(text: str, check: Check) -> object:
    return seen(lived(text, check), "What happens with this manifest")


def _probes(liveness: dict[str, Any], readiness: dict[str, Any]) -> str:
    return pod(20, livenessProbe=liveness, readinessProbe=readiness)


def _slow(chance: Random) -> tuple[dict[str, Any], int]:
    since, lasts = chance.randrange(40, 60), chance.randrange(60, 100)
    return {"dependency": [{"since": since, "until": since + lasts, "answersAfter": 3}]}, since


HANGS = Check(
    {"deadlockAfter": 52},
    ended_by(52 + 45),
    "A program that hangs is found too late, or never: at most 45 s are allowed.",
)


def _path(chance: Random) -> Repair:
    web, since = _slow(chance)
    good, bad = (
        http("/alive", periodSeconds=10, failureThreshold=3),
        http("/ready", periodSeconds=10, failureThreshold=3),
    )
    ready = http("/ready", periodSeconds=5)
    return _repair(
        f"From second {since} on the database is slow for a while, and this pod is restarted though its process is "
        f"well. Mend the manifest: no "
        "restart because of the database, and a program that hangs still gets SIGTERM within 45 s.",
        _probes(bad, ready),
        _probes(good, ready),
        (Check(web, never_restarted, "The slow database still restarts the container.", 37), HANGS),
        (
            Slip(_probes(http("/ready", periodSeconds=10, failureThreshold=5), ready), 37),
            Slip(_probes(http("/ready", periodSeconds=10, timeoutSeconds=30, failureThreshold=3), ready)),
            Slip(pod(20, readinessProbe=ready)),
        ),
        "A liveness probe must fail only when a restart helps. A restart mends no database.",
        (
            "What does the liveness probe ask for, and who answers that?",
            "Which path answers from the process alone?",
            HINTS_LAST,
        ),
    )


def _swapped(chance: Random) -> Repair:
    web, since = _slow(chance)
    down = {"dependency": [{"since": since, "until": since + 60}]}
    alive, ready = http("/alive", periodSeconds=10), http("/ready", periodSeconds=10)
    return _repair(
        f"From second {since} on the database is slow, and this pod is restarted. When it is down the pod stays in "
        f"its Service, and clients get "
        "errors. Mend both: the database restarts nothing, and within 40 s without it the pod leaves the "
        "EndpointSlice. A program that hangs still "
        "gets SIGTERM within 45 s.",
        _probes(ready, alive),
        _probes(alive, ready),
        (
            Check(web, never_restarted, "The slow database still restarts the container.", 37),
            Check(down, left_by(since + 40), "Without its database the pod stays in the EndpointSlice.", 183),
            HANGS,
        ),
        (Slip(_probes(alive, alive), 183), Slip(_probes(ready, ready), 37), Slip(pod(20, readinessProbe=ready))),
        "The two probes were swapped. Liveness asks whether a restart would help, readiness whether a request would "
        "be served.",
        (
            "What does a failure of each of the two probes do?",
            "Which of the two paths fails with the database?",
            HINTS_LAST,
        ),
    )


def _strict(chance: Random) -> Repair:
    late = chance.choice((1.4, 1.6, 1.8))
    web = {"flapping": {"every": 25, "for": 12, "answersAfter": late}}
    ready = http("/ready", periodSeconds=5, timeoutSeconds=3, failureThreshold=3)
    broken = http("/alive", periodSeconds=5, failureThreshold=1)
    return _repair(
        f"Under load this program is slow: for 12 of every 25 seconds each answer takes {late} s. Its process is "
        f"well, and it is restarted all the "
        "time. Mend the manifest: no restart under load, and a program that hangs still gets SIGTERM within 45 s.",
        _probes(broken, ready),
        _probes(http("/alive", periodSeconds=10, timeoutSeconds=3, failureThreshold=3), ready),
        (Check(web, never_restarted, "Under load it is still restarted.", 39), HANGS),
        (
            Slip(_probes(http("/alive", periodSeconds=5, failureThreshold=2), ready), 39),
            Slip(_probes(http("/alive", periodSeconds=30, timeoutSeconds=3, failureThreshold=3), ready)),
            Slip(pod(20, readinessProbe=ready)),
        ),
        "A second is short under load. The timeout is longer than a slow answer now, and one failure alone decides "
        "nothing.",
        ("How long does an answer take under load, and how long does the probe wait?",
         "timeoutSeconds is 1 where nothing is said, and failureThreshold is 1 here.",
         "A timeout of 3 s and three failures in a row: then a hang is found after about 30 s."),
    )  # fmt: skip


def _flapping(chance: Random) -> Repair:
    since = chance.randrange(60, 90)
    web = {"flapping": {"every": 20, "for": 6, "answersAfter": 1.5}}
    down = {"dependency": [{"since": since, "until": since + 80}]}
    alive = http("/alive", periodSeconds=10, timeoutSeconds=3, failureThreshold=3)
    return _repair(
        "Under load this pod leaves its Service for some seconds in every twenty, as do all replicas at once, though "
        "each request would be served "
        f"after 1.5 s. Mend the manifest: it stays in the EndpointSlice under load, and when its database is down "
        f"from second {since} on it leaves "
        "within 40 s. A program that hangs still gets SIGTERM within 45 s.",
        _probes(alive, http("/ready", periodSeconds=2, failureThreshold=1)),
        _probes(alive, http("/ready", periodSeconds=5, timeoutSeconds=3, failureThreshold=3)),
        (
            Check(web, stays_listed, "Under load it still leaves the EndpointSlice.", 39),
            Check(down, left_by(since + 40), "Without its database the pod stays in the EndpointSlice.", 39),
            HANGS,
        ),
        (
            Slip(_probes(alive, http("/ready", periodSeconds=2, failureThreshold=2)), 39),
            Slip(_probes(alive, http("/alive", periodSeconds=5, timeoutSeconds=3, failureThreshold=3)), 39),
            Slip(_probes(alive, http("/ready", periodSeconds=30, timeoutSeconds=3, failureThreshold=3)), 39),
        ),
        "With one second and one failure each slow answer takes the pod out. Longer and more patient, it still sees "
        "a real outage.",
        ("How long does an answer take under load, and how long does the probe wait?",
         "timeoutSeconds is 1 where nothing is said.", ("A timeout of 3 s and three failures in a row still see an "
                                                       "outage after some 15 s.")),
    )  # fmt: skip
