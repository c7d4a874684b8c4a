"""Controls that change a network and show at once what becomes of a packet in it: the picture, the way, the reasons.

What can be changed is not known here: whoever makes controls gives a function from choices to a world and its traces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import ipywidgets

from ..errors import BadInput
from ..linux.namespace.netns import Netns
from ..linux.namespace.trace import Trace
from .keys import KeyKeeper
from .story.moments import way
from .story.stepper import VIEW, Stepper

Choices = Sequence[object] | Mapping[str, object]  # values, or values by the words that name them
Made = tuple[Mapping[str, Netns], Trace] | tuple[Mapping[str, Netns], Trace, Trace]
WORDS = "font-size:14px;line-height:1.4;margin:2px 0"


class Controls(ipywidgets.VBox):
    """A row of choices above a stepper. `choose(backend="vxlan")` turns them from a cell as a hand would.

    `make` gets one value for each name in `choices` and returns a world and the traces to show in it. What it refuses with
    BadInput is said in one sentence, and the last picture stays.
    """

    def __init__(self, make: Callable[..., Made], title: str = "", **choices: Choices):
        self._make, self._is_paused = make, False
        self.controls = {name: _dropdown(name, among) for name, among in choices.items()}
        self.message = ipywidgets.HTML()
        self.stepper = Stepper(*make(**self.values), title=title)
        row = ipywidgets.HBox(list(self.controls.values()), layout={"flex_flow": "row wrap"})
        super().__init__([row, self.message, self.stepper, KeyKeeper()])
        self.message.value = self._said(way(self.stepper.moments))
        for control in self.controls.values():
            control.observe(self._changed, "value")

    @property
    def values(self) -> dict[str, Any]:
        """What is chosen now."""
        return {name: control.value for name, control in self.controls.items()}

    @property
    def way(self) -> str:
        """The way that the packet takes now, in a sentence."""
        return way(self.stepper.moments)

    def choose(self, **values: object) -> None:
        """Makes several choices at once; the packet is sent again once. Raises BadInput for a choice that there is not."""
        for name, value in values.items():
            if name not in self.controls:
                raise BadInput(name, "there is no such control", f"name one of {', '.join(self.controls)}")
            allowed = [one for _, one in self.controls[name].options]
            if value not in allowed:
                raise BadInput(name, f"{value!r} cannot be chosen", f"choose one of {', '.join(map(repr, allowed))}")
        self._is_paused = True
        try:
            for name, value in values.items():
                self.controls[name].value = value
        finally:
            self._is_paused = False
        self._changed()

    def _changed(self, _: object = None) -> None:
        if self._is_paused:
            return
        try:
            self.stepper.show(*self._make(**self.values))
        except BadInput as refused:
            self.message.value = self._said(f"This cannot be: {refused}")
        else:
            self.message.value = self._said(self.way)

    def _said(self, text: str) -> str:
        return f'<p role="status" style="{WORDS}">{escape(text)}</p>'

    def __repr__(self) -> str:
        chosen = ", ".join(f"{name} {control.label}" for name, control in self.controls.items())
        return f"{chosen}\n{self.way}\n{self.stepper!r}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        stored = self.stepper._repr_mimebundle_()
        view = stored[VIEW] | {"model_id": self.model_id}
        return stored | {"text/plain": repr(self), VIEW: view}


def _dropdown(name: str, among: Choices) -> ipywidgets.Dropdown:
    """One choice; its first value is what it begins with."""
    options = list(among.items()) if isinstance(among, Mapping) else [(str(one), one) for one in among]
    if not options:
        raise BadInput(name, "there is nothing to choose from", "give at least one value")
    return ipywidgets.Dropdown(
        options=options,
        value=options[0][1],
        description=name.replace("_", " "),
        style={"description_width": "initial"},
        layout={"width": "max-content"},
    )
