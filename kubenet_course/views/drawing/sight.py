"""A picture drawn into the page itself. JupyterLab shows `image/svg+xml` as an image, which has no name for a screen reader and
cannot follow the page's theme; what a widget draws can do both."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from .stored import stored_png

VIEW = "application/vnd.jupyter.widget-view+json"  # how a cell's output points to a widget

DRAWS = """
function render({ model, el }) {
  const draw = () => { el.innerHTML = model.get("drawn"); };
  draw();
  model.on("change:drawn", draw);
  return () => model.off("change:drawn", draw);
}
export default { render };
"""


class Sight(anywidget.AnyWidget):
    """A Picture as it stands; `drawn` is its SVG. Where no widget can be shown there are a PNG and sentences."""

    _esm = DRAWS
    drawn = traitlets.Unicode("").tag(sync=True)

    def __init__(self, picture: Any, **state: Any):
        self.picture = picture
        super().__init__(drawn=picture.svg, **state)

    def __repr__(self) -> str:
        return str(self.picture)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {"text/plain": repr(self), **stored_png(self.picture.scene, self.picture.mark), VIEW: view}
