"""Chapter 08: which probe does a trouble need? Each of the three is tried, and what it costs stands side by side."""

from __future__ import annotations

from random import Random
from typing import Any

from msgspec import Struct

from ....kube.workload.watched import watch
from ...questions.kinds_lists import Choose, Statement
from .. import defined
from .lives import costs, http, one_of_kinds, pod, quick

CHOICES = {
    "liveness": "A liveness probe that asks only whether this process still answers.",
    "readiness": "A readiness probe that asks whether a request would be served now.",
    "startup": "A startup probe, with enough failures allowed.",
    "none": "No probe: none of them would help here.",
}
LIVENESS, READINESS = {"livenessProbe": http("/alive")}, {"readinessProbe": http("/ready", periodSeconds=5)}
STARTUP = {"startupProbe": http("/alive", periodSeconds=5, failureThreshold=40)}
WAYS: dict[str, dict[str, Any]] = {"liveness": LIVENESS, "readiness": READINESS, "startup": STARTUP, "none": {}}


class Trouble(Struct, frozen=True):
    """What troubles a program, how it behaves, which probe helps; and for each other one the belief and why it does
    not.
    """

    told: str
    web: dict[str, Any]
    right: str
    wrong: dict[str, tuple[int, str]]
    because: str
    has: tuple[str, ...] = ()  # the probes that are there already


NO_RESTART = "A readiness probe restarts nothing: the pod would be out of its Service for ever."
TROUBLES = (
    Trouble("Once in a while the program gets stuck in a deadlock. It then answers nothing until it is started anew.",
            {"deadlockAfter": 40}, "liveness",
            {"readiness": (183, NO_RESTART), "startup": (38, ("After it has succeeded once a startup probe is never "
                "asked again.")),
             "none": (39, "What hangs does not end by itself, so nothing starts it again.")},
            "Only a restart mends a deadlock, and only a liveness probe asks for one while the program runs."),
    Trouble("After each start the program reads its cache for 40 seconds. It listens meanwhile, and answers every "
            "request with 503.",
            {"warmAfter": 40, "looksAt": {"liveness": []}}, "readiness",
            {"liveness": (37, ("A liveness probe looks whether the process answers. It does, and clients get 503 all "
                              "the same.")),
             "startup": (38, "This startup probe asks /alive, and that answers from the first second on."),
             "none": (38, "Without a readiness probe the pod counts as ready from its start on.")},
            "Requests must stay away for a while, and nothing needs a restart."),
    Trouble("The program needs 100 seconds until it listens. Once it runs it may hang, and its liveness probe, which "
            "has the defaults, "
            "should find that within half a minute.",
            {"startsAfter": 100}, "startup",
            {"liveness": (38, "The liveness probe alone ends the container before it ever listens."),
             "readiness": (38, "The liveness probe does not wait for readiness."),
             "none": (39, "Then nobody finds a program that hangs.")},
            "While a startup probe has not succeeded, the others are not asked. Afterwards liveness can be strict.",
            has=("liveness",)),
    Trouble("For one minute a day the program's database is down. Requests that need it then fail with 503, and "
            "clients can ask another "
            "replica that has its own copy.",
            {"dependency": [{"since": 60, "until": 120}], "looksAt": {"readiness": ["dependency"], "liveness": []}},
                "readiness",
            {"liveness": (37, ("The process is well. A restart mends no database, and one that asks for it restarts "
                              "all its clients.")),
             "startup": (38, "The trouble comes long after the start."),
             "none": (37, "Then clients go on asking this pod for a minute.")},
            "Another replica can help, so this one steps aside and comes back by itself."),
    Trouble("The program ends with an error a minute after each start.",
            {"crash": {"after": 60}}, "none",
            {"liveness": (184, "The kubelet sees the end of a process without any probe, and starts it again."),
             "readiness": (183, "A process that has ended is not ready, with or without a probe."),
             "startup": (184, "The kubelet sees the end of a process without any probe, and starts it again.")},
            "A process that ends needs no probe: the restart policy is enough."),
    Trouble("The program takes two seconds for each answer while a backup runs, for two minutes each night. All "
            "replicas share that fate, "
            "and clients are patient.",
            {"dependency": [{"since": 60, "until": 180, "answersAfter": 2}],
             "looksAt": {"liveness": ["dependency"], "readiness": ["dependency"], "startup": ["dependency"]}}, "none",
            {"liveness": (39, "With a timeout of one second this restarts every replica, again and again."),
             "readiness": (39, "With a timeout of one second this takes every replica out at once, and nobody serves."),
             "startup": (38, ("The trouble comes long after the start, and a startup probe that has succeeded is "
                             "asked no more."))},
            "Slow answers are better than none. Nothing here is mended by a restart, nor by another replica."),
)  # fmt: skip


def _tried(there: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What each choice adds to the probes that are there."""
    return {name: {} if set(probes) <= set(there) else probes for name, probes in WAYS.items()}


@defined("08-probe", "Which probe helps?")
def which(chance: Random) -> Choose:
    trouble = one_of_kinds(chance, TROUBLES, 6)
    there = {name: probe for one in trouble.has for name, probe in WAYS[one].items()}
    lives = {name: watch(pod(**there, **probes), quick(trouble.web), 200) for name, probes in _tried(there).items()}
    shown = costs(lives, "The same 200 seconds with each of them")
    return Choose(
        asks=f"{trouble.told} Which of these helps?",
        statements=tuple(
            Statement(text, True)
            if name == trouble.right
            else Statement(text, belief=trouble.wrong[name][0], said=trouble.wrong[name][1], evidence=shown)
            for name, text in CHOICES.items()
        ),
        because=trouble.because,
        evidence=shown,
        hints=(
            "What would help: a restart, fewer requests, more time, or nothing at all?",
            "Liveness restarts. Readiness keeps requests away. Startup gives time, once, at the beginning.",
            {
                "liveness": "Only a restart mends it.",
                "readiness": "Requests must stay away for a while, and nothing must be restarted.",
                "startup": "It needs time once, and strictness afterwards.",
                "none": "It is over by itself, or the kubelet sees it without asking.",
            }[trouble.right],
        ),
    )
