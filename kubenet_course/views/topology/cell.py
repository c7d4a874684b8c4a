"""One machine in a picture: its pods above, its bridges, its kernel, and below the devices by which it meets the others.

What leads away from the other machines, a host or a network that hangs on this machine alone, stands above its frame.
Coordinates count from the cell's upper left corner.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ...linux.namespace.device import Device
from ...linux.namespace.netns import Netns
from ..drawing.drawing import Box, Sketch
from .parts import DrawnMachine
from .roles import Segment, address_on, addresses

EDGE, GAP, GUTTER = 12.0, 10.0, 26.0
POD_HEIGHT, BAR, DEVICE_HEIGHT, TITLE = 40.0, 26.0, 36.0, 24.0
PORT = 9.0  # px, the side of the small square where a cable ends
LONGEST = 124.0  # px, the widest that a device's box gets


class Beyond(Struct, frozen=True):
    """What hangs on one machine alone: a segment, and the hosts on it."""

    segment: Segment
    dev: str
    hosts: tuple[Netns, ...] = ()


class Cell(Struct, frozen=True):
    """A machine to be drawn: `near` are the devices towards the others, `far` those away from them."""

    machine: DrawnMachine
    near: tuple[Device, ...]
    far: tuple[Device, ...] = ()
    beyond: tuple[Beyond, ...] = ()


def short(name: str) -> str:
    """A namespace's name as a picture has it: without what stands before its last slash."""
    return name.rpartition("/")[2]


def sketched(cell: Cell, width: float) -> tuple[Sketch, float]:
    """The cell and its height. Frames come first, so that everything else lies upon them.

    Hosts outside stand above the frame, which begins at the bridge that they hang on.
    """
    sketch, name, machine = Sketch(), cell.machine.ns.name, cell.machine
    top = _beyond_height(cell) + (DEVICE_HEIGHT / 2 if cell.far else 0)
    sketch.box(Box(name, "machine", 0, 0, width, 0, name))
    y = top + (DEVICE_HEIGHT / 2 if cell.far else 0)
    if machine.leads_outside:
        y = _pods(sketch, cell, width, y)
        top = y + BAR / 2
        y = _title(sketch, cell, width, _bridges(sketch, cell, width, y) - GAP)
    else:
        y = _bridges(sketch, cell, width, _pods(sketch, cell, width, _title(sketch, cell, width, y)))
    kernel = sketch.box(
        Box(f"{name}:kernel", "kernel", EDGE, y, width - 2 * EDGE, BAR, f"the kernel of {name}"), "rules and routes"
    )
    _attach_inside(sketch, cell, kernel)
    y += BAR + (GAP + 6 if cell.near else GAP)
    bottom = y + (DEVICE_HEIGHT / 2 if cell.near else 0)
    _devices(sketch, cell, cell.near, kernel, width, y)
    _devices(sketch, cell, cell.far, kernel, width, _beyond_height(cell))
    _beyond(sketch, cell, width)
    sketch.box(Box(name, "machine", 0, top, width, bottom - top, name))
    return sketch, y + (DEVICE_HEIGHT if cell.near else 0)


def _title(sketch: Sketch, cell: Cell, width: float, y: float) -> float:
    """The machine's name in its frame, and how many of its pods are not drawn."""
    name, left_out = cell.machine.ns.name, cell.machine.left_out
    has_more = left_out and not cell.machine.leads_outside
    text = short(name) + (f", {left_out} more pods not drawn" if has_more else "")
    sketch.box(Box(f"{name}:title", "title", 10, y, width - 20, TITLE, name), text)
    return y + TITLE


