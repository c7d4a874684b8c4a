"""A controller to stop and start by hand: what stands in the API server, what the controller did, and whether packets flow."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets

from ...errors import BadInput
from ...kube.nodeipam.kcm_flags import Flags
from ...kube.nodeipam.node_world import NodeWorld
from ..drawing.sight import VIEW
from ..keys import KeyKeeper
from .world import blocks, carried, deeds

SHOWN = 6  # of the controller's deeds
STATUS = "font-size:14px;line-height:1.4;margin:4px 0"
TABLE = "line-height:1.4;margin:0 0 8px"


class Desk(ipywidgets.VBox):
    """Nodes, and the node IPAM controller, with a button for all that can happen to them.

    From a cell: `desk.do("stop")`, `desk.do("join")`, `desk.do("leave", "node-2")`, `desk.do("start")`. The world is `desk.world`.
    """

    def __init__(self, flags: Flags, nodes: int = 3):
        self.world, self._joined = NodeWorld(flags), 0
        self.world.start()
        self._acts = {"stop": self.world.stop, "start": self.world.start, "join": self._join}
        says = {"stop": "Stop the controller", "start": "Start the controller", "join": "A node joins"}
        self.buttons = {
            act: ipywidgets.Button(description=text, layout={"width": "max-content"}) for act, text in says.items()
        }
        self.leaving = ipywidgets.Dropdown(description="node", layout={"width": "max-content"})
        self.buttons["leave"] = ipywidgets.Button(description="This node leaves", layout={"width": "max-content"})
        for act, button in self.buttons.items():
            button.on_click(lambda _, act=act: self.do(act, self.leaving.value if act == "leave" else ""))
        self.message, self.tables = ipywidgets.HTML(), ipywidgets.HTML()
        for _ in range(nodes):
            self._join()
        row = ipywidgets.HBox([*list(self.buttons.values())[:3], self.leaving, self.buttons["leave"]])
        row.layout.flex_flow = "row wrap"
        super().__init__([row, self.message, self.tables, KeyKeeper()])
        self._show()

    def do(self, act: str, node: str = "") -> None:
        """Lets one thing happen. Raises BadInput for one that cannot."""
        if act == "leave":
            if refusal := self.world.delete(node):
                raise BadInput("leave", refusal, f"name one of {', '.join(self.world.nodes) or 'none: all have left'}")
        elif act in self._acts:
            self._acts[act]()
        else:
            raise BadInput(act, "the desk has no such button", f"press one of {', '.join(self.buttons)}")
        self._show()

    def _join(self) -> None:
        self._joined += 1
        self.world.create(f"node-{self._joined}")

    @property
    def answer(self) -> str:
        """Control plane and data plane, each in a sentence."""
        waiting = [name for name, cidrs in self.world.nodes.items() if not cidrs]
        waits = (
            f"{', '.join(waiting)} {'wait' if len(waiting) > 1 else 'waits'} for a block" if waiting else "nobody waits"
        )
        control = (
            "runs" if self.world.allocator else f"exited, {self.world.error}" if self.world.error else "is stopped"
        )
        return f"Control plane: the controller {control}; {waits}. Data plane: {carried(self.world)}."

    def _show(self) -> None:
        self.buttons["stop"].disabled = self.world.allocator is None
        self.buttons["start"].disabled = self.world.allocator is not None
        self.buttons["leave"].disabled = not self.world.nodes
        chosen = self.leaving.value
        self.leaving.options = list(self.world.nodes)
        self.leaving.value = chosen if chosen in self.world.nodes else next(iter(self.world.nodes), None)
        self.message.value = f'<p role="status" style="{STATUS}">{escape(self.answer)}</p>'
        self.tables.value = "".join(
            f'<div style="{TABLE}">{of._repr_html_()}</div>' for of in (blocks(self.world), deeds(self.world, SHOWN))
        )

    def __repr__(self) -> str:
        return f"{self.answer}\n{blocks(self.world)}\n{deeds(self.world, SHOWN)}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {
            "text/plain": repr(self),
            "text/html": f"<div>{self.message.value}{self.tables.value}</div>",
            VIEW: view,
        }
