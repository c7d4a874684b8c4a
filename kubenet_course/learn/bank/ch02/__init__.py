"""The exercises of chapter 02, two pods, one node, in the order in which they are shown."""

from . import join, order, ports, recall, repair, services

EXERCISES = (
    recall.question,
    order.order,
    ports.ports,
    join.join,
    services.netfilter,
    repair.repair,
)
