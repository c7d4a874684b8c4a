"""The machine that a plugin works on: this one, unless a model of one stands in for it.

A plugin asks little of its machine: run a program, is there such a program, is this path a network namespace, let another
plugin answer, draw some bytes. Where a model answers these, the same plugin wires the model instead of the kernel.
"""

import os
import subprocess
from contextvars import ContextVar
from typing import Protocol


class Machine(Protocol):
    """What stands in for this machine. The errors are those of the real questions (see `commands`, `netns`, `delegate`)."""

    def program(self, argv: tuple[str, ...], stdin: str) -> "subprocess.CompletedProcess[str]": ...
    def has(self, program: str) -> bool: ...
    def require_netns(self, path: str) -> None: ...
    def delegated(self, command: str, plugin: str, conf: bytes) -> str: ...
    def entropy(self, count: int) -> bytes: ...


MODEL: ContextVar[Machine | None] = ContextVar("MODEL", default=None)


def entropy(count: int) -> bytes:
    """Bytes for a name that nobody else has: the kernel's, or a model's own."""
    model = MODEL.get()
    return model.entropy(count) if model else os.urandom(count)
