"""What the API server refuses of a Deployment and of a PodDisruptionBudget (pkg/apis/apps/validation, policy)."""

import re
from collections.abc import Iterator

from ..api.base import IntOrString, Object
from ..kubelet.validate import NOT_NEGATIVE, Refusal, refusals
from .api import Deployment, LivingPod, PodDisruptionBudget

_PERCENT = re.compile(r"[0-9]+%\Z")


def refused(one: Object) -> list[Refusal]:
    """Everything that the API server would say against an object."""
    if isinstance(one, LivingPod):
        return refusals(one.spec)
    if isinstance(one, Deployment):
        return [*_deployment(one), *refusals(one.spec.template.spec, "spec.template.spec")]
    if isinstance(one, PodDisruptionBudget):
        return list(_budget(one))
    return []


def _deployment(one: Deployment) -> Iterator[Refusal]:
    spec = one.spec
    counts = (
        ("replicas", spec.replicas),
        ("minReadySeconds", spec.min_ready_seconds),
        ("progressDeadlineSeconds", spec.progress_deadline_seconds),
    )
    yield from (Refusal(f"spec.{name}", "Invalid value", value, NOT_NEGATIVE) for name, value in counts if value < 0)
    if spec.progress_deadline_seconds <= spec.min_ready_seconds:
        said = "must be greater than minReadySeconds"
        yield Refusal("spec.progressDeadlineSeconds", "Invalid value", spec.progress_deadline_seconds, said)
    wanted = spec.selector.match_labels
    if wanted and not wanted.items() <= spec.template.metadata.labels.items():
        said = "`selector` does not match template `labels`"
        yield Refusal("spec.template.metadata.labels", "Invalid value", dict(spec.template.metadata.labels), said)
    if spec.template.spec.restart_policy != "Always":
        policy = spec.template.spec.restart_policy
        yield Refusal("spec.template.spec.restartPolicy", "Unsupported value", policy, 'supported values: "Always"')
    yield from _strategy(one)


def _strategy(one: Deployment) -> Iterator[Refusal]:
    strategy = one.spec.strategy
    if strategy.type not in ("Recreate", "RollingUpdate"):
        said = 'supported values: "Recreate", "RollingUpdate"'
        yield Refusal("spec.strategy.type", "Unsupported value", strategy.type, said)
    if strategy.type == "Recreate" and strategy.rolling_update is not None:
        said = "may not be specified when strategy `type` is 'Recreate'"
        yield Refusal("spec.strategy.rollingUpdate", "Forbidden", "", said)
    if strategy.type != "RollingUpdate":
        return
    at, rolling = "spec.strategy.rollingUpdate", one.spec.rolling
    yield from _count(rolling.max_unavailable, f"{at}.maxUnavailable")
    yield from _count(rolling.max_surge, f"{at}.maxSurge")
    if _percent(rolling.max_unavailable) > 100:
        said = "must not be greater than 100%"
        yield Refusal(f"{at}.maxUnavailable", "Invalid value", rolling.max_unavailable, said)
    if _nothing(rolling.max_unavailable) and _nothing(rolling.max_surge):
        said = "may not be 0 when `maxSurge` is 0"
        yield Refusal(f"{at}.maxUnavailable", "Invalid value", rolling.max_unavailable, said)


def _percent(value: IntOrString) -> int:
    return int(value[:-1]) if isinstance(value, str) and _PERCENT.match(value) else 0


def _nothing(value: IntOrString) -> bool:
    return value == 0 or (isinstance(value, str) and re.fullmatch(r"0+%", value) is not None)


def _count(value: IntOrString, path: str) -> Iterator[Refusal]:
    if isinstance(value, int) and value < 0:
        yield Refusal(path, "Invalid value", value, NOT_NEGATIVE)
    if isinstance(value, str) and not _PERCENT.match(value):
        said = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex "
        yield Refusal(path, "Invalid value", value, f"{said}used for validation is '[0-9]+%')")


def _budget(one: PodDisruptionBudget) -> Iterator[Refusal]:
    spec = one.spec
    if spec.min_available is not None and spec.max_unavailable is not None:
        yield Refusal("spec", "Invalid value", "", "minAvailable and maxUnavailable cannot be both set")
    for name, value in (("minAvailable", spec.min_available), ("maxUnavailable", spec.max_unavailable)):
        if value is not None:
            yield from _count(value, f"spec.{name}")
