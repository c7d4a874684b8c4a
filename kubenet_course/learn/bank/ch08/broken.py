"""Chapter 08: four rollouts that `kubectl rollout status` has something to say about. What do its words mean for the
clients?
"""

from __future__ import annotations

from random import Random
from typing import Any

from msgspec import Struct

from ....kube.workload.rolled import Rolled, roll_out
from ....views.tables.table import Table, table
from ...questions.kinds_lists import Choose, Statement
from .. import defined
from .lives import deployment, http, one_of_kinds

UNTIL = 150
ROLLS_AT = 30
GOOD = {"startsAfter": 3, "shutdown": {"takes": 6, "finishes": True}}
BROKEN = {**GOOD, "warmAfter": 9_000}  # it listens, and answers every request with 503
READY, ALIVE, HOOK = http("/ready", periodSeconds=2), http("/alive"), {"preStop": {"sleep": {"seconds": 3}}}


class Candidate(Struct, frozen=True):
    """A Deployment in a sentence, its manifest, what its new revision does."""

    told: str
    text: str
    new: dict[str, Any]

    def rolled(self) -> Rolled:
        behaviour = {
            "containers": {"web": GOOD},
            "newContainers": {"web": self.new},
            "clients": {"count": 3, "every": 0.5},
        }
        return roll_out(self.text, behaviour, UNTIL)


def _candidates(name: str, deadline: int) -> dict[str, Candidate]:
    """`name`: which of them is broken and says that it went well."""
    crash = {**GOOD, "crash": {"after": 20}}
    return {
        "blind": Candidate("no readiness probe; a liveness probe on /alive",
                           deployment(livenessProbe=ALIVE, lifecycle=HOOK), BROKEN),
        "halted": Candidate("a readiness probe on /ready; progressDeadlineSeconds of ten minutes",
                            deployment(readinessProbe=READY, livenessProbe=ALIVE, lifecycle=HOOK), BROKEN),
        "late": Candidate(f"a readiness probe on /ready; progressDeadlineSeconds: {deadline}",
                          deployment(readinessProbe=READY, deadline=deadline, lifecycle=HOOK), BROKEN),
        "good": Candidate("a readiness probe on /ready; a new revision that works",
                          deployment(readinessProbe=READY, livenessProbe=ALIVE, lifecycle=HOOK), GOOD),
        "crashing": Candidate("a readiness probe on /ready; minReadySeconds is 0; the new revision crashes 20 s "
                              "after each start",
                              deployment(readinessProbe=READY, lifecycle=HOOK), crash),
    }  # fmt: skip


@defined("08-broken", "It succeeded. Did it?")
def broken(chance: Random) -> Choose:
    return one_of_kinds(chance, (_which, _words, _who_serves, _what_next), 10)(chance)


def _table(listed: dict[str, Candidate]) -> Table:
    rows = []
    for letter, one in listed.items():
        rolled = one.rolled()
        rows.append((letter, rolled.status, rolled.served_count, rolled.lost_since(ROLLS_AT)))
    return table(f"After {UNTIL} s", ("", "kubectl rollout status", "requests served", "lost since the rollout"), rows)


def _which(chance: Random) -> Choose:
    """Which Deployment said yes and serves errors?"""
    of = _candidates("blind", 60)
    guilty = chance.choice(("blind", "crashing"))
    others = {"halted": "Its new pods never become ready, so the rollout stops and the old ones serve.",
              "late": "Its rollout stops, and after the deadline kubectl says so.",
              "good": "Its new pods work."}  # fmt: skip
    kept = chance.sample([guilty, *others], 4)
    evidence = _table({of[name].told: of[name] for name in kept})
    return Choose(
        asks="Four Deployments get a new image. Where nothing else is said, the new image starts and then answers "
        "every request with 503. One of the four ends with “successfully rolled out” while its clients lose requests. "
        "Which one?",
        statements=tuple(
            Statement(of[name].told, True)
            if name == guilty
            else Statement(of[name].told, belief=44, said=others[name], evidence=evidence)
            for name in kept
        ),
        because={
            "blind": "Without a readiness probe a container that runs is ready, and kubectl counts ready pods.",
            "crashing": "Each new pod was ready for some seconds, and with minReadySeconds 0 that is enough. Nobody "
            "looks again afterwards.",
        }[guilty],
        evidence=evidence,
        hints=(
            (
                "kubectl rollout status looks at three numbers: updated, available, old pods left. What makes a pod "
                "available?"
            ),
            "Ready for minReadySeconds is available. Who says that a pod is ready, when nobody asks it?",
            "Look for the pods that count as ready at least for a moment, though they do not serve.",
        ),
    )


