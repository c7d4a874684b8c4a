"""What a Deployment does next: counts in, counts out (pkg/controller/deployment: rolling.go, recreate.go, util)."""

import msgspec

from ..api.base import IntOrString
from .api import DeploymentSpec


class Counts(msgspec.Struct, frozen=True):
    """A ReplicaSet's numbers: wanted, there, and available (ready for minReadySeconds)."""

    wanted: int
    there: int
    available: int


class Scaled(msgspec.Struct, frozen=True):
    """What a ReplicaSet shall have from now on: the new one, or the old one of that index."""

    old: int | None
    wanted: int


def resolve(value: IntOrString, replicas: int, up: bool) -> int:
    """A number, or a percentage of the replicas: rounded up for maxSurge, down for maxUnavailable."""
    if isinstance(value, int):
        return value
    part = int(value.rstrip("%")) * replicas
    return -(-part // 100) if up else part // 100


def fenceposts(spec: DeploymentSpec) -> tuple[int, int]:
    """maxSurge and maxUnavailable as numbers. Where both come to 0, one may be unavailable, or nothing would move."""
    rolling = spec.rolling
    surge = resolve(rolling.max_surge, spec.replicas, up=True)
    unavailable = resolve(rolling.max_unavailable, spec.replicas, up=False)
    return surge, min(1 if surge == unavailable == 0 else unavailable, spec.replicas)


def next_step(spec: DeploymentSpec, new: Counts, old: list[Counts]) -> list[Scaled]:
    """The next changes of size; [] where the Deployment waits, or is done. `old`: the oldest first."""
    if spec.strategy.type == "Recreate":
        return _recreate(spec, new, old)
    up = _scale_up(spec, new, old)
    return [up] if up else _scale_down(spec, new, old)


def _recreate(spec: DeploymentSpec, new: Counts, old: list[Counts]) -> list[Scaled]:
    """First all old ones go, and are gone; then the new ones come."""
    down = [Scaled(index, 0) for index, one in enumerate(old) if one.wanted]
    if down:
        return down
    if any(one.there for one in old) or new.wanted == spec.replicas:
        return []
    return [Scaled(None, spec.replicas)]


def _scale_up(spec: DeploymentSpec, new: Counts, old: list[Counts]) -> Scaled | None:
    if new.wanted >= spec.replicas:
        return Scaled(None, spec.replicas) if new.wanted > spec.replicas else None
    surge, _ = fenceposts(spec)
    room = spec.replicas + surge - new.wanted - sum(one.wanted for one in old)
    return Scaled(None, new.wanted + min(room, spec.replicas - new.wanted)) if room > 0 else None


def _scale_down(spec: DeploymentSpec, new: Counts, old: list[Counts]) -> list[Scaled]:
    """Old pods that do not serve go first and count for nothing; of those that do, as many as may be missed."""
    _, unavailable = fenceposts(spec)
    least = spec.replicas - unavailable
    total = new.wanted + sum(one.wanted for one in old)
    may_go = total - least - (new.wanted - new.available)
    if may_go <= 0:
        return []
    wanted = [one.wanted for one in old]
    for index, one in enumerate(old):
        unhealthy = min(one.wanted - one.available, may_go)
        if unhealthy > 0:
            wanted[index] -= unhealthy
            may_go -= unhealthy
    spare = new.available + sum(one.available for one in old) - least
    for index in range(len(old)):
        going = min(wanted[index], max(0, spare))
        wanted[index] -= going
        spare -= going
    return [Scaled(index, now) for index, (now, one) in enumerate(zip(wanted, old, strict=True)) if now != one.wanted]


def is_complete(spec: DeploymentSpec, new: Counts, old: list[Counts]) -> bool:
    """All replicas are new and available, and no old pod is left (DeploymentComplete)."""
    return new.there == new.available == new.wanted == spec.replicas and not any(one.there for one in old)
