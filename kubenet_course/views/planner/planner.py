"""The address planner: sliders for ranges and masks, the range filling up, and the flags for kube-controller-manager.

A control asks the notebook's kernel, which starts the modelled controller with these flags. `Planner.choose` turns the
controls from a cell.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets
from msgspec import structs

from ...errors import BadInput
from ..drawing.sight import VIEW
from ..drawing.stored import stored_png
from ..drawing.svg import svg
from ..drawing.theme import variables
from ..keys import script
from .picture import mark_of, scene_of
from .sums import MOST_NODES, Plan, Wishes, planned
from .words import headline, lines, sentences, sign

HERE = Path(__file__).parent
MOST_WIDTH, MOST_TEXT = 120, 200
MOST = {"nodes": MOST_NODES, "pods": 1000}  # of what is counted


class Planner(anywidget.AnyWidget):
    """An address plan to try out, `Planner(nodes=300, second=True)`. From a cell: `planner.choose(node_mask=26)`; the
    answer is `planner.plan`, in a sentence `planner.answer`.
    """

    _esm = script(HERE / "planner.js")
    _css = variables(".kn-planner") + (HERE / "planner.css").read_text(encoding="utf-8")
    wishes = traitlets.Dict().tag(sync=True)
    story = traitlets.Dict().tag(sync=True)

    def __init__(self, **wishes: Any):
        self.plan = planned(_wishes(Wishes(), wishes))
        super().__init__(wishes=structs.asdict(self.plan.wishes), story=told(self.plan))
        self.observe(self._changed, "wishes")

    def choose(self, **wishes: Any) -> None:
        """Turns some of the controls. Raises BadInput for one that there is not, and for a value that it cannot have."""
        self.wishes = structs.asdict(_wishes(self.plan.wishes, wishes))

    @property
    def flags(self) -> str:
        """The flags as one line for a shell."""
        return " ".join(self.plan.flags)

    @property
    def answer(self) -> str:
        """What comes of the plan, in one sentence."""
        return headline(self.plan)

    def _changed(self, _: object) -> None:
        try:
            self.plan = planned(_wishes(Wishes(), self.wishes))
        except BadInput as refused:  # a page sent what no control has
            self.story = {**self.story, "headline": str(refused), "good": False}
        else:
            self.story = told(self.plan)

    def __repr__(self) -> str:
        said = lines(self.plan)
        return "\n".join(line if len(line) <= MOST_WIDTH else line[: MOST_WIDTH - 1] + "…" for line in said)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        scene = scene_of(self.plan)
        return {
            "text/plain": repr(self),
            **stored_png(scene, mark_of(scene)),
            VIEW: {"version_major": 2, "version_minor": 0, "model_id": self.model_id},
        }


def _wishes(before: Wishes, changes: dict[str, Any]) -> Wishes:
    """The wishes with some changed. Raises BadInput with what would have been right."""
    known = structs.asdict(before)
    for name, value in changes.items():
        if name not in known:
            raise BadInput(name, "the planner has no such control", f"name one of {', '.join(known)}")
        wanted = type(known[name])
        if type(value) is not wanted:
            right = {bool: "True or False", int: "a whole number", str: "a text such as '10.244.0.0/16'"}[wanted]
            raise BadInput(name, f"{value!r} is not what it takes", f"write {right}")
        if isinstance(value, str) and len(value) > MOST_TEXT:
            raise BadInput(name, f"{len(value)} characters are too many", "write ranges, with a comma between them")
        known[name] = value
    made = Wishes(**known)
    _within("node_mask", made.node_mask, 0, _bits(made.cluster_cidr))
    _within("second_mask", made.second_mask, 0, _bits(made.second_cidr))
    for name, most in MOST.items():
        _within(name, known[name], 1, most)
    return made


def _within(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise BadInput(name, f"{value} is out of reach", f"choose {least} to {most}")


def _bits(text: str) -> int:
    """How long an address of a range is; the planner's masks go that far."""
    return 128 if ":" in text.partition(",")[0] else 32


def told(plan: Plan) -> dict[str, Any]:
    """The plan as the page shows it."""
    scene = scene_of(plan)
    return {
        "headline": headline(plan),
        "good": plan.is_good,
        "flags": ["kube-controller-manager", *plan.flags],
        "svg": "" if plan.refusal else svg(scene, mark_of(scene), headline(plan)),
        "said": sentences(plan),
        "checks": [{"sign": sign(check), "said": str(check)} for check in plan.checks],
        "most": {**MOST, "node_mask": _bits(plan.wishes.cluster_cidr), "second_mask": _bits(plan.wishes.second_cidr)},
    }
