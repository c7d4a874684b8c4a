"""A terminal on a machine of the model: the programs that an administrator types, with their words.

This is the room's face: chapters and other rooms take from here; each module loads when one of its names is first asked for.
"""

from ..faces import face

__getattr__, __dir__ = face(
    __name__,
    {
        "console": ("Console",),
        "lines": ("after",),
    },
)
