"""Requests of many pods, counted: as many as if they were sent one by one."""

import time
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from kubelet_stories import pod_of, probe
from test_kubelet_properties import PROGRAMS

from kubenet_course.kube.kubelet.behaviour import Behaviour, Heard, Outage, Process, answer
from kubenet_course.kube.kubelet.event import Settings
from kubenet_course.kube.workload.fleet import Fleet, Member
from kubenet_course.kube.workload.traffic import counted
from kubenet_course.linux.timeline import NEVER, SECOND

HALF = SECOND // 2
SPEC = pod_of(liveness_probe=probe(), readiness_probe=probe(period_seconds=5), startup_probe=probe(period_seconds=2))


def one_by_one(process, since, until, every):
    """The same, by asking the program for every single request."""
    found = Counter()
    for now in range(-(-since // every) * every, until, every):
        said = answer(process, "requests", now)
        if said.heard is Heard.FINE:
            found["served" if said.after != NEVER else f"timed out: {said.why}"] += 1
        else:
            found[f"{'refused' if said.heard is Heard.REFUSED else 'error'}: {said.why}"] += 1
    return found


@given(PROGRAMS, st.integers(0, 40), st.integers(0, 200), st.integers(1, 200))
@settings(max_examples=150, deadline=None)
def test_counting_finds_what_sending_one_by_one_finds(program, started, since, lasts):
    process = Process(program, started * HALF)
    since = max(since, started) * HALF
    until = since + lasts * HALF
    assert counted(process, True, HALF, since, until) == one_by_one(process, since, until, HALF)


def test_every_request_is_counted_once_and_quiet_hours_change_nothing():
    members = [
        Member(
            f"web-{number}",
            SPEC,
            {
                "web": Behaviour(
                    starts_after=number,
                    deadlock_after=300 if number == 3 else None,
                    dependency=(Outage(since=100, until=150),),
                )
            },
        )
        for number in range(6)
    ]
    quiet, stepped = Fleet(members).run(1200), Fleet(members, settings=Settings()).run(1200)
    assert quiet == stepped
    assert sum(quiet.values()) == 6 * 1200
    assert quiet["error: its dependency is down"] == 6 * 50


def test_an_hour_of_a_hundred_pods_is_soon_over():
    began = time.perf_counter()
    fleet = Fleet(Member(f"web-{number}", SPEC, {"web": Behaviour(deadlock_after=900)}) for number in range(100))
    assert sum(fleet.run(3600).values()) == 360_000
    assert time.perf_counter() - began < 5
