"""What stands behind a reference: the Service, its port, the grant that lets another namespace name it, its endpoints."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from ...linux.packet.address import IPV4, IPV6
from ..api.gateway import GROUP, ReferenceGrant
from ..api.objects import HEADLESS, EndpointSlice, Pod, Service, ServicePort
from ..api.routes import Backend, BackendReference, GRPCRule, HTTPRule, StreamRule
from ..manifest.collection import Objects
from ..model.cluster import Cluster
from ..proxy.endpoint import endpoints
from ..service.endpoints import selects
from .request import Reference


class Referrer(Struct, frozen=True):
    """What refers: its kind and namespace, which a ReferenceGrant asks for."""

    kind: str
    namespace: str
    group: str = GROUP


class Behind:
    """All Services and grants of a set of files. The cluster's own controllers say which endpoints there are."""

    def __init__(self, cluster: Cluster):
        self.cluster, self.objects = cluster, cluster.objects
        self.services: dict[tuple[str, str], Service] = {one.key: one for one in cluster.services}
        self._answered: dict[tuple, bool] = {}

    @cached_property
    def knows_endpoints(self) -> bool:
        """Whether the files say anything of pods. Where they do not, every Service is taken to have some that are ready."""
        return bool(self.objects.pods or self.objects.slices or self.objects.endpoints)

    @cached_property
    def grants(self) -> dict[str, list[ReferenceGrant]]:
        found: dict[str, list[ReferenceGrant]] = {}
        for one in self.objects.grants:
            found.setdefault(one.metadata.namespace, []).append(one)
        return found

    def permits(self, source: Referrer, kind: str, namespace: str, name: str, group: str = "") -> bool:
        """Whether a reference may cross into a namespace: within one's own, or by a grant that stands in the other."""
        if source.namespace == namespace:
            return True
        return any(
            any(
                (f.group, f.kind, f.namespace) == (source.group, source.kind, source.namespace)
                for f in one.spec.sources
            )
            and any((t.group, t.kind) == (group, kind) and t.name in (None, "", name) for t in one.spec.to)
            for one in self.grants.get(namespace, ())
        )

    def resolve(self, source: Referrer, one: BackendReference, where: str) -> Reference:
        """A backendRef followed to its endpoints, in the order in which the specification lists what may be wrong."""
        namespace = one.namespace or source.namespace
        weight = one.weight if isinstance(one, Backend) else 1
        found = Reference(one.kind, namespace, one.name, one.port or 0, where, weight)
        if (one.group, one.kind) != ("", "Service"):
            kind = f"{one.group}/{one.kind}" if one.group else one.kind
            told = f"{kind} is no kind of backend that every Gateway knows"
            return _wrong(found, "InvalidKind", told, certain=one.group in ("", GROUP))
        if not self.permits(source, "Service", namespace, one.name):
            told = f"no ReferenceGrant in namespace {namespace} lets {source.kind}s of {source.namespace} refer to it"
            return _wrong(found, "RefNotPermitted", told)
        service = self.services.get((namespace, one.name))
        if service is None:
            return _wrong(found, "BackendNotFound", f"there is no Service {namespace}/{one.name}")
        proto = "UDP" if source.kind == "UDPRoute" else "TCP"
        ports = (port for port in service.spec.ports if (port.port, port.protocol) == (one.port, proto))
        return self.at_port(found, service, next(ports, None))

    def at_port(self, found: Reference, service: Service, port: ServicePort | None) -> Reference:
        """The endpoints of a Service's port."""
        name = f"{found.namespace}/{found.name}"
        if port is None:
            has = ", ".join(f"{one.port}/{one.protocol}" for one in service.spec.ports) or "none"
            return _wrong(found, "BackendNotFound", f"Service {name} has no port {found.port}; it has {has}")
        if service.spec.type == "ExternalName":
            told = f"Service {name} is an ExternalName; implementations should not lead there (CVE-2021-25740)"
            return _wrong(found, "UnsupportedValue", told, certain=False)
        if self.knows_endpoints and not self.is_answered(service, port):
            return _wrong(found, "NoEndpoints", f"Service {name} has no ready endpoint", 503)
        return found

    def is_answered(self, service: Service, port: ServicePort) -> bool:
        """Whether a Service's port has a ready endpoint."""
        key = (service.key, port.name, port.protocol)
        if key not in self._answered:
            self._answered[key] = self._asked(service, port)
        return self._answered[key]

    def _asked(self, service: Service, port: ServicePort) -> bool:
        slices = self.cluster.slices.get(service.key, ())
        if any(one.ready for of in (IPV4, IPV6) for one in endpoints(spoken_for(slices), port, of)):
            return True
        return not self.objects.nodes and any(_runs(pod, service) for pod in self.objects.pods)


def spoken_for(slices: Iterable[EndpointSlice]) -> list[EndpointSlice]:
    """A headless Service's slices too: a proxy asks endpoints, whether the Service has an address or not."""
    found = []
    for one in slices:
        if HEADLESS in one.metadata.labels:
            labels = {key: value for key, value in one.metadata.labels.items() if key != HEADLESS}
            one = replace(one, metadata=replace(one.metadata, labels=labels))
        found.append(one)
    return found


def _runs(pod: Pod, service: Service) -> bool:
    """A pod of plain manifests, in files that name no node: it is taken to run somewhere."""
    ready = all(one.status == "True" for one in pod.status.conditions or () if one.type == "Ready")
    return selects(service, pod) and ready and not pod.is_over and not pod.is_pending


def _wrong(found: Reference, reason: str, says: str, status: int = 500, certain: bool = True) -> Reference:
    return Reference(
        found.kind, found.namespace, found.name, found.port, found.where, found.weight, reason, says, status, certain
    )


def dangling(objects: Objects, behind: Behind) -> list[tuple[str, Reference]]:
    """Every reference of every route that leads nowhere, with the route that holds it."""
    found = []
    for route in objects.routes:
        source = Referrer(type(route).__name__, route.metadata.namespace)
        rules: tuple[HTTPRule | GRPCRule | StreamRule, ...] = route.spec.rules
        for index, rule in enumerate(rules):
            for at, one in enumerate(rule.backend_refs):
                to = behind.resolve(source, one, f"spec.rules[{index}].backendRefs[{at}]")
                if to.reason:
                    found.append((str(route), to))
    return found
