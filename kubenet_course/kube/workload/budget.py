"""How many pods may be missed (pkg/controller/disruption; pkg/registry/core/pod/storage/eviction.go)."""

from .api import BudgetSpec
from .deployment import resolve

RETRY_SECONDS = 5  # kubectl drain asks again so often after a 429


def desired_healthy(budget: BudgetSpec, expected: int) -> int:
    """How many must be healthy. Both kinds of percentage are rounded up."""
    if budget.max_unavailable is not None:
        return max(0, expected - resolve(budget.max_unavailable, expected, up=True))
    return resolve(1 if budget.min_available is None else budget.min_available, expected, up=True)


def disruptions_allowed(budget: BudgetSpec, healthy: int, expected: int) -> int:
    """How many evictions are granted now; 0 is answered 429 Too Many Requests."""
    return max(0, healthy - desired_healthy(budget, expected))


def grants(budget: BudgetSpec, healthy: int, expected: int, phase: str, is_ready: bool) -> bool:
    """Whether one more eviction is granted. A pod that does not serve yet may always go while it is Pending; when it
    runs, only while enough others are healthy, unless unhealthyPodEvictionPolicy is AlwaysAllow.
    """
    if phase in ("Pending", "Succeeded", "Failed"):
        return True
    if is_ready:
        return disruptions_allowed(budget, healthy, expected) > 0
    return budget.unhealthy_pod_eviction_policy == "AlwaysAllow" or healthy >= desired_healthy(budget, expected)
