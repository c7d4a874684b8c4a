"""A Deployment on its nodes: its controllers, its pods, what its clients feel. One timeline for all of them.

Controllers hear of a change a moment after it happened, and each acts on what it counts then.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import msgspec

from ...linux.timeline import MILLISECOND, SECOND, Timeline, seconds
from ..kubelet.behaviour_file import Told, container_behaviours
from ..kubelet.ending import delete
from ..kubelet.event import Event
from ..kubelet.life import Pod
from ..kubelet.sync import create
from .api import BudgetSpec, DeploymentSpec
from .deployment import Counts, is_complete, next_step
from .listening import Balancer, Proxies, listed
from .replicaset import Candidate, victims
from .revision import Happened, Revision
from .through import Rules
from .traffic import Client, Tally

HEARS_AFTER = 20 * MILLISECOND  # a controller's watch and its queue


@dataclass(eq=False)
class WorkloadWorld:
    """`spec`: the Deployment as it is now. `tell` hears of each pod's own events too."""

    timeline: Timeline
    name: str
    spec: DeploymentSpec
    told: Told
    seed: int = 0
    budget: BudgetSpec | None = None
    tell: Callable[[Pod, Event], None] | None = None
    events: list[Happened] = field(default_factory=list)
    revisions: list[Revision] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    ready_since: dict[Pod, int] = field(default_factory=dict)
    leaving: set[Pod] = field(default_factory=set)  # those whose deletion has been told
    cordoned: set[str] = field(default_factory=set)
    progressed: int = 0  # when it last came nearer
    last: tuple[int, int, int] = (0, 0, 0)  # new pods, available ones of them, old pods, when it last looked
    is_done: bool = False  # this revision was complete once; after that, no deadline counts
    is_late: bool = False  # ProgressDeadlineExceeded
    most_pods: int = 0  # the most that were active at once; for whoever checks maxSurge
    sends: bool = False
    waits: bool = False

    def __post_init__(self) -> None:
        self.chance = Random(f"{self.seed}/{self.name}")
        self.nodes = [f"node-{number + 1}" for number in range(self.told.network.nodes)]
        self.proxies = Proxies(self.timeline, self.told.network, Random(f"{self.seed}/proxies"), self.nodes)
        if self.told.network.rules is not None:
            is_local = self.told.network.balancer is not None
            self.proxies.rules = Rules(self.told.network.rules, self.nodes, is_local).chosen

    def apply(self, spec: DeploymentSpec, is_new: bool = True) -> None:
        """A new template makes a new revision; the same one again is the revision that had it (a rollback)."""
        self.spec = spec
        template = spec.template.spec
        number = max((one.number for one in self.revisions), default=0) + 1
        again = next((one for one in self.revisions if one.template == template and one.is_new == is_new), None)
        if again is None:
            again = Revision(number, template, is_new)
        else:
            self.revisions.remove(again)
            again.number = number
        self.revisions.append(again)
        self.progressed, self.last = self.timeline.now, (0, 0, len(self.pods))
        self.is_late = self.is_done = False
        self.timeline.after(spec.progress_deadline_seconds * SECOND, self.soon)
        self.say("progressing", said=f"revision {again.number} is rolled out", revision=again.number)
        self.soon()

    def undo(self) -> None:
        """`kubectl rollout undo`: the template before this one is the newest again."""
        if len(self.revisions) > 1:
            before = self.revisions[-2]
            template = msgspec.structs.replace(self.spec.template, spec=before.template)
            self.apply(msgspec.structs.replace(self.spec, template=template), before.is_new)

    def pause(self, paused: bool = True) -> None:
        """A paused Deployment rolls nothing out; what lives goes on."""
        self.spec = msgspec.structs.replace(self.spec, paused=paused)
        self.say("progressing", said="paused" if paused else "resumed")
        self.progressed = self.timeline.now
        self.soon()

    @property
    def pods(self) -> list[Pod]:
        return [pod for revision in self.revisions for pod in revision.pods]

    def active(self, revision: Revision) -> list[Pod]:
        """Pods that count: neither ended nor being deleted."""
        return [pod for pod in revision.pods if not pod.is_deleted and pod.phase not in ("Failed", "Succeeded")]

    def is_available(self, pod: Pod) -> bool:
        since = self.ready_since.get(pod)
        return since is not None and self.timeline.now - since >= self.spec.min_ready_seconds * SECOND

    def counts(self, revision: Revision) -> Counts:
        """A Recreate waits for pods that are still ending; a rolling update does not count them."""
        active = self.active(revision)
        there = revision.pods if self.spec.strategy.type == "Recreate" else active
        return Counts(revision.wanted, len(there), sum(map(self.is_available, active)))

    @property
    def is_complete(self) -> bool:
        new = self.revisions[-1]
        return is_complete(self.spec, self.counts(new), [self.counts(one) for one in self.revisions[:-1]])

    def soon(self, wait: int = HEARS_AFTER) -> None:
        if not self.waits or wait != HEARS_AFTER:
            self.waits = self.waits or wait == HEARS_AFTER
            self.timeline.after(wait, self._sync)

    def _sync(self) -> None:
        """The Deployment's controller, then each ReplicaSet's."""
        self.waits = False
        new, old = self.revisions[-1], self.revisions[:-1]
        if not self.spec.paused:
            counts = self.counts(new), [self.counts(one) for one in old]
            for step in next_step(self.spec, *counts):
                revision = new if step.old is None else old[step.old]
                self.say(
                    "scaled",
                    f"{self.name}-{revision.number}",
                    revision.number,
                    f"from {revision.wanted} to {step.wanted}",
                )
                revision.wanted = step.wanted
                self.soon()
            self._progress(*counts)
        for revision in self.revisions:
            self._fill(revision)
        self.most_pods = max(self.most_pods, sum(len(self.active(one)) for one in self.revisions))

    def _progress(self, new: Counts, old: list[Counts]) -> None:
        """Progressing: it came nearer (more new pods, more of them available, fewer old ones), it is complete, or its
        deadline has passed (pkg/controller/deployment/util, DeploymentProgressing, DeploymentTimedOut).
        """
        now, deadline = self.timeline.now, self.spec.progress_deadline_seconds * SECOND
        was, self.last = self.last, (new.there, new.available, sum(one.there for one in old))
        if is_complete(self.spec, new, old) and not self.is_done:
            self.is_done = True
            self.say("progressing", said="NewReplicaSetAvailable", revision=self.revisions[-1].number)
        elif self.last[0] > was[0] or self.last[1] > was[1] or self.last[2] < was[2]:
            self.progressed = now
            self.timeline.after(deadline, self.soon)
        elif not (self.is_done or self.is_late) and now - self.progressed >= deadline:
            self.is_late = True
            self.say("progressing", said="ProgressDeadlineExceeded", revision=self.revisions[-1].number)

    def _fill(self, revision: Revision) -> None:
        active = self.active(revision)
        for _ in range(revision.wanted - len(active)):
            self._create(revision)
        too_many = len(active) - revision.wanted
        if too_many > 0:
            names = victims((self._candidate(pod) for pod in active), too_many, self.timeline.now)
            for pod in active:
                if pod.name in names:
                    delete(pod, why="its ReplicaSet has too many")

    def _candidate(self, pod: Pod) -> Candidate:
        restarts = max((box.status.restart_count for box in pod.boxes), default=0)
        return Candidate(
            pod.name, pod.node, pod.phase, pod.is_ready, pod.created, self.ready_since.get(pod, 0), restarts
        )

    def _create(self, revision: Revision) -> None:
        name = f"{self.name}-{revision.number}-{self.chance.randrange(16**5):05x}"
        behaviours = container_behaviours(self.told, new=revision.is_new)
        pod = create(self.timeline, name, revision.template, behaviours, self.told.delays.settings(), self.seed)
        pod.node = self._room()
        pod.is_unschedulable = not pod.node
        pod.changed = self.pod_changed
        if self.tell is not None:
            tell = self.tell
            pod.tell = lambda event: tell(pod, event)
        revision.pods.append(pod)
        self.say("created", name, revision.number, f"on {pod.node}" if pod.node else "no node takes it")

    def _room(self) -> str:
        """The node with the fewest pods, of those that take any."""
        used = Counter(pod.node for pod in self.pods if not pod.is_deleted)
        return min((one for one in self.nodes if one not in self.cordoned), key=lambda one: used[one], default="")

    def pod_changed(self, pod: Pod) -> None:
        """Readiness, phase or deletion of a pod changed: the API, the slices and the controllers hear of it, unless its
        kubelet is cut off.
        """
        if not pod.is_lost:
            self.hears(pod)

    def hears(self, pod: Pod) -> None:
        """The API has a new state of a pod."""
        was_ready = pod in self.ready_since
        if pod.is_gone:
            self.say("gone", pod.name)
            for revision in self.revisions:
                if pod in revision.pods:
                    revision.pods.remove(pod)
        elif pod.is_deleted:
            if pod not in self.leaving:
                self.leaving.add(pod)
                self.say("deleted", pod.name)
        elif pod.is_ready != was_ready:
            self.say("ready" if pod.is_ready else "not ready", pod.name)
        if pod.is_ready and not pod.is_deleted:
            self.ready_since.setdefault(pod, self.timeline.now)
            self.soon(self.spec.min_ready_seconds * SECOND + HEARS_AFTER)
        else:
            self.ready_since.pop(pod, None)
        self.proxies.tell(pod, listed(pod))
        self.soon()

    def send(self) -> None:
        """The clients begin."""
        self.sends = True
        told = self.told.network.balancer
        balancer = Balancer(self.timeline, told, self.proxies) if told is not None else None
        if balancer is not None:
            balancer.start()
        for number in range(self.told.clients.count):
            node = self.nodes[number % len(self.nodes)]
            chance = Random(f"{self.seed}/client-{number}")
            client = Client(number, node, self.told.clients, self.proxies, self.tally, chance, self.timeline, balancer)
            client.start()

    def say(self, what: str, name: str = "", revision: int = 0, said: str = "") -> None:
        self.events.append(Happened(seconds(self.timeline.now), what, name, revision, said))
