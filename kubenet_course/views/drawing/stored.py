"""The PNG that stands in a notebook for a picture until its widget runs."""

from __future__ import annotations

from .drawing import NO_MARK, Mark
from .scene import Scene


def stored_png(scene: Scene, mark: Mark = NO_MARK) -> dict[str, str]:
    """The PNG of a scene as a part of what a cell shows; nothing where there is no matplotlib, as in a browser."""
    try:
        from .draw import png_text  # matplotlib loads when a picture is first shown
    except ImportError:
        return {}
    return {"image/png": png_text(scene, mark)}
