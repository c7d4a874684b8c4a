"""Objects gathered from documents, each with its place, so that a sentence about one can say where it stands."""

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ...errors import BadInput
from ..api.objects import (
    CLUSTER_WIDE,
    AdminNetworkPolicy,
    BaselineAdminNetworkPolicy,
    ClusterConfiguration,
    ClusterNetworkPolicy,
    Conflist,
    Endpoints,
    EndpointSlice,
    Gateway,
    GatewayClass,
    GRPCRoute,
    HTTPRoute,
    Ingress,
    IngressClass,
    KubeProxyConfiguration,
    Layout,
    ListenerSet,
    Namespace,
    NetworkPolicy,
    Node,
    Object,
    Pod,
    Read,
    ReferenceGrant,
    Service,
    ServiceCIDR,
    TCPRoute,
    TLSRoute,
    UDPRoute,
)
from .check import check
from .configmaps import NET_CONF, texts
from .decode import Decoded, Wrong, from_json, from_value, shown
from .yaml_text import documents_of

Route = HTTPRoute | GRPCRoute | TLSRoute | TCPRoute | UDPRoute


@dataclass
class Place:
    """Where objects came from: a file's document, or one item of it."""

    file: str
    document: int
    first: int  # how many objects were read before this document
    is_list: bool = False
    items: list[int] = field(default_factory=list)  # the numbers in the List of those of its items that are objects

    def where(self, item: int = 0, of: object = None) -> str:
        list_item = f", item {item}" if item else ""
        return f"{self.file}: document {self.document}{list_item}" + (f" ({of})" if of else "")


@dataclass
class Objects:
    """All objects of a cluster by kind, in the order in which they stood."""

    nodes: list[Node] = field(default_factory=list)
    pods: list[Pod] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    slices: list[EndpointSlice] = field(default_factory=list)
    endpoints: list[Endpoints] = field(default_factory=list)
    policies: list[NetworkPolicy] = field(default_factory=list)
    cluster_policies: list[ClusterNetworkPolicy | AdminNetworkPolicy | BaselineAdminNetworkPolicy] = field(
        default_factory=list
    )
    namespaces: list[Namespace] = field(default_factory=list)
    service_cidrs: list[ServiceCIDR] = field(default_factory=list)
    conflists: list[Conflist] = field(default_factory=list)
    gateway_classes: list[GatewayClass] = field(default_factory=list)
    gateways: list[Gateway] = field(default_factory=list)
    listener_sets: list[ListenerSet] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    grants: list[ReferenceGrant] = field(default_factory=list)
    ingress_classes: list[IngressClass] = field(default_factory=list)
    ingresses: list[Ingress] = field(default_factory=list)
    cluster: ClusterConfiguration | None = None
    proxy: KubeProxyConfiguration | None = None
    layout: Layout | None = None  # the course's own kind: the network around the cluster
    net_conf: dict[str, Any] | None = None  # flannel's own configuration, net-conf.json
    notices: tuple[str, ...] = ()
    refused: list[BadInput] = field(default_factory=list)  # what only those need who ask for requests, and cannot be
    half_read: dict[str, tuple[str, ...]] = field(default_factory=dict)  # an object -> its fields not understood
    places: list[Place] = field(default_factory=list)
    order: list[Read] = field(default_factory=list)

    def where(self, one: Read) -> str:
        """File and document of an object, for a sentence about it."""
        index = next((index for index, other in enumerate(self.order) if other is one), None)
        if index is None:
            return str(one)
        place = self.places[bisect_right([place.first for place in self.places], index) - 1]
        return place.where(place.items[index - place.first] if place.is_list else 0, one)


LISTS: dict[type, str] = {
    Node: "nodes",
    Pod: "pods",
    Service: "services",
    EndpointSlice: "slices",
    Endpoints: "endpoints",
    NetworkPolicy: "policies",
    ClusterNetworkPolicy: "cluster_policies",
    AdminNetworkPolicy: "cluster_policies",
    BaselineAdminNetworkPolicy: "cluster_policies",
    Namespace: "namespaces",
    ServiceCIDR: "service_cidrs",
    Conflist: "conflists",
    GatewayClass: "gateway_classes",
    Gateway: "gateways",
    ListenerSet: "listener_sets",
    ReferenceGrant: "grants",
    IngressClass: "ingress_classes",
    Ingress: "ingresses",
    **dict.fromkeys((HTTPRoute, GRPCRoute, TLSRoute, TCPRoute, UDPRoute), "routes"),
}
OF_REQUESTS = ("gateway_classes", "gateways", "listener_sets", "routes", "grants", "ingress_classes", "ingresses")
ONLY_ONE: dict[type, str] = {ClusterConfiguration: "cluster", KubeProxyConfiguration: "proxy", Layout: "layout"}


