"""Many pods for a long time, each with a steady sender: requests are counted, and not sent one by one.

Between two changes of a pod (its process, its place in the slices) and two turns of its program, all requests fare alike;
so an hour of thousands of pods is a few events a pod.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from ...linux.timeline import SECOND, Timeline
from ..kubelet.behaviour import Behaviour, Process
from ..kubelet.event import Event, Settings
from ..kubelet.life import Pod
from ..kubelet.spec import PodSpec
from ..kubelet.sync import create
from .traffic import counted, serving_box

CHANGES = ("container", "signal", "endpoints")
QUIET = Settings(quiet=True)


class Member(msgspec.Struct, frozen=True):
    """One pod of a fleet."""

    name: str
    spec: PodSpec
    behaviours: Mapping[str, Behaviour]


class Fleet:
    """Pods on one timeline. `requests`: what became of all that was sent, by cause, with `served` among them."""

    def __init__(
        self, members: Iterable[Member], every: int = SECOND, settings: Settings = QUIET, seed: int = 0
    ) -> None:
        self.timeline = Timeline()
        self.every = every
        self.requests: Counter[str] = Counter()
        self.stands: dict[Pod, tuple[int, Process | None, bool]] = {}
        for number, one in enumerate(members):
            behaviours = dict(one.behaviours)
            self._watch(create(self.timeline, one.name, one.spec, behaviours, settings, seed + number))

    def run(self, seconds: float) -> Counter[str]:
        """Lives on until that many seconds since the beginning; returns what became of the requests so far."""
        self.timeline.run(round(seconds * SECOND))
        for pod in self.stands:
            self._count(pod)
        return self.requests

    @property
    def pods(self) -> list[Pod]:
        return list(self.stands)

    def _watch(self, pod: Pod) -> None:
        self.stands[pod] = (0, None, False)

        def told(event: Event) -> None:
            if event.what in CHANGES:
                self._count(pod)

        pod.tell = told

    def _count(self, pod: Pod) -> None:
        """Counts what came since the last change, as things stood; and notes how they stand now."""
        now = self.timeline.now
        since, process, listed = self.stands[pod]
        if since < now:
            self.requests.update(counted(process, listed, self.every, since, now))
        self.stands[pod] = (now, serving_box(pod).process, pod.in_endpoints)