def _words(chance: Random) -> Choose:
    """What does kubectl say of a rollout whose new pods never become ready, after the deadline?"""
    deadline = chance.choice((40, 60, 80))
    one = _candidates("late", deadline)["late"]
    evidence = _table({one.told: one})
    return Choose(
        asks=f"A new image never becomes ready. The Deployment has progressDeadlineSeconds: {deadline} and nothing "
             f"else is set. What has happened two "
        "minutes later?",
        statements=(
            Statement("kubectl reports an error, the rollout stands still, and the old pods serve.", True),
            Statement("The Deployment has gone back to the old image by itself.", belief=44,
                      said="Kubernetes never rolls back by itself. The deadline only writes a condition.",
                      evidence=evidence),
            Statement("The old pods are gone, and clients get errors.", belief=44,
                      said="An old pod goes only when a new one has become available.", evidence=evidence),
            Statement("The new pods have been restarted until they are Failed.", belief=183,
                      said="A readiness probe restarts nothing.", evidence=evidence),
        ),
        because="The deadline sets the condition Progressing to False, with the reason ProgressDeadlineExceeded. "
                "Nobody acts on it but you.",
        evidence=evidence,
        hints=("Who reads progressDeadlineSeconds, and what does it do?", "The deadline is a report, not an action.",
               "kubectl exits with an error. `kubectl rollout undo` is for you to type."),
    )  # fmt: skip


def _who_serves(chance: Random) -> Choose:
    """Replicas, surge, unavailable: how many pods serve while a rollout stands still?"""
    replicas = chance.choice((4, 8))
    quarter = replicas // 4
    one = Candidate("it stands still", deployment(replicas=replicas, readinessProbe=READY, lifecycle=HOOK), BROKEN)
    rolled = one.rolled()
    serving = sum(rows[-1].word == "ready" for rows in rolled.pods.values())
    rows = [(name, turns[-1].word) for name, turns in rolled.pods.items() if turns[-1].word != "gone"]
    evidence = table(f"The pods after {UNTIL} s", ("pod", "how it stands"), rows)
    return Choose(
        asks=f"A Deployment of {replicas} replicas has maxSurge and maxUnavailable of 25%, as by default. Its new "
             f"image never becomes ready. How many pods "
        "serve while the rollout stands still?",
        statements=(
            Statement(f"{serving}", True),
            Statement(f"{replicas}", belief=44,
                      said="maxUnavailable allows one pod in four to be missed, and the Deployment makes use of it "
                           "at once.", evidence=evidence),
            Statement("0", belief=44, said="Old pods stay until new ones are available, but for those that may be "
                                           "missed.", evidence=evidence),
            Statement(f"{replicas + quarter}", belief=44, said="That many pods exist at most; the new ones are not "
                "ready.", evidence=evidence),
        ),
        because=f"25% of {replicas} may be unavailable: {quarter}. So {replicas} - {quarter} old pods stay and "
                f"serve, and the new ones wait.",
        evidence=evidence,
        hints=("maxUnavailable says how many pods may be missing. How many is a quarter here?",
               ("That many old pods end as "
            "soon as the rollout begins."),
               f"{replicas} less {quarter}."),
    )  # fmt: skip


def _what_next(chance: Random) -> Choose:
    """What would have stopped a revision that crashes some seconds after it became ready?"""
    wait = chance.choice((30, 40))
    of = _candidates("crashing", 60)["crashing"]
    careful = Candidate(
        f"minReadySeconds: {wait}",
        of.text.replace("  replicas: 3\n", f"  minReadySeconds: {wait}\n  replicas: 3\n"),
        of.new,
    )
    long = Candidate(
        "a longer grace period", of.text.replace("GracePeriodSeconds: 30", "GracePeriodSeconds: 90"), of.new
    )
    evidence = _table({"as it is": of, careful.told: careful, long.told: long})
    return Choose(
        asks="A new revision starts, becomes ready, and crashes 20 s after each start. `kubectl rollout status` said "
             "“successfully rolled out”. Which field "
        "of the Deployment would have stopped the rollout at its first new pods?",
        statements=(
            Statement(f"minReadySeconds: {wait}", True),
            Statement("progressDeadlineSeconds: 10", belief=44,
                      said="The deadline reports what is stuck. This rollout was never stuck.", evidence=evidence),
            Statement("terminationGracePeriodSeconds: 90", belief=44,
                      said="That gives old pods more time to leave. They still leave.", evidence=evidence),
            Statement("maxSurge: 0", belief=44,
                      said="Then pods are replaced one after the other, and each counts as good for 20 seconds.",
                      evidence=evidence),
        ),
        because="A pod is available when it has been ready for minReadySeconds without a break. One that crashes "
                "before never is.",
        evidence=evidence,
        hints=("For how long must a pod be ready to count as available?", "By default a moment is enough.",
               "The wait must be longer than the time until the crash."),
    )  # fmt: skip
