"""The routes of the Gateway API: what they match, what their filters do, where they lead.

Check it against sigs.k8s.io/gateway-api, apis/v1/{httproute,grpcroute,tlsroute,tcproute}_types.go (v1.6).
"""

from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from .base import Port, Read
from .gateway import GROUP, GatewayObject

Weight = Annotated[int, Meta(ge=0, le=1_000_000)]
Percent = Annotated[int, Meta(ge=0, le=100)]
PathType = Literal["Exact", "PathPrefix", "RegularExpression"]
MatchType = Literal["Exact", "RegularExpression"]
Method = Literal["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]


class ParentReference(Read, frozen=True, gc=False):
    """What a route wants to be attached to: a Gateway or ListenerSet, or one listener of it."""

    name: str
    group: str = GROUP
    kind: str = "Gateway"
    namespace: str = ""
    section_name: str = ""
    port: Port | None = None


class BackendReference(Read, frozen=True, gc=False):
    name: str
    group: str = ""
    kind: str = "Service"
    namespace: str = ""
    port: Port | None = None


class HeaderValue(Read, frozen=True, gc=False):
    name: str
    value: Annotated[str, Meta(min_length=1, max_length=4096)]


class HeaderFilter(Read, frozen=True, gc=False):
    set: tuple[HeaderValue, ...] = ()
    add: tuple[HeaderValue, ...] = ()
    remove: tuple[str, ...] = ()


class PathModifier(Read, frozen=True, gc=False):
    type: Literal["ReplaceFullPath", "ReplacePrefixMatch"]
    replace_full_path: str | None = None
    replace_prefix_match: str | None = None


class RedirectFilter(Read, frozen=True, gc=False):
    scheme: Literal["http", "https"] | None = None
    hostname: str | None = None
    path: PathModifier | None = None
    port: Port | None = None
    status_code: Literal[301, 302, 303, 307, 308] = 302


class RewriteFilter(Read, frozen=True, gc=False):
    hostname: str | None = None
    path: PathModifier | None = None


class Fraction(Read, frozen=True, gc=False):
    numerator: Annotated[int, Meta(ge=0)]
    denominator: Annotated[int, Meta(ge=1)] = 100


class MirrorFilter(Read, frozen=True, gc=False):
    backend_ref: BackendReference
    percent: Percent | None = None
    fraction: Fraction | None = None


class ExtensionReference(Read, frozen=True, gc=False):
    group: str
    kind: str
    name: str


class Filter(Read, frozen=True, gc=False):
    """One step on a request or its answer. `type` says which of the others is set."""

    unread: ClassVar[str] = ""
    type: Literal[
        "RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror", "RequestRedirect", "URLRewrite",
        "ExtensionRef", "CORS", "ExternalAuth",
    ]  # fmt: skip
    request_header_modifier: HeaderFilter | None = None
    response_header_modifier: HeaderFilter | None = None
    request_mirror: MirrorFilter | None = None
    request_redirect: RedirectFilter | None = None
    url_rewrite: RewriteFilter | None = None
    extension_ref: ExtensionReference | None = None
    cors: dict[str, Any] | None = None
    external_auth: dict[str, Any] | None = None


class Backend(BackendReference, frozen=True, gc=False):
    weight: Weight = 1
    filters: tuple[Filter, ...] = ()


class PathMatch(Read, frozen=True, gc=False):
    type: PathType = "PathPrefix"
    value: Annotated[str, Meta(max_length=1024)] = "/"


class HeaderMatch(Read, frozen=True, gc=False):
    name: str
    value: Annotated[str, Meta(min_length=1, max_length=4096)]
    type: MatchType = "Exact"


class QueryMatch(Read, frozen=True, gc=False):
    name: str
    value: Annotated[str, Meta(min_length=1, max_length=1024)]
    type: MatchType = "Exact"


class HTTPMatch(Read, frozen=True, gc=False):
    """What a request must have, all of it."""

    path: PathMatch = PathMatch()
    headers: tuple[HeaderMatch, ...] = ()
    query_params: tuple[QueryMatch, ...] = ()
    method: Method | None = None


class Timeouts(Read, frozen=True, gc=False):
    request: str | None = None
    backend_request: str | None = None


class HTTPRule(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "retry sessionPersistence"
    name: str = ""
    matches: tuple[HTTPMatch, ...] = (HTTPMatch(),)
    filters: tuple[Filter, ...] = ()
    backend_refs: tuple[Backend, ...] = ()
    timeouts: Timeouts | None = None


class HTTPRouteSpec(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "useDefaultGateways"
    parent_refs: tuple[ParentReference, ...] = ()
    hostnames: tuple[str, ...] = ()
    rules: tuple[HTTPRule, ...] = (HTTPRule(),)


class HTTPRoute(GatewayObject, frozen=True, gc=False, tag="HTTPRoute"):
    """Which HTTP requests go to which backends."""

    api: ClassVar[tuple[str, ...]] = (f"{GROUP}/v1", f"{GROUP}/v1beta1")
    spec: HTTPRouteSpec


class MethodMatch(Read, frozen=True, gc=False):
    type: MatchType = "Exact"
    service: str | None = None
    method: str | None = None


class GRPCMatch(Read, frozen=True, gc=False):
    method: MethodMatch | None = None
    headers: tuple[HeaderMatch, ...] = ()


class GRPCRule(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "sessionPersistence"
    name: str = ""
    matches: tuple[GRPCMatch, ...] = ()
    filters: tuple[Filter, ...] = ()
    backend_refs: tuple[Backend, ...] = ()


class GRPCRouteSpec(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "useDefaultGateways"
    parent_refs: tuple[ParentReference, ...] = ()
    hostnames: tuple[str, ...] = ()
    rules: tuple[GRPCRule, ...] = ()


class GRPCRoute(GatewayObject, frozen=True, gc=False, tag="GRPCRoute"):
    """Which gRPC calls go to which backends."""

    api: ClassVar[tuple[str, ...]] = (f"{GROUP}/v1", f"{GROUP}/v1alpha2")
    spec: GRPCRouteSpec


class StreamRule(Read, frozen=True, gc=False):
    """A rule of a route that sees connections, not requests."""

    name: str = ""
    backend_refs: tuple[Backend, ...] = ()


class TLSRouteSpec(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "useDefaultGateways"
    parent_refs: tuple[ParentReference, ...] = ()
    hostnames: tuple[str, ...] = ()
    rules: tuple[StreamRule, ...] = ()


class TLSRoute(GatewayObject, frozen=True, gc=False, tag="TLSRoute"):
    """Which TLS connections, by the name that the client asks for (SNI), go to which backends."""

    api: ClassVar[tuple[str, ...]] = (f"{GROUP}/v1", f"{GROUP}/v1alpha3", f"{GROUP}/v1alpha2")
    spec: TLSRouteSpec


class StreamRouteSpec(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "useDefaultGateways"
    parent_refs: tuple[ParentReference, ...] = ()
    rules: tuple[StreamRule, ...] = ()


class TCPRoute(GatewayObject, frozen=True, gc=False, tag="TCPRoute"):
    """Where all connections of a port go."""

    api: ClassVar[tuple[str, ...]] = (f"{GROUP}/v1", f"{GROUP}/v1alpha2")
    spec: StreamRouteSpec


class UDPRoute(GatewayObject, frozen=True, gc=False, tag="UDPRoute"):
    """Where all datagrams of a port go."""

    api: ClassVar[tuple[str, ...]] = (f"{GROUP}/v1", f"{GROUP}/v1alpha2")
    spec: StreamRouteSpec
