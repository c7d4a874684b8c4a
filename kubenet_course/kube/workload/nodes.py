"""A node that is lost, as the cluster sees it (pkg/controller/nodelifecycle, pkg/controller/tainteviction).

Nobody sets the phase Unknown: the pods keep the phase that the kubelet reported last. What changes is their Ready
condition, and five minutes later their deletionTimestamp; they go from the API only when the kubelet is back to confirm
it, or somebody deletes the node.
"""

import msgspec

from ...linux.timeline import NEVER, SECOND

MONITOR_PERIOD = 5 * SECOND  # --node-monitor-period
MONITOR_GRACE = 50 * SECOND  # --node-monitor-grace-period; 40 s before 1.32
TOLERATED = 300 * SECOND  # the default tolerationSeconds for node.kubernetes.io/unreachable
LEASE_EVERY = 10 * SECOND  # the kubelet renews its lease so often
UNREACHABLE = "node.kubernetes.io/unreachable"


class Lost(msgspec.Struct, frozen=True):
    """When the cluster does what about a lost node. Nanoseconds; NEVER where the node is back before."""

    unknown: int  # the node's Ready is Unknown, it has its taints, its pods are not ready
    evicts: int  # its pods are deleted, and stay Terminating
    returns: int  # the kubelet is back: the pods that were deleted end


def lost(at: int, returns: int = NEVER) -> Lost:
    """The kubelet stops at a time. The lease that it renewed last is what its silence is counted from."""
    renewed = at // LEASE_EVERY * LEASE_EVERY
    due = renewed + MONITOR_GRACE
    unknown = (due // MONITOR_PERIOD + 1) * MONITOR_PERIOD
    if returns <= unknown:
        return Lost(NEVER, NEVER, returns)
    evicts = unknown + TOLERATED
    return Lost(unknown, evicts if evicts < returns else NEVER, returns)
