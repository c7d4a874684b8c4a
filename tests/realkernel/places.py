"""Standing in another network namespace for a while: a socket stays where it was opened, a program where it was started."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

from .topology import NAMES

CLONE_NEWNET = 0x40000000


class Places:
    """The namespaces of the topology, each a place where this thread can stand (setns(2))."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self._files = {name: os.open(f"/run/netns/{name}", os.O_RDONLY) for name in NAMES}

    def _enter(self, file: int) -> None:
        if self._libc.setns(file, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    @contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Within, this thread stands in the namespace; afterwards it is back where the process began."""
        self._enter(self._files[name])
        try:
            yield
        finally:
            self._enter(self._home)

    def close(self) -> None:
        """Let the namespaces go."""
        for file in (self._home, *self._files.values()):
            os.close(file)
