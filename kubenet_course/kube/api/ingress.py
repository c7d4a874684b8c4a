"""Ingress and IngressClass: the older way to lead HTTP requests by host and path.

Check it against staging/src/k8s.io/api/networking/v1/types.go.
"""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from .base import Object, Read
from .gateway import DatedMetadata

CLASS_ANNOTATION = "kubernetes.io/ingress.class"
DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"


class BackendPort(Read, frozen=True, gc=False):
    name: str = ""
    number: Annotated[int, Meta(ge=0, le=65535)] = 0


class ServiceBackend(Read, frozen=True, gc=False):
    name: str = ""
    port: BackendPort = BackendPort()


class ResourceBackend(Read, frozen=True, gc=False):
    kind: str = ""
    name: str = ""
    api_group: str | None = None


class IngressBackend(Read, frozen=True, gc=False):
    """A Service and its port, or some other resource."""

    service: ServiceBackend | None = None
    resource: ResourceBackend | None = None


class HTTPPath(Read, frozen=True, gc=False):
    backend: IngressBackend
    path_type: Literal["", "Exact", "Prefix", "ImplementationSpecific"] = ""
    path: str = ""


class HTTPPaths(Read, frozen=True, gc=False):
    paths: tuple[HTTPPath, ...] = ()


class IngressRule(Read, frozen=True, gc=False):
    host: str = ""
    http: HTTPPaths | None = None


class IngressTLS(Read, frozen=True, gc=False):
    hosts: tuple[str, ...] = ()
    secret_name: str = ""


class IngressSpec(Read, frozen=True, gc=False):
    ingress_class_name: str | None = None
    default_backend: IngressBackend | None = None
    tls: tuple[IngressTLS, ...] = ()
    rules: tuple[IngressRule, ...] = ()


class Ingress(Object, frozen=True, gc=False, tag="Ingress"):
    """HTTP requests to Services, by host and path."""

    unread: ClassVar[str] = "status"
    api: ClassVar[tuple[str, ...]] = ("networking.k8s.io/v1",)
    metadata: DatedMetadata  # type: ignore[assignment]
    spec: IngressSpec


class IngressClassSpec(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "parameters"
    controller: str = ""


class IngressClass(Object, frozen=True, gc=False, tag="IngressClass"):
    """Which controller follows the Ingresses that name it."""

    api: ClassVar[tuple[str, ...]] = ("networking.k8s.io/v1",)
    metadata: DatedMetadata  # type: ignore[assignment]
    spec: IngressClassSpec = IngressClassSpec()

    def __str__(self) -> str:
        return f"IngressClass {self.metadata.name}"
