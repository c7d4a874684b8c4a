"""A scene as a PNG, for pages that show no SVG: GitHub, nbconvert, a notebook that nobody has trusted yet. Light colours only."""

from __future__ import annotations

import base64
import io

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Polygon, Rectangle

from .drawing import NO_MARK, Box, Label, Line, Mark
from .scene import Scene
from .svg import ROUND, label_text
from .theme import LIGHT

DOTS = 144  # per inch: twice what a screen usually has
POINTS = 72 / 96  # of type for each pixel
SMALL = 12.0  # px, the width below which a box is a dot
FILL = {kind: LIGHT[kind] for kind in ("machine", "pod", "bridge", "kernel", "device", "segment")} | {
    "port": LIGHT["line"]
}


def png(scene: Scene, mark: Mark = NO_MARK) -> bytes:
    """The picture as `svg.svg` draws it, in a file of its own."""
    drawing = scene.drawing
    figure = Figure(figsize=(drawing.width / 96, drawing.height / 96), dpi=DOTS, facecolor=LIGHT["paper"])
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, drawing.width)
    axes.set_ylim(drawing.height, 0)
    axes.axis("off")
    marked, dots = {mark.here, *mark.been}, []
    for box in drawing.boxes:
        if box.kind == "pod" and box.width < SMALL and box.key not in marked:
            dots.append(Rectangle((box.x, box.y), box.width, box.height))
            continue
        order = {"machine": 1, "port": 4}.get(box.kind, 3)
        _box(axes, box, box.key == mark.here, box.key in mark.been, order)
    if dots:  # hundreds of them: one patch each would take a second
        fill, edge = FILL["pod"], LIGHT["line"]
        axes.add_collection(PatchCollection(dots, facecolor=fill, edgecolor=edge, linewidth=POINTS, zorder=3))
    for line in drawing.lines:
        _line(axes, line, line.key in mark.been)
    for label in drawing.labels:
        _label(axes, label, label_text(label, mark))
    _letter(axes, drawing.keys.get(mark.here))
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def png_text(scene: Scene, mark: Mark = NO_MARK) -> str:
    """The PNG as notebooks store it."""
    return base64.b64encode(png(scene, mark)).decode()


def _box(axes, box: Box, is_here: bool, was_here: bool, order: int) -> None:
    if box.kind == "title":
        return
    edge, wide = (LIGHT["here"], 4) if is_here else (LIGHT["path"], 2.5) if was_here else (LIGHT["line"], 1)
    shape = FancyBboxPatch(
        (box.x, box.y), box.width, box.height, boxstyle=f"round,pad=0,rounding_size={ROUND.get(box.kind, 3)}",
        facecolor=LIGHT["here-fill"] if is_here else FILL.get(box.kind, LIGHT["paper"]), edgecolor=edge,
        linewidth=wide * POINTS, zorder=order,
    )  # fmt: skip
    axes.add_patch(shape)


def _line(axes, line: Line, was_here: bool) -> None:
    xs, ys = zip(*line.points, strict=True)
    style = {"inside": (0, (1, 3)), "tunnel": (0, (5, 3)), "unplugged": (0, (5, 3))}.get(line.kind, "-")
    colour, wide = (LIGHT["path"], 4) if was_here else (LIGHT["line"], 1 if line.kind == "inside" else 1.5)
    axes.plot(xs, ys, color=colour, linewidth=wide * POINTS, linestyle="-" if was_here else style, zorder=2)


def _label(axes, label: Label, text: str) -> None:
    is_name = label.kind == "name"
    axes.text(
        label.x, label.y, text, fontsize=label.size * POINTS * 0.94, color=LIGHT["ink" if is_name else "quiet"],
        fontweight="bold" if is_name else "normal", ha={"middle": "center", "start": "left"}[label.anchor],
        va="baseline", zorder=5, family="DejaVu Sans",
    )  # fmt: skip


def _letter(axes, box: Box | None) -> None:
    """The packet, as the other renderer draws it."""
    if box is None:
        return
    x, y = box.x + box.width, box.y
    axes.add_patch(
        Rectangle((x - 15, y - 9), 22, 15, facecolor=LIGHT["here"], edgecolor=LIGHT["paper"], lw=1, zorder=6)
    )
    flap = Polygon([(x - 14, y - 7.5), (x - 4, y + 0.5), (x + 6, y - 7.5)], closed=False, fill=False)
    flap.set(edgecolor=LIGHT["paper"], linewidth=1.1, zorder=7)
    axes.add_patch(flap)
