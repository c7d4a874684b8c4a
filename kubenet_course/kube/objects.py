"""Kubernetes objects as kubectl prints them, as far as a packet can feel them: Node, Pod, Service, EndpointSlice.

Fields have the API's names in snake case (staging/src/k8s.io/api/core/v1/types.go, discovery/v1/types.go). Defaults are
those that the API server fills in. null means absent, as the API server reads it; where absent and empty differ, absent
is None or a named value and empty is (). `unread` lists fields that the API has and no model here asks for.
"""

from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct, field

Name = Annotated[str, Meta(min_length=1, max_length=253, pattern=r"\A[a-z0-9]([-a-z0-9.:]*[a-z0-9])?\Z")]
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
WRITTEN_BY_SERVERS = "uid resourceVersion generation creationTimestamp selfLink managedFields ownerReferences finalizers generateName"


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


class Object(Read, frozen=True, gc=False):
    """What stands alone in a manifest. `api` is the apiVersion it must say."""

    api: ClassVar[tuple[str, ...]] = ("v1",)
    api_version: str
    kind: str
    metadata: PodMetadata

    @property
    def key(self) -> tuple[str, str]:
        return self.metadata.namespace, self.metadata.name

    def __str__(self) -> str:
        return f"{self.kind} {self.metadata.namespace}/{self.metadata.name}"


class NodeAddress(Read, frozen=True, gc=False):
    type: str
    address: str


class NodeSpec(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "providerID taints unschedulable configSource externalID"
    pod_cidr: str = field(default="", name="podCIDR")
    pod_cidrs: tuple[str, ...] = field(default=(), name="podCIDRs")


class NodeStatus(Read, frozen=True, gc=False):
    unread: ClassVar[str] = (
        "capacity allocatable conditions daemonEndpoints nodeInfo images volumesInUse volumesAttached config "
        "runtimeHandlers features phase declaredFeatures"
    )
    addresses: tuple[NodeAddress, ...] = ()


class Node(Object, frozen=True, gc=False, tag_field="kind", tag="Node"):
    """A machine of the cluster. Its name is all that a manifest must say."""

    metadata: Metadata  # type: ignore[assignment]
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()

    @property
    def pod_cidrs(self) -> tuple[str, ...]:
        """Its blocks; () where nobody has given it one yet."""
        return self.spec.pod_cidrs or ((self.spec.pod_cidr,) if self.spec.pod_cidr else ())

    def __str__(self) -> str:
        return f"Node {self.metadata.name}"


class ContainerPort(Read, frozen=True, gc=False):
    container_port: Port
    name: PortName = ""
    protocol: Protocol = "TCP"
    host_port: Annotated[int, Meta(ge=0, le=65535)] = 0
    host_ip: str = field(default="", name="hostIP")


class Container(Read, frozen=True, gc=False):
    """A process of a pod, as far as its ports go. A sidecar is an init container that is always restarted."""

    unread: ClassVar[str] = (
        "image command args env envFrom resources volumeMounts volumeDevices lifecycle imagePullPolicy securityContext "
        "stdin stdinOnce tty terminationMessagePath terminationMessagePolicy workingDir resizePolicy targetContainerName "
        "livenessProbe readinessProbe startupProbe restartPolicyRules"
    )
    name: str = ""
    ports: tuple[ContainerPort, ...] = ()
    restart_policy: str = ""


class PodSpec(Read, frozen=True, gc=False):
    unread: ClassVar[str] = (
        "volumes ephemeralContainers restartPolicy terminationGracePeriodSeconds activeDeadlineSeconds dnsPolicy dnsConfig "
        "nodeSelector serviceAccountName serviceAccount automountServiceAccountToken hostPID hostIPC hostUsers "
        "shareProcessNamespace securityContext imagePullSecrets affinity schedulerName tolerations hostAliases "
        "priorityClassName priority preemptionPolicy readinessGates runtimeClassName enableServiceLinks overhead "
        "topologySpreadConstraints setHostnameAsFQDN os schedulingGates resourceClaims resources hostnameOverride "
        "workloadRef"
    )
    node_name: str = ""
    host_network: bool = False
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    hostname: str = ""
    subdomain: str = ""


class PodIP(Read, frozen=True, gc=False):
    ip: str


class PodCondition(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "lastProbeTime lastTransitionTime reason message observedGeneration"
    type: str
    status: Literal["True", "False", "Unknown"]


class PodStatus(Read, frozen=True, gc=False):
    unread: ClassVar[str] = (
        "hostIP hostIPs startTime containerStatuses initContainerStatuses ephemeralContainerStatuses qosClass message "
        "reason nominatedNodeName resize resourceClaimStatuses observedGeneration extendedResourceClaimStatus "
        "allocatedResources resources"
    )
    phase: Literal["", "Pending", "Running", "Succeeded", "Failed", "Unknown"] = ""
    pod_ip: str = field(default="", name="podIP")
    pod_ips: tuple[PodIP, ...] = field(default=(), name="podIPs")
    conditions: tuple[PodCondition, ...] | None = None  # None: a manifest says nothing, and the model says Ready


class Pod(Object, frozen=True, gc=False, tag_field="kind", tag="Pod"):
    """Containers that share one network namespace, on one node."""

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its addresses as its status tells them; () where nobody has given it one yet."""
        return tuple(one.ip for one in self.status.pod_ips) or ((self.status.pod_ip,) if self.status.pod_ip else ())

    @property
    def listens(self) -> tuple[ContainerPort, ...]:
        """The ports that its containers and sidecars declare."""
        sidecars = tuple(c for c in self.spec.init_containers if c.restart_policy == "Always")
        return tuple(port for container in self.spec.containers + sidecars for port in container.ports)

    @property
    def is_over(self) -> bool:
        return self.status.phase in ("Succeeded", "Failed")


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
    unread: ClassVar[str] = "loadBalancerClass allocateLoadBalancerNodePorts loadBalancerIP topologyKeys ipFamily"
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


class Service(Object, frozen=True, gc=False, tag_field="kind", tag="Service"):
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


class EndpointPort(Read, frozen=True, gc=False):
    name: PortName = ""
    protocol: Protocol = "TCP"
    port: Port | None = None  # None: every port
    app_protocol: str | None = None


class EndpointSlice(Object, frozen=True, gc=False, tag_field="kind", tag="EndpointSlice"):
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


Anything = Any
