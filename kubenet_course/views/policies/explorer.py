"""The policy explorer: pods on a map, who may ask whom in a square beside it, and a switch for every policy and rule.

Everything is sent to the page once. A switch is answered there, without the notebook's kernel. From a cell:
`explorer.choose(port="5432/TCP", cell=("web-1", "db-0"), off=["shop/default-deny"])`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ...errors import BadInput
from ...kube.policy.judge.decide import PolicyVerdict, decide
from ...kube.policy.judge.values import Port
from ...kube.policy.judge.world import PolicyWorld
from ...kube.policy.pairs.matrix import PairMatrix
from ...kube.policy.written.border import port_of
from ..drawing.sight import VIEW
from ..drawing.theme import variables
from ..keys import script
from ..tables.table import Table, table
from .parts import labels, members, switched, switches, taken_apart

HERE = Path(__file__).parent
SIGNS = {"1": "✓", "0": "·", "?": "?"}
MOST = 60  # pods


class Explorer(anywidget.AnyWidget):
    """Who may ask whom under a world's policies. `ports` are those of pods, such as "8080/TCP"."""

    _esm = script(HERE / "explorer.js")
    _css = variables(".kn-policies") + (HERE / "explorer.css").read_text(encoding="utf-8")
    story = traitlets.Dict().tag(sync=True)
    port = traitlets.Unicode("").tag(sync=True)
    cell = traitlets.List(traitlets.Unicode()).tag(sync=True)
    off = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(
        self, world: PolicyWorld, *ports: str, title: str = "Who may ask whom", cell: tuple[str, str] | None = None
    ):
        asked = [port_of(text, "explorer") for text in dict.fromkeys(ports or ("8080/TCP",))]
        if not 1 < len(world.pods) <= MOST:
            raise BadInput("explorer", f"the world has {len(world.pods)} pods that run", f"give 2 to {MOST} of them")
        self.world, self.pods, self.names = world, members(world), labels(world)
        story = {"title": title, **taken_apart(world, asked)}
        super().__init__(story=story, port=str(asked[0]), cell=self.names[:2])
        self.choose(cell=cell)

    def choose(self, port: str = "", cell: tuple[str, str] | None = None, off: Sequence[str] | None = None) -> None:
        """Chooses a port, a cell (who asks, who is asked), and what is switched off. Raises BadInput for what is not."""
        chosen = {
            "port": port or self.port,
            "cell": list(cell or self.cell),
            "off": list(self.off if off is None else off),
        }
        known = {"port": self.story["ports"], "cell": self.names, "off": switches(self.world)}
        for name, value in chosen.items():
            for one in [value] if isinstance(value, str) else value:
                if one not in known[name]:
                    raise BadInput(name, f"{one!r} is none of these", f"choose one of {', '.join(known[name][:9])}")
        with self.hold_sync():
            self.port, self.cell, self.off = chosen["port"], chosen["cell"], chosen["off"]

    @property
    def now(self) -> PolicyWorld:
        """The world under what is switched on."""
        return self.world.under(switched(self.world.policies, self.off))

    @property
    def rows(self) -> list[str]:
        """For each sender a 1 for each receiver that it may ask, and a 0 for each other."""
        made = PairMatrix(self.now, self._port, self.pods)
        return list(made.text(made.combined, 2))

    @property
    def verdict(self) -> PolicyVerdict:
        """The verdict on the chosen cell."""
        who, to = (self.names.index(one) for one in self.cell)
        return decide(self.now, self.pods[who], self.pods[to], self._port)

    @property
    def _port(self) -> Port:
        return port_of(self.port)

    @property
    def _table(self) -> Table:
        caption = f"{self.story['title']}: {self.port}, a row asks a column (✓ allowed, · denied)"
        lines = [
            (name, *(SIGNS[one] if at != number else "itself" for at, one in enumerate(row)))
            for number, (name, row) in enumerate(zip(self.names, self.rows, strict=True))
        ]
        return table(caption, ("from", *self.names), lines)

    @property
    def _said(self) -> list[str]:
        off = f"Switched off: {'; '.join(self.off)}." if self.off else "Everything is switched on."
        said = {True: "allowed", False: "denied", None: "not certain"}[self.verdict.allowed]
        because = "; ".join(
            f"{one.direction}: {one.policy + ': ' if one.policy else ''}{one.says}" for one in self.verdict.because
        )
        return [off, f"{self.cell[0]} to {self.cell[1]} is {said} ({because})."]

    def __repr__(self) -> str:
        return "\n".join([str(self._table), *self._said])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        stored = f"<div>{self._table._repr_html_()}{''.join(f'<p>{line}</p>' for line in self._said)}</div>"
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {"text/plain": repr(self), "text/html": stored, VIEW: view}
