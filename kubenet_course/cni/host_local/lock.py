"""A lock on an open file, that of flock(2); where there is none, as on Windows, that of its first byte."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any


def take(file: int) -> None:
    """Waits until nobody else holds it."""
    if find_spec("fcntl"):
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)
    else:
        _windows().locking(file, _windows().LK_LOCK, 1)


def give_back(file: int) -> None:
    """Whoever waits is next."""
    if find_spec("fcntl"):
        import fcntl

        fcntl.flock(file, fcntl.LOCK_UN)
    else:
        _windows().locking(file, _windows().LK_UNLCK, 1)


def _windows() -> Any:
    import msvcrt

    return msvcrt
