"""The exercises of chapter 03, the network model, in the order in which they are shown."""

from . import recall, repair, row, seen

EXERCISES = (
    recall.problem,
    recall.rule,
    recall.node,
    row.row,
    repair.repair,
    seen.seen,
)
