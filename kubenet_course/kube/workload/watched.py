"""One pod watched from its creation on, with clients that send to it: what a timeline is drawn from.

The clients begin when the pod is in the EndpointSlice for the first time. They run on a node whose kube-proxy hears
of each change a little later, so between a change and that moment they still send where the pod was. Of a pod that is
deleted only what was sent to it counts: by then others are there.
"""

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec

from ...errors import BadInput
from ...linux.timeline import SECOND, Timeline, seconds
from ..kubelet.behaviour_file import Told, behaviour_of, container_behaviours, names_of
from ..kubelet.ending import delete
from ..kubelet.event import Event
from ..kubelet.life import Pod
from ..kubelet.spec import PodSpec
from ..kubelet.sync import create
from .api import Deployment, LivingPod
from .listening import Proxies, listed
from .read import read_workload_text
from .traffic import Client, Lost, Tally

NODE = "node-1"  # where the clients run


class Second(msgspec.Struct, frozen=True):
    """What became of the requests of one second. A request counts when its end is known; `why`: the commonest cause."""

    at: int
    served: int = 0
    lost: int = 0
    why: str = ""


class Watched(msgspec.Struct, frozen=True):
    """A pod's life up to a time, in plain values. `known`: when the clients' kube-proxy began or stopped to send to
    it.
    """

    name: str
    until: float
    events: tuple[Event, ...]
    known: tuple[tuple[float, bool], ...]
    requests: tuple[Second, ...]
    lost: tuple[Lost, ...]
    phase: str
    restarts: int
    is_ready: bool

    @property
    def served_count(self) -> int:
        return sum(one.served for one in self.requests)

    @property
    def lost_count(self) -> int:
        return sum(one.lost for one in self.requests)

    def when(self, what: str, result: str = "", probe: str = "") -> tuple[float, ...]:
        """The seconds at which something happened: `life.when("signal", "SIGTERM")`; of a probe: `when("probe", "",
        "liveness")`.
        """
        return tuple(
            one.t for one in self.events if one.what == what and result in ("", one.result) and probe in ("", one.probe)
        )

    def __repr__(self) -> str:
        ready = "ready" if self.is_ready else "not ready"
        return (
            f"{self.name} after {self.until:g} s: {self.phase}, {ready}, {self.restarts} restarts, "
            f"{self.served_count} requests served, {self.lost_count} lost"
        )


def watch(manifest: str, behaviour: dict[str, Any] | None = None, until: float = 120, deleted_at: float = 0) -> Watched:
    """The life of the first Pod of a manifest, or of a pod of its Deployment. `behaviour`: what stands in a behaviour
    file (docs/behaviour.md); `deleted_at`: seconds, 0 for never. Raises BadInput as `kubenet probes run` does.
    """
    found = read_workload_text(manifest)
    one = next((one for one in found.objects if isinstance(one, LivingPod | Deployment)), None)
    if one is None:
        raise BadInput("manifest", "there is no Pod and no Deployment", "write one of them")
    if found.notices:
        raise BadInput("manifest", found.notices[0].partition(": ")[2], "leave it out, or mend its spelling")
    spec = one.spec.template.spec if isinstance(one, Deployment) else one.spec
    told = behaviour_of({"kind": "Behaviour", **(behaviour or {})})
    names_of(told, [box.name for box in spec.init_containers + spec.containers], "behaviour")
    return watched(one.metadata.name, spec, told, until, deleted_at)


def watched(name: str, spec: PodSpec, told: Told, until: float, deleted_at: float = 0) -> Watched:
    """The same from values."""
    timeline = Timeline()
    events: list[Event] = []
    known: list[tuple[float, bool]] = []
    tally = Tally()
    pod = create(timeline, name, spec, container_behaviours(told), told.delays.settings(), told.seed)
    proxies = Proxies(timeline, told.network, Random(f"{told.seed}/proxies"), [NODE])
    clients = [
        Client(number, NODE, told.clients, proxies, tally, Random(f"{told.seed}/client-{number}"), timeline)
        for number in range(told.clients.count)
    ]
    pod.tell = events.append

    def changed(pod: Pod) -> None:
        proxies.tell(
            pod, None if pod.is_deleted else listed(pod)
        )  # where others are ready, nobody is sent to one that ends
        timeline.at(proxies.latest[NODE], hears)

    def hears() -> None:
        sends = bool(proxies.choices(NODE))
        if sends != (known[-1][1] if known else False):
            known.append((seconds(timeline.now), sends))
        if sends and len(known) == 1:
            for client in clients:
                client.start()

    pod.changed = changed
    if deleted_at:
        timeline.at(round(deleted_at * SECOND), lambda: delete(pod))
    counted, lost = by_second(timeline, tally, until, lambda one: bool(one.pod) or not pod.is_deleted)
    restarts = max((box.status.restart_count for box in pod.boxes), default=0)
    return Watched(name, until, tuple(events), tuple(known), counted, lost, pod.phase, restarts, pod.is_ready)


def by_second(
    timeline: Timeline, tally: Tally, until: float, counts: Callable[[Lost], bool]
) -> tuple[tuple[Second, ...], tuple[Lost, ...]]:
    """Lets the time pass, second by second, and counts what was served in each, and of what was lost that which
    `counts`.
    """
    found: list[Second] = []
    lost: list[Lost] = []
    served = seen = 0
    for at in range(-(-round(until * 1000) // 1000)):
        timeline.run(min(round(until * SECOND), (at + 1) * SECOND))
        news = [one for one in tally.lost[seen:] if counts(one)]
        causes = Counter(one.cause for one in news)
        why = causes.most_common(1)[0][0] if causes else ""
        found.append(Second(at, tally.served - served, len(news), why))
        served, seen = tally.served, len(tally.lost)
        lost += news
    return tuple(found), tuple(lost)
