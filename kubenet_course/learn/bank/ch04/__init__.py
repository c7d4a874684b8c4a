"""The exercises of chapter 04, isolated, flat, island, in the order in which they are shown."""

from . import choose, frames, kept, mend, seen

EXERCISES = (
    seen.reached,
    seen.seen,
    frames.frame,
    kept.conntrack,
    kept.listed,
    mend.mend,
    choose.choose,
)
