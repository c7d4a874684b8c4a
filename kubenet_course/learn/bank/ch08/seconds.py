"""Chapter 08: at which second? Counted by hand, and by the model."""

from __future__ import annotations

from random import Random

from ....kube.workload.watched import Watched, watch
from ...questions.kinds import Slip, Value
from ...questions.reading import NUMBER
from .. import defined
from .lives import http, one_of_kinds, pod, quick, seen

ORDINAL = {2: "second", 3: "third", 4: "fourth", 5: "fifth", 6: "sixth", 7: "seventh", 8: "eighth"}


@defined("08-second", "At which second?")
def second(chance: Random) -> Value:
    return one_of_kinds(chance, (_sigterm, _running_again, _out, _third_run, _startup), 4)(chance)


def _value(
    asks: str, life: Watched, answer: float, slips: tuple[Slip, ...], because: str, hints: tuple[str, str, str]
) -> Value:
    first: dict[object, Slip] = {}
    for slip in slips:  # two beliefs may lead to one number; the first of them is met
        first.setdefault(slip.answer, slip)
    return Value(
        asks=f"{asks} The container starts in second 0. Answer in whole seconds.",
        answer=round(answer),
        reads=NUMBER,
        slips=tuple(first.values()),
        because=because,
        evidence=seen(life, "What happened, second by second", answer + 1),
        hints=hints,
    )


def _hang(chance: Random) -> tuple[int, int, int, int]:
    """Period, timeout, failures, and a second at which the program hangs that is no multiple of the period."""
    period, failures = chance.choice((5, 10, 15)), chance.randrange(2, 5)
    return period, chance.choice((1, 2, 3)), failures, period * chance.randrange(3, 6) + chance.randrange(1, period)


