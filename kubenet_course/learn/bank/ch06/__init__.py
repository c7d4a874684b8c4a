"""The exercises of chapter 06, CNI, the contract, in the order in which they are shown."""

from . import conflist, leaks, plugin, recall

EXERCISES = (
    recall.code,
    recall.order,
    leaks.leak,
    conflist.write,
    conflist.repair,
    plugin.plugin,
)
