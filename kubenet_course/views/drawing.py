"""What a picture is made of: boxes, lines and labels, each with its place, and the ways that lines make from box to box."""

from __future__ import annotations

from collections import deque

from msgspec import Struct

from .theme import ADDRESS, NAME, shortened

Point = tuple[float, float]


class Box(Struct, frozen=True):
    """A rectangle. `kind` names its colour and shape; `title` is its whole name, which its label may shorten."""

    key: str
    kind: str  # machine, pod, bridge, kernel, device, port, segment, beyond
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
    kind: str  # cable, inside, tunnel
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
    """A drawing in the making."""

    def __init__(self) -> None:
        self.boxes: dict[str, Box] = {}
        self.lines: list[Line] = []
        self.labels: list[Label] = []

    def box(self, box: Box) -> Box:
        self.boxes[box.key] = box
        return box

    def line(self, one: str, other: str, kind: str, *points: Point) -> None:
        self.lines.append(Line(f"{one} -- {other}", one, other, kind, points))

    def text(self, box: Box, *rows: str, bold: int = 0) -> None:
        """Rows of text in the middle of a box; row number `bold` is a name. An empty row is left out."""
        shown = [(row, NAME if at == bold else ADDRESS, at == bold) for at, row in enumerate(rows) if row]
        leading = 15.0
        x, y = box.middle
        y += 4.2 - leading * (len(shown) - 1) / 2
        for row, size, is_name in shown:
            text = shortened(row, box.width - 6, size)
            self.labels.append(Label(box.key, x, y, text, size, "name" if is_name else "address"))
            y += leading

    def frozen(self, width: float, height: float) -> Drawing:
        return Drawing(width, height, tuple(self.boxes.values()), tuple(self.lines), tuple(self.labels))
