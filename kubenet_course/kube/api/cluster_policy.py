"""ClusterNetworkPolicy, and the two older kinds that it replaced, as their authors wrote them.

Check it against sigs.k8s.io/network-policy-api: apis/v1alpha2/clusternetworkpolicy_types.go (v0.2.0) and
apis/v1alpha1/*_types.go (v0.1). v1beta1 has the same fields as v1alpha2.
"""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from .base import Metadata, Object, Port, Protocol, Read
from .policy import LabelSelector

GROUP = "policy.networking.k8s.io"
Priority = Annotated[int, Meta(ge=0, le=1000)]
RuleName = Annotated[str, Meta(max_length=100)]


class NamespacedPod(Read, frozen=True, gc=False):
    """Pods by their own labels, in namespaces by theirs. Without a namespaceSelector: in all namespaces."""

    pod_selector: LabelSelector
    namespace_selector: LabelSelector = LabelSelector()


class Subject(Read, frozen=True, gc=False):
    """Exactly one field is set."""

    namespaces: LabelSelector | None = None
    pods: NamespacedPod | None = None


class IngressPeer(Read, frozen=True, gc=False):
    """Exactly one field is set. None of them: a field that a later version added, and the rule fails closed."""

    namespaces: LabelSelector | None = None
    pods: NamespacedPod | None = None


class EgressPeer(IngressPeer, frozen=True, gc=False, kw_only=True):
    nodes: LabelSelector | None = None
    networks: tuple[str, ...] | None = None
    domain_names: tuple[str, ...] | None = None


class PortRange(Read, frozen=True, gc=False):
    start: Port
    end: Port


class PortMatch(Read, frozen=True, gc=False):
    """A number or a range, not both."""

    number: Port | None = None
    range: PortRange | None = None


class ProtocolMatch(Read, frozen=True, gc=False):
    """Without a port: every port of the protocol."""

    destination_port: PortMatch | None = None


class ProtocolEntry(Read, frozen=True, gc=False):
    """Exactly one field is set. A named port has the protocol that its container declares."""

    tcp: ProtocolMatch | None = None
    udp: ProtocolMatch | None = None
    sctp: ProtocolMatch | None = None
    destination_named_port: str = ""


class OlderNumber(Read, frozen=True, gc=False):
    port: Port
    protocol: Protocol = "TCP"


class OlderRange(Read, frozen=True, gc=False):
    start: Port
    end: Port
    protocol: Protocol = "TCP"


class OlderPort(Read, frozen=True, gc=False):
    """How v1alpha1, and drafts of v1alpha2, say a port. Exactly one field is set."""

    port_number: OlderNumber | None = None
    named_port: str = ""
    port_range: OlderRange | None = None


class ClusterRule(Read, frozen=True, gc=False):
    """`ports` is how drafts of v1alpha2 said it; v0.2.0 says `protocols`."""

    action: Literal["Accept", "Deny", "Pass"]
    name: RuleName = ""
    protocols: tuple[ProtocolEntry, ...] | None = None
    ports: tuple[OlderPort, ...] | None = None


class ClusterIngressRule(ClusterRule, frozen=True, gc=False, kw_only=True, rename={"sources": "from"}):
    sources: tuple[IngressPeer, ...]


class ClusterEgressRule(ClusterRule, frozen=True, gc=False, kw_only=True, rename={"destinations": "to"}):
    destinations: tuple[EgressPeer, ...]


class ClusterNetworkPolicySpec(Read, frozen=True, gc=False):
    tier: Literal["Admin", "Baseline"]
    priority: Priority
    subject: Subject
    ingress: tuple[ClusterIngressRule, ...] = ()
    egress: tuple[ClusterEgressRule, ...] = ()


class ClusterNetworkPolicy(Object, frozen=True, gc=False, tag="ClusterNetworkPolicy"):
    """An administrator's rules for a whole cluster, before (Admin) or behind (Baseline) all NetworkPolicies."""

    unread: ClassVar[str] = "status"
    api: ClassVar[tuple[str, ...]] = (f"{GROUP}/v1alpha2", f"{GROUP}/v1beta1")
    metadata: Metadata  # type: ignore[assignment]
    spec: ClusterNetworkPolicySpec

    def __str__(self) -> str:
        return f"ClusterNetworkPolicy {self.metadata.name}"


class OlderRule(Read, frozen=True, gc=False):
    action: Literal["Allow", "Deny", "Pass"]
    name: RuleName = ""
    ports: tuple[OlderPort, ...] | None = None


class OlderIngressRule(OlderRule, frozen=True, gc=False, kw_only=True, rename={"sources": "from"}):
    sources: tuple[IngressPeer, ...]


class OlderEgressRule(OlderRule, frozen=True, gc=False, kw_only=True, rename={"destinations": "to"}):
    destinations: tuple[EgressPeer, ...]


class BaselineAdminNetworkPolicySpec(Read, frozen=True, gc=False):
    subject: Subject
    ingress: tuple[OlderIngressRule, ...] = ()
    egress: tuple[OlderEgressRule, ...] = ()


class AdminNetworkPolicySpec(BaselineAdminNetworkPolicySpec, frozen=True, gc=False, kw_only=True):
    priority: Priority


class AdminNetworkPolicy(Object, frozen=True, gc=False, tag="AdminNetworkPolicy"):
    """Replaced in v0.2.0 by ClusterNetworkPolicy in tier Admin; its Allow is called Accept there."""

    unread: ClassVar[str] = "status"
    api: ClassVar[tuple[str, ...]] = (f"{GROUP}/v1alpha1",)
    metadata: Metadata  # type: ignore[assignment]
    spec: AdminNetworkPolicySpec

    def __str__(self) -> str:
        return f"AdminNetworkPolicy {self.metadata.name}"


class BaselineAdminNetworkPolicy(Object, frozen=True, gc=False, tag="BaselineAdminNetworkPolicy"):
    """Replaced in v0.2.0 by ClusterNetworkPolicy in tier Baseline. A cluster has at most one, named default."""

    unread: ClassVar[str] = "status"
    api: ClassVar[tuple[str, ...]] = (f"{GROUP}/v1alpha1",)
    metadata: Metadata  # type: ignore[assignment]
    spec: BaselineAdminNetworkPolicySpec

    def __str__(self) -> str:
        return f"BaselineAdminNetworkPolicy {self.metadata.name}"
