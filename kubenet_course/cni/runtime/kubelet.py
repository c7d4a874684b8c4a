"""What the kubelet says of CNI. It calls no plugin: the container runtime does, and the kubelet repeats its sentence.

Real system: containerd's `internal/cri/server` (sandbox_run.go, status.go) and the kubelet's `FailedCreatePodSandBox` event.
"""

from ...errors import BadInput
from ..contract.conflist import DIRECTORY, first_of
from ..contract.spec import CniError, quoted

NOT_INITIALIZED = (
    "cni plugin not initialized"  # containerd; the kubelet's own dockershim said "cni config uninitialized"
)


def sandbox_event(container_id: str, error: CniError) -> str:
    """The event on a pod whose network could not be made, as `kubectl describe pod` shows it."""
    said = f"failed to setup network for sandbox {quoted(container_id)}: {error}"
    return f"Warning FailedCreatePodSandBox: Failed to create pod sandbox: rpc error: code = Unknown desc = {said}"


def readiness(directory: str = DIRECTORY) -> str:
    """The Ready condition of a node, as far as the network decides it: is there a configuration at all?"""
    try:
        first_of(directory)
    except BadInput:
        why = f"NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: {NOT_INITIALIZED}"
        return f"Ready False KubeletNotReady: container runtime network not ready: {why}"
    return "Ready True KubeletReady: kubelet is posting ready status"
