"""Chapter 08: what happens first? Four stories with their events, in the order in which the model lived them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from ....kube.workload.watched import Watched, watch
from ...questions.kinds_lists import Order, Swap
from .. import defined
from .lives import http, one_of_kinds, pod, quick, seen

Times = dict[str, float]


@defined("08-order", "What happens first?")
def order(chance: Random) -> Order:
    return one_of_kinds(chance, (_hook, _race, _birth, _hang), 13)(chance)


def _ordered(
    asks: str,
    times: Times,
    life: Watched,
    swaps: Callable[[object], tuple[Swap, ...]],
    because: str,
    hints: tuple[str, str, str],
) -> Order:
    shown = seen(life, "What happened, second by second")
    return Order(
        asks=f"{asks} Put these in the order in which they happen.",
        events=tuple(sorted(times, key=lambda event: times[event])),
        swaps=swaps(shown),
        because=because,
        evidence=shown,
        hints=hints,
    )


def _told(life: Watched) -> float:
    """When the clients' node stops to send to the pod."""
    return next(t for t, sends in life.known if not sends)


def _hook(chance: Random) -> Order:
    hook, takes, delay = chance.randrange(8, 15), chance.randrange(3, 9), chance.randrange(2, 6)
    text = pod(40, readinessProbe=http("/ready"), lifecycle={"preStop": {"sleep": {"seconds": hook}}})
    behaviour = quick({"shutdown": {"takes": takes, "finishes": True}}, network={"fastest": delay, "slowest": delay})
    life = watch(text, behaviour, 120, deleted_at=30)
    marked, stops, signal = (
        "the pod gets a deletionTimestamp",
        "the nodes stop sending new connections to the pod",
        "the program gets SIGTERM",
    )
    ends, gone = "the program has ended", "the API server forgets the pod"
    times = {
        marked: life.when("deleted")[0],
        stops: _told(life),
        signal: life.when("signal")[0],
        ends: life.when("container", "terminated")[0],
        gone: life.when("gone")[0] + 0.001,
    }
    return _ordered(
        f"A pod is deleted. It has a preStop hook that sleeps {hook} s, and every node has heard of a change after "
        f"{delay} s.",
        times, life,
        lambda shown: (
            Swap(signal, stops, 42, "The hook delays SIGTERM, so that the nodes have time to hear.", shown),
            Swap(ends, signal, 185, "The program does not know of the deletion before SIGTERM.", shown),
            Swap(gone, ends, 43, "The pod object stays until its last container has ended.", shown),
        ),
        "The deletion is told to everybody at once. The hook only makes the program hear of it later than the nodes.",
        ("What does `kubectl delete` write first?", f"SIGTERM comes after the hook, {hook} s after the deletion.",
         f"The nodes know after {delay} s, and the program ends {takes} s after SIGTERM."),
    )  # fmt: skip


def _race(chance: Random) -> Order:
    takes, delay = chance.choice((1, 2)), chance.randrange(5, 9)
    behaviour = quick({"shutdown": {"takes": takes}}, network={"fastest": delay, "slowest": delay})
    life = watch(pod(readinessProbe=http("/ready")), behaviour, 90, deleted_at=30)
    marked, signal, lost = (
        "the pod gets a deletionTimestamp",
        "the program gets SIGTERM",
        "the first request to it is lost",
    )
    ends, stops = "the program has ended", "the nodes stop sending new connections to the pod"
    times = {
        marked: life.when("deleted")[0],
        signal: life.when("signal")[0] + 0.001,
        lost: min(one.t for one in life.lost if one.t > life.when("signal")[0]),
        ends: life.when("container", "terminated")[0] + 0.001,
        stops: _told(life),
    }
    return _ordered(
        f"A pod without a preStop hook is deleted. Its program closes its port at SIGTERM and ends {takes} s later. "
        f"The nodes hear of a change "
        f"only after {delay} s.",
        times, life,
        lambda shown: (
            Swap(stops, signal, 42, "Nobody waits for the nodes: SIGTERM is sent at once.", shown),
            Swap(stops, lost, 42, "Requests are lost because the nodes still send where nobody listens.", shown),
            Swap(ends, signal, 181, "It ends because of SIGTERM.", shown),
        ),
        "Both begin with the deletion. SIGTERM is there at once, the news for the nodes takes seconds, and what is "
        "sent meanwhile is lost.",
        ("Does the kubelet wait for the nodes before it sends SIGTERM?", "Without a hook SIGTERM comes at once.",
         f"The program has ended {takes} s after SIGTERM, long before the nodes know."),
    )  # fmt: skip


