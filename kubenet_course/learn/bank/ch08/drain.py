"""Chapter 08: rollouts that lose requests, to be mended; each is tried with several seeds, request by request."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import Any

from msgspec import Struct

from ....errors import BadInput
from ....kube.workload.rolled import Rolled, roll_out
from ...questions.kinds import Finding, Slip
from ...questions.kinds_made import Repair
from .. import defined
from .lives import deployment, http, lost_rows, one_of_kinds, refused

SEEDS = (0, 1, 2)
UNTIL = 260


class Fleet(Struct, frozen=True):
    """The program of a Deployment, and how late its cluster's nodes hear of a change."""

    web: dict[str, Any]
    slowest: int

    def rolled(self, text: str, seed: int = 0) -> Rolled:
        network = {"fastest": 0.5, "slowest": self.slowest}
        behaviour = {
            "containers": {"web": self.web},
            "network": network,
            "clients": {"count": 4, "every": 0.5, "timeout": 10},
        }
        try:
            return roll_out(text, behaviour, UNTIL, seed)
        except BadInput as error:
            raise refused(error) from None


def _tests(fleet: Fleet, text: str) -> tuple[Finding, ...]:
    """No request lost and the rollout complete, with every seed."""
    for seed in SEEDS:
        rolled = fleet.rolled(text, seed)
        shown = lost_rows(rolled, f"{rolled.lost_count} requests lost, the first of them:")
        if rolled.lost:
            causes = {one.cause for one in rolled.lost}
            said, belief = _why(causes)
            return (
                Finding(
                    False,
                    f"{rolled.lost_count} of {rolled.served_count + rolled.lost_count} requests are lost. {said}",
                    belief,
                    shown,
                ),
            )
        if not rolled.is_complete:
            return (
                Finding(
                    False,
                    f"No request is lost, but after {UNTIL} s the rollout is not complete: {rolled.status}",
                    44,
                    shown,
                ),
            )
    return (Finding(True, ""),)


def _why(causes: set[str]) -> tuple[str, int]:
    if any("its process ended before" in one for one in causes):
        return "SIGKILL ended a program that was still at work.", 185
    if any("not listening yet" in one or "warming up" in one for one in causes):
        return "They were sent to a new pod before its program could serve.", 44
    return "They were sent to a pod that had stopped listening, by nodes that had not heard of it yet.", 42


@defined("08-drain", "Leave without losing a request")
def drain(chance: Random) -> Repair:
    return one_of_kinds(chance, (_no_hook, _short_grace, _no_readiness, _long_hook), 13)(chance)


READY = http("/ready", periodSeconds=2)


def _text(hook: int = 0, grace: int = 30, ready: bool = True) -> str:
    web: dict[str, Any] = {"lifecycle": {"preStop": {"sleep": {"seconds": hook}}}} if hook else {}
    if ready:
        web = {"readinessProbe": READY, **web}
    return deployment(grace=grace, **web)


def _repair(
    asks: str,
    fleet: Fleet,
    starts: str,
    solution: str,
    slips: tuple[Slip, ...],
    because: str,
    hints: tuple[str, str, str],
) -> Repair:
    told = (
        "Mend the Deployment so that a rollout loses no request. We try it three times, since chance decides when each "
        "node hears of a change."
    )
    return Repair(
        asks=f"{asks} {told}",
        look=lost_rows(fleet.rolled(starts), "The first lost requests of a rollout"),
        starts=starts,
        tests=partial(_tests, fleet),
        solution=solution,
        slips=slips,
        because=because,
        evidence=lost_rows(fleet.rolled(solution), "No request is lost any more."),
        hints=hints,
    )


