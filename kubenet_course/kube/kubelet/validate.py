"""What the API server refuses of a pod's life, with the field's path and its own words
(pkg/apis/core/validation/validation.go of 1.36).
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from .spec import (
    ALWAYS,
    GRPC,
    NEVER,
    ON_FAILURE,
    Container,
    Exec,
    Handler,
    HTTPGet,
    IntOrString,
    Lifecycle,
    PodSpec,
    Probe,
    TCPSocket,
)

POLICIES = (ALWAYS, ON_FAILURE, NEVER)
ACTIONS = ("Restart", "RestartAllContainers")
NOT_NEGATIVE = "must be greater than or equal to 0"
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]\Z")
_HEADER = re.compile(r"[-A-Za-z0-9]+\Z")


class Refusal(NamedTuple):
    """One thing that is wrong. Printed as the API server prints it."""

    path: str
    kind: str  # Invalid value, Required value, Unsupported value, Forbidden, Duplicate value
    value: object
    detail: str

    def __str__(self) -> str:
        shown = "" if self.kind in ("Required value", "Forbidden") else f": {_shown(self.value)}"
        return f"{self.path}: {self.kind}{shown}" + (f": {self.detail}" if self.detail else "")


def _shown(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def refusals(spec: PodSpec, path: str = "spec") -> list[Refusal]:
    """Everything that the API server would say against this pod, in the order of its fields."""
    return list(_pod(spec, path))


def _pod(spec: PodSpec, path: str) -> Iterator[Refusal]:
    if not spec.containers:
        yield Refusal(f"{path}.containers", "Required value", "", "")
    grace = spec.termination_grace_period_seconds
    lists = (("containers", spec.containers), ("initContainers", spec.init_containers))
    names: set[str] = set()
    for name, containers in lists:
        for index, one in enumerate(containers):
            yield from _container(one, f"{path}.{name}[{index}]", grace, one.is_sidecar or name == "containers")
            if one.name in names:
                yield Refusal(f"{path}.{name}[{index}].name", "Duplicate value", one.name, "")
            names.add(one.name)
    if spec.restart_policy not in POLICIES:
        yield _unsupported(f"{path}.restartPolicy", spec.restart_policy, POLICIES)
    if grace < 0:
        yield Refusal(f"{path}.terminationGracePeriodSeconds", "Invalid value", grace, NOT_NEGATIVE)
    for index, gate in enumerate(spec.readiness_gates):
        yield from _qualified(gate.condition_type, f"{path}.readinessGates[{index}].conditionType")


def _container(one: Container, path: str, grace: int, stays: bool) -> Iterator[Refusal]:
    if not one.name:
        yield Refusal(f"{path}.name", "Required value", "", "")
    elif not _LABEL.match(one.name) or len(one.name) > 63:
        yield Refusal(f"{path}.name", "Invalid value", one.name, "must be a lowercase RFC 1123 label")
    asked: list[tuple[str, object]] = [("lifecycle", one.lifecycle)]
    asked += [(f"{kind}Probe", getattr(one, f"{kind}_probe")) for kind in ("liveness", "readiness", "startup")]
    if not stays:
        for name, what in asked:
            if what is not None:
                said = "may not be set for init containers without restartPolicy=Always"
                yield Refusal(f"{path}.{name}", "Forbidden", "", said)
    else:
        yield from _lifecycle(one.lifecycle, f"{path}.lifecycle", grace)
        yield from _probe(one.liveness_probe, f"{path}.livenessProbe", ends=True)
        yield from _probe(one.readiness_probe, f"{path}.readinessProbe", ends=False)
        yield from _probe(one.startup_probe, f"{path}.startupProbe", ends=True)
    yield from _restart(one, path)


def _probe(probe: Probe | None, path: str, ends: bool) -> Iterator[Refusal]:
    """`ends`: a liveness or a startup probe, which ends a container; a readiness probe never does."""
    if probe is None:
        return
    yield from _handlers(_ways(probe), path)
    for name in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"):
        value = getattr(probe, re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", name))
        if value < 0:
            yield Refusal(f"{path}.{name}", "Invalid value", value, NOT_NEGATIVE)
    grace = probe.termination_grace_period_seconds
    if grace is not None and grace <= 0:
        yield Refusal(f"{path}.terminationGracePeriodSeconds", "Invalid value", grace, "must be greater than 0")
    if grace is not None and not ends:
        said = "must not be set for readinessProbes"
        yield Refusal(f"{path}.terminationGracePeriodSeconds", "Invalid value", grace, said)
    if ends and probe.successes != 1:
        yield Refusal(f"{path}.successThreshold", "Invalid value", probe.success_threshold, "must be 1")


def _ways(one: Probe | Handler) -> list[tuple[str, object]]:
    ways: list[tuple[str, object]] = [("exec", one.exec), ("httpGet", one.http_get), ("tcpSocket", one.tcp_socket)]
    return [*ways, ("grpc", one.grpc)] if isinstance(one, Probe) else [*ways, ("sleep", one.sleep)]


def _handlers(ways: list[tuple[str, object]], path: str) -> Iterator[Refusal]:
    """Exactly one way of asking; the first of several counts, the others are forbidden."""
    given = [(name, way) for name, way in ways if way is not None]
    if not given:
        yield Refusal(path, "Required value", "", "must specify a handler type")
        return
    for name, _ in given[1:]:
        yield Refusal(f"{path}.{name}", "Forbidden", "", "may not specify more than 1 handler type")
    name, way = given[0]
    if isinstance(way, Exec) and not way.command:
        yield Refusal(f"{path}.exec.command", "Required value", "", "")
    elif isinstance(way, HTTPGet):
        yield from _http(way, f"{path}.httpGet")
    elif isinstance(way, TCPSocket | GRPC):
        yield from _port(way.port, f"{path}.{name}.port")


def _http(way: HTTPGet, path: str) -> Iterator[Refusal]:
    yield from _port(way.port, f"{path}.port")
    if way.scheme not in ("", "HTTP", "HTTPS"):
        yield _unsupported(f"{path}.scheme", way.scheme, ("HTTP", "HTTPS"))
    for header in way.http_headers:
        if not _HEADER.match(header.name):
            said = "a valid HTTP header must consist of alphanumeric characters or '-'"
            yield Refusal(f"{path}.httpHeaders", "Invalid value", header.name, said)


def _port(port: IntOrString, path: str) -> Iterator[Refusal]:
    if isinstance(port, int):
        if not 1 <= port <= 65535:
            yield Refusal(path, "Invalid value", port, "must be between 1 and 65535, inclusive")
        return
    tests = (
        (len(port) > 15, "must be no more than 15 characters"),
        (
            not re.fullmatch(r"[-a-z0-9]+", port),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (not re.search(r"[a-z]", port), "must contain at least one letter (a-z)"),
        ("--" in port, "must not contain consecutive hyphens"),
        (port[:1] == "-" or port[-1:] == "-", "must not begin or end with a hyphen"),
    )
    yield from (Refusal(path, "Invalid value", port, said) for wrong, said in tests if wrong)


def _lifecycle(cycle: Lifecycle | None, path: str, grace: int) -> Iterator[Refusal]:
    hooks = (("postStart", cycle.post_start), ("preStop", cycle.pre_stop)) if cycle else ()
    for name, hook in hooks:
        if hook is None:
            continue
        yield from _handlers(_ways(hook), f"{path}.{name}")
        if hook.sleep is not None and not 0 <= hook.sleep.seconds <= grace:
            said = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
            yield Refusal(f"{path}.{name}.sleep.seconds", "Invalid value", hook.sleep.seconds, said)


def _restart(one: Container, path: str) -> Iterator[Refusal]:
    """A container's own policy, and its rules (KEP-5307)."""
    if one.restart_policy is not None and one.restart_policy not in POLICIES:
        yield _unsupported(f"{path}.restartPolicy", one.restart_policy, POLICIES)
    if one.restart_policy_rules and one.restart_policy is None:
        said = "must specify restartPolicy when restart rules are used"
        yield Refusal(f"{path}.restartPolicy", "Required value", "", said)
    for index, rule in enumerate(one.restart_policy_rules):
        at = f"{path}.restartPolicyRules[{index}]"
        if rule.action not in ACTIONS:
            yield _unsupported(f"{at}.action", rule.action, ACTIONS)
        if rule.exit_codes is None:
            yield Refusal(f"{at}.exitCodes", "Required value", "", "must be specified")
        elif rule.exit_codes.operator not in ("In", "NotIn"):
            yield _unsupported(f"{at}.exitCodes.operator", rule.exit_codes.operator, ("In", "NotIn"))


def _qualified(name: str, path: str) -> Iterator[Refusal]:
    """A name such as example.com/gate: an optional prefix that is a DNS name, then at most 63 characters."""
    prefix, slash, last = name.rpartition("/")
    if "/" in prefix:
        said = "a qualified name must consist of alphanumeric characters, '-', '_' or '.', with an optional prefix"
        yield Refusal(path, "Invalid value", name, said)
        return
    if slash and not prefix:
        yield Refusal(path, "Invalid value", name, "prefix part must be non-empty")
    elif slash and not (_SUBDOMAIN.match(prefix) and len(prefix) <= 253):
        yield Refusal(path, "Invalid value", name, "prefix part must be a lowercase RFC 1123 subdomain")
    if not last:
        yield Refusal(path, "Invalid value", name, "name part must be non-empty")
    elif len(last) > 63:
        yield Refusal(path, "Invalid value", name, "name part must be no more than 63 characters")
    elif not _QUALIFIED.match(last):
        said = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with one"
        yield Refusal(path, "Invalid value", name, said)


def _unsupported(path: str, value: object, right: tuple[str, ...]) -> Refusal:
    listed = ", ".join(f'"{one}"' for one in right)
    return Refusal(path, "Unsupported value", value, f"supported values: {listed}")
