"""The same tables on the real kernel: a script that builds them, packets really sent, frames really captured.

This is the room's face: chapters and other rooms take from here; each module loads when one of its names is first asked for.
"""

from ..faces import face

__getattr__, __dir__ = face(
    __name__,
    {
        "comparison": ("compare",),
        "http2.talk": ("talk",),
        "front.backend": ("serving",),
        "front.proxy": ("Front", "asked"),
        "front.stream": ("Passing",),
        "outside": ("beside_the_kernel",),
        "probes.beside": ("side_by_side",),
        "real.script": ("shell",),
        "real.sockets": ("sockets",),
        "scenario.capture": ("load_capture",),
    },
)
