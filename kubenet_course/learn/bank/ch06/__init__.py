"""The exercises of chapter 06, CNI, the contract, in the order in which they are shown."""

from . import conflist, plugin, recall

EXERCISES = (
    recall.code,
    recall.order,
    recall.leak,
    conflist.write,
    conflist.repair,
    plugin.plugin,
)