def _counted(period: int, timeout: int, failures: int, hangs: int) -> tuple[int, int]:
    """When the first question after the hang is asked, and when the last failure that counts is known."""
    first = -(-hangs // period) * period
    return first, first + (failures - 1) * period + timeout


def _sigterm(chance: Random) -> Value:
    period, timeout, failures, hangs = _hang(chance)
    probe = http("/alive", periodSeconds=period, timeoutSeconds=timeout, failureThreshold=failures)
    life = watch(pod(livenessProbe=probe), quick({"deadlockAfter": hangs}), 240)
    first, last = _counted(period, timeout, failures, hangs)
    return _value(
        f"A liveness probe has periodSeconds {period}, timeoutSeconds {timeout} and failureThreshold {failures}. The "
        f"program hangs "
        f"from second {hangs} on. In which second does the kubelet send SIGTERM?",
        life,
        life.when("signal", "SIGTERM")[0],
        (
            Slip(first + timeout, 39, "Only the first failure is known by then.", seen(life, "Count the failures")),
            Slip(last + period, 180, "That is one failure more than it takes.", seen(life, "Count the failures")),
            Slip(
                hangs + failures * period, 180, "The questions come at multiples of the period, not from the hang on."
            ),
        ),
        f"The kubelet asks at {first}, {first + period} and so on. Each failure is known {timeout} s later, and the "
        f"{ORDINAL[failures]} one is the last.",
        (
            "At which seconds does the kubelet ask?",
            (
                f"The first question that meets the hang is asked in second {first}. How long does the kubelet wait "
                "for an answer?"
            ),
            f"The {ORDINAL[failures]} of these questions decides. Its failure is known when the timeout is over.",
        ),
    )


def _running_again(chance: Random) -> Value:
    period, timeout, failures, hangs = _hang(chance)
    grace = chance.choice((10, 20, 30))
    probe = http("/alive", periodSeconds=period, timeoutSeconds=timeout, failureThreshold=failures)
    life = watch(pod(grace, livenessProbe=probe), quick({"deadlockAfter": hangs}), 300)
    _, last = _counted(period, timeout, failures, hangs)
    return _value(
        f"The liveness probe of a container that hangs has failed for the last time in second {last}. The pod's "
        f"terminationGracePeriodSeconds is {grace}. Nothing in the hung program hears a signal. When does the next "
        f"container start?",
        life,
        life.when("container", "running")[1],
        (
            Slip(
                last,
                181,
                "That is when SIGTERM is sent. The hung program does not hear it.",
                seen(life, "SIGTERM, and then"),
            ),
            Slip(last + 10, 184, "This is the first restart, and a back-off comes only before later ones."),
            Slip(last + grace + 10, 184, "This is the first restart, and a back-off comes only before later ones."),
        ),
        f"SIGTERM is sent in second {last}. After {grace} s the kubelet sends SIGKILL, and the first restart comes "
        f"at once.",
        (
            "What does the kubelet do first: end the container, or ask it to end?",
            "A program that hangs does not hear SIGTERM. When does the kubelet send SIGKILL?",
            "Add the grace period. The first restart needs no wait.",
        ),
    )


def _out(chance: Random) -> Value:
    period, timeout, failures, hangs = _hang(chance)
    ends = hangs + 120
    slow = {"since": hangs, "until": ends, "answersAfter": timeout + 2}
    probe = http("/ready", periodSeconds=period, timeoutSeconds=timeout, failureThreshold=failures)
    behaviour = quick({"dependency": [slow], "looksAt": {"readiness": ["dependency"]}})
    life = watch(pod(readinessProbe=probe), behaviour, 240)
    first, last = _counted(period, timeout, failures, hangs)
    left = next(one.t for one in life.events if one.what == "endpoints" and one.result == "not ready")
    return _value(
        f"A readiness probe has periodSeconds {period}, timeoutSeconds {timeout} and failureThreshold {failures}. "
        f"From second {hangs} on "
        f"every answer to it takes {timeout + 2} s. In which second does the pod leave the EndpointSlice?",
        life,
        left,
        (
            Slip(first + timeout, 39, "Only the first failure is known by then.", seen(life, "Count the failures")),
            Slip(last + period, 180, "That is one failure more than it takes.", seen(life, "Count the failures")),
            Slip(
                last + 30,
                183,
                "No container ends here, so no grace period passes.",
                seen(life, "No signal, no restart"),
            ),
        ),
        f"The {ORDINAL[failures]} failure in a row is known in second {last}. Nothing is restarted.",
        (
            "An answer that comes later than timeoutSeconds is a failure.",
            f"The first slow answer belongs to the question of second {first}.",
            f"Count {failures} questions, and add the timeout of the last one.",
        ),
    )


def _third_run(chance: Random) -> Value:
    after = chance.randrange(3, 9)
    number = chance.choice((3, 4))
    life = watch(pod(), quick({"crash": {"after": after}}), 240)
    starts = life.when("container", "running")
    waits = 10 * (2 ** (number - 2) - 1)
    return _value(
        f"A program ends with an error {after} seconds after each start. The restart policy is Always. In which "
        f"second does its {ORDINAL[number]} "
        "run begin?",
        life,
        starts[number - 1],
        (
            Slip((number - 1) * after, 184, "Only the first restart comes at once.", seen(life, "Look for backoff")),
            Slip(
                (number - 1) * (after + 10),
                184,
                "The first restart needs no wait, and each wait is twice the one before.",
            ),
            Slip(waits, said=f"That is how long it waits. But each run lasts {after} s, too."),
            Slip(
                (number - 2) * after + waits,
                said=f"One run is missing. How many runs end before the {ORDINAL[number]} one begins?",
            ),
            Slip(number * after + waits, said=f"Then the {ORDINAL[number]} run **ends**. When does it begin?"),
            Slip(
                (number - 1) * after + 10 * (2 ** (number - 1) - 1),
                184,
                "The waits are right, but there is one too many. Before which restart is there none?",
            ),
        ),
        "The first restart comes at once, the second waits 10 s, the third 20 s: the back-off doubles.",
        (
            "Does the kubelet wait before the first restart?",
            "Before the second restart it waits 10 seconds, and then twice as long each time.",
            f"Add {number - 1} runs of {after} s, and the waits between them.",
        ),
    )


def _startup(chance: Random) -> Value:
    period, failures = chance.choice((5, 10)), chance.randrange(4, 9)
    probe = http("/alive", periodSeconds=period, failureThreshold=failures)
    needs = period * failures + chance.randrange(20, 60)
    life = watch(pod(startupProbe=probe, livenessProbe=http("/alive")), quick({"startsAfter": needs}), 200)
    return _value(
        f"A startup probe has periodSeconds {period} and failureThreshold {failures}; a liveness probe has the "
        f"defaults. The program needs "
        f"{needs} seconds until it listens, and until then every connection is refused at once. In which second does "
        f"the kubelet first end "
        "the container?",
        life,
        life.when("killing")[0],
        (
            Slip(
                30,
                38,
                "The liveness probe does not run before the startup probe has succeeded.",
                seen(life, "Who asks"),
            ),
            Slip(
                period * (failures + 1),
                180,
                "That is one failure more than it takes.",
                seen(life, "Count the failures"),
            ),
        ),
        f"The startup probe asks every {period} s. Its {ORDINAL[failures]} failure in a row is the end: {period} x "
        f"{failures}.",
        (
            "Which of the two probes runs while the container has not started?",
            f"The startup probe asks in second {period}, {2 * period} and so on. A refused connection fails at once.",
            f"How many failures in a row does it take? failureThreshold is {failures}.",
        ),
    )
