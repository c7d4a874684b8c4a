"""The exercises of chapter 07, overlays and underlays, in the order in which they are shown."""

from . import choose, mend, opened, sizes

EXERCISES = (
    opened.opened,
    opened.built,
    sizes.mtu,
    sizes.path,
    mend.cure,
    mend.stale,
    choose.choose,
)
