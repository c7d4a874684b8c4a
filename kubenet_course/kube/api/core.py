"""Node, Pod and Namespace: the machines, and what runs on them (staging/src/k8s.io/api/core/v1/types.go)."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, field

from .base import Metadata, Object, Port, PortName, Protocol, Read


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


class Node(Object, frozen=True, gc=False, tag="Node"):
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
        "stdin stdinOnce tty terminationMessagePath terminationMessagePolicy workingDir resizePolicy "
        "targetContainerName livenessProbe readinessProbe startupProbe restartPolicyRules"
    )
    name: str = ""
    ports: tuple[ContainerPort, ...] = ()
    restart_policy: str = ""


class PodSpec(Read, frozen=True, gc=False):
    unread: ClassVar[str] = (
        "volumes ephemeralContainers restartPolicy terminationGracePeriodSeconds activeDeadlineSeconds dnsPolicy "
        "dnsConfig nodeSelector serviceAccountName serviceAccount automountServiceAccountToken hostPID hostIPC "
        "hostUsers "
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


class Running(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "startedAt"


class ContainerState(Read, frozen=True, gc=False):
    """Which of the three it is in; only the running one answers anybody."""

    unread: ClassVar[str] = "waiting terminated"
    running: Running | None = None


class ContainerStatus(Read, frozen=True, gc=False):
    """What the kubelet last saw of a container."""

    unread: ClassVar[str] = (
        "lastState ready restartCount image imageID containerID started allocatedResources resources volumeMounts user "
        "allocatedResourcesStatus stopSignal"
    )
    name: str
    state: ContainerState = ContainerState()


class PodStatus(Read, frozen=True, gc=False):
    unread: ClassVar[str] = (
        "hostIP hostIPs startTime ephemeralContainerStatuses qosClass message "
        "reason nominatedNodeName resize resourceClaimStatuses observedGeneration extendedResourceClaimStatus "
        "allocatedResources resources"
    )
    phase: Literal["", "Pending", "Running", "Succeeded", "Failed", "Unknown"] = ""
    pod_ip: str = field(default="", name="podIP")
    pod_ips: tuple[PodIP, ...] = field(default=(), name="podIPs")
    conditions: tuple[PodCondition, ...] | None = None  # None: a manifest says nothing, and the model says Ready
    container_statuses: tuple[ContainerStatus, ...] | None = None  # None: nothing is said, and the model says running
    init_container_statuses: tuple[ContainerStatus, ...] = ()


class Pod(Object, frozen=True, gc=False, tag="Pod"):
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
        return tuple(port for container in self._lasting for port in container.ports)

    @property
    def answers(self) -> tuple[ContainerPort, ...]:
        """Those of the ports behind which a program runs. A pod of a manifest, without a status, runs them all."""
        said = self.status.container_statuses
        if said is None:
            return () if self.is_pending else self.listens
        running = {one.name for one in (*said, *self.status.init_container_statuses) if one.state.running is not None}
        return tuple(port for container in self._lasting if container.name in running for port in container.ports)

    @property
    def _lasting(self) -> tuple[Container, ...]:
        return self.spec.containers + tuple(c for c in self.spec.init_containers if c.restart_policy == "Always")

    @property
    def is_pending(self) -> bool:
        """Whether a cluster has said that it does not run yet: then an address that it does not have is none."""
        return self.status.phase == "Pending"

    @property
    def is_over(self) -> bool:
        return self.status.phase in ("Succeeded", "Failed")


class Namespace(Object, frozen=True, gc=False, tag="Namespace"):
    """A room for names. Policies select it by its labels."""

    unread: ClassVar[str] = "spec status"
    metadata: Metadata  # type: ignore[assignment]

    def __str__(self) -> str:
        return f"Namespace {self.metadata.name}"
