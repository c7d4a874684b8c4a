"""The exercises of chapter 01, the pod, in the order in which they are shown."""

from . import made, recall, repair

EXERCISES = (
    recall.bind,
    recall.bargain,
    recall.reach,
    made.start,
    made.sidecar,
    repair.repair,
)
