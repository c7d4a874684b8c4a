"""Standing in another network namespace for a while: a socket stays where it was opened, a program where it was started."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

CLONE_NEWNET = 0x40000000
NAMED = "/run/netns/{}"  # where `ip netns add` keeps them


class Places:
    """Each named namespace is a place where this thread can stand (setns(2))."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self._open: dict[str, int] = {}

    @contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Within, this thread stands in the namespace; afterwards it is back where it began."""
        if name not in self._open:
            self._open[name] = os.open(NAMED.format(name), os.O_RDONLY)
        self._enter(self._open[name])
        try:
            yield
        finally:
            self._enter(self._home)

    def _enter(self, file: int) -> None:
        if self._libc.setns(file, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "cannot enter a network namespace")
