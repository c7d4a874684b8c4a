"""What kernels remember between packets. A named object that you pass; leave it out and you get a fresh one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from ..timeline import SECOND, Timeline

Part = TypeVar("Part")


class Remembered(dict[type, Any]):
    """What the kernel of one namespace has learned so far, in parts by kind: `remembered[Connections]`.

    Each subject keeps its own part, a class beside its code; one that nobody has asked for yet is made empty.
    """

    def __missing__(self, kind: type[Part]) -> Part:
        self[kind] = part = kind()
        return part

    if TYPE_CHECKING:

        def __getitem__(self, kind: type[Part]) -> Part: ...


@dataclass(slots=True)
class Memory:
    """All that the kernels of a network remember, and the clock that they share with whatever else happens there."""

    clock: Timeline = field(default_factory=Timeline)
    namespaces: dict[str, Remembered] = field(default_factory=dict)

    @property
    def now(self) -> int:
        """What time it is, in nanoseconds."""
        return self.clock.now

    def of(self, namespace: str) -> Remembered:
        """What one namespace's kernel remembers."""
        if namespace not in self.namespaces:
            self.namespaces[namespace] = Remembered()
        return self.namespaces[namespace]

    def wait(self, seconds: float) -> Memory:
        """Lets time pass. What ages by the clock is looked at when it is next asked for."""
        self.clock.run(self.clock.now + int(seconds * SECOND))
        return self
