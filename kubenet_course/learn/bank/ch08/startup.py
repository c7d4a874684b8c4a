"""Chapter 08: a startup probe to size. The program's slow start must pass, a failed one must be found, a later hang
too.
"""

from __future__ import annotations

from functools import partial
from random import Random
from typing import Any

from ...questions.kinds import Slip
from ...questions.kinds_made import Write
from .. import defined
from .checks import Check, ended_by, lived, never_restarted, tested
from .lives import http, one_of_kinds, pod, seen

HANG = {"startsAfter": 5, "deadlockAfter": 62}
FOUND = Check(HANG, ended_by(62 + 45), "A program that hangs later is found too late: at most 45 s are allowed.")


@defined("08-startup", "Room for a slow start")
def startup(chance: Random) -> Write:
    return one_of_kinds(chance, (_missing, _patient, _delayed, _prompt), 4)(chance)


def _manifest(start: dict[str, Any] | None, live: dict[str, Any] | None = None) -> str:
    probes = {"livenessProbe": live or http("/alive", periodSeconds=10, failureThreshold=3)}
    return pod(20, **({"startupProbe": start} if start else {}), **probes)


def _probe(period: int, failures: int) -> dict[str, Any]:
    return http("/alive", periodSeconds=period, failureThreshold=failures)


def _passes(seconds: int) -> Check:
    said = f"A start that takes {seconds} s is not let through: the container is ended before."
    return Check({"startsAfter": seconds}, never_restarted, said, 38, until=seconds + 60)


def _fails_by(seconds: int) -> Check:
    said = f"A start that never succeeds is found too late: at most {seconds} s are allowed."
    return Check({"startsAfter": 9_000}, ended_by(seconds), said, until=seconds + 60)


def _write(
    asks: str,
    starts: str,
    solution: str,
    checks: tuple[Check, ...],
    slips: tuple[Slip, ...],
    hints: tuple[str, str, str],
) -> Write:
    return Write(
        asks=f"{asks} The program answers GET on `/alive` as soon as it has started.",
        look=seen(lived(starts, checks[0]), "What happens with this manifest"),
        starts=starts,
        tests=partial(tested, checks=checks),
        solution=solution,
        slips=slips,
        because="The startup probe allows periodSeconds x failureThreshold seconds, once. After it has succeeded the "
        "liveness probe can be strict.",
        evidence=seen(lived(solution, checks[0]), "What happens with the mended manifest"),
        hints=hints,
    )


def _room(seconds: int) -> tuple[str, str, str]:
    return (
        "While a startup probe has not succeeded, no other probe is asked. How much time does it allow?",
        "It allows periodSeconds x failureThreshold. The last failure of the row must come after the slowest start.",
        f"With a period of 5 s, {seconds} s are {seconds // 5} failures.",
    )


def _missing(chance: Random) -> Write:
    slowest = 90
    return _write(
        f"This program needs up to {slowest} seconds to start, and its liveness probe never lets it. Give the "
        f"manifest a startup probe: a start of "
        f"{slowest} s passes, a start that never succeeds is ended within 120 s, and a program that hangs later "
        f"still gets SIGTERM within 45 s.",
        _manifest(None),
        _manifest(_probe(5, 22)),
        (_passes(slowest), _fails_by(120), FOUND),
        (
            Slip(_manifest(_probe(10, 8))),
            Slip(_manifest(_probe(10, 60))),
            Slip(_manifest(None, http("/alive", periodSeconds=10, failureThreshold=12))),
        ),
        _room(110),
    )


def _patient(chance: Random) -> Write:
    slowest = chance.choice((40, 50, 60))
    return _write(
        f"The startup probe below lets a start go on for ten minutes before it gives up. The slowest good start "
        f"takes {slowest} s. Mend the numbers: "
        f"that start passes, a start that never succeeds is ended within {slowest + 30} s, and a program that hangs "
        f"later still gets SIGTERM within "
        "45 s.",
        _manifest(_probe(20, 30)),
        _manifest(_probe(5, (slowest + 20) // 5)),
        (_fails_by(slowest + 30), _passes(slowest), FOUND),
        (
            Slip(_manifest(_probe(10, slowest // 10 - 1))),
            Slip(_manifest(_probe(20, slowest + 7))),
            Slip(_manifest(None), 38),
        ),
        _room(slowest + 20),
    )


def _delayed(chance: Random) -> Write:
    slowest = chance.choice((80, 100, 120))
    live = http("/alive", periodSeconds=10, failureThreshold=3, initialDelaySeconds=slowest + 20)
    quick_hang = Check(
        {"startsAfter": 5, "deadlockAfter": 22},
        ended_by(22 + 45),
        "A program that starts in 5 s and soon hangs is found too late.",
    )
    return _write(
        f"To let a start of {slowest} s pass, somebody gave the liveness probe an initialDelaySeconds of "
        f"{slowest + 20}. So a program that starts "
        f"quickly and then hangs is not found for minutes. Mend the manifest: a start of {slowest} s passes, and "
        f"whenever the program hangs after its "
        "start it gets SIGTERM within 45 s.",
        _manifest(None, live),
        _manifest(_probe(5, (slowest + 20) // 5)),
        (quick_hang, _passes(slowest), FOUND),
        (
            Slip(_manifest(None, http("/alive", periodSeconds=10, initialDelaySeconds=15)), 38),
            Slip(_manifest(_probe(5, (slowest + 20) // 5), live)),
            Slip(_manifest(_probe(10, 3))),
        ),
        ("initialDelaySeconds passes in full, however quick the start was.", *_room(slowest + 20)[:2]),
    )


def _prompt(chance: Random) -> Write:
    slowest = chance.choice((52, 63, 74))
    soon = Check(
        {"startsAfter": 12},
        lambda life: bool(life.known) and life.when("endpoints", "ready")[0] <= 16,
        "A start of 12 s passes, but the pod is in the EndpointSlice only long after: at most 4 s are allowed.",
    )
    return _write(
        f"This program starts in 12 seconds, on a bad day in {slowest}. The startup probe below asks so rarely that "
        f"a quick start waits for it. Mend the "
        f"manifest: after a start of 12 s the pod is in the EndpointSlice within 4 s, a start of {slowest} s passes, "
        f"and one that never succeeds is "
        f"ended within {slowest + 40} s.",
        _manifest(_probe(30, 3)),
        _manifest(_probe(2, (slowest + 20) // 2)),
        (soon, _passes(slowest), _fails_by(slowest + 40)),
        (
            Slip(_manifest(_probe(2, 3))),
            Slip(_manifest(_probe(20, 5))),
            Slip(_manifest(_probe(2, 300))),
        ),
        ("How long may a container that has started wait for the next question?",
         "A small period is cheap here: the startup probe is not asked again once it has succeeded.",
         f"With a period of 2 s, {slowest + 20} s are {(slowest + 20) // 2} failures."),
    )  # fmt: skip
