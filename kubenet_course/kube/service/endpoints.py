"""The EndpointSlice controller: the pods that a Service selects, written down in slices of a hundred.

Check it against staging/src/k8s.io/endpointslice (reconciler.go, utils.go, trafficdist/trafficdist.go). The real one
takes new endpoints in random order and draws the end of a slice's name; here both follow the pods and a hash.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

from msgspec import Struct
from msgspec.structs import replace

from ...linux.packet.address import Address, family
from ..api.objects import (  # fmt: skip
    HEADLESS,
    SERVICE_NAME,
    Endpoint,
    EndpointConditions,
    EndpointHints,
    EndpointPort,
    EndpointSlice,
    Labels,
    Metadata,
    Named,
    ObjectReference,
    Pod,
    Service,
    ServicePort,
)

MOST = 100  # endpoints in a slice (kube-controller-manager --max-endpoints-per-slice)
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
CONTROLLER = "endpointslice-controller.k8s.io"
TOPOLOGY_MODE = "service.kubernetes.io/topology-mode"
RESERVED = (HEADLESS, MANAGED_BY, SERVICE_NAME)
LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # no vowels, so that no name is ever a word (apimachinery's rand.String)
Ports = tuple[EndpointPort, ...]


class Candidate(Struct, frozen=True, gc=False):
    """A pod as the controller sees it: with its addresses and its node's zone ("" where the node has none)."""

    pod: Pod
    addresses: tuple[Address, ...]
    zone: str = ""


def selects(service: Service, pod: Pod) -> bool:
    """Whether a Service's selector picks a pod. A Service without a selector picks none, an empty selector neither."""
    wanted, labels = service.spec.selector or {}, pod.metadata.labels
    return (
        bool(wanted)
        and service.key[0] == pod.key[0]
        and all(labels.get(name) == value for name, value in wanted.items())
    )


def is_managed(found: EndpointSlice) -> bool:
    """Whether the EndpointSlice controller keeps this slice; one made by hand, or a mirror, it never touches."""
    return found.metadata.labels.get(MANAGED_BY) == CONTROLLER


def is_ready(pod: Pod) -> bool:
    """The pod's Ready condition. Where a manifest says nothing, its containers run and are ready."""
    if pod.status.conditions is None:
        return pod.status.phase in ("", "Running")
    return any(one.type == "Ready" and one.status == "True" for one in pod.status.conditions)


def address_types(service: Service) -> tuple[str, ...]:
    """The families for which a Service has slices: its ipFamilies, else its address's, else both."""
    spec = service.spec
    if spec.ip_families:
        return spec.ip_families
    return tuple(family(ip).name for ip in service.cluster_ips[:1]) or ("IPv4", "IPv6")


def slices_for(
    service: Service, candidates: Sequence[Candidate], existing: Iterable[EndpointSlice] = (), most: int = MOST
) -> tuple[EndpointSlice, ...]:
    """All slices that the controller keeps for a Service with these selected pods; () for one without a selector."""
    if service.spec.selector is None or service.spec.type == "ExternalName":
        return ()
    mine = [one for one in existing if one.service == service.key and is_managed(one)]
    found: list[EndpointSlice] = []
    for kind in address_types(service):
        same = [one for one in mine if one.address_type == kind]
        groups = _wanted(service, candidates, kind)
        kept = [one for ports, wanted in groups.items() for one in _grouped(service, kind, ports, wanted, same, most)]
        found += _renamed(kept or [_new(service, kind, (), 0)], same)
    return tuple(found)


def _renamed(kept: list[EndpointSlice], existing: list[EndpointSlice]) -> list[EndpointSlice]:
    """Rather than delete one slice and create another, the controller updates it: the new one takes the old one's
    name (finalize).
    """
    known = [one.metadata.name for one in existing]
    names = {one.metadata.name for one in kept}
    gone = iter([name for name in known if name not in names])
    found = []
    for one in reversed(kept):
        name = next(gone, "") if one.metadata.name not in known else ""
        found.append(replace(one, metadata=replace(one.metadata, name=name)) if name else one)
    return found[::-1]


def _wanted(service: Service, candidates: Sequence[Candidate], kind: str) -> dict[Ports, list[Endpoint]]:
    """The endpoints of a family, by the ports that their pods have: pods with other ports need slices of their own."""
    groups: dict[Ports, list[Endpoint]] = {}
    by_name = any(isinstance(port.target_port, str) for port in service.spec.ports)
    ports: Ports | None = None
    for one in candidates:
        addresses = tuple([ip for ip in one.addresses if family(ip).name == kind])
        if addresses and not one.pod.is_over:
            ports = _ports(service, one.pod) if by_name or ports is None else ports
            groups.setdefault(ports, []).append(_endpoint(service, one, addresses))
    return groups


def _ports(service: Service, pod: Pod) -> Ports:
    """The Service's ports as this pod has them. A name that the pod lacks is left out."""
    rows = ((port, target_of(port, pod)) for port in service.spec.ports)
    return tuple(
        EndpointPort(name=port.name, protocol=port.protocol, port=number, app_protocol=port.app_protocol)
        for port, number in rows
        if number
    )


def target_of(port: ServicePort, pod: Pod) -> int:
    """The number behind targetPort in a pod: a name is looked up among its ports; 0 for none."""
    if isinstance(port.target_port, int):
        return port.target_port or port.port
    return next((c.container_port for c in pod.listens if (c.name, c.protocol) == (port.target_port, port.protocol)), 0)


