"""Keys in widgets: what a person types in one stays there, also in the controls that ipywidgets draws.

JupyterLab hears bare keys all over a notebook (`x` cuts a cell, Enter edits it). A widget's own script calls `keepKeys`;
beside controls of ipywidgets stands a `KeyKeeper`, which is not seen and keeps the keys of the box that it is in.
"""

from __future__ import annotations

from pathlib import Path

import anywidget

HERE = Path(__file__).parent
KEYS, ELEMENTS = ((HERE / name).read_text(encoding="utf-8") for name in ("keys.js", "elements.js"))
BESIDE = """
export default {
  render({ el }) {
    el.style.display = "none";
    const found = () => {
      const box = el.parentElement?.closest(".widget-box, .jupyter-widgets");
      if (box) keepKeys(box); else if (el.isConnected || tries-- > 0) requestAnimationFrame(found);
    };
    let tries = 120;
    found();
  },
};
"""


class KeyKeeper(anywidget.AnyWidget):
    """Keeps the keys of the box in which it stands."""

    _esm = KEYS + BESIDE


def script(path: Path) -> str:
    """A widget's script, with `keepKeys`, `element`, `rich` and `wishing` at hand."""
    return KEYS + ELEMENTS + path.read_text(encoding="utf-8")
