"""Kubernetes networking as values: tables that controllers write, one walk that reads them, and the trace it leaves.

Rooms: `linux` (what a machine does), `kube` (what Kubernetes decides), `lab` (the same on the real kernel),
`views` (what people look at), `learn` (what makes it a course), `cli` (the same for a terminal).
Each loads when it is first used, so that importing the package stays fast and needs no plotting library.
"""

from importlib import import_module

__version__ = "0.1.0"
_ROOMS = ("data", "errors", "linux", "kube", "lab", "views", "learn", "cli")


def __getattr__(name: str):
    if name in _ROOMS:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"kubenet_course has no {name!r}; its rooms are {', '.join(_ROOMS)}")
