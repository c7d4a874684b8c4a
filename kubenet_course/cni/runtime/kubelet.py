"""What the kubelet says of CNI. It calls no plugin: the container runtime does, and the kubelet repeats its sentence.

Real system: containerd's `internal/cri/server` (sandbox_run.go, status.go) and the kubelet's `FailedCreatePodSandBox` event.
"""

import os

from ..contract.conflist import DIRECTORY
from ..contract.spec import CniError, quoted
from .folder import OK, load_status

NOT_INITIALIZED = (
    "cni plugin not initialized"  # containerd; the kubelet's own dockershim said "cni config uninitialized"
)


def sandbox_event(container_id: str, error: CniError) -> str:
    """The event on a pod whose network could not be made, as `kubectl describe pod` shows it."""
    said = f"failed to setup network for sandbox {quoted(container_id)}: {error}"
    return f"Warning FailedCreatePodSandBox: Failed to create pod sandbox: rpc error: code = Unknown desc = {said}"


def readiness(directory: str | os.PathLike[str] = DIRECTORY) -> str:
    """The Ready condition of a node, as far as the network decides it: is there a configuration that the runtime can load?

    Why not stands in the runtime's own log and status alone: `folder.load_status`.
    """
    if load_status(directory) != OK:
        why = f"NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: {NOT_INITIALIZED}"
        return f"Ready False KubeletNotReady: container runtime network not ready: {why}"
    return "Ready True KubeletReady: kubelet is posting ready status"
