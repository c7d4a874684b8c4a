"""What the kube-proxies of all nodes watch alike: every Service port of a family, and who answers for it.

Made once for a cluster. Only what depends on the node (local endpoints, hints) is left to each node.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from functools import cached_property
from typing import Self

from ...linux.packet.address import Address, Family
from ..api.objects import EndpointSlice, Service
from .endpoint import anybody, endpoints, matching
from .service_port import ServicePort, service_ports
from .topology import Endpoints

LARGE = 1000  # endpoints; above it kube-proxy leaves comments out (largeClusterEndpointsThreshold)
Slices = Mapping[tuple[str, str], Sequence[EndpointSlice]]


def by_service(slices: Iterable[EndpointSlice]) -> Slices:
    """The slices of each Service, by its namespace and name; those of one Service by their names."""
    found: dict[tuple[str, str], list[EndpointSlice]] = {}
    for one in sorted(slices, key=lambda one: one.key):
        found.setdefault(one.service, []).append(one)
    return found


class Services:
    """All Service ports of one family. `slices`: (namespace, name) of a Service -> its slices."""

    def __init__(self, services: Iterable[Service], slices: Slices, of: Family):
        self.family = of
        self.slices = slices
        ordered = sorted(services, key=lambda one: one.key)
        self.ports: tuple[ServicePort, ...] = tuple(port for service in ordered for port in service_ports(service, of))
        self._endpoints: dict[int, Endpoints] = {}

    def slices_of(self, port: ServicePort) -> Sequence[EndpointSlice]:
        return self.slices.get(port.service.key, ())

    def endpoints(self, index: int) -> Endpoints:
        """All endpoints of a Service port, whatever their condition, sorted."""
        if index not in self._endpoints:
            port = self.ports[index]
            self._endpoints[index] = endpoints(self.slices_of(port), port.port, self.family)
        return self._endpoints[index]

    @cached_property
    def answered(self) -> tuple[bool, ...]:
        """Per port, whether any endpoint anywhere is usable."""
        return tuple(anybody(self.slices_of(port), port.port, self.family) for port in self.ports)

    @cached_property
    def restricted(self) -> tuple[int, ...]:
        """The ports for which it depends on the node whether somebody answers."""
        return tuple(index for index, port in enumerate(self.ports) if port.internal_local or port.external_local)

    @cached_property
    def by_key(self) -> dict[Address | int, list[int]]:
        """Which ports an address, or a port of the node, can lead to."""
        found: dict[Address | int, list[int]] = {}
        for index, port in enumerate(self.ports):
            for key in port.keys:
                known = found.setdefault(key, [])
                if not known or known[-1] != index:
                    known.append(index)
        return found

    @cached_property
    def is_large(self) -> bool:
        """Whether there are more than 1,000 endpoints, each counted once for every Service port that it serves."""
        total = 0
        for port in self.ports:
            slices = self.slices_of(port)
            total += len(
                {
                    (one.addresses[0], number)
                    for number, found in matching(slices, port.port, self.family)
                    for one in found.endpoints
                }
            )
            if total > LARGE:
                return True
        return False

    @cached_property
    def places(self) -> dict[tuple[str, str], list[int]]:
        """Where the ports of a Service stand, by its namespace and name."""
        found: dict[tuple[str, str], list[int]] = {}
        for index, port in enumerate(self.ports):
            found.setdefault(port.service.key, []).append(index)
        return found

    def resync(self, service: tuple[str, str], slices: Sequence[EndpointSlice]) -> Self:
        """The same after the slices of one Service have become these. What is known of all others is taken over."""
        touched = self.places.get(service, ())
        found = copy(self)
        found.slices = {**self.slices, service: slices}
        found._endpoints = {at: known for at, known in self._endpoints.items() if at not in touched}
        found.__dict__.pop("is_large", None)
        answered = list(self.answered)
        for at in touched:
            answered[at] = anybody(slices, self.ports[at].port, self.family)
        found.__dict__["answered"] = tuple(answered)
        return found
