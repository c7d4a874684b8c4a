"""What an hour of many pods costs: each with three probes and a request a second; beside it a bare heap of events."""

import heapq

from kubenet_course.kube.kubelet.behaviour import Behaviour, Outage
from kubenet_course.kube.kubelet.spec import Container, HTTPGet, PodSpec, Probe
from kubenet_course.kube.workload.fleet import Fleet, Member
from tools.bench import Timed, measurement

HOUR = 3_600
GET = HTTPGet(path="/", port=80)
SPEC = PodSpec(
    containers=(
        Container(
            name="web",
            startup_probe=Probe(http_get=GET, period_seconds=2, failure_threshold=30),
            liveness_probe=Probe(http_get=GET),
            readiness_probe=Probe(http_get=GET, period_seconds=5),
        ),
    )
)
DATABASE = (Outage(since=1_000, until=1_100),)
LOOKS = {"readiness": ("dependency",)}


def members(how_many: int) -> list[Member]:
    """Pods that start more or less slowly; one in ten deadlocks every quarter of an hour; a database fails them all."""
    return [
        Member(
            f"web-{number}",
            SPEC,
            {
                "web": Behaviour(
                    starts_after=number % 7,
                    deadlock_after=900 if number % 10 == 0 else None,
                    dependency=DATABASE,
                    looks_at=LOOKS,
                )
            },
        )
        for number in range(how_many)
    ]


def heap(how_many: int) -> Timed:
    """As many events as those pods have, pushed and popped: no pods, no probes."""

    def pushed() -> int:
        rows: list[tuple[int, int]] = []
        for number in range(how_many * 45):
            heapq.heappush(rows, (number * 7_919 % 3_600_000, number))
        while rows:
            heapq.heappop(rows)
        return how_many

    return pushed


@measurement(
    "Kubelet: an hour of 500 pods, three probes and a request a second each", figure=1.1, floor=lambda: heap(500)
)
def five_hundred() -> Timed:
    return lambda: Fleet(members(500)).run(HOUR)


@measurement("Kubelet: an hour of 5,000 pods", figure=9.0, floor=lambda: heap(5_000))
def five_thousand() -> Timed:
    return lambda: Fleet(members(5_000)).run(HOUR)
