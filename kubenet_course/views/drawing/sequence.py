"""Who said what to whom, in order: a sequence drawn from messages. It is a `Scene` like any other, so both renderers draw it."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from .drawing import Box, Drawing, Label, Line
from .picture import Picture
from .scene import Scene
from .theme import NAME, WIDTH, shortened

HEAD, ROW, MARGIN = 26.0, 24.0, 8.0  # px: the height of an actor's box and of a message; the space around
ARROW = 6.0  # px, of an arrow's head
TEXT = 10.5  # px, of what is said


class Message(Struct, frozen=True):
    """`sender` says `text` to `receiver`, who is somebody else; an answer goes back, and is drawn dashed."""

    sender: str
    receiver: str
    text: str
    is_answer: bool = False
    whole: str = ""  # the same in more words, for those who read it

    def __str__(self) -> str:
        how = "answers" if self.is_answer else "to"
        return f"{self.sender} {how} {self.receiver}: {self.whole or self.text}"


def sequence(messages: Sequence[Message], actors: Sequence[str] = (), kinds: dict[str, str] | None = None) -> Picture:
    """The picture. `actors` stand from left to right, those that are not named in the order in which they speak."""
    named = dict.fromkeys([*actors, *(name for one in messages for name in (one.sender, one.receiver))])
    room = (WIDTH - 2 * MARGIN) / max(len(named), 1)
    at = {name: MARGIN + room * (number + 0.5) for number, name in enumerate(named)}
    height = 2 * MARGIN + HEAD + ROW * (len(messages) + 0.7)
    boxes, lines, labels = [], [], []
    for name, x in at.items():
        kind = (kinds or {}).get(name, "device")
        boxes.append(Box(name, kind, x - room / 2 + 3, MARGIN, room - 6, HEAD, name))
        labels.append(Label(name, x, MARGIN + 17, shortened(name, room - 10, NAME - 1), NAME - 1, "name"))
        lines.append(Line(f"life of {name}", name, name, "inside", ((x, MARGIN + HEAD), (x, height - MARGIN))))
    for number, one in enumerate(messages):
        y = MARGIN + HEAD + ROW * (number + 1)
        start, end = at[one.sender], at[one.receiver]
        way, tip = (1, end - 2) if end > start else (-1, end + 2)
        kind = "tunnel" if one.is_answer else "cable"
        lines.append(Line(f"message {number + 1}", one.sender, one.receiver, kind, ((start, y), (tip, y))))
        lines.append(Line(f"head {number + 1}", one.sender, one.receiver, "cable", _head(tip, y, -way)))
        labels.append(Label("", start + way * room / 2, y - 4, one.text, TEXT))  # beside who says it
    said = tuple(f"{number}. {one}" for number, one in enumerate(messages, 1))
    return Picture(Scene(Drawing(WIDTH, height, tuple(boxes), tuple(lines), tuple(labels)), said))


def _head(x: float, y: float, way: int) -> tuple[tuple[float, float], ...]:
    """An arrow's head, its tip at (x, y)."""
    return ((x + way * ARROW, y - ARROW / 2), (x, y), (x + way * ARROW, y + ARROW / 2))
