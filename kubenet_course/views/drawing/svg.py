"""A scene as SVG, in the colours of the page that it stands in; also fit to be saved as a file of its own."""

from __future__ import annotations

from html import escape

from .drawing import NO_MARK, Box, Drawing, Label, Line, Mark
from .scene import Scene
from .theme import FONT, colour, variables

ROUND = {"machine": 10, "pod": 6, "bridge": 4, "kernel": 4, "device": 4, "segment": 13, "port": 2}
STYLE = f"""{variables(".kn")}
.kn-scene text{{font-family:{FONT};fill:{colour("ink")}}}
.kn-scene .kn-name{{font-weight:600}}
.kn-scene .kn-address{{fill:{colour("quiet")}}}
.kn-scene rect{{stroke:{colour("line")};stroke-width:1}}
.kn-scene .kn-paper{{fill:{colour("paper")};stroke:none}}
.kn-scene .kn-machine{{fill:{colour("machine")}}}
.kn-scene .kn-pod{{fill:{colour("pod")}}}
.kn-scene .kn-bridge{{fill:{colour("bridge")}}}
.kn-scene .kn-kernel{{fill:{colour("kernel")}}}
.kn-scene .kn-device{{fill:{colour("device")}}}
.kn-scene .kn-segment{{fill:{colour("segment")}}}
.kn-scene .kn-title{{fill:none;stroke:none}}
.kn-scene .kn-port{{fill:{colour("line")};stroke:{colour("paper")}}}
.kn-scene polyline{{fill:none;stroke:{colour("line")};stroke-width:1.5}}
.kn-scene .kn-inside{{stroke-width:1;stroke-dasharray:1 3}}
.kn-scene .kn-tunnel,.kn-scene .kn-unplugged{{stroke-dasharray:5 3}}
.kn-scene polyline.kn-been{{stroke:{colour("path")};stroke-width:4;stroke-dasharray:none}}
.kn-scene rect.kn-been{{stroke:{colour("path")};stroke-width:2.5}}
.kn-scene rect.kn-here{{stroke:{colour("here")};stroke-width:4;fill:{colour("here-fill")}}}
.kn-scene .kn-packet{{fill:{colour("here")};stroke:{colour("paper")};stroke-width:1.2}}
.kn-scene .kn-flap{{fill:none;stroke:{colour("paper")};stroke-width:1.4}}
"""


def svg(scene: Scene, mark: Mark = NO_MARK, label: str = "") -> str:
    """The picture, with the packet where `mark` says. `label` is what a screen reader says; else the scene in sentences."""
    drawing = scene.drawing
    frames = [box for box in drawing.boxes if box.kind == "machine"]
    ports = [box for box in drawing.boxes if box.kind == "port"]
    others = [box for box in drawing.boxes if box.kind not in ("machine", "port")]
    width, height = drawing.width, drawing.height
    body = [
        f'<rect class="kn-paper" width="{width:g}" height="{height:g}"/>',
        *(_box(box, mark) for box in frames),
        *(_line(line, mark) for line in drawing.lines),
        *(_box(box, mark) for box in (*others, *ports)),
        *(_label(label, mark) for label in drawing.labels),
        packet(drawing, mark.here),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="kn kn-scene" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img" aria-label="{escape(label or str(scene))}">'
        f"<style>{STYLE}</style>{''.join(body)}</svg>"
    )


def _classes(drawn: Box | Line, mark: Mark) -> str:
    return f"kn-{drawn.kind}" + " kn-been" * (drawn.key in mark.been) + " kn-here" * (drawn.key == mark.here)


def _box(box: Box, mark: Mark) -> str:
    return (
        f'<rect data-key="{escape(box.key)}" class="{_classes(box, mark)}" x="{box.x:g}" y="{box.y:g}" '
        f'width="{box.width:g}" height="{box.height:g}" rx="{ROUND.get(box.kind, 3)}">'
        f"<title>{escape(box.title)}</title></rect>"
    )


def _line(line: Line, mark: Mark) -> str:
    points = " ".join(f"{x:g},{y:g}" for x, y in line.points)
    return f'<polyline data-key="{escape(line.key)}" class="{_classes(line, mark)}" points="{points}"/>'


def _label(label: Label, mark: Mark) -> str:
    return (
        f'<text data-of="{escape(label.of)}" class="kn-{label.kind}" x="{label.x:g}" y="{label.y:g}" '
        f'font-size="{label.size:g}" text-anchor="{label.anchor}" pointer-events="none">'
        f"{escape(label_text(label, mark))}</text>"
    )


def label_text(label: Label, mark: Mark) -> str:
    """A label's text; where the packet is inside a kernel, that kernel's label names the stage instead."""
    return mark.stage if mark.stage and label.of == mark.here and label.of.endswith(":kernel") else label.text


def packet(drawing: Drawing, here: str) -> str:
    """A small letter at the upper right corner of the box where the packet is; without a box it waits, unseen."""
    box = drawing.keys.get(here)
    x, y = (box.x + box.width, box.y) if box else (0, 0)
    hidden = "" if box else ' visibility="hidden"'
    return (
        f'<g class="kn-letter" transform="translate({x:g} {y:g})"{hidden}>'
        '<rect class="kn-packet" x="-15" y="-9" width="22" height="15" rx="2"/>'
        '<path class="kn-flap" d="M-14 -7.5 L-4 0.5 L6 -7.5"/></g>'
    )