def _birth(chance: Random) -> Order:
    starts = chance.randrange(12, 28)
    text = pod(
        startupProbe=http("/alive", periodSeconds=5, failureThreshold=12),
        livenessProbe=http("/alive", periodSeconds=10),
        readinessProbe=http("/ready", periodSeconds=5),
    )
    life = watch(text, quick({"startsAfter": starts, "warmAfter": starts + 12}), 90)
    runs, started, first = (
        "the container's process starts",
        "the startup probe succeeds",
        "the readiness probe is asked for the first time",
    )
    listed, sends = "the pod is ready in the EndpointSlice", "the nodes send requests to the pod"
    times = {
        runs: life.when("container", "running")[0],
        started: life.when("probe", "Success", "startup")[0],
        first: life.when("probe", "", "readiness")[0] + 0.001,
        listed: life.when("endpoints", "ready")[0],
        sends: life.known[0][0],
    }
    return _ordered(
        f"A container has all three probes. Its program listens after {starts} s and needs some seconds more to warm "
        f"up.",
        times, life,
        lambda shown: (
            Swap(first, started, 38, "Until the startup probe has succeeded the others are not asked.", shown),
            Swap(sends, listed, 42, "A node learns from the EndpointSlice, and a moment later.", shown),
            Swap(listed, first, 38, "A pod with a readiness probe is not ready until the probe has succeeded.", shown),
        ),
        "Startup first, then the others; membership follows readiness, and the nodes follow the EndpointSlice.",
        ("Which probe is asked alone at first?", ("A readiness probe's first verdict is Failure, until it has "
                                                 "succeeded."),
         "Process, startup probe, readiness probe, EndpointSlice, nodes."),
    )  # fmt: skip


def _hang(chance: Random) -> Order:
    hangs, failures = chance.randrange(21, 39), chance.choice((2, 3))
    text = pod(
        20,
        livenessProbe=http("/alive", periodSeconds=10, failureThreshold=failures),
        readinessProbe=http("/ready", periodSeconds=5, failureThreshold=2),
    )
    life = watch(text, quick({"deadlockAfter": hangs}), 120)
    hung, out, signal = "the program hangs", "the pod leaves the EndpointSlice", "the kubelet sends SIGTERM"
    killed, again = "the kubelet sends SIGKILL, and the process ends", "the program answers again"
    times = {
        hung: hangs,
        out: life.when("endpoints", "not ready")[0],
        signal: life.when("signal")[0],
        killed: life.when("container", "terminated")[0],
        again: life.when("container", "running")[1] + 0.001,
    }
    return _ordered(
        f"A program deadlocks. Its readiness probe asks every 5 s and may fail twice, its liveness probe asks every "
        f"10 s and may fail {failures} "
        "times.",
        times, life,
        lambda shown: (
            Swap(killed, signal, 181, "SIGTERM and the grace period come first.", shown),
            Swap(out, hung, 37, "Nothing fails before it hangs.", shown),
            Swap(signal, out, 38, "The quicker probe decides first, and here that is readiness.", shown),
        ),
        "Each probe counts by itself. The quick readiness probe takes the pod out, the slower liveness probe "
        "restarts it.",
        ("The two probes do not wait for each other. Which of them has counted enough failures first?",
         "Readiness needs about ten seconds, liveness more.", ("After SIGTERM a program that hangs lives on for the "
             "grace period.")),
    )  # fmt: skip
