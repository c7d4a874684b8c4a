"""What the probe controls can change, and the manifest and behaviour that come of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from msgspec import Struct

from ...errors import BadInput

WAYS = ("httpGet", "tcpSocket", "exec", "grpc")
POLICIES = ("Always", "OnFailure", "Never")
PORT = 8080
HANDLERS: dict[str, dict[str, Any]] = {
    "tcpSocket": {"port": PORT},
    "exec": {"command": ["/bin/healthy"]},
    "grpc": {"port": PORT},
}


class Control(Struct, frozen=True):
    """One control: a number, a yes or no, or a choice. `needs` names the yes or no without which it is not shown."""

    name: str
    group: str
    label: str
    first: Any
    kind: str = "number"
    least: float = 0
    most: float = 0
    step: float = 1
    options: tuple[str, ...] = ()
    needs: str = ""


def _probe(kind: str, is_on: bool, most_failures: int) -> Iterator[Control]:
    group = f"{kind} probe"
    yield Control(kind, group, "there is one", is_on, "check")
    yield Control(f"{kind}_way", group, "asks by", "httpGet", "choice", options=WAYS, needs=kind)
    for name, label, first, least, most in (
        ("delay", "initialDelaySeconds", 0, 0, 120),
        ("period", "periodSeconds", 10, 1, 60),
        ("timeout", "timeoutSeconds", 1, 1, 30),
        ("failures", "failureThreshold", 3, 1, most_failures),
    ):
        yield Control(f"{kind}_{name}", group, label, first, least=least, most=most, needs=kind)
    if kind == "readiness":
        yield Control("readiness_successes", group, "successThreshold", 1, least=1, most=10, needs=kind)
    else:
        yield Control(f"{kind}_grace", group, "its own grace, 0: the pod's", 0, most=60, needs=kind)


PROGRAM = (
    Control("starts_after", "the program", "listens after", 2, most=150),
    Control("warms_for", "the program", "then answers 503 for", 0, most=120),
    Control("answers_after", "the program", "answers after", 0.1, most=5, step=0.1),
    Control("hangs_after", "the program", "hangs after, 0: never", 0, most=300),
    Control("crashes_after", "the program", "crashes after, 0: never", 0, most=300),
    Control("slow_from", "its database", "slow from second", 0, most=300),
    Control("slow_for", "its database", "slow for, 0: never", 0, most=300),
    Control("slow_by", "its database", "answers late by", 3, most=30),
    Control("liveness_asks", "its database", "the liveness probe asks it", False, "check"),
    Control("readiness_asks", "its database", "the readiness probe asks it", False, "check"),
)
POD = (
    Control("restart", "the pod", "restartPolicy", "Always", "choice", options=POLICIES),
    Control("deleted_at", "the pod", "deleted at, 0: never", 0, most=300),
    Control("sleeps", "the pod", "preStop sleep", 0, most=60),
    Control("takes", "the pod", "takes to stop", 1, most=60),
    Control("finishes", "the pod", "serves until it stops", False, "check"),
    Control("grace", "the pod", "grace period", 30, most=120),
    Control("proxy_after", "the pod", "nodes hear of changes after", 1, most=20, step=0.5),
    Control("until", "the pod", "seconds to watch", 120, least=30, most=600, step=10),
)
CONTROLS = (
    *_probe("startup", False, 120),
    *_probe("liveness", True, 30),
    *_probe("readiness", True, 30),
    *PROGRAM,
    *POD,
)
FIRST = {one.name: one.first for one in CONTROLS}


def chosen(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The wishes with some changed. Raises BadInput for a control that there is not, and for a value that it cannot
    have.
    """
    known = {one.name: one for one in CONTROLS}
    made = dict(before)
    for name, value in changes.items():
        if name not in known:
            raise BadInput(str(name), "there is no such control", f"name one of {', '.join(known)}")
        made[name] = _fitting(known[name], value)
    return made


def _fitting(one: Control, value: Any) -> Any:
    if one.kind == "check":
        if isinstance(value, bool):
            return value
        raise BadInput(one.name, f"{value!r} is not what it takes", "write True or False")
    if one.kind == "choice":
        if value in one.options:
            return value
        raise BadInput(one.name, f"{value!r} cannot be chosen", f"choose one of {', '.join(one.options)}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInput(one.name, f"{value!r} is not what it takes", "write a number")
    if not one.least <= value <= one.most:
        raise BadInput(one.name, f"{value} is out of reach", f"choose {one.least:g} to {one.most:g}")
    return value


def manifest_of(wishes: Mapping[str, Any]) -> str:
    """The pod, as one would give it to `kubectl apply`."""
    web: dict[str, Any] = {"name": "web", "image": "shop.example/web:1", "ports": [{"containerPort": PORT}]}
    for kind in ("startup", "liveness", "readiness"):
        if wishes[kind]:
            web[f"{kind}Probe"] = _probe_of(kind, wishes)
    if wishes["sleeps"]:
        web["lifecycle"] = {"preStop": {"sleep": {"seconds": wishes["sleeps"]}}}
    spec = {"containers": [web], "restartPolicy": wishes["restart"], "terminationGracePeriodSeconds": wishes["grace"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec}
    return str(yaml.safe_dump(pod, sort_keys=False, default_flow_style=None, width=100))


def _probe_of(kind: str, wishes: Mapping[str, Any]) -> dict[str, Any]:
    way = wishes[f"{kind}_way"]
    handler = HANDLERS.get(way) or {"path": f"/{kind}", "port": PORT}
    probe = {way: handler} | {
        field: wishes[f"{kind}_{name}"]
        for name, field in (
            ("delay", "initialDelaySeconds"),
            ("period", "periodSeconds"),
            ("timeout", "timeoutSeconds"),
            ("failures", "failureThreshold"),
        )
    }
    if kind == "readiness":
        probe["successThreshold"] = wishes["readiness_successes"]
    elif wishes[f"{kind}_grace"]:
        probe["terminationGracePeriodSeconds"] = wishes[f"{kind}_grace"]
    return probe


def behaviour_of(wishes: Mapping[str, Any]) -> dict[str, Any]:
    """What the program does, as a behaviour file says it."""
    web: dict[str, Any] = {
        "startsAfter": wishes["starts_after"],
        "warmAfter": wishes["starts_after"] + wishes["warms_for"],
        "answersAfter": wishes["answers_after"],
        "shutdown": {"takes": wishes["takes"], "finishes": wishes["finishes"]},
    }
    if wishes["hangs_after"]:
        web["deadlockAfter"] = wishes["hangs_after"]
    if wishes["crashes_after"]:
        web["crash"] = {"after": wishes["crashes_after"]}
    if wishes["slow_for"]:
        slow = {"since": wishes["slow_from"], "until": wishes["slow_from"] + wishes["slow_for"]}
        web["dependency"] = [{**slow, "answersAfter": wishes["slow_by"]}]
        asks = {"liveness": [], "readiness": ["warmUp"], "requests": ["warmUp", "dependency"]}
        for kind in ("liveness", "readiness"):
            if wishes[f"{kind}_asks"]:
                asks[kind] = [*asks[kind], "dependency"]
        web["looksAt"] = asks
    after = wishes["proxy_after"]
    network = {"fastest": after, "slowest": after}
    return {"containers": {"web": web}, "network": network, "clients": {"count": 2, "every": 0.5}}