def _pods(sketch: Sketch, cell: Cell, width: float, y: float) -> float:
    """Two beside each other; the last row stands directly above its bridge, the others reach it through the gutter."""
    pods = cell.machine.pods
    if not pods:
        return y
    columns = 2 if len(pods) > 1 else 1
    wide = (width - 2 * EDGE - GUTTER) / 2
    for at, pod in enumerate(pods):
        row, column = divmod(at, columns)
        x = EDGE + column * (wide + GUTTER) if columns == 2 else (width - wide) / 2
        box = Box(pod.name, "pod", x, y + row * (POD_HEIGHT + GAP), wide, POD_HEIGHT, pod.name)
        sketch.box(box, *_name_and_address(pod))
    rows = -(-len(pods) // columns)
    y += rows * (POD_HEIGHT + GAP)
    return y + 12


def _name_and_address(pod: Netns) -> tuple[str, str]:
    """What stands in a pod's box; a host outside has no name but its address."""
    own, name = " ".join(addresses(pod)[:1]), short(pod.name)
    return ("host outside" if name == own else name), own


def _bridges(sketch: Sketch, cell: Cell, width: float, y: float) -> float:
    ns = cell.machine.ns
    bridges = [device for device in ns.devices.values() if device.kind == "bridge"]
    if not bridges:
        return y
    wide = (width - 2 * EDGE - GAP * (len(bridges) - 1)) / len(bridges)
    for at, device in enumerate(bridges):
        key, x = f"{ns.name}/{device.name}", EDGE + at * (wide + GAP)
        text = f"{device.name}  {address_on(device, with_length=True)}".strip()
        sketch.box(Box(key, "bridge", x, y, wide, BAR, f"bridge {text}"), text)
    return y + BAR + GAP + 6


def _attach_inside(sketch: Sketch, cell: Cell, kernel: Box) -> None:
    """Bridges hang on the kernel; a pod's cable ends at a bridge, or at the kernel where no bridge has it."""
    ns = cell.machine.ns
    for device in ns.devices.values():
        key = f"{ns.name}/{device.name}"
        if device.kind == "bridge":
            x, _ = sketch.boxes[key].middle
            sketch.line(key, kernel.key, "inside", (x, sketch.boxes[key].y + BAR), (x, kernel.y))
    last = max((sketch.boxes[pod.name].y for pod in cell.machine.pods), default=0.0)
    used: dict[int, int] = {0: 0, 1: 0}
    for pod in cell.machine.pods:
        for own, device in _ends(pod, ns):
            bed = sketch.boxes.get(f"{ns.name}/{device.master}", kernel)
            box = sketch.boxes[pod.name]
            side = 0 if box.x < kernel.middle[0] - 1 else 1
            lane = 0.0 if box.y == last else (kernel.middle[0] + (6 + 12 * used[side]) * (2 * side - 1))
            used[side] += lane > 0
            _cable(sketch, (f"{pod.name}/{own.name}", f"{ns.name}/{device.name}"), box, bed, lane)


def _ends(pod: Netns, ns: Netns) -> list[tuple[Device, Device]]:
    """The cables between a pod and its machine, the pod's end first."""
    return [
        (device, ns.devices[device.peer[1]])
        for device in pod.devices.values()
        if device.peer and device.peer[0] == ns.name and device.peer[1] in ns.devices
    ]


def _cable(sketch: Sketch, keys: tuple[str, str], pod: Box, bed: Box, lane: float) -> None:
    """From a pod's port to the bridge's: straight down, or sideways into the gutter and then down."""
    one, other = keys
    half = PORT / 2
    if lane:
        side = pod.x + pod.width if pod.x < lane else pod.x
        start, points = (side, pod.middle[1]), [(side, pod.middle[1]), (lane, pod.middle[1]), (lane, bed.y)]
    else:
        lane = pod.middle[0]
        start, points = (lane, pod.y + pod.height), [(lane, pod.y + pod.height), (lane, bed.y)]
    sketch.line(pod.key, one, "inside", pod.middle, start)
    sketch.line(one, other, "cable", *points)
    sketch.line(other, bed.key, "inside", (lane, bed.y), bed.middle)
    sketch.box(Box(one, "port", start[0] - half, start[1] - half, PORT, PORT, one))
    sketch.box(Box(other, "port", lane - half, bed.y - half, PORT, PORT, other))


def _devices(sketch: Sketch, cell: Cell, devices: Sequence[Device], kernel: Box, width: float, y: float) -> None:
    """A row of devices, each joined to the kernel; a tunnel also to the device that its packets leave by."""
    if not devices:
        return
    name = cell.machine.ns.name
    wide = min(LONGEST, (width - 2 * EDGE - 14 * (len(devices) - 1)) / len(devices))
    start = (width - wide * len(devices) - 14 * (len(devices) - 1)) / 2
    is_below = y > kernel.y
    for at, device in enumerate(devices):
        key = f"{name}/{device.name}"
        box = Box(key, "device", start + at * (wide + 14), y, wide, DEVICE_HEIGHT, f"{device.name} of {name}")
        sketch.box(box, device.name, address_on(device))
        bed = sketch.boxes.get(f"{name}/{device.master}", kernel)
        edge = bed.y + BAR if is_below else bed.y
        near_edge = box.y if is_below else box.y + DEVICE_HEIGHT
        sketch.line(key, bed.key, "inside", (box.middle[0], near_edge), (box.middle[0], edge))
    for device in devices:
        below = sketch.boxes.get(f"{name}/{device.vxlan.dev}") if device.vxlan else None
        if below and below.y == y:
            above = sketch.boxes[f"{name}/{device.name}"]
            left, right = sorted((above, below), key=lambda box: box.x)
            points = ((left.x + left.width, left.middle[1]), (right.x, right.middle[1]))
            sketch.line(above.key, below.key, "tunnel", *points)


def _beyond_height(cell: Cell) -> float:
    if not cell.beyond:
        return 0.0
    hosts = POD_HEIGHT + 20 if any(one.hosts for one in cell.beyond) else 0.0
    bars = BAR + 16 if any(one.segment.name or not one.hosts for one in cell.beyond) else 0.0
    return hosts + bars


def _beyond(sketch: Sketch, cell: Cell, width: float) -> None:
    """Above each far device what it leads to: hosts, and between them and the device their network."""
    if not cell.beyond:
        return
    name, total = cell.machine.ns.name, _beyond_height(cell)
    share = (width - GAP * (len(cell.beyond) - 1)) / len(cell.beyond)
    for at, one in enumerate(cell.beyond):
        device = sketch.boxes[f"{name}/{one.dev}"]
        x, key = at * (share + GAP), device.key
        has_bar = bool(one.segment.name or not one.hosts)
        if has_bar:
            bar = sketch.box(
                Box(one.segment.key, "segment", x, total - BAR - 16, share, BAR, one.segment.title), one.segment.title
            )
            sketch.line(key, bar.key, "cable", (device.middle[0], device.y), (device.middle[0], bar.y + BAR))
            key = bar.key
        wide = min(LONGEST, (share - GAP * (len(one.hosts) - 1)) / max(1, len(one.hosts)))
        start = x + (share - wide * len(one.hosts) - GAP * (len(one.hosts) - 1)) / 2
        for number, host in enumerate(one.hosts):
            left = start + number * (wide + GAP)
            box = Box(host.name, "pod", left, 0, wide, POD_HEIGHT, host.name)
            sketch.box(box, *_name_and_address(host))
            end = next(d for n, d in one.segment.ends if n == host.name)
            port, middle = f"{host.name}/{end}", box.middle[0]
            sketch.line(host.name, port, "inside", box.middle, (middle, POD_HEIGHT))
            below = (middle, total - BAR - 16) if has_bar else (device.middle[0], device.y)
            sketch.line(port, key, "cable", (middle, POD_HEIGHT), below)
            sketch.box(Box(port, "port", middle - PORT / 2, POD_HEIGHT - PORT / 2, PORT, PORT, port))
