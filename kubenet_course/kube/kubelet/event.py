"""What is told of a pod's life, and how long the parts of its cluster take."""

import msgspec

from ...linux.timeline import MILLISECOND, SECOND
from .phase import PENDING
from .restart import LONGEST


class Settings(msgspec.Struct, frozen=True):
    """How long the parts of a cluster take. Nanoseconds."""

    schedules_after: int = 50 * MILLISECOND
    sandbox_after: int = 400 * MILLISECOND
    pulls_after: int = 550 * MILLISECOND  # the image, before each first start
    relist: int = SECOND  # how often the kubelet looks at its containers
    reports_after: int = 0  # until a status is in the EndpointSlice
    longest: int = LONGEST  # crashLoopBackOff.maxContainerRestartPeriod
    kubelet_age: int = 1 << 62  # of a kubelet that has just started, workers wait a random part of their period first
    quiet: bool = False  # pass over stretches in which nothing can change; what is told is the same but for them


class Event(msgspec.Struct, frozen=True):
    """Something that happened, and how the pod stood afterwards. Plain data: what timelines are drawn from."""

    t: float  # seconds
    what: str  # container, probe, phase, condition, endpoints, killing, backoff, deleted
    container: str = ""
    probe: str = ""
    result: str = ""
    started: bool = False
    ready: bool = False
    restarts: int = 0
    phase: str = PENDING
    printed: str = ""  # under STATUS of `kubectl get pods`; "" where quiet stretches are passed over
    in_endpoints: bool = False
    said: str = ""
