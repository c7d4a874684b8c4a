"""The exercises of chapter 05, every node a block, in the order in which they are shown."""

from . import flags, recall, repair, story

EXERCISES = (
    recall.size,
    recall.following,
    recall.first,
    flags.flags,
    repair.repair,
    story.order,
)