class Collection:
    """What has been read so far."""

    def __init__(self) -> None:
        self.objects = Objects()
        self.seen: set[tuple] = set()
        self.noticed: dict[str, tuple[str, int]] = {}  # what was not understood -> where first, how often more

    def add(self, place: Place, item: int, raw: Any) -> None:
        """One object: decoded, checked, filed under its kind. Of a ConfigMap, the configurations that it holds."""
        found = texts(_plain(raw))
        for key, text in found.items():
            where = f"{place.where(item, _name(raw))}: data[{key}]"
            for _, value in documents_of(where, text.encode("utf-8", "surrogatepass")):
                if key == NET_CONF:
                    self.objects.net_conf = value
                elif isinstance(value, dict) and value.get("kind") != "KubeletConfiguration":
                    self._one(place, item, value)
        if not found:
            self._one(place, item, raw)

    def _one(self, place: Place, item: int, raw: Any) -> None:
        try:
            decoded = from_json(raw) if isinstance(raw, bytes | msgspec.Raw) else from_value(raw)
            if decoded.object is not None:
                check(decoded.object)
        except Wrong as wrong:
            where = place.where(item, _name(raw))
            refused = BadInput(f"{where}: {wrong.path}" if wrong.path else where, wrong.what, wrong.right)
            if not _leads_requests(raw):
                raise refused from None
            self.objects.refused.append(refused)
            self.noticed[f"left out: {refused.what}; {refused.right}"] = refused.where, 0
            return
        except RecursionError:
            raise BadInput(place.where(item), "it is nested too deeply", "write it as kubectl prints it") from None
        if isinstance(decoded.object, Layout) and decoded.unknown:  # nobody else writes this kind: it is a slip
            where = f"{place.where(item, decoded.object)}: {decoded.unknown[0]}"
            raise BadInput(where, "a Layout has no such field", "leave it out; docs/layout.md lists the fields")
        if decoded.object is not None:
            self._file(place, item, decoded.object)
        if decoded.object is None or decoded.unknown:
            self._notice(place, item, decoded)

    def _file(self, place: Place, item: int, one: Read) -> None:
        kind = type(one)
        objects = self.objects
        if kind in ONLY_ONE:
            if getattr(objects, ONLY_ONE[kind]) is not None:
                raise BadInput(place.where(item), f"there is a second {kind.__name__}", "leave one of them out")
            setattr(objects, ONLY_ONE[kind], one)
        else:
            getattr(objects, LISTS[kind]).append(one)
        if isinstance(one, Object):
            named = (
                (kind, one.metadata.name) if kind in CLUSTER_WIDE else (kind, one.metadata.namespace, one.metadata.name)
            )
            if named in self.seen:
                raise BadInput(
                    place.where(item), f"{one} stands twice: first in {self._first(one)}", "give each its own name"
                )
            self.seen.add(named)
        objects.order.append(one)
        if place.is_list:
            place.items.append(item)

    def _first(self, twin: Object) -> str:
        return next(
            self.objects.where(one) for one in self.objects.order if type(one) is type(twin) and str(one) == str(twin)
        )

    def _notice(self, place: Place, item: int, decoded: Decoded) -> None:
        if decoded.object is not None:
            self.objects.half_read[str(decoded.object)] = decoded.unknown
        said = [f"kind {decoded.kind} is not understood; left out"] if decoded.object is None else []
        said += [f"field {path} is not understood" for path in decoded.unknown]
        for text in said:
            first, more = self.noticed.get(text, (place.where(item, decoded.object), -1))
            self.noticed[text] = first, more + 1

    def done(self) -> Objects:
        self.objects.notices = tuple(
            f"{first}: {said}" + (f" (and {more} more)" if more else "") for said, (first, more) in self.noticed.items()
        )
        return self.objects


def _plain(raw: Any) -> Any:
    """A document as plain values, where it may be a ConfigMap; of JSON only those are decoded."""
    if not isinstance(raw, bytes | msgspec.Raw):
        return raw
    return msgspec.json.decode(raw) if b'"ConfigMap"' in memoryview(raw).tobytes() else None


def _leads_requests(raw: Any) -> bool:
    """Whether a document is a Gateway, an Ingress or their like: packets of a cluster do not depend on it, so that whoever asks
    about packets goes on without it; whoever asks about requests is told (kube/gateway/doors)."""
    try:
        value = msgspec.json.decode(raw) if isinstance(raw, bytes | msgspec.Raw) else raw
    except (ValueError, RecursionError):
        return False
    kinds = [kind.__name__ for kind, name in LISTS.items() if name in OF_REQUESTS]
    return isinstance(value, dict) and value.get("kind") in kinds


def _name(raw: Any) -> str:
    """What an object calls itself, if it can be made out."""
    try:
        value = msgspec.json.decode(raw) if isinstance(raw, bytes | msgspec.Raw) else raw
    except (ValueError, RecursionError):
        return ""
    metadata = value.get("metadata") if isinstance(value, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return f"{value.get('kind', 'object')} {shown(name)}" if name is not None else ""
