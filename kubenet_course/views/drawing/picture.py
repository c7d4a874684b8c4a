"""A topology that stands by itself in a notebook: drawn into the page, as a PNG elsewhere, and sentences that say the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ...linux.namespace.netns import Netns
from ...linux.namespace.trace import Trace
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

    @property
    def svg(self) -> str:
        """As a page draws it, in the page's theme and with its sentences for a screen reader."""
        return svg(self.scene, self.mark)

    @property
    def png(self) -> str:
        """As it is stored in a notebook (base64)."""
        from .draw import png_text  # matplotlib loads when a picture is first shown

        return png_text(self.scene, self.mark)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        from .sight import Sight  # and so do widgets

        return Sight(self)._repr_mimebundle_()


def picture(world: Mapping[str, Netns] | Netns, *traces: Trace) -> Picture:
    """A world as it stands; of a large one, what the traces touch."""
    return Picture(scene(world, *traces))
