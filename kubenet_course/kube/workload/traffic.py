"""Clients that send requests to a Service: through the kube-proxy of their own node, or from outside by a load balancer.

What becomes of each request is decided by where it went and how the program there stood, and has a cause.
"""

from collections import Counter
from dataclasses import dataclass, field
from random import Random

import msgspec

from ...linux.timeline import MILLISECOND, NEVER, SECOND, Timeline, seconds
from ..kubelet.behaviour import Heard, Process, answer, next_turn
from ..kubelet.behaviour_file import Clients
from ..kubelet.life import REGULAR, Box, Pod
from .listening import Balancer, Proxies


class Lost(msgspec.Struct, frozen=True):
    """A request that failed, and why."""

    t: float
    client: int
    node: str
    pod: str
    cause: str
    said: str = ""


@dataclass(eq=False)
class Tally:
    """All requests by what became of them."""

    sent: int = 0
    served: int = 0
    retried: int = 0
    by_cause: Counter[str] = field(default_factory=Counter)
    lost: list[Lost] = field(default_factory=list)

    @property
    def failed(self) -> int:
        return sum(self.by_cause.values())


def serving_box(pod: Pod) -> Box:
    """The container that answers: the pod's first."""
    return next(box for box in pod.boxes if box.kind == REGULAR)


@dataclass(eq=False)
class Client:
    """One sender. A kept connection goes to one run of one pod, until it is used up or ends."""

    number: int
    node: str
    clients: Clients
    proxies: Proxies
    tally: Tally
    chance: Random
    timeline: Timeline
    balancer: Balancer | None = None  # of a client outside the cluster
    kept: tuple[Pod, int] | None = None
    used: int = 0

    def start(self) -> None:
        """Begins to send; clients begin at different moments."""
        every = round(self.clients.every * 1000) * MILLISECOND or MILLISECOND
        self.timeline.after(self.chance.randrange(every), lambda: self._send(every))

    def _send(self, every: int) -> None:
        self.timeline.after(every, lambda: self._send(every))
        self.tally.sent += 1
        self._try(self.clients.retries)

    def _try(self, retries: int) -> None:
        pod = self._connected()
        if isinstance(pod, str):
            self._fail(retries, None, pod)
            return
        box = serving_box(pod)
        if box.process is None:
            gone = pod.is_gone or pod.is_lost
            self._fail(retries, pod, "no answer: the pod is gone" if gone else "refused: its container does not run")
            return
        now = self.timeline.now
        box.arrivals.append(now)
        said = answer(box.process, "requests", now, box.load(now))
        limit = round(self.clients.timeout * SECOND)
        if pod.is_lost:
            self._fail(retries, pod, "no answer: the node is lost")
        elif said.heard is Heard.REFUSED:
            self._fail(retries, pod, f"refused: {said.why}")
        elif said.heard is Heard.ERROR:
            self._fail(retries, pod, f"error: {said.why}")
        elif said.after >= limit:
            self._fail(retries, pod, f"timed out: {said.why or 'it is slow'}")
        else:
            run = box.runs
            self.timeline.after(said.after, lambda: self._hear(retries, pod, box, run))

    def _connected(self) -> Pod | str:
        """The pod at the other end, or why there is none."""
        if self.kept is not None and self.used < self.clients.requests_per_connection:
            pod, run = self.kept
            box = serving_box(pod)
            self.used += 1
            if box.process is not None and box.runs == run and not self._is_closing(box.process):
                return pod
            self.kept = None
            if not box.behaviour.shutdown.finishes:
                return "reset: its connection had broken"
        if self.balancer is not None:
            if not self.balancer.well:
                return "refused: the load balancer knows no node that is well"
            self.node = self.balancer.well[self.chance.randrange(len(self.balancer.well))]
        found = self.proxies.connected(self.node, self.chance, local=self.balancer is not None)
        if found is None and self.balancer is not None:
            return "no answer: the node has no endpoint of its own"
        if found is None:
            return "refused: the Service has no endpoint"
        if self.clients.connections == "long":
            self.kept, self.used = (found, serving_box(found).runs), 1
        return found

    def _is_closing(self, process: Process) -> bool:
        return self.timeline.now >= process.terminated

    def _hear(self, retries: int, pod: Pod, box: Box, run: int) -> None:
        """The answer is there, unless the process has ended before, or threw its connections away at SIGTERM."""
        alive = box.process is not None and box.runs == run
        if not alive:
            self._fail(retries, pod, "reset: its process ended before it had answered")
        elif box.process is not None and self._is_closing(box.process) and not box.behaviour.shutdown.finishes:
            self._fail(retries, pod, "reset: SIGTERM broke its connection")
        else:
            self.tally.served += 1

    def _fail(self, retries: int, pod: Pod | None, cause: str) -> None:
        self.kept = None
        if retries:
            self.tally.retried += 1
            self._try(retries - 1)
            return
        self.tally.by_cause[cause] += 1
        said = ""
        if pod is not None and pod.is_deleted:
            ago = seconds(self.timeline.now - pod.deleted_at)
            known = self.proxies.heard.get(self.node, {}).get(pod)
            knows = known is not None and known[0].ready
            said = f"{self.node} had {'not yet ' if knows else ''}heard of the deletion {ago:g} s ago"
        self.tally.lost.append(
            Lost(seconds(self.timeline.now), self.number, self.node, pod.name if pod else "", cause, said)
        )


def counted(process: Process | None, is_listed: bool, every: int, since: int, until: int) -> Counter[str]:
    """Requests that one pod gets from a steady sender between two times, counted and not sent: between two turns of the
    program all fare alike. They come at whole multiples of `every`; `until` belongs to the next stretch.
    """
    found: Counter[str] = Counter()
    while since < until:
        turn = until if process is None else min(until, next_turn(process, since))
        how_many = -(-turn // every) - -(-since // every)
        if how_many:
            found[_fares(process, is_listed, since)] += how_many
        since = turn
    return found


def _fares(process: Process | None, is_listed: bool, now: int) -> str:
    if not is_listed:
        return "refused: the Service has no endpoint"
    if process is None:
        return "refused: its container does not run"
    said = answer(process, "requests", now)
    if said.heard is Heard.FINE:
        return "served" if said.after != NEVER else f"timed out: {said.why}"
    return f"{'refused' if said.heard is Heard.REFUSED else 'error'}: {said.why}"
