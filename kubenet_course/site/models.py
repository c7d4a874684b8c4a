"""The widgets of a notebook as a page needs them: what each of them shows, and its script and style once for all pages.

A widget's saved state repeats its script (anywidget's `_esm`) and its style (`_css`). Here they are left out, and the state
names the script by a digest. A page's loader hands the state to the script as anywidget's contract says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from ..errors import BadInput

STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
MODEL = "IPY_MODEL_"
# What ipywidgets keeps besides what is shown: where its own scripts are, sizes, styles.
UNSEEN = re.compile(r"_(model|view|dom|esm|css|anywidget)\w*|layout|style|tabbable|tooltip|description_allow_html")
BARE = ("LayoutModel", "StyleModel")
EXPORTED = re.compile(r"^export default ", re.MULTILINE)
NAMED = re.compile(r"^export (?=function|const|class|async)", re.MULTILINE)


def digest(script: str) -> str:
    """The short name of a script."""
    return sha256(script.encode()).hexdigest()[:12]


class Scripts:
    """The scripts and styles of all widgets that have been met, each once."""

    def __init__(self) -> None:
        self.scripts: dict[str, str] = {}
        self.styles: dict[str, str] = {}

    def slim(self, states: Mapping[str, Any]) -> dict[str, Any]:
        """The states of a notebook's widgets without what repeats; scripts and styles are kept here."""
        return {id: self._slim(model) for id, model in states.items() if not str(model["model_name"]).endswith(BARE)}

    def _slim(self, model: Mapping[str, Any]) -> dict[str, Any]:
        state = dict(model["state"])
        kind = model["model_name"].removesuffix("Model")
        if "_esm" in state:
            kind = digest(state["_esm"])
            self.scripts[kind] = state["_esm"]
            self.styles[digest(state.get("_css", ""))] = state.get("_css", "")
        return {"kind": kind, "state": {name: value for name, value in state.items() if not UNSEEN.fullmatch(name)}}

    def script(self) -> str:
        """One classic script with all of them: a page that is opened from a disk may load no module."""
        return "\n".join(_classic(name, text) for name, text in sorted(self.scripts.items()))

    def style(self) -> str:
        return "\n".join(text for _, text in sorted(self.styles.items()))


def _classic(name: str, text: str) -> str:
    if len(EXPORTED.findall(text)) != 1 or re.search(r"^import\b", text, re.MULTILINE):
        raise BadInput(
            f"the widget script {name}", "it does not export exactly one thing, or it imports", "write it so"
        )
    inside = NAMED.sub("", EXPORTED.sub("return ", text))
    return f'kubenet.widgets["{name}"] = (() => {{\n{inside}\n}})();'
