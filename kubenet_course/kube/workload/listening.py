"""Who listens to the EndpointSlices: each node's kube-proxy, and a load balancer that asks the nodes.

A kube-proxy hears of every change, in order, some time later; until then it sends to where the pod was. A load balancer
is later still: it asks every few seconds, and believes a change after some answers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from ...linux.timeline import MILLISECOND, Timeline
from ..kubelet.behaviour_file import Balancer as Told
from ..kubelet.behaviour_file import Network
from ..kubelet.life import Pod
from ..kubelet.spec import Probe
from ..kubelet.worker import ProbeKind, ProbeResult, Worker, heard


class Listed(NamedTuple):
    """How an endpoint stands in a slice."""

    ready: bool
    serving: bool
    terminating: bool


def listed(pod: Pod) -> Listed | None:
    """How a pod stands in the EndpointSlices; None where it is in none any more."""
    if pod.is_gone or pod.phase in ("Failed", "Succeeded"):
        return None
    return Listed(pod.is_ready and not pod.is_deleted, pod.is_ready, pod.is_deleted)


@dataclass(eq=False)
class Proxies:
    """The slices as each node's kube-proxy knows them. `heard`: node -> pod -> (how it stands, since when); `rules`
    lead a connection through a node's own tables (through.py), where that is asked for.
    """

    timeline: Timeline
    network: Network
    chance: Random
    nodes: list[str]
    heard: dict[str, dict[Pod, tuple[Listed, int]]] = field(default_factory=dict)
    latest: dict[str, int] = field(default_factory=dict)
    rules: Callable[[str, Mapping[Pod, tuple[Listed, int]], Random], Pod | None] | None = None

    def tell(self, pod: Pod, listed: Listed | None) -> None:
        """A change in the slices goes out to all nodes. None: the pod is no endpoint any more."""
        told = self.timeline.now
        spread = self.network.slowest - self.network.fastest
        for node in self.nodes:
            wait = round((self.network.fastest + self.chance.random() * spread) * 1000) * MILLISECOND
            when = self.latest[node] = max(told + wait, self.latest.get(node, 0))
            self.timeline.at(when, self._hears(node, pod, listed, told))

    def _hears(self, node: str, pod: Pod, listed: Listed | None, told: int) -> Callable[[], None]:
        def hear() -> None:
            if listed is None:
                self.heard[node].pop(pod, None)
            else:
                self.heard[node][pod] = listed, told

        self.heard.setdefault(node, {})
        return hear

    def choices(self, node: str, local: bool = False) -> list[Pod]:
        """Where a new connection may go: ready ones; without any, those that still serve while they end (KEP-1669).
        `local`: only the node's own pods count (externalTrafficPolicy: Local).
        """
        known = [
            (pod, listed) for pod, (listed, _) in self.heard.get(node, {}).items() if not local or pod.node == node
        ]
        ready = [pod for pod, listed in known if listed.ready]
        return ready or [pod for pod, listed in known if listed.serving and listed.terminating]

    def connected(self, node: str, chance: Random, local: bool = False) -> Pod | None:
        """The pod that a new connection from this node is led to; None where there is none for it."""
        if self.rules is not None:
            return self.rules(node, self.heard.get(node, {}), chance)
        choices = self.choices(node, local)
        return choices[chance.randrange(len(choices))] if choices else None

    def has_ready(self, node: str) -> bool:
        """What the node's healthCheckNodePort answers: 200 with a ready endpoint of its own, 503 without."""
        return any(listed.ready and pod.node == node for pod, (listed, _) in self.heard.get(node, {}).items())


@dataclass(eq=False)
class Balancer:
    """A load balancer that checks its nodes, counts as a probe's worker counts, and sends to those that are well."""

    timeline: Timeline
    told: Told
    proxies: Proxies
    workers: dict[str, Worker] = field(default_factory=dict)
    well: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Checks all nodes now, and again and again. A node is well from its first answer on, if that is yes."""
        for node in self.proxies.nodes:
            self.workers[node] = Worker(ProbeKind.READINESS)
        self.well = [node for node in self.proxies.nodes if self.proxies.has_ready(node)]
        self._check()

    def _check(self) -> None:
        self.timeline.after(round(self.told.every * 1000) * MILLISECOND, self._check)
        thresholds = Probe(success_threshold=self.told.healthy, failure_threshold=self.told.unhealthy)
        for node, worker in self.workers.items():
            said = ProbeResult.SUCCESS if self.proxies.has_ready(node) else ProbeResult.FAILURE
            step = heard(worker, thresholds, said)
            self.workers[node] = step.worker
            if step.published is ProbeResult.SUCCESS and node not in self.well:
                self.well.append(node)
            elif step.published is ProbeResult.FAILURE and node in self.well:
                self.well.remove(node)