def _endpoint(service: Service, one: Candidate, addresses: tuple[Address, ...]) -> Endpoint:
    """publishNotReadyAddresses makes it ready whatever happens; `serving` keeps the truth."""
    pod, serving, terminating = one.pod, is_ready(one.pod), one.pod.metadata.deletion_timestamp is not None
    ready = service.spec.publish_not_ready_addresses or (serving and not terminating)
    named = pod.spec.hostname if pod.spec.hostname and pod.spec.subdomain == service.key[1] else None
    return Endpoint(
        addresses=addresses,
        conditions=EndpointConditions(ready=ready, serving=serving, terminating=terminating),
        hostname=named,
        node_name=pod.spec.node_name or None,
        zone=one.zone or None,
        target_ref=ObjectReference(kind="Pod", namespace=pod.key[0], name=pod.key[1]),
        hints=_hints(service, one, ready),
    )


def _hints(service: Service, one: Candidate, ready: bool) -> EndpointHints | None:
    """trafficDistribution: a ready endpoint is for its own zone, and with PreferSameNode for its own node first.
    The older annotation goes before it; what it wishes is not modelled (DEV-30).
    """
    wish, annotations = service.spec.traffic_distribution, service.metadata.annotations
    older = annotations.get("service.kubernetes.io/topology-aware-hints", annotations.get(TOPOLOGY_MODE))
    if not ready or older in ("Auto", "auto") or wish not in ("PreferClose", "PreferSameZone", "PreferSameNode"):
        return None
    zones = (Named(name=one.zone),) if one.zone else ()
    nodes = (Named(name=one.pod.spec.node_name),) if one.pod.spec.node_name and wish == "PreferSameNode" else ()
    return EndpointHints(for_zones=zones, for_nodes=nodes) if zones or nodes else None


def _grouped(
    service: Service, kind: str, ports: Ports, wanted: list[Endpoint], existing: list[EndpointSlice], most: int
) -> list[EndpointSlice]:
    """Slices of one set of ports: what is written stays where it is, gaps are not closed; the rest goes where it
    fits.
    """
    left = {_identity(one): one for one in wanted}
    changed: list[EndpointSlice] = []
    same: list[EndpointSlice] = []
    for found in existing:
        if set(found.ports or ()) != set(ports):
            continue
        stays = tuple(one for one in (left.pop(_identity(each), None) for each in found.endpoints) if one)
        if stays:
            labels = _labels(service)
            is_same = _bare_of_hints(stays) == _bare_of_hints(found.endpoints)
            is_same = is_same and _own(labels) == _own(found.metadata.labels)
            metadata = found.metadata if is_same else replace(found.metadata, labels=labels)
            (same if is_same else changed).append(replace(found, endpoints=stays, metadata=metadata))
    changed.sort(key=lambda one: len(one.endpoints), reverse=True)
    new = list(left.values())
    for index, found in enumerate(changed):
        room = most - len(found.endpoints)
        changed[index], new = replace(found, endpoints=found.endpoints + tuple(new[:room])), new[room:]
    while new:
        fitting = [one for one in same if len(one.endpoints) + len(new) <= most] if len(new) < most else []
        if fitting:
            best = max(fitting, key=lambda one: len(one.endpoints))
            same[same.index(best)] = replace(best, endpoints=best.endpoints + tuple(new))
            break
        fresh = _new(service, kind, ports, len(existing) + len(changed))
        changed.append(replace(fresh, endpoints=tuple(new[:most])))
        new = new[most:]
    return [*same, *changed]


def _identity(one: Endpoint) -> tuple[object, ...]:
    """By what the controller knows an endpoint again (util/endpointset.go): a pod of another name at the same
    address is another endpoint.
    """
    target = one.target_ref
    return one.addresses, one.hostname or "", target and (target.namespace, target.name)


def _bare_of_hints(endpoints: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    """Hints are written last, and a change of theirs alone does not make room in a slice."""
    return tuple(replace(one, hints=None) if one.hints else one for one in endpoints)


def _new(service: Service, kind: str, ports: Ports, number: int) -> EndpointSlice:
    namespace, name = service.key
    text = f"{namespace}/{name}/{kind}/{[(one.name, one.protocol, one.port) for one in ports]}/{number}"
    return EndpointSlice(
        api_version="discovery.k8s.io/v1",
        metadata=Metadata(name=drawn_name(name, text), namespace=namespace, labels=_labels(service)),
        address_type=kind,  # type: ignore[arg-type]
        ports=ports,
    )


def drawn_name(name: str, text: str) -> str:
    """A slice's name: its Service's, and five letters, which the API server draws and a hash of the text gives here."""
    digits = int.from_bytes(sha256(text.encode()).digest()[:8], "big")
    return f"{name}-" + "".join(LETTERS[digits // len(LETTERS) ** place % len(LETTERS)] for place in range(5))


def _labels(service: Service) -> Labels:
    """The Service's own labels, and those by which slices are found."""
    given = {name: value for name, value in service.metadata.labels.items() if name != HEADLESS}
    headless = {} if service.cluster_ips else {HEADLESS: ""}
    return given | headless | {MANAGED_BY: CONTROLLER, SERVICE_NAME: service.key[1]}


def _own(labels: Labels) -> Labels:
    """Without the labels that the controller sets itself: what a Service and its slices have to agree in."""
    return {name: value for name, value in labels.items() if name not in RESERVED}
