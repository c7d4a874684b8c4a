"""Deployment and PodDisruptionBudget, and a Pod with its probes (staging/src/k8s.io/api/apps/v1, policy/v1)."""

from typing import ClassVar, Literal

from msgspec import field

from ..api.base import IntOrString, Labels, Metadata, Object, Read
from ..kubelet.spec import PodSpec

MAX_REVISIONS = 10


class LivingPod(Object, frozen=True, gc=False, tag="Pod"):
    """A pod with all that its life hangs on."""

    unread: ClassVar[str] = "status"
    metadata: Metadata  # type: ignore[assignment]
    spec: PodSpec = PodSpec()

    def __str__(self) -> str:
        return f"Pod {self.metadata.namespace}/{self.metadata.name}"


class TemplateMetadata(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "annotations creationTimestamp generateName name namespace finalizers ownerReferences"
    labels: Labels = field(default_factory=dict)


class Template(Read, frozen=True, gc=False):
    metadata: TemplateMetadata = TemplateMetadata()
    spec: PodSpec = PodSpec()


class Selector(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "matchExpressions"
    match_labels: Labels = field(default_factory=dict)


class RollingUpdate(Read, frozen=True, gc=False):
    max_surge: IntOrString = "25%"
    max_unavailable: IntOrString = "25%"


class Strategy(Read, frozen=True, gc=False):
    type: str = "RollingUpdate"
    rolling_update: RollingUpdate | None = None


class DeploymentSpec(Read, frozen=True, gc=False):
    unread: ClassVar[str] = "revisionHistoryLimit"
    replicas: int = 1
    selector: Selector = Selector()
    template: Template = Template()
    strategy: Strategy = Strategy()
    min_ready_seconds: int = 0
    progress_deadline_seconds: int = 600
    paused: bool = False

    @property
    def rolling(self) -> RollingUpdate:
        return self.strategy.rolling_update or RollingUpdate()


class Deployment(Object, frozen=True, gc=False, tag="Deployment"):
    api: ClassVar[tuple[str, ...]] = ("apps/v1",)
    unread: ClassVar[str] = "status"
    metadata: Metadata  # type: ignore[assignment]
    spec: DeploymentSpec = DeploymentSpec()


class BudgetSpec(Read, frozen=True, gc=False):
    min_available: IntOrString | None = None
    max_unavailable: IntOrString | None = None
    unhealthy_pod_eviction_policy: Literal["IfHealthyBudget", "AlwaysAllow"] = "IfHealthyBudget"
    selector: Selector = Selector()


class PodDisruptionBudget(Object, frozen=True, gc=False, tag="PodDisruptionBudget"):
    api: ClassVar[tuple[str, ...]] = ("policy/v1",)
    unread: ClassVar[str] = "status"
    metadata: Metadata  # type: ignore[assignment]
    spec: BudgetSpec = BudgetSpec()


KINDS: dict[str, type[Object]] = {
    "Pod": LivingPod,
    "Deployment": Deployment,
    "PodDisruptionBudget": PodDisruptionBudget,
}
