"""The exercises of chapter 02, two pods, one node, in the order in which they are shown."""

from . import join, recall, rules

EXERCISES = (
    recall.question,
    recall.order,
    recall.ports,
    join.join,
    rules.netfilter,
    rules.repair,
)
