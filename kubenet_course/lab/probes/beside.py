"""The modelled prober and the real one, side by side: the same pod, once with the model's answers, once with a real
server's.
"""

import asyncio
from threading import Thread
from typing import NamedTuple

from ...errors import BadInput
from ...kube.kubelet.behaviour_file import behaviour_of
from ...kube.kubelet.event import Event
from ...kube.kubelet.spec import PodSpec
from ...kube.kubelet.sync import create
from ...kube.workload.api import LivingPod
from ...kube.workload.read import read_workload_text
from ...linux.timeline import SECOND, Timeline
from .live import AT_ONCE, Live

LANES = ("probe", "endpoints", "container")


class Beside(NamedTuple):
    """A lane, what it held in the model and in reality in order, and how far apart the times were at most, in
    seconds.
    """

    lane: str
    model: tuple[str, ...]
    real: tuple[str, ...]
    apart: float

    @property
    def agrees(self) -> bool:
        """The same in the same order, each within a second."""
        return self.model == self.real and self.apart < 1


def side_by_side(manifest: str, web: dict[str, object], seconds: float = 4.6) -> tuple[Beside, ...]:
    """Lets a pod of one container live for some seconds, twice. `web`: how its program behaves (docs/behaviour.md).
    The real one listens on a free port of loopback.
    """
    pod = next((one for one in read_workload_text(manifest).objects if isinstance(one, LivingPod)), None)
    if pod is None or len(pod.spec.containers) != 1:
        raise BadInput("manifest", "it is no pod of one container", "write one")
    box = pod.spec.containers[0]
    behaviour = behaviour_of({"kind": "Behaviour", "containers": {box.name: web}}).containers[box.name]
    timeline, events = Timeline(), list[Event]()
    modelled = create(timeline, pod.metadata.name, PodSpec(containers=(box,)), {box.name: behaviour}, AT_ONCE)
    modelled.tell = events.append
    timeline.run(round(seconds * SECOND))
    found: list[Event] = []

    def lives() -> None:  # a notebook's own thread has an event loop already
        found.extend(asyncio.run(_lived(Live(pod.metadata.name, box, behaviour), seconds)))

    thread = Thread(target=lives)
    thread.start()
    thread.join()
    model, real = _lanes(events), _lanes(found)
    return tuple(_beside(lane, model.get(lane, []), real.get(lane, [])) for lane in {**model, **real})


async def _lived(live: Live, seconds: float) -> list[Event]:
    return await live.run(seconds)


def _lanes(events: list[Event]) -> dict[str, list[tuple[float, str]]]:
    """By lane, each change of what it says: how often a question is asked again out of turn is a race in the kubelet
    too.
    """
    found: dict[str, list[tuple[float, str]]] = {}
    for one in events:
        if one.what in LANES:
            rows = found.setdefault(f"{one.probe} probe" if one.probe else one.what, [])
            if not rows or rows[-1][1] != one.result:
                rows.append((one.t, one.result))
    return found


def _beside(lane: str, model: list[tuple[float, str]], real: list[tuple[float, str]]) -> Beside:
    apart = max((abs(a - b) for (a, _), (b, _) in zip(model, real, strict=False)), default=0.0)
    return Beside(lane, tuple(said for _, said in model), tuple(said for _, said in real), apart)
