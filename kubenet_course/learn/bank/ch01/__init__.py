"""The exercises of chapter 01, the pod, in the order in which they are shown."""

from . import bargain, made, reach, recall, repair

EXERCISES = (
    recall.bind,
    bargain.bargain,
    reach.reach,
    made.start,
    made.sidecar,
    repair.repair,
)
