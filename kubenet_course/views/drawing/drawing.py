"""What a picture is made of: boxes, lines and labels, each with its place, and the ways that lines make from box to box."""

from __future__ import annotations

from collections import deque

from msgspec import Struct
from msgspec.structs import replace

from .theme import ADDRESS, NAME, shortened

Point = tuple[float, float]
LEADING = 15.0  # px from one row of text to the next


class Box(Struct, frozen=True):
    """A rectangle. `kind` names its colour and shape; `title` is its whole name, which its label may shorten."""

    key: str
    kind: str  # machine, title, pod, bridge, kernel, device, port, segment
    x: float
    y: float
    width: float
    height: float
    title: str = ""

    @property
    def middle(self) -> Point:
        return self.x + self.width / 2, self.y + self.height / 2


class Line(Struct, frozen=True):
    """A cable, or a way inside a kernel, between the boxes `one` and `other`."""

    key: str
    one: str
    other: str
    kind: str  # cable, inside, tunnel, unplugged
    points: tuple[Point, ...]


class Label(Struct, frozen=True):
    """A piece of text; `x` is its middle or its start, `y` its baseline. `of` is the box that it belongs to."""

    of: str
    x: float
    y: float
    text: str
    size: float = ADDRESS
    kind: str = "address"  # name, address
    anchor: str = "middle"  # or start


class Mark(Struct, frozen=True):
    """Where the packet is, what it has passed on its way there, and, inside a kernel, at which stage."""

    here: str = ""
    been: tuple[str, ...] = ()
    stage: str = ""


NO_MARK = Mark()


class Drawing(Struct, frozen=True):
    """The whole picture, in the order in which it is drawn."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    labels: tuple[Label, ...]

    @property
    def keys(self) -> dict[str, Box]:
        return {box.key: box for box in self.boxes}

    def way(self, one: str, other: str) -> list[str]:
        """The lines of the shortest way between two boxes; none where there is no way. Inside a pod all is one place."""
        edges: dict[str, list[tuple[str, str]]] = {}
        for line in self.lines:
            edges.setdefault(line.one, []).append((line.other, line.key))
            edges.setdefault(line.other, []).append((line.one, line.key))
        came: dict[str, tuple[str, str]] = {one: ("", "")}
        waiting = deque([one])
        while waiting and other not in came:
            here = waiting.popleft()
            for there, key in edges.get(here, ()):
                if there not in came:
                    came[there] = (here, key)
                    waiting.append(there)
        found: list[str] = []
        while other in came and came[other][1]:
            other, key = came[other]
            found.append(key)
        return found[::-1]


class Sketch:
    """A drawing in the making. `texts` are the rows of text of each box, its name first."""

    def __init__(self) -> None:
        self.boxes: dict[str, Box] = {}
        self.lines: list[Line] = []
        self.texts: dict[str, tuple[str, ...]] = {}

    def box(self, box: Box, *rows: str) -> Box:
        self.boxes[box.key] = box
        if any(rows):
            self.texts[box.key] = tuple(row for row in rows if row)
        return box

    def line(self, one: str, other: str, kind: str, *points: Point) -> None:
        self.lines.append(Line(f"{one} -- {other}", one, other, kind, points))

    def add(self, other: Sketch, x: float, y: float, height: float, is_upside_down: bool) -> None:
        """Puts another sketch at a place, as it is or mirrored from top to bottom."""
        for box in other.boxes.values():
            top = height - box.y - box.height if is_upside_down else box.y
            self.boxes[box.key] = replace(box, x=x + box.x, y=y + top)
        for line in other.lines:
            points = tuple((x + px, y + (height - py if is_upside_down else py)) for px, py in line.points)
            self.lines.append(replace(line, points=points))
        self.texts |= other.texts

    def frozen(self, width: float, height: float) -> Drawing:
        labels = tuple(label for key, rows in self.texts.items() for label in _labels(self.boxes[key], rows))
        return Drawing(width, height, tuple(self.boxes.values()), tuple(self.lines), labels)


def _labels(box: Box, rows: tuple[str, ...]) -> list[Label]:
    """A box's text in its middle, its name first; a title begins at the left."""
    x, y = box.middle
    y += 4.4 - LEADING * (len(rows) - 1) / 2
    if box.kind == "title":
        return [Label(box.key, box.x, y, shortened(rows[0], box.width, NAME), NAME, "name", "start")]
    sizes = [NAME if box.kind == "pod" and at == 0 else ADDRESS for at in range(len(rows))]
    kinds = ["address" if at or box.kind == "kernel" else "name" for at in range(len(rows))]
    return [
        Label(box.key, x, y + at * LEADING, shortened(row, box.width - 6, size), size, kind)
        for at, (row, size, kind) in enumerate(zip(rows, sizes, kinds, strict=True))
    ]
