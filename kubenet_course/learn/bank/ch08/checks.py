"""What a manifest that a learner wrote is put through: lives that it must lead well, each with the belief behind a
failure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from ....errors import BadInput
from ....kube.workload.watched import Watched, watch
from ...questions.kinds import NO_BELIEF, Finding
from ...questions.reading import Unreadable
from .lives import loaded, quick, refused, seen

WAITS = 38  # that liveness waits for the start: who wrote a startup probe does not believe it
LOOKS = {"/alive": ["flapping"], "/ready": ["dependency", "flapping"]}


class Check(Struct, frozen=True):
    """One life, and what must be so in it. `said` and `belief` are for a manifest with which it is not."""

    web: dict[str, Any]
    holds: Callable[[Watched], bool]
    said: str
    belief: int = NO_BELIEF
    until: float = 200


def tested(text: str, checks: tuple[Check, ...]) -> tuple[Finding, ...]:
    """The first life that goes wrong, with what happened in it; or that all go well."""
    for check in checks:
        life = lived(text, check)
        if not check.holds(life):
            belief = NO_BELIEF if check.belief == WAITS and "startup" in looked(text) else check.belief
            return (Finding(False, check.said, belief, seen(life, "What happened with this manifest")),)
    return (Finding(True, ""),)


def lived(text: str, check: Check) -> Watched:
    """The life of a check, with this manifest. Raises Unreadable where the API server would refuse it."""
    looks = looked(text)
    only = {kind: [one for one in listed if one in (*check.web, "flapping")] for kind, listed in looks.items()}
    try:
        return watch(text, quick({**check.web, "looksAt": only}), check.until)
    except BadInput as error:
        raise refused(error) from None


def looked(text: str) -> dict[str, list[str]]:
    """What each probe's answer depends on, by the path that it asks. The program offers /alive and /ready."""
    box = loaded(text, "spec", "containers", 0)
    found = {}
    for kind in ("startup", "liveness", "readiness"):
        probe = box.get(f"{kind}Probe")
        if not isinstance(probe, dict) or "tcpSocket" in probe:
            continue
        path = (probe.get("httpGet") or {}).get("path") if isinstance(probe.get("httpGet"), dict) else None
        if path not in LOOKS:
            raise Unreadable(
                f"The program answers GET on /alive and on /ready; the {kind} probe asks for something else."
            )
        found[kind] = LOOKS[path]
    return found


def never_restarted(life: Watched) -> bool:
    return life.restarts == 0 and not life.when("killing")


def ended_by(second: float) -> Callable[[Watched], bool]:
    """Whether the kubelet sends SIGTERM by then."""
    return lambda life: bool(life.when("signal", "SIGTERM")) and life.when("signal", "SIGTERM")[0] <= second


def left_by(second: float) -> Callable[[Watched], bool]:
    """Whether the pod has left the EndpointSlice by then."""
    return lambda life: bool(life.when("endpoints", "not ready")) and life.when("endpoints", "not ready")[0] <= second


def stays_listed(life: Watched) -> bool:
    return bool(life.when("endpoints", "ready")) and not life.when("endpoints", "not ready")
