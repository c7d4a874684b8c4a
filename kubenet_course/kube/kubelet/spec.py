"""A pod's spec as far as its life hangs on it: containers, probes, hooks, policies (staging/src/k8s.io/api/core/v1).

These types hold what stands in a manifest. What the API server would refuse is said by `validate`, with its field; what
it fills in stands here as a property (pkg/apis/core/v1/defaults.go).
"""

from typing import ClassVar

from msgspec import field

from ..api.base import IntOrString, Read

ALWAYS, ON_FAILURE, NEVER = "Always", "OnFailure", "Never"


class HTTPHeader(Read, frozen=True, gc=False):
    name: str
    value: str = ""


class HTTPGet(Read, frozen=True, gc=False):
    """A GET request; 200 to 399 is well."""

    path: str = ""
    port: IntOrString = 0
    host: str = ""
    scheme: str = ""
    http_headers: tuple[HTTPHeader, ...] = ()


class TCPSocket(Read, frozen=True, gc=False):
    """A connection that is opened and closed: nothing is said."""

    port: IntOrString = 0
    host: str = ""


class Exec(Read, frozen=True, gc=False):
    """A program run within the container; exit code 0 is well."""

    command: tuple[str, ...] = ()


class GRPC(Read, frozen=True, gc=False):
    """A call of grpc.health.v1.Health/Check; SERVING is well."""

    port: int = 0
    service: str = ""


class Sleep(Read, frozen=True, gc=False):
    seconds: int = 0


class Handler(Read, frozen=True, gc=False):
    """What is done: exactly one of these."""

    exec: Exec | None = None
    http_get: HTTPGet | None = None
    tcp_socket: TCPSocket | None = None
    grpc: GRPC | None = None
    sleep: Sleep | None = None


class Probe(Read, frozen=True, gc=False):
    """How often something is asked, how long an answer may take, how many answers make a verdict."""

    exec: Exec | None = None
    http_get: HTTPGet | None = None
    tcp_socket: TCPSocket | None = None
    grpc: GRPC | None = None
    initial_delay_seconds: int = 0
    timeout_seconds: int = 0
    period_seconds: int = 0
    success_threshold: int = 0
    failure_threshold: int = 0
    termination_grace_period_seconds: int | None = None

    @property
    def timeout(self) -> int:
        return self.timeout_seconds or 1

    @property
    def period(self) -> int:
        return self.period_seconds or 10

    @property
    def successes(self) -> int:
        return self.success_threshold or 1

    @property
    def failures(self) -> int:
        return self.failure_threshold or 3

    @property
    def kind(self) -> str:
        """Which of the four ways of asking it uses; "" where none is named."""
        ways = (("exec", self.exec), ("httpGet", self.http_get), ("tcpSocket", self.tcp_socket), ("grpc", self.grpc))
        return next((name for name, handler in ways if handler is not None), "")


class Lifecycle(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "stopSignal"
    pre_stop: Handler | None = None
    post_start: Handler | None = None


class ExitCodes(Read, frozen=True, gc=False):
    operator: str = ""
    values: tuple[int, ...] = ()


class RestartRule(Read, frozen=True, gc=False):
    """What to do after certain exit codes (KEP-5307)."""

    action: str = ""
    exit_codes: ExitCodes | None = None


class NamedPort(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "hostIP hostPort protocol"
    container_port: int = 0
    name: str = ""


class Container(Read, frozen=True, gc=False):
    """A process of a pod, and what is asked of it."""

    unread: ClassVar[str] = (
        "image command args env envFrom resources volumeMounts volumeDevices imagePullPolicy securityContext stdin "
        "stdinOnce tty terminationMessagePath terminationMessagePolicy workingDir resizePolicy targetContainerName"
    )
    name: str = ""
    ports: tuple[NamedPort, ...] = ()
    restart_policy: str | None = None
    restart_policy_rules: tuple[RestartRule, ...] = ()
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None
    lifecycle: Lifecycle | None = None

    @property
    def is_sidecar(self) -> bool:
        """Of an init container: it runs beside the others, and is always restarted."""
        return self.restart_policy == ALWAYS


class ReadinessGate(Read, frozen=True, gc=False):
    condition_type: str = ""


class PodSpec(Read, frozen=True, gc=False):
    unread: ClassVar[str] = (
        "volumes activeDeadlineSeconds dnsPolicy dnsConfig nodeSelector serviceAccountName serviceAccount "
        "automountServiceAccountToken hostPID hostIPC hostUsers shareProcessNamespace securityContext imagePullSecrets "
        "affinity schedulerName tolerations hostAliases priorityClassName priority preemptionPolicy runtimeClassName "
        "enableServiceLinks overhead topologySpreadConstraints setHostnameAsFQDN os schedulingGates resourceClaims "
        "resources hostnameOverride workloadRef hostname subdomain"
    )
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    ephemeral_containers: tuple[Container, ...] = ()
    restart_policy: str = ALWAYS
    termination_grace_period_seconds: int = 30
    readiness_gates: tuple[ReadinessGate, ...] = ()
    node_name: str = ""
    host_network: bool = False


class Terminated(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "message containerID"
    exit_code: int = 0
    signal: int = 0
    reason: str = ""
    started_at: str = ""
    finished_at: str = ""


class Running(Read, frozen=True, gc=False):
    started_at: str | None = None


class Waiting(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "message"
    reason: str = ""


class ContainerState(Read, frozen=True, gc=False):
    """One of three; the API takes one with none of them for waiting."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(Read, frozen=True, gc=False):
    """What is known of a container (core/v1 ContainerStatus)."""

    unread: ClassVar[str] = (
        "image imageID allocatedResources resources volumeMounts user allocatedResourcesStatus stopSignal"
    )
    name: str = ""
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()
    ready: bool = False
    restart_count: int = 0
    container_id: str = field(default="", name="containerID")
    started: bool | None = None


class Condition(Read, frozen=True, gc=False):
    """What a pod says of itself; `message` and `reason` are "" where the API has none."""

    unread: ClassVar[str] = "lastProbeTime lastTransitionTime observedGeneration"
    type: str = ""
    status: str = "Unknown"
    reason: str = ""
    message: str = ""


def status_of(statuses: tuple[ContainerStatus, ...], name: str) -> ContainerStatus | None:
    """The first status of that name, as podutil.GetContainerStatus finds it."""
    return next((one for one in statuses if one.name == name), None)
