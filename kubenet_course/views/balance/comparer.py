"""The comparer: the schedulers of IPVS and the draw of the other modes, side by side over one workload.

Every change is answered on the page, without the notebook's kernel. From a cell: `comparer.choose(nodes=40)`.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ...errors import BadInput
from ...kube.balance.spread import MOST_NODES, PODS, PODS_SAID, WAYS, Spread, spread
from ...kube.balance.workload import WORKLOADS
from ..drawing.sight import VIEW
from ..drawing.theme import variables
from ..keys import script
from ..tables.table import Table, table

HERE = Path(__file__).parent
FIRST = {"workload": "short", "pods": "alike", "nodes": 1, "seed": 1, "scheduler": "rr"}
MOST_SEED = 9999


class Comparer(anywidget.AnyWidget):
    """`Comparer(workload="long", nodes=40)`. All that a page needs to draw it stands in `story` and `wishes`."""

    _esm = script(HERE / "comparer.js")
    _css = variables(".kn-balance") + (HERE / "comparer.css").read_text(encoding="utf-8")
    story = traitlets.Dict().tag(sync=True)
    wishes = traitlets.Dict().tag(sync=True)

    def __init__(
        self, title: str = "One workload, seven ways to spread it", without: Collection[str] = (), **wishes: Any
    ):
        """`without` leaves out controls, and choices of them: "nodes", "broken"."""
        speeds = {name: list(one) for name, one in PODS.items()}
        story = {
            "title": title,
            "ways": [[name, said] for name, said in WAYS.items()],  # a list keeps its order in a saved notebook
            "workloads": [[name, said] for name, said in WORKLOADS.items() if name not in without],
            "pods": [[name, said] for name, said in PODS_SAID.items() if name not in without],
            "has_nodes": "nodes" not in without,
            "speeds": speeds,
            "most_nodes": MOST_NODES,
            "most_seed": MOST_SEED,
        }
        super().__init__(story=story, wishes=wished(FIRST, wishes))

    def choose(self, **wishes: Any) -> None:
        """Turns some controls. Raises BadInput for one that there is not, and for a value that it cannot have."""
        self.wishes = wished(self.wishes, wishes)

    @property
    def rows(self) -> dict[str, Spread]:
        """What comes of each scheduler now."""
        now = wished(FIRST, self.wishes)
        return {name: spread(name, now["workload"], now["pods"], now["nodes"], now["seed"]) for name in WAYS}

    @property
    def said(self) -> tuple[str, ...]:
        """Each scheduler in a sentence."""
        return tuple(sentence(one) for one in self.rows.values())

    @property
    def _asked(self) -> str:
        now = self.wishes
        nodes = "one node asks" if now["nodes"] == 1 else f"{now['nodes']} nodes ask"
        return f"{WORKLOADS[now['workload']]}; pods: {PODS_SAID[now['pods']]}; {nodes}; draw {now['seed']}"

    @property
    def _table(self) -> Table:
        heads = ("scheduler", "connections of pod 1 to 4", "largest share", "half within", "19 of 20 within", "errors")
        rows = [
            (name, " ".join(map(str, one.got)), f"{one.most} %", f"{one.typical} ms", f"{one.slowest} ms", one.errors)
            for name, one in self.rows.items()
        ]
        return table(f"{self.story['title']}: {self._asked}", heads, rows)

    def __repr__(self) -> str:
        return str(self._table)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from ..drawing.bars import bars_png  # matplotlib loads when a picture is first shown

        rows = [(name, one.got, f"{one.typical} / {one.slowest} ms") for name, one in self.rows.items()]
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {"text/plain": repr(self), "image/png": bars_png(self.story["title"], self._asked, rows), VIEW: view}


def sentence(one: Spread) -> str:
    """What came of one scheduler, in words."""
    got = ", ".join(f"pod {number} {count}" for number, count in enumerate(one.got, 1))
    lost = f"; {one.errors} requests get an error" if one.errors else ""
    return (
        f"{one.scheduler}: of {sum(one.got)} connections {got}; half of the requests are answered within "
        f"{one.typical} ms, 19 of 20 within {one.slowest} ms{lost}."
    )


def wished(before: dict[str, Any], wishes: dict[str, Any]) -> dict[str, Any]:
    """The controls after a change."""
    known: dict[str, Any] = {"workload": WORKLOADS, "pods": PODS, "scheduler": WAYS}
    ranges = {"nodes": MOST_NODES, "seed": MOST_SEED}
    for name, value in wishes.items():
        if name in known and value not in known[name]:
            raise BadInput(name, f"{value!r} is none of these", f"choose one of {', '.join(known[name])}")
        if name in ranges and (type(value) is not int or not 1 <= value <= ranges[name]):
            raise BadInput(name, f"{value!r} cannot be chosen", f"choose a whole number from 1 to {ranges[name]}")
        if name not in known | ranges:
            raise BadInput(name, "there is no such control", f"name one of {', '.join(FIRST)}")
    return {**before, **wishes}
