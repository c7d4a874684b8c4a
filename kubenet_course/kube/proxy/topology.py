"""Which endpoints one node uses: by traffic policy, by readiness, by hints (pkg/proxy/topology.go)."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from .endpoint import Endpoint
from .service_port import ServicePort

Endpoints = tuple[Endpoint, ...]
Fits = Callable[[Endpoint], bool]


class Reach(NamedTuple):
    """What a node uses of a Service port: `cluster` under policy Cluster, `local` under policy Local, `all` of them
    together.

    `anybody`: whether any endpoint is usable anywhere; without it the Service is refused, with it and none in reach
    dropped.
    """

    cluster: Endpoints
    local: Endpoints
    all: Endpoints
    anybody: bool

    def internal(self, port: ServicePort) -> bool:
        """Whether somebody answers for the ClusterIP on this node."""
        return self.anybody and (not port.internal_local or bool(self.local))

    def external(self, port: ServicePort) -> bool:
        """Whether somebody answers on this node for traffic from outside."""
        return self.anybody and (not port.external_local or bool(self.local))


def reach(endpoints: Endpoints, port: ServicePort, node: str, zone: str) -> Reach:
    """Ready endpoints, those that hints prefer if hints are complete; where none is ready, those that go but still
    serve.
    """
    cluster: Endpoints = ()
    local: Endpoints = ()
    fits: Fits | None = None
    if port.uses_cluster:
        ready = tuple(one for one in endpoints if one.ready)
        fits = preferred(ready, node, zone)
        chosen = tuple(one for one in ready if fits(one)) if fits else ready
        cluster = chosen or tuple(one for one in endpoints if one.is_going)
    if not port.uses_local:
        return Reach(cluster, (), cluster, bool(cluster))
    here = [one for one in endpoints if node and one.node == node]
    ready_here = tuple(one for one in here if one.ready)
    local = ready_here or tuple(one for one in here if one.is_going)
    anybody = any(one.ready or one.is_going for one in endpoints)
    if not port.uses_cluster:
        return Reach((), local, local, anybody)
    return Reach(cluster, local, _union(cluster, local), anybody)


def _union(one: Endpoints, other: Endpoints) -> Endpoints:
    both = {str(endpoint): endpoint for endpoint in one + other}
    return tuple(both[text] for text in sorted(both))


def preferred(ready: Iterable[Endpoint], node: str, zone: str) -> Fits | None:
    """The test that hints make: for this node, else for its zone. None where any ready endpoint lacks a hint, or none
    is for us.
    """
    ready = tuple(ready)
    if ready and all(one.nodes for one in ready) and any(node in one.nodes for one in ready):
        return lambda one: node in one.nodes
    if ready and all(one.zones for one in ready) and any(zone in one.zones for one in ready):
        return lambda one: zone in one.zones
    return None
