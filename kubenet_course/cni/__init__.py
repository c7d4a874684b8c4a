"""The Container Network Interface: the contract, the plugins, and the runtime that calls them.

This is the room's face: chapters and other rooms take from here; each module loads when one of its names is first asked for.
"""

from ..faces import face

__getattr__, __dir__ = face(
    __name__,
    {
        "contract.conflist": ("first_of",),
        "node.files": ("by_hand", "executable", "ours"),
        "node.node": ("Node",),
        "runtime.folder": ("load_status",),
        "runtime.kubelet": ("readiness", "sandbox_event"),
    },
)
