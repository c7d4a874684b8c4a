"""Service, EndpointSlice and ServiceCIDR: a stable name, and the addresses behind it.

Check it against staging/src/k8s.io/api/core/v1/types.go, discovery/v1/types.go and networking/v1/types.go.
"""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, field

from .base import SERVICE_NAME, IntOrString, Labels, Metadata, Object, Policy, Port, PortName, Protocol, Read


class ServicePort(Read, frozen=True, gc=False):
    port: Port
    name: PortName = ""
    protocol: Protocol = "TCP"
    target_port: IntOrString = 0  # 0: not said, which means the same number as `port`
    node_port: Annotated[int, Meta(ge=0, le=65535)] = 0
    app_protocol: str | None = None


class ClientIPConfig(Read, frozen=True, gc=False):
    timeout_seconds: Annotated[int, Meta(ge=1, le=86400)] = 10800


class SessionAffinityConfig(Read, frozen=True, gc=False):
    client_ip: ClientIPConfig = field(default=ClientIPConfig(), name="clientIP")


class ServiceSpec(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "loadBalancerClass loadBalancerIP topologyKeys ipFamily"
    type: Literal["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"] = "ClusterIP"
    selector: Labels | None = None  # None: somebody else writes its slices; {} selects nothing either
    ports: tuple[ServicePort, ...] = ()
    cluster_ip: str = field(default="", name="clusterIP")  # "": not given yet; "None": headless
    cluster_ips: tuple[str, ...] = field(default=(), name="clusterIPs")
    ip_families: tuple[Literal["IPv4", "IPv6"], ...] = ()
    ip_family_policy: Literal["", "SingleStack", "PreferDualStack", "RequireDualStack"] = ""
    external_ips: tuple[str, ...] = field(default=(), name="externalIPs")
    external_name: str = ""
    session_affinity: Literal["", "None", "ClientIP"] = "None"
    session_affinity_config: SessionAffinityConfig = SessionAffinityConfig()
    load_balancer_source_ranges: tuple[str, ...] = ()
    internal_traffic_policy: Policy = "Cluster"
    external_traffic_policy: Literal["", "Cluster", "Local"] = ""
    health_check_node_port: Annotated[int, Meta(ge=0, le=65535)] = 0
    allocate_load_balancer_node_ports: bool = True
    publish_not_ready_addresses: bool = False
    traffic_distribution: str = ""


class LoadBalancerIngress(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "ports"
    ip: str = ""
    hostname: str = ""
    ip_mode: Literal["VIP", "Proxy"] = "VIP"


class LoadBalancerStatus(Read, frozen=True, gc=False):
    ingress: tuple[LoadBalancerIngress, ...] = ()


class ServiceStatus(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "conditions"
    load_balancer: LoadBalancerStatus = LoadBalancerStatus()


class Service(Object, frozen=True, gc=False, tag="Service"):
    """A stable name and address for pods that come and go."""

    metadata: Metadata  # type: ignore[assignment]
    spec: ServiceSpec
    status: ServiceStatus = ServiceStatus()

    @property
    def is_headless(self) -> bool:
        return self.spec.cluster_ip == "None" or "None" in self.spec.cluster_ips

    @property
    def cluster_ips(self) -> tuple[str, ...]:
        """Its addresses, primary first; () where nobody has given it one yet, and for headless ones."""
        if self.is_headless:
            return ()
        return self.spec.cluster_ips or ((self.spec.cluster_ip,) if self.spec.cluster_ip else ())


class EndpointConditions(Read, frozen=True, gc=False):
    """What a consumer may assume; None is "not said", which counts as ready, serving, not terminating."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class Named(Read, frozen=True, gc=False):
    name: str


class EndpointHints(Read, frozen=True, gc=False):
    for_zones: tuple[Named, ...] = ()
    for_nodes: tuple[Named, ...] = ()


class ObjectReference(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "apiVersion uid resourceVersion fieldPath"
    kind: str = ""
    namespace: str = ""
    name: str = ""


class Endpoint(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "deprecatedTopology"
    addresses: Annotated[tuple[str, ...], Meta(min_length=1)]
    conditions: EndpointConditions = EndpointConditions()
    hostname: str | None = None
    node_name: str | None = None
    zone: str | None = None
    target_ref: ObjectReference | None = None
    hints: EndpointHints | None = None

    @property
    def is_ready(self) -> bool:
        """Whether it takes new connections; where nothing is said, it does."""
        return self.conditions.ready is not False


class EndpointPort(Read, frozen=True, gc=False):
    name: PortName = ""
    protocol: Protocol = "TCP"
    port: Port | None = None  # None: every port
    app_protocol: str | None = None


class EndpointSlice(Object, frozen=True, gc=False, tag="EndpointSlice"):
    """A hundred or fewer addresses that answer for a Service, all with the same ports."""

    api: ClassVar[tuple[str, ...]] = ("discovery.k8s.io/v1", "discovery.k8s.io/v1beta1")
    metadata: Metadata  # type: ignore[assignment]
    address_type: Literal["IPv4", "IPv6", "FQDN"]
    endpoints: tuple[Endpoint, ...] = ()
    ports: tuple[EndpointPort, ...] | None = None  # None: all ports; (): none at all

    @property
    def service(self) -> tuple[str, str]:
        """The Service that it belongs to, as (namespace, name); the name is "" where it has no label."""
        return self.metadata.namespace, self.metadata.labels.get(SERVICE_NAME, "")


class EndpointAddress(Read, frozen=True, gc=False):
    ip: str
    hostname: str = ""
    node_name: str | None = None
    target_ref: ObjectReference | None = None


class EndpointSubset(Read, frozen=True, gc=False):
    addresses: tuple[EndpointAddress, ...] = ()
    not_ready_addresses: tuple[EndpointAddress, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


class Endpoints(Object, frozen=True, gc=False, tag="Endpoints"):
    """The older form of slices, deprecated in Kubernetes 1.33: people still write it for Services without a selector."""

    metadata: Metadata  # type: ignore[assignment]
    subsets: tuple[EndpointSubset, ...] = ()


class ServiceCIDRSpec(Read, frozen=True, gc=False):
    cidrs: tuple[str, ...] = ()


class ServiceCIDR(Object, frozen=True, gc=False, tag="ServiceCIDR"):
    """A range that ClusterIPs come from."""

    unread: ClassVar[str] = "status"
    api: ClassVar[tuple[str, ...]] = ("networking.k8s.io/v1", "networking.k8s.io/v1beta1")
    spec: ServiceCIDRSpec = ServiceCIDRSpec()

    def __str__(self) -> str:
        return f"ServiceCIDR {self.metadata.name}"
