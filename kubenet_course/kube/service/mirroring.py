"""The EndpointSlice mirroring controller: Endpoints that somebody wrote by hand, copied into slices.

A Service without a selector may have its endpoints written in an Endpoints object of the same name; kube-proxy reads
slices only. Check it against pkg/controller/endpointslicemirroring (utils.go, reconciler.go, metrics aside).
"""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from ...linux.packet.address import address, family
from ..api.objects import (
    SERVICE_NAME,
    Endpoint,
    EndpointAddress,
    EndpointConditions,
    EndpointPort,
    Endpoints,
    EndpointSlice,
    Metadata,
    Service,
)
from .endpoints import MANAGED_BY, drawn_name

MIRRORING = "endpointslicemirroring-controller.k8s.io"
SKIP = "endpointslice.kubernetes.io/skip-mirror"
LEADER = "control-plane.alpha.kubernetes.io/leader"
NOT_COPIED = ("endpoints.kubernetes.io/last-change-trigger-time", "kubectl.kubernetes.io/last-applied-configuration")
MOST = 1000  # addresses of a subset that are mirrored (--mirroring-max-endpoints-per-subset)


def mirrored(
    written: Iterable[Endpoints], services: Iterable[Service]
) -> dict[tuple[str, str], tuple[EndpointSlice, ...]]:
    """The mirrors for those of the Services that have no selector. Nothing is mirrored that only elects a leader."""
    found = {}
    by_key = {one.key: one for one in written}
    for service in services:
        endpoints = by_key.get(service.key)
        if endpoints is not None and service.spec.selector is None and is_mirrored(endpoints):
            found[service.key] = tuple(_slices(endpoints))
    return {key: rows for key, rows in found.items() if rows}


def is_mirrored(endpoints: Endpoints) -> bool:
    return endpoints.metadata.labels.get(SKIP) != "true" and LEADER not in endpoints.metadata.annotations


def _slices(endpoints: Endpoints) -> Iterator[EndpointSlice]:
    """One slice for each family and set of ports."""
    groups: dict[tuple[str, frozenset[EndpointPort]], tuple[tuple[EndpointPort, ...], dict[str, Endpoint]]] = {}
    for subset in endpoints.subsets:
        rows = [(one, True) for one in subset.addresses] + [(one, False) for one in subset.not_ready_addresses]
        for one, ready in rows[:MOST]:
            kind = family(address(one.ip)).name
            _, known = groups.setdefault((kind, frozenset(subset.ports)), (subset.ports, {}))
            known.setdefault(one.ip, _endpoint(one, ready))
    for number, ((kind, _), (ports, known)) in enumerate(groups.items()):
        yield EndpointSlice(
            api_version="discovery.k8s.io/v1",
            metadata=_metadata(endpoints, f"{kind}/{number}"),
            address_type=kind,  # type: ignore[arg-type]
            endpoints=tuple(known.values()),
            ports=ports,
        )


def _endpoint(one: EndpointAddress, ready: bool) -> Endpoint:
    """Endpoints know no more than ready or not."""
    return Endpoint(
        addresses=(address(one.ip),),
        conditions=EndpointConditions(ready=ready),
        hostname=one.hostname or None,
        node_name=one.node_name,
        target_ref=one.target_ref,
    )


def _metadata(endpoints: Endpoints, which: str) -> Metadata:
    """All labels and annotations are copied, but for the two that tell of the Endpoints object itself."""
    said = endpoints.metadata
    namespace, name = endpoints.key
    return replace(
        said,
        name=drawn_name(name, f"{namespace}/{name}/mirror/{which}"),
        labels={**said.labels, SERVICE_NAME: name, MANAGED_BY: MIRRORING},
        annotations={key: value for key, value in said.annotations.items() if key not in NOT_COPIED},
    )
