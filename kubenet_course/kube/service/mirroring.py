"""The EndpointSlice mirroring controller: Endpoints that people write become slices, which is all that kube-proxy reads.

Check it against pkg/controller/endpointslicemirroring (endpointslicemirroring_controller.go, reconciler.go, utils.go). The real one
draws the end of a slice's name; here a hash gives it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ...linux.packet.address import address, family
from ..api.objects import (
    SERVICE_NAME,
    Endpoint,
    EndpointConditions,
    EndpointPort,
    Endpoints,
    EndpointSlice,
    Metadata,
    Service,
)
from .endpoints import MANAGED_BY, drawn_end

MIRRORING = "endpointslicemirroring-controller.k8s.io"
SKIPPED = ("endpointslice.kubernetes.io/skip-mirror", "true")
LEADER = "control-plane.alpha.kubernetes.io/leader"  # an annotation of those that are only a lock
MOST = 1000  # addresses of a subset that are mirrored (--mirroring-max-endpoints-per-subset)


def is_mirrored(one: Endpoints, services: Mapping[tuple[str, str], Service]) -> bool:
    """Whether there is a Service of its name without a selector, and nothing on it says to leave it alone."""
    service = services.get(one.key)
    name, value = SKIPPED
    left_alone = one.metadata.labels.get(name) == value or LEADER in one.metadata.annotations
    return service is not None and not service.spec.selector and not left_alone


def mirrored(written: Iterable[Endpoints], services: Mapping[tuple[str, str], Service]) -> Iterator[EndpointSlice]:
    """The slices of all Endpoints that are mirrored: one for each set of ports and each family."""
    for one in written:
        if is_mirrored(one, services):
            groups: dict[tuple[str, tuple[EndpointPort, ...]], dict[str, Endpoint]] = {}
            for subset in one.subsets:
                rows = [(row, True) for row in subset.addresses] + [(row, False) for row in subset.not_ready_addresses]
                for row, ready in rows[:MOST]:
                    same = groups.setdefault((family(row.ip).name, subset.ports), {})
                    same.setdefault(
                        address(row.ip),
                        Endpoint(
                            addresses=(address(row.ip),),
                            conditions=EndpointConditions(ready=ready),
                            hostname=row.hostname or None,
                            node_name=row.node_name,
                            target_ref=row.target_ref,
                        ),
                    )
            for (kind, ports), found in groups.items():
                yield _slice(one, kind, ports, tuple(found.values()))


def _slice(one: Endpoints, kind: str, ports: tuple[EndpointPort, ...], found: tuple[Endpoint, ...]) -> EndpointSlice:
    namespace, name = one.key
    end = drawn_end(f"{namespace}/{name}/{kind}/{[(port.name, port.protocol, port.port) for port in ports]}/mirrored")
    labels = {**one.metadata.labels, SERVICE_NAME: name, MANAGED_BY: MIRRORING}
    return EndpointSlice(
        api_version="discovery.k8s.io/v1",
        metadata=Metadata(name=f"{name}-{end}", namespace=namespace, labels=labels),
        address_type=kind,  # type: ignore[arg-type]
        endpoints=found,
        ports=ports,
    )
