"""The exercises of chapter 08, a pod's life, in the order in which they are shown."""

from . import broken, drain, order, phases, repair, seconds, startup, status, which

EXERCISES = (
    phases.phases,
    seconds.second,
    which.which,
    startup.startup,
    repair.storm,
    broken.broken,
    order.order,
    drain.drain,
    status.status,
)
