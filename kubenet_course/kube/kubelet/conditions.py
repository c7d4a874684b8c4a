"""A pod's conditions with their reasons and messages (pkg/kubelet/status/generate.go).

Reasons and messages are the API's own words, because people search for them.
"""

import json
from collections.abc import Iterable

import msgspec

from .phase import FAILED, SUCCEEDED
from .spec import Condition, ContainerStatus, PodSpec, status_of

Statuses = tuple[ContainerStatus, ...] | None  # None: nothing is known; (): known, and there are none

_OVER = {SUCCEEDED: "PodCompleted", FAILED: "PodFailed"}


def containers_ready(spec: PodSpec, statuses: Statuses, phase: str) -> Condition:
    """True when every container and every sidecar is ready."""
    if statuses is None:
        return Condition(type="ContainersReady", status="False", reason="UnknownContainerStatuses")
    asked = [*(one for one in spec.init_containers if one.is_sidecar), *spec.containers]
    found = [(one.name, status_of(statuses, one.name)) for one in asked]
    unknown = [name for name, status in found if status is None]
    unready = [name for name, status in found if status is not None and not status.ready]
    if phase == FAILED or (phase == SUCCEEDED and not unknown):
        return Condition(type="ContainersReady", status="False", reason=_OVER[phase])
    said = _said(unknown, unready, "unready")
    if said:
        return Condition(type="ContainersReady", status="False", reason="ContainersNotReady", message=said)
    return Condition(type="ContainersReady", status="True")


def ready(spec: PodSpec, conditions: Iterable[Condition], statuses: Statuses, phase: str) -> Condition:
    """True when the containers are ready and every readiness gate's condition is True."""
    containers = containers_ready(spec, statuses, phase)
    if containers.status != "True":
        return msgspec.structs.replace(containers, type="Ready")
    held: dict[str, str] = {}
    for one in conditions:
        held.setdefault(one.type, one.status)
    said = []
    for gate in spec.readiness_gates:
        name = json.dumps(gate.condition_type, ensure_ascii=False)
        if gate.condition_type not in held:
            said.append(f"corresponding condition of pod readiness gate {name} does not exist.")
        elif held[gate.condition_type] != "True":
            said.append(f'the status of pod readiness gate {name} is not "True", but {held[gate.condition_type]}')
    if said:
        return Condition(type="Ready", status="False", reason="ReadinessGatesNotReady", message=", ".join(said))
    return Condition(type="Ready", status="True")


def initialized(spec: PodSpec, statuses: Statuses, phase: str) -> Condition:
    """True when every init container has ended well and every sidecar has started; later ends do not take it back."""
    if statuses is None and spec.init_containers:
        return Condition(type="Initialized", status="False", reason="UnknownContainerStatuses")
    known = statuses or ()
    found = [(one, status_of(known, one.name)) for one in spec.init_containers]
    unknown = [one.name for one, status in found if status is None]
    waiting = [
        one.name
        for one, status in found
        if status is not None and not (status.started if one.is_sidecar else status.ready)
    ]
    if phase == SUCCEEDED and not unknown:
        return Condition(type="Initialized", status="True", reason="PodCompleted")
    said = "" if has_started(spec, known) else _said(unknown, waiting, "incomplete")
    if said:
        return Condition(type="Initialized", status="False", reason="ContainersNotInitialized", message=said)
    return Condition(type="Initialized", status="True")


def has_started(spec: PodSpec, statuses: tuple[ContainerStatus, ...]) -> bool:
    """Whether any regular container runs or has run."""
    regular = {one.name for one in spec.containers}
    return any(
        one.state.running is not None or one.state.terminated is not None for one in statuses if one.name in regular
    )


class Sandbox(msgspec.Struct, frozen=True, rename="camel"):
    """A pod's own namespaces, as the runtime tells of them, the newest first."""

    ready: bool = True
    ip: str = ""
    host_network: bool = False


def ready_to_start_containers(spec: PodSpec, sandboxes: tuple[Sandbox, ...]) -> Condition:
    """True when the pod's one sandbox is ready and has its address: then images are pulled and containers start."""
    usable = (
        bool(sandboxes)
        and sum(one.ready for one in sandboxes) == 1
        and sandboxes[0].ready
        and sandboxes[0].host_network == spec.host_network
        and (spec.host_network or sandboxes[0].ip != "")
    )
    return Condition(type="PodReadyToStartContainers", status="True" if usable else "False")


def scheduled(node: str, reason: str = "Unschedulable", message: str = "") -> Condition:
    """True when the scheduler has bound the pod to a node; it sets this one, the kubelet keeps it."""
    if node:
        return Condition(type="PodScheduled", status="True")
    return Condition(type="PodScheduled", status="False", reason=reason, message=message)


def _said(unknown: list[str], others: list[str], word: str) -> str:
    """Names in Go's way of printing a list: [a b]."""
    parts = [("unknown", unknown), (word, others)]
    return ", ".join(f"containers with {kind} status: [{' '.join(names)}]" for kind, names in parts if names)
