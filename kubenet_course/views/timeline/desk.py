"""Controls for every field of the three probes and for what the program does, above the life that comes of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from msgspec import to_builtins

from ...errors import BadInput
from ...kube.workload.rolled import Rolled
from ...kube.workload.watched import Watched, watch
from .lifeline import Lifeline
from .story import headline, told
from .wishes import CONTROLS, FIRST, behaviour_of, chosen, manifest_of


class ProbeControls(Lifeline):
    """A pod to play with: `ProbeControls(hangs_after=30)`. From a cell: `desk.choose(liveness_period=5)`; the answer is
    `desk.answer`, the whole life `desk.life`, the manifest `desk.manifest`. `opens`: groups of controls that are open
    at first, besides those in which something is chosen.
    """

    def __init__(self, title: str = "A pod to play with", opens: Collection[str] = (), **wishes: Any):
        made = chosen(FIRST, wishes)
        form = [to_builtins(one) | {"opens": one.group in opens} for one in CONTROLS]
        super().__init__(_life(made), title, wishes=made, form=form)
        self.story = self._told(self.life, made)
        self.observe(self._changed, "wishes")

    def choose(self, **wishes: Any) -> None:
        """Turns some of the controls. Raises BadInput for one that there is not, and for a value that it cannot
        have.
        """
        self.wishes = chosen(self.wishes, wishes)

    @property
    def manifest(self) -> str:
        """The pod that the controls make, as YAML."""
        return manifest_of(self.wishes)

    @property
    def answer(self) -> str:
        """What comes of it, in one sentence."""
        return headline(self.life)

    def _changed(self, _: object) -> None:
        try:
            made = chosen(FIRST, self.wishes)
            self.life = _life(made)
        except BadInput as refused:  # what contradicts itself, or a page sent what no control has
            self.story = {**self.story, "refused": f"This cannot be: {refused}. The lanes show what was there before."}
        else:
            self.story = self._told(self.life, made)

    def _told(self, life: Watched | Rolled, wishes: dict[str, Any]) -> dict[str, Any]:
        return told(life, self.title) | {"manifest": manifest_of(wishes)}


def _life(wishes: dict[str, Any]) -> Watched:
    return watch(manifest_of(wishes), behaviour_of(wishes), wishes["until"], wishes["deleted_at"])
