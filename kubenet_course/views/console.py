"""A terminal that is shown: the picture of the world that is being built, and what its kernels have learned."""

from __future__ import annotations

from typing import Any

from ..linux.verdicts import verdict
from ..shell import console as shell
from .drawing.drawing import NO_MARK
from .drawing.picture import Picture
from .story.learned import learned
from .story.moments import moments
from .story.story import mark
from .tables.table import Table
from .topology.console import scene


class Console(shell.Console):
    """A terminal of the model (`shell.Console`) that a notebook shows as the picture of its world."""

    @property
    def picture(self) -> Picture:
        """The world as it stands, and the way of the ping that has just been sent."""
        drawn = scene(self.world, self.here)
        if self.sent is None:
            return Picture(drawn, NO_MARK)
        return Picture(drawn, mark(drawn, moments(self.sent), verdict(self.sent).step))

    @property
    def learned(self) -> Table:
        """What the kernels have learned by listening, and not yet forgotten."""
        return learned(self.world, self.memory)

    def __repr__(self) -> str:
        return str(self.picture) if self.world else "There is no namespace yet."

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """The console is shown as the picture of its world."""
        return self.picture._repr_mimebundle_() if self.world else {"text/plain": repr(self)}
