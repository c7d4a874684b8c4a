"""Kubernetes networking as values: tables that controllers write, one walk that reads them, and the trace it leaves.

Rooms: `linux` (what a machine does), `shell` (a terminal on it), `kube` (what Kubernetes decides), `cni` (plugins and who calls
them), `lab` (the same on the real kernel), `views` (what people look at), `learn` (what makes it a course), `cli` (the same for a
terminal).
Each loads when it is first used, so that importing the package stays fast and needs no plotting library.
"""

from importlib import import_module

from .version import __version__

__all__ = ["__version__"]
_ROOMS = ("data", "errors", "linux", "shell", "kube", "cni", "lab", "views", "learn", "cli")


def __getattr__(name: str):
    if name in _ROOMS:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"kubenet_course has no {name!r}; its rooms are {', '.join(_ROOMS)}")
