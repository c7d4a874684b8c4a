"""A topology that stands by itself in a notebook: SVG where it is trusted, PNG everywhere, and sentences that say the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ..linux.tables import Netns
from ..linux.trace import Trace
from .drawing import NO_MARK, Mark
from .scene import Scene, scene
from .svg import svg


class Picture(Struct, frozen=True):
    """A scene, with the packet where `mark` says."""

    scene: Scene
    mark: Mark = NO_MARK

    def __str__(self) -> str:
        return str(self.scene)

    __repr__ = __str__

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        from .draw import png_text  # matplotlib loads when a picture is first shown

        return {
            "text/plain": str(self),
            "image/svg+xml": svg(self.scene, self.mark),
            "image/png": png_text(self.scene, self.mark),
        }


def picture(world: Mapping[str, Netns] | Netns, *traces: Trace) -> Picture:
    """A world as it stands; of a large one, what the traces touch."""
    return Picture(scene(world, *traces))
