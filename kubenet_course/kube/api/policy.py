"""NetworkPolicy, as its author wrote it: an absent list and an empty one are kept apart, for they select different
things.

Check it against staging/src/k8s.io/api/networking/v1/types.go.
"""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from .base import IntOrString, Labels, Object, Port, Protocol, Read


class Requirement(Read, frozen=True, gc=False):
    """A clause of a label selector."""

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: tuple[str, ...] = ()


class LabelSelector(Read, frozen=True, gc=False):
    """All clauses hold; without any it selects everything."""

    match_labels: Labels | None = None
    match_expressions: tuple[Requirement, ...] = ()


class IPBlock(Read, frozen=True, gc=False, rename={"excluded": "except"}):
    cidr: str
    excluded: tuple[str, ...] = ()


class PolicyPeer(Read, frozen=True, gc=False):
    """None is absent: no such clause. An empty selector selects all."""

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IPBlock | None = None


class PolicyPort(Read, frozen=True, gc=False):
    """port None: every port of the protocol."""

    protocol: Protocol = "TCP"
    port: IntOrString | None = None
    end_port: Port | None = None


class IngressRule(Read, frozen=True, gc=False, rename={"sources": "from"}):
    """None and () alike mean no restriction; `{}` therefore allows everything."""

    ports: tuple[PolicyPort, ...] | None = None
    sources: tuple[PolicyPeer, ...] | None = None


class EgressRule(Read, frozen=True, gc=False, rename={"destinations": "to"}):
    ports: tuple[PolicyPort, ...] | None = None
    destinations: tuple[PolicyPeer, ...] | None = None


PolicyType = Literal["Ingress", "Egress"]


class NetworkPolicySpec(Read, frozen=True, gc=False):
    """policyTypes None: Ingress always, and Egress where egress rules are written (`types`)."""

    pod_selector: LabelSelector = LabelSelector()
    ingress: tuple[IngressRule, ...] | None = None
    egress: tuple[EgressRule, ...] | None = None
    policy_types: Annotated[tuple[PolicyType, ...], Meta(max_length=2)] | None = None

    @property
    def types(self) -> tuple[PolicyType, ...]:
        """The directions that it isolates, written or implied."""
        return self.policy_types or (("Ingress", "Egress") if self.egress else ("Ingress",))


class NetworkPolicy(Object, frozen=True, gc=False, tag="NetworkPolicy"):
    """Which connections the selected pods may have; the policies of all authors add up."""

    unread: ClassVar[str] = "status"
    api: ClassVar[tuple[str, ...]] = ("networking.k8s.io/v1",)
    spec: NetworkPolicySpec = NetworkPolicySpec()
