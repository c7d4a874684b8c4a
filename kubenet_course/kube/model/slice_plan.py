"""The slices of a cluster's Services: written down, mirrored from Endpoints, or as the controller would keep them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..api.objects import SERVICE_NAME, EndpointSlice, Pod, Service
from ..manifest.collection import Objects
from ..service.endpoints import Candidate, selects, slices_for
from ..service.mirroring import mirrored
from .node_plan import Machine
from .pod_plan import Placed

Slices = dict[tuple[str, str], tuple[EndpointSlice, ...]]


def all_slices(
    objects: Objects, services: Sequence[Service], placed: Placed, machines: Mapping[str, Machine]
) -> Slices:
    """The slices of every Service: as they are written down, else as the controllers would write them."""
    found: dict[tuple[str, str], list[EndpointSlice]] = {}
    for part in sorted(objects.slices, key=lambda part: part.key):
        found.setdefault(part.service, []).append(part)
    for key, rows in mirrored(objects.endpoints, services).items():
        found.setdefault(key, []).extend(rows)
    written = {key: tuple(rows) for key, rows in found.items()}
    missing = [service for service in services if service.key not in written]
    return written | controlled(missing, placed, machines)


def controlled(
    wanted: Iterable[Service], placed: Placed, machines: Mapping[str, Machine], existing: Iterable[EndpointSlice] = ()
) -> Slices:
    """What the EndpointSlice controller keeps for these Services. A pod whose node is not there is left out, where
    nodes are told at all: its Service is asked for again later (endpointslice/reconciler.go).
    """
    selectors = [(one, next(iter(one.spec.selector.items()))) for one in wanted if one.spec.selector]
    by_label: dict[tuple[str, str, str], list[Pod]] = {(one.key[0], *first): [] for one, first in selectors}
    for pod in placed.pods.values() if by_label else ():
        for name, value in pod.metadata.labels.items():
            rows = by_label.get((pod.metadata.namespace, name, value))
            if rows is not None:
                rows.append(pod)
    known: dict[tuple[str, str], list[EndpointSlice]] = {}
    for part in existing:
        known.setdefault(part.service, []).append(part)
    found = {}
    for service, first in selectors:
        pods = by_label[(service.key[0], *first)]
        if len(service.spec.selector or ()) > 1:
            pods = [pod for pod in pods if selects(service, pod)]
        if machines and not service.spec.publish_not_ready_addresses:
            pods = [pod for pod in pods if not pod.spec.node_name or pod.spec.node_name in machines]
        candidates = [Candidate(pod, placed.addresses(pod), _zone(machines, pod)) for pod in pods]
        found[service.key] = slices_for(service, candidates, known.get(service.key, ()))
    return found


def _zone(machines: Mapping[str, Machine], pod: Pod) -> str:
    machine = machines.get(pod.spec.node_name)
    return machine.zone if machine else ""


def orphans(objects: Objects, known: Mapping[tuple[str, str], Service]) -> tuple[str, ...]:
    """Slices whose Service is gone: the API server keeps them, and nobody uses them. A sentence names the first."""
    found = [one for one in objects.slices if one.service[1] and one.service not in known]
    if not found:
        return ()
    where = f"{objects.where(found[0])}: metadata.labels[{SERVICE_NAME}]"
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return (f"{where}: there is no Service {'/'.join(found[0].service)}; nobody uses this slice{more}",)
