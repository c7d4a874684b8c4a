"""What the stepper's page is told, once: the picture, and for each step where the packet is and what to write beside it.

Tables that several steps share are sent once and named by number.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from ...linux.namespace.trace import ENDS
from ...linux.packet.packet import Frame
from ...linux.walk import STAGES
from ..drawing.drawing import Mark
from ..drawing.scene import Scene
from ..drawing.svg import svg
from ..tables.table import Table
from .frame import TINTS, FrameTable, frame_table
from .inside import carried
from .moments import DETAILS, STORY, Moment, connections, shown, trail
from .rows import connection_table, held, why
from .telling import Telling, tellings

GOOD = ("local", "forwarded")  # ends that the sender hoped for


class Pool:
    """Values by number, each kept once: names of lines, and tables as plain data."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.values: list[object] = []

    def number(self, value: object) -> int:
        key = json.dumps(value)
        if key not in self.numbers:
            self.numbers[key] = len(self.values)
            self.values.append(value)
        return self.numbers[key]


def told(scene: Scene, story: tuple[Moment, ...]) -> dict[str, Any]:
    """The whole story as plain data."""
    pool = Pool()
    frames = _frames(story)
    known = list(connections(story))
    steps = []
    for at, moment in enumerate(story):
        step = moment.step
        place = mark(scene, story, at)
        rows = known[at].get(step.namespace, ())
        steps.append(
            {
                "where": step.namespace,
                "stage": step.stage,
                "asks": question(step.stage),
                "said": step.said or "nothing to say: it goes on",
                "about": moment.about,
                "end": ENDS.get(step.end, step.end),
                "good": step.end in GOOD,
                "here": place.here,
                "been": [pool.number(key) for key in place.been],
                "why": pool.number(_plain(why(step.why))),
                "held": pool.number(_plain(held(moment.before, step.skb))),
                "known": pool.number(_plain(connection_table(rows, _remembers(step.namespace, len(rows))))),
                "carries": carried(moment.before.packet if moment.parent >= 0 else step.skb.packet, step.skb.packet),
                "frame": pool.number(frames[at]) if frames[at] else -1,
            }
        )
    return {
        "svg": svg(scene, label="The network. Each step below says where in it the packet is."),
        "steps": steps,
        "shown": {detail: numbers(story, detail) for detail in DETAILS},
        "tale": [_item(story, one) for one in tellings(story)],
        "details": DETAILS,
        "tints": TINTS,
        "pool": pool.values,
    }


def numbers(story: tuple[Moment, ...], detail: str) -> list[int]:
    """The moments to stand at, one after the other, at a level of detail."""
    return [one.at for one in tellings(story)] if detail == STORY else shown(story, detail)


def _item(story: tuple[Moment, ...], one: Telling) -> dict[str, Any]:
    """One item of the story: what is said, and what the packet carried when the machine got it and when it let it go."""
    first, last = story[one.covers[0]], story[one.covers[-1]]
    before = first.before.packet if first.parent >= 0 else first.step.skb.packet
    return {"said": one.said, "carries": carried(before, last.step.skb.packet)}


def mark(scene: Scene, story: tuple[Moment, ...], at: int) -> Mark:
    """Where the packet is at a step, and the lines that it took to get there."""
    places = [place for place in (scene.place(story[number].step) for number in trail(story, at)) if place]
    lines = dict.fromkeys(line for one, other in pairwise(places) for line in scene.crossed(one, other))
    return Mark(scene.place(story[at].step), tuple(lines), story[at].step.stage)


def in_words(moment: Moment) -> str:
    """A step in one line."""
    step = moment.step
    end = f" ({ENDS[step.end]})" if step.end in ENDS else ""
    return f"{step.namespace}, {step.stage}: {step.said or 'it goes on'}{end}"


@lru_cache(maxsize=256)
def question(stage: str) -> str:
    """What a stage asks, in the words that stand in its own code."""
    said = (STAGES[stage].__doc__ or "") if stage in STAGES else ""
    return " ".join(said.partition("\n\n")[0].replace("`", "").split())


def _plain(of: Table) -> dict[str, object]:
    return {"caption": of.caption, "heads": of.heads, "rows": of.rows, "code": of.code, "marked": of.marked}


def _remembers(namespace: str, count: int) -> str:
    return (
        f"What {namespace} remembers of these packets."
        if count
        else f"{namespace} remembers no connection of these packets."
    )


def _frames(story: Sequence[Moment]) -> list[dict[str, object] | None]:
    """The frame of each step at a device, field by field, with what differs from the frame before on this packet's way."""
    made: dict[tuple[Frame, Frame | None], dict[str, object]] = {}
    last: list[Frame | None] = []
    found: list[dict[str, object] | None] = []
    for moment in story:
        frame = moment.step.frame
        before = last[moment.parent] if moment.parent >= 0 and _goes_on(story, moment) else None
        last.append(frame or before)
        if frame is not None and (frame, before) not in made:
            made[frame, before] = _fields(frame_table(frame, before))
        found.append(made[frame, before] if frame is not None else None)
    return found


def _fields(of: FrameTable) -> dict[str, object]:
    """A frame's table as plain data; `layers` says for each row to which header it belongs."""
    rows = of.rows
    return {
        "caption": of.caption,
        "heads": ("field", "byte", "bytes", "value", "before"),
        "rows": [(row.field.name, row.place, row.bytes, row.value, row.was) for row in rows],
        "code": (2,),
        "marked": [at for at, row in enumerate(rows) if row.was],
        "layers": [(row.field.header, row.field.layer) for row in rows],
    }


def _goes_on(story: Sequence[Moment], moment: Moment) -> bool:
    """Whether a step has the same packet as the one before it, and not an answer to it."""
    parent = story[moment.parent]
    return (parent.turn, parent.is_look_up) == (moment.turn, moment.is_look_up)
