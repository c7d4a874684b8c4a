"""The Gateway API: GatewayClass, Gateway, ListenerSet, ReferenceGrant. The routes stand in `routes`.

Check it against sigs.k8s.io/gateway-api, apis/v1/*_types.go (v1.6). Older versions of a kind that have the same fields are read
as well. What a value may be beyond its type is asked in kube/gateway/written.
"""

from typing import ClassVar, Literal

from msgspec import field

from .base import Labels, Metadata, Name, Namespace_, Object, Port, Read
from .policy import LabelSelector

GROUP = "gateway.networking.k8s.io"
SERVERS = "uid resourceVersion generation selfLink managedFields ownerReferences finalizers generateName"


class DatedMetadata(Metadata, frozen=True, gc=False):
    """Metadata of what is older or younger than its like: of two equal routes the older one wins."""

    unread: ClassVar[str] = f"deletionGracePeriodSeconds {SERVERS}"
    creation_timestamp: str = ""


class GatewayObject(Object, frozen=True, gc=False):
    """What all kinds of the group share."""

    unread: ClassVar[str] = "status"
    metadata: DatedMetadata  # type: ignore[assignment]


class GatewayClassSpec(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "description parametersRef"
    controller_name: str


class GatewayClass(GatewayObject, frozen=True, gc=False, tag="GatewayClass"):
    """Which controller makes the Gateways that name it."""

    api: ClassVar[tuple[str, ...]] = (f"{GROUP}/v1", f"{GROUP}/v1beta1")
    spec: GatewayClassSpec

    def __str__(self) -> str:
        return f"GatewayClass {self.metadata.name}"


class SecretReference(Read, frozen=True, gc=False):
    name: str
    group: str = ""
    kind: str = "Secret"
    namespace: str = ""


class ListenerTLS(Read, frozen=True, gc=False):
    mode: Literal["", "Terminate", "Passthrough"] = "Terminate"
    certificate_refs: tuple[SecretReference, ...] = ()
    options: Labels | None = None


class FromNamespaces(Read, frozen=True, gc=False):
    """From which namespaces routes, or ListenerSets, may come. "" is the default of the place where it stands."""

    from_: Literal["", "All", "Selector", "Same", "None"] = field(default="", name="from")
    selector: LabelSelector | None = None


class RouteKind(Read, frozen=True, gc=False):
    kind: str
    group: str = GROUP


class AllowedRoutes(Read, frozen=True, gc=False):
    namespaces: FromNamespaces = FromNamespaces()
    kinds: tuple[RouteKind, ...] = ()


class Listener(Read, frozen=True, gc=False):
    """One port, protocol and hostname on which a Gateway takes connections."""

    name: str
    port: Port
    protocol: str
    hostname: str | None = None
    tls: ListenerTLS | None = None
    allowed_routes: AllowedRoutes = AllowedRoutes()


class Address(Read, frozen=True, gc=False):
    type: str = "IPAddress"
    value: str = ""


class AllowedListeners(Read, frozen=True, gc=False):
    namespaces: FromNamespaces = FromNamespaces()


class GatewaySpec(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "infrastructure tls defaultScope backendTLS"
    gateway_class_name: str
    listeners: tuple[Listener, ...]
    addresses: tuple[Address, ...] = ()
    allowed_listeners: AllowedListeners = AllowedListeners()


class GatewayStatus(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "conditions listeners attachedListenerSets"
    addresses: tuple[Address, ...] = ()


class Gateway(GatewayObject, frozen=True, gc=False, tag="Gateway"):
    """A proxy with listeners; routes attach to these."""

    unread: ClassVar[str] = ""
    api: ClassVar[tuple[str, ...]] = (f"{GROUP}/v1", f"{GROUP}/v1beta1")
    spec: GatewaySpec
    status: GatewayStatus = GatewayStatus()


class ParentGateway(Read, frozen=True, gc=False):
    name: str
    group: str = GROUP
    kind: str = "Gateway"
    namespace: str = ""


class ListenerSetSpec(Read, frozen=True, gc=False):
    parent_ref: ParentGateway
    listeners: tuple[Listener, ...]


class ListenerSet(GatewayObject, frozen=True, gc=False, tag="ListenerSet"):
    """Further listeners for a Gateway that allows it."""

    api: ClassVar[tuple[str, ...]] = (f"{GROUP}/v1",)
    spec: ListenerSetSpec


class GrantFrom(Read, frozen=True, gc=False):
    group: str
    kind: str
    namespace: Namespace_


class GrantTo(Read, frozen=True, gc=False):
    group: str
    kind: str
    name: Name | None = None


class ReferenceGrantSpec(Read, frozen=True, gc=False, rename={"sources": "from"}):
    sources: tuple[GrantFrom, ...]
    to: tuple[GrantTo, ...]


class ReferenceGrant(GatewayObject, frozen=True, gc=False, tag="ReferenceGrant"):
    """Which kinds of other namespaces may refer to what stands in this one."""

    api: ClassVar[tuple[str, ...]] = (f"{GROUP}/v1", f"{GROUP}/v1beta1", f"{GROUP}/v1alpha2")
    spec: ReferenceGrantSpec
