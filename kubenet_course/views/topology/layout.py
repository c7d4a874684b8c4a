"""Where everything stands: machines in rows of two, and between the rows, as bars, the networks that join them."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ...linux.namespace.device import Device
from ..drawing.drawing import Box, Drawing, Sketch
from ..drawing.theme import WIDTH
from .cell import BAR, Beyond, Cell, sketched
from .parts import DrawnMachine, Parts
from .roles import Segment

COLUMN_GAP, ROW_GAP, MARGIN = 20.0, 24.0, 6.0
ALONE = 380.0  # px, the width of a machine that stands alone
MOST_DEVICES = 4


class Row(Struct, frozen=True):
    """Machines that stand beside each other. `hangs` says that their network is above them, so that they stand on their heads."""

    cells: tuple[Cell, ...]
    hangs: bool = False


def drawing(parts: Parts) -> Drawing:
    """The picture of what was chosen."""
    bars, hosts = _bars(parts)
    rows = _rows(parts, bars, hosts)
    sketch, y = Sketch(), MARGIN
    for item in rows:
        if isinstance(item, Segment):
            title = item.title or "cable"
            sketch.box(Box(item.key, "segment", MARGIN, y, WIDTH - 2 * MARGIN, BAR, title), title)
            y += BAR + ROW_GAP
        else:
            y = _row(sketch, item, y) + ROW_GAP
    _wires(sketch, bars)
    if not bars:
        y = _stubs(sketch, parts, y)
    return sketch.frozen(WIDTH, y - ROW_GAP + MARGIN)


def _bars(parts: Parts) -> tuple[list[Segment], dict[str, list[Beyond]]]:
    """The networks drawn as bars, and what hangs on one machine alone: networks with no other machine, or only with hosts."""
    nodes = {machine.ns.name for machine in parts.machines if machine.is_node}
    by_name = {machine.ns.name: machine.ns for machine in parts.machines}
    degree = {name: sum(name in segment.namespaces for segment in parts.segments) for name in by_name}
    bars: list[Segment] = []
    beyond: dict[str, list[Beyond]] = {}
    for segment in parts.segments:
        hubs = [name for name in segment.namespaces if degree[name] > 1 or name in nodes]
        if len(segment.namespaces) > 1 and (len(hubs) != 1 or not bars):
            bars.append(segment)
        else:
            hub = hubs[0] if hubs else segment.namespaces[0]
            dev = next(dev for name, dev in segment.ends if name == hub)
            others = tuple(by_name[name] for name in segment.namespaces if name != hub)[:2]
            beyond.setdefault(hub, []).append(Beyond(segment, dev, others))
    return bars, beyond


def _rows(parts: Parts, bars: list[Segment], beyond: dict[str, list[Beyond]]) -> list[Row | Segment]:
    """Rows and bars from top to bottom. The first two nodes stand upon the first bar; what joins two bars stands between."""
    hosts = {host.name for row in beyond.values() for one in row for host in one.hosts}
    drawn = [machine for machine in parts.machines if machine.ns.name not in hosts]
    drawn.sort(key=lambda machine: not machine.is_node)
    if not bars:
        return [Row((_cell(machine, [], {}),)) for machine in drawn]
    on = {m.ns.name: [at for at, bar in enumerate(bars) if m.ns.name in bar.namespaces] or [0] for m in drawn}
    last = len(bars) - 1
    tops = [m for m in drawn if on[m.ns.name] == [0]]
    nodes = [m for m in tops if m.is_node]
    above = tops if last else (nodes or tops)[:2]
    found: list[Row | Segment] = _pairs([_cell(m, bars[:1], beyond) for m in above])
    for at, bar in enumerate(bars):
        found.append(bar)
        here = [
            m for m in drawn if m not in above and on[m.ns.name][0] == at and (at == last or len(on[m.ns.name]) > 1)
        ]
        here += [m for m in drawn if 0 < at < last and on[m.ns.name] == [at]]
        found += _pairs([_cell(m, [bar], beyond) for m in here], hangs=True)
    return found


def _pairs(cells: list[Cell], hangs: bool = False) -> list[Row | Segment]:
    return [Row(tuple(cells[at : at + 2]), hangs) for at in range(0, len(cells), 2)]


def _cell(machine: DrawnMachine, towards: Sequence[Segment], beyond: dict[str, list[Beyond]]) -> Cell:
    """Devices on the bar, and tunnels, are near; those that lead elsewhere are far. A machine alone has all of them near."""
    name = machine.ns.name
    own = tuple(beyond.get(name, ()))
    away = {one.dev for one in own}
    on_bar = {dev for segment in towards for owner, dev in segment.ends if owner == name}
    shown = [device for device in machine.ns.devices.values() if _is_outer(machine, device)]
    far = [device for device in shown if towards and device.name not in on_bar and device.kind != "vxlan"]
    near = [device for device in shown if device not in far]
    return Cell(
        machine, tuple(near[:MOST_DEVICES]), tuple(far[:MOST_DEVICES]), tuple(one for one in own if one.dev in away)
    )


def _is_outer(machine: DrawnMachine, device: Device) -> bool:
    pods = {pod.name for pod in machine.pods}
    leads_to_pod = bool(device.peer and device.peer[0] in pods) or (device.kind == "veth" and bool(device.master))
    return device.kind in ("eth", "veth", "vxlan") and not leads_to_pod


def _row(sketch: Sketch, row: Row, y: float) -> float:
    """Draws a row; its machines stand on its lower edge, or hang from its upper one. The y below it."""
    wide = ALONE if len(row.cells) == 1 and len(row.cells[0].near) > 2 else (WIDTH - 2 * MARGIN - COLUMN_GAP) / 2
    made = [sketched(cell, wide) for cell in row.cells]
    tallest = max(height for _, height in made)
    x = (WIDTH - wide * len(made) - COLUMN_GAP * (len(made) - 1)) / 2
    for one, height in made:
        sketch.add(one, x, y if row.hangs else y + tallest - height, height, row.hangs)
        x += wide + COLUMN_GAP
    return y + tallest


def _wires(sketch: Sketch, bars: list[Segment]) -> None:
    """From each device to its bar: straight where nothing stands between, else through the gap between the columns."""
    lane = 0
    for bar in bars:
        box = sketch.boxes[bar.key]
        for name, dev in bar.ends:
            device = sketch.boxes.get(f"{name}/{dev}")
            if device is None:
                continue
            is_above = device.y < box.y
            start = device.y + device.height if is_above else device.y
            end = box.y if is_above else box.y + box.height
            x = device.middle[0]
            if abs(end - start) <= ROW_GAP + 1:
                sketch.line(device.key, bar.key, "cable", (x, start), (x, end))
                continue
            turn = start + (ROW_GAP / 2 if is_above else -ROW_GAP / 2)
            gap = WIDTH / 2 + (-6, 0, 6)[lane % 3]
            lane += 1
            sketch.line(device.key, bar.key, "cable", (x, start), (x, turn), (gap, turn), (gap, end))


def _stubs(sketch: Sketch, parts: Parts, y: float) -> float:
    """Without anything that joins machines, each device leads to a small bar of its own."""
    lowest = y
    for segment in parts.segments:
        for name, dev in segment.ends:
            device = sketch.boxes.get(f"{name}/{dev}")
            if device is None:
                continue
            top = device.y + device.height + ROW_GAP
            key = segment.key if segment.key not in sketch.boxes else f"{segment.key} {name}/{dev}"
            title = segment.title or "beyond"
            bar = sketch.box(Box(key, "segment", device.x, top, device.width, BAR, title), title)
            x = device.middle[0]
            sketch.line(device.key, key, "cable", (x, device.y + device.height), (x, top))
            lowest = max(lowest, bar.y + BAR + ROW_GAP)
    return lowest
