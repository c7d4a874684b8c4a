"""The exercises of chapter 09, a Service in iptables, in the order in which they are shown."""

from . import ends, frames, numbers, order, repair, write

EXERCISES = (
    order.order,
    frames.frame,
    numbers.share,
    numbers.ports,
    ends.end,
    write.write,
    repair.repair,
)
