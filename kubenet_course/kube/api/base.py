"""What all Kubernetes objects share: how a field is typed, what a name may be, metadata.

Fields have the API's names in snake case (staging/src/k8s.io/api/*/types.go). Defaults are those that the API server
fills
in. null means absent, as the API server reads it; where absent and empty differ, absent is None and empty is ().
"""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct, field

Name = Annotated[str, Meta(min_length=1, max_length=253, pattern=r"\A[a-z0-9]([-a-z0-9.]*[a-z0-9])?\Z")]
Namespace_ = Annotated[str, Meta(min_length=1, max_length=63, pattern=r"\A[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")]
PortName = Annotated[str, Meta(max_length=63, pattern=r"\A([a-z0-9]([-a-z0-9]*[a-z0-9])?)?\Z")]
Port = Annotated[int, Meta(ge=1, le=65535)]
Protocol = Literal["TCP", "UDP", "SCTP"]
Policy = Literal["Cluster", "Local"]
Labels = dict[str, str]
IntOrString = int | str
_NONE: Labels = {}  # shared by all objects without labels, and never written to

ZONE = "topology.kubernetes.io/zone"
SERVICE_NAME = "kubernetes.io/service-name"
HEADLESS = "service.kubernetes.io/headless"
PROXY_NAME = "service.kubernetes.io/service-proxy-name"
WRITTEN_BY_SERVERS = (
    "uid resourceVersion generation creationTimestamp selfLink managedFields ownerReferences finalizers generateName"
)


def _labels() -> Labels:
    return _NONE


class Read(Struct, frozen=True, gc=False, kw_only=True, rename="camel"):
    """A part of an object. `unread`: further fields of the API, known and of no consequence here."""

    unread: ClassVar[str] = ""


class PodMetadata(Read, frozen=True, gc=False):
    """A name, and the labels that Services and policies select by. Pods are many: this holds nothing else."""

    unread: ClassVar[str] = f"annotations deletionGracePeriodSeconds {WRITTEN_BY_SERVERS}"
    name: Name
    namespace: Namespace_ = "default"
    labels: Labels = field(default_factory=_labels)
    deletion_timestamp: str | None = None  # set: the pod is terminating


class Metadata(PodMetadata, frozen=True, gc=False):
    """A name, labels, and the annotations by which network add-ons talk to each other."""

    unread: ClassVar[str] = f"deletionGracePeriodSeconds {WRITTEN_BY_SERVERS}"
    annotations: Labels = field(default_factory=_labels)


class Object(Read, frozen=True, gc=False, tag_field="kind"):
    """What stands alone in a manifest. `api`: the apiVersions under which its kind means this and nothing else."""

    api: ClassVar[tuple[str, ...]] = ("v1",)
    api_version: str
    metadata: PodMetadata

    @property
    def key(self) -> tuple[str, str]:
        return self.metadata.namespace, self.metadata.name

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.metadata.namespace}/{self.metadata.name}"
