"""The exercises of chapter 13, NetworkPolicy, in the order in which they are shown."""

from . import changes, made, minimal, recall

EXERCISES = (
    recall.cell,
    recall.client,
    made.tiers_,
    made.monitoring,
    changes.hole,
    changes.review,
    minimal.minimal,
)