def _no_hook(chance: Random) -> Repair:
    slowest = chance.randrange(4, 8)
    fleet = Fleet({"startsAfter": 3, "shutdown": {"takes": 0}}, slowest)
    return _repair(
        f"The program closes its port at SIGTERM and ends. A node may hear of a change only after {slowest} s.",
        fleet, _text(), _text(slowest + 3),
        (Slip(_text(1), 42), Slip(_text(0, 120), 42)),
        "The hook delays SIGTERM until the slowest node has heard. A longer grace period alone delays nothing.",
        ("At which moment does the program stop listening, and what do the nodes know then?",
         "A preStop hook runs before SIGTERM: `lifecycle: {preStop: {sleep: {seconds: N}}}`.",
         f"Let it sleep longer than the {slowest} s that the slowest node needs."),
    )  # fmt: skip


def _short_grace(chance: Random) -> Repair:
    slowest, answers = chance.randrange(4, 8), 6
    fleet = Fleet({"startsAfter": 3, "answersAfter": answers, "shutdown": {"takes": 12, "finishes": True}}, slowest)
    ready = http("/ready", periodSeconds=2, timeoutSeconds=8)
    text = lambda hook, grace: deployment(  # noqa: E731
        grace=grace, readinessProbe=ready, lifecycle={"preStop": {"sleep": {"seconds": hook}}}
    )
    return _repair(
        f"Each answer takes {answers} s. After SIGTERM the program goes on serving for 12 s, and ends. A node may "
        f"hear of a change only after {slowest} s. "
        "There is a hook already.",
        fleet, text(slowest + 1, slowest + 2), text(slowest + 1, 30),
        (Slip(text(slowest + 1, slowest + 3), 185), Slip(text(slowest, slowest + 1), 185)),
        "Hook and shutdown share one grace period: it must be longer than both together.",
        ("When does the grace period begin: at the deletion, or at SIGTERM?",
         "The hook's sleep is taken off the grace period. What is left, the program gets.",
         (f"The hook takes {slowest + 1} s and the program 12 s: `terminationGracePeriodSeconds` must be more than "
         f"{slowest + 13}.")),
    )  # fmt: skip


def _no_readiness(chance: Random) -> Repair:
    slowest, starts = chance.randrange(2, 5), chance.randrange(6, 12)
    fleet = Fleet({"startsAfter": starts, "shutdown": {"takes": 0}}, slowest)
    return _repair(
        f"The program listens {starts} s after its start. There is a hook, long enough for nodes that hear of a "
        f"change after {slowest} s at most. "
        "It answers GET on `/ready`, port 8080.",
        fleet, _text(slowest + 3, ready=False), _text(slowest + 3),
        (
            Slip(_text(slowest + 20, ready=False), 44),
            Slip(_text(slowest + 3).replace("readinessProbe", "livenessProbe"), 44),
        ),
        "Without a readiness probe a pod counts as ready when its container has started, long before the program "
        "listens.",
        ("Which pods are the lost requests sent to: those that leave, or those that come?",
         "Without a readiness probe a container is ready as soon as it runs.",
         "`readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 2}`"),
    )  # fmt: skip


def _long_hook(chance: Random) -> Repair:
    slowest, grace = chance.randrange(5, 8), chance.choice((3, 4))
    fleet = Fleet({"startsAfter": 3, "shutdown": {"takes": 0}}, slowest)
    cycle = {"preStop": {"exec": {"command": ["sleep", "15"]}}}
    text = lambda grace: deployment(grace=grace, readinessProbe=READY, lifecycle=cycle)  # noqa: E731
    return _repair(
        f"A node may hear of a change only after {slowest} s. The pods have a hook that runs `sleep 15`. To make "
        f"rollouts quick, somebody gave them a "
        f"grace period of {grace} s.",
        fleet, text(grace), text(30),
        (Slip(text(2), 42), Slip(_text(0, 30), 42)),
        "The hook cannot last longer than the grace period. At its end the program is told to stop, whatever the "
        "hook wanted.",
        ("How long does the hook really sleep, when the grace period is shorter?",
         "The grace period begins with the deletion and ends everything.",
         "Give it more seconds than the hook needs."),
    )  # fmt: skip
