"""The picture of a world that is being built: every namespace with its devices, plugged in or not, up or down.

The course's other pictures are of networks that work and leave out what carries nothing. Here that is the point: a cable with
one end down is dashed, a device without an address has none beside it. Other namespaces stand above the terminal's own.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...linux.namespace.device import Device
from ...linux.namespace.fib import LINK_LOCAL
from ...linux.namespace.netns import Netns
from ..drawing.drawing import LEADING, Box, Sketch
from ..drawing.scene import Scene
from ..drawing.scene import scene as of_network
from ..drawing.theme import WIDTH

World = Mapping[str, Netns]
MOST_ABOVE, MOST_DEVICES = 4, 6  # of more there would be nothing to read
MARGIN, GAP, PORT, BAR, TITLE = 6.0, 12.0, 9.0, 26.0, 24.0
ROOM = 40.0  # px between what stands above and the terminal's own machine, where the cables are seen


def scene(world: World, here: str) -> Scene:
    """The scene; a world too large to be shown device by device is drawn as the other pictures draw it."""
    above = [ns for name, ns in world.items() if name != here]
    if len(above) > MOST_ABOVE or any(len(_own(ns)) > MOST_DEVICES for ns in world.values()):
        return of_network(world)
    sketch, y = Sketch(), 2 * MARGIN  # where the packet is, its letter stands out a little
    y = _above(sketch, above, y)
    if here in world:
        y = _machine(sketch, world[here], above, y + ROOM * bool(above))
    else:
        y += ROOM / 2 + MARGIN  # for cables between those above
    _cables(sketch, world)
    return Scene(sketch.frozen(WIDTH, y + MARGIN), tuple(namespace_in_words(ns, world) for ns in world.values()))


def _own(ns: Netns) -> list[Device]:
    """All but lo, of which every namespace has one."""
    return [device for device in ns.devices.values() if device.kind != "lo"]


def addresses(device: Device) -> list[str]:
    """What somebody gave it, with its length: without that nobody knows what is on the same link."""
    return [str(own) for own in device.addresses if own.address not in LINK_LOCAL]


def _state(device: Device) -> str:
    return "up" if device.up else "down"


def _row(device: Device) -> str:
    return " ".join([device.name, _state(device), *addresses(device)[:1]])


def _above(sketch: Sketch, above: list[Netns], y: float) -> float:
    """Namespaces beside each other, a row of text for each of their devices."""
    if not above:
        return y
    wide, start = _columns(len(above))
    rows = {ns.name: _rows(ns, wide) for ns in above}
    height = 14 + LEADING * max(map(len, rows.values()))
    for at, ns in enumerate(above):
        box = sketch.box(Box(ns.name, "pod", start + at * (wide + GAP), y, wide, height, ns.name), *rows[ns.name])
        for number, device in enumerate(_own(ns), 1):
            x = box.x + wide * number / (len(_own(ns)) + 1)
            _port(sketch, f"{ns.name}/{device.name}", x, y + height)
    return y + height


def _columns(count: int, least: int = 2) -> tuple[float, float]:
    """The width of each of so many boxes beside each other, or of as many as there is room kept for; and where the first begins."""
    room = max(least, count)
    wide = (WIDTH - 4 * MARGIN - GAP * (room - 1)) / room
    return wide, (WIDTH - wide * count - GAP * (count - 1)) / 2


def _rows(ns: Netns, wide: float) -> list[str]:
    """The name, then the devices; in a narrow box an address has a row of its own."""
    own = [_row(device) for device in _own(ns)] or ["only lo"]
    if wide < 200 and _own(ns):
        own = [part for device in _own(ns) for part in (f"{device.name} {_state(device)}", *addresses(device)[:1])]
    return [ns.name, *own]


def _port(sketch: Sketch, key: str, x: float, y: float) -> None:
    sketch.box(Box(key, "port", x - PORT / 2, y - PORT / 2, PORT, PORT, key))


def _machine(sketch: Sketch, ns: Netns, above: list[Netns], y: float) -> float:
    """The terminal's own machine: ends of cables, each below its other end; under them the bridges, and its kernel if it routes."""
    ends = [device for device in _own(ns) if device.kind != "bridge"]
    bridges = [device for device in _own(ns) if device.kind == "bridge"]
    order = {other.name: at for at, other in enumerate(above)}
    ends.sort(key=lambda device: order.get(device.peer[0] if device.peer else "", len(order)))
    sketch.box(
        Box(ns.name, "machine", MARGIN, y, WIDTH - 2 * MARGIN, 0, ns.name)
    )  # first, so that all else lies upon it
    sketch.box(Box(f"{ns.name}:title", "title", MARGIN + 8, y, WIDTH - 40, TITLE, ns.name), ns.name)
    low = y + TITLE
    for row, kind in ((ends, "device"), (bridges, "bridge")):
        wide, start = _columns(len(row), 2 if row is ends else 1)
        for at, device in enumerate(row):
            box = Box(f"{ns.name}/{device.name}", kind, start + at * (wide + GAP), low, wide, BAR, device.name)
            sketch.box(box, "bridge " * (row is bridges) + _row(device))
        low += (BAR + ROOM / 2) * bool(row)
    if ns.forwards(4):
        wide, start = _columns(1, 1)
        sketch.box(
            Box(f"{ns.name}:kernel", "kernel", start, low, wide, BAR, f"the kernel of {ns.name}"), "rules and routes"
        )
        low += BAR + ROOM / 2
    for device in (*bridges, *ends):
        _plugged(sketch, ns, device)
    low -= ROOM / 2 - GAP / 2 if low > y + TITLE else 0
    sketch.box(Box(ns.name, "machine", MARGIN, y, WIDTH - 2 * MARGIN, low - y, ns.name))
    return low


def _plugged(sketch: Sketch, ns: Netns, device: Device) -> None:
    """From an end to the bridge whose port it is; a bridge, and an end that is no port, lead to the kernel."""
    end = sketch.boxes[f"{ns.name}/{device.name}"]
    bed = sketch.boxes.get(f"{ns.name}/{device.master}" if device.master else f"{ns.name}:kernel")
    if bed is None:
        return
    is_on = device.up and (not device.master or ns.devices[device.master].up)
    x = end.middle[0]
    sketch.line(
        end.key,
        bed.key,
        ("cable" if device.master else "inside") if is_on else "unplugged",
        (x, end.y + BAR),
        (x, bed.y),
    )


def _cables(sketch: Sketch, world: World) -> None:
    """Each cable once; it carries frames only if both its ends are up."""
    for name, ns in world.items():
        for device in _own(ns):
            one = sketch.boxes.get(f"{name}/{device.name}")
            other = sketch.boxes.get("/".join(device.peer)) if device.peer else None
            if one is None or other is None or other.key < one.key or device.peer is None:
                continue
            far = world[device.peer[0]].devices[device.peer[1]]
            upper, lower = sorted((one, other), key=lambda box: box.y)
            kind = "cable" if device.up and far.up else "unplugged"
            (x, top), (to, end) = upper.middle, (lower.middle[0], lower.y)
            low = max(top, end) + 17  # both above: down, across, and up again
            bent = ((x, low), (to, low), (to, lower.middle[1])) if upper.y == lower.y else ((to, end),)
            sketch.line(one.key, other.key, kind, (x, top), *bent)


def namespace_in_words(ns: Netns, world: World) -> str:
    """One namespace in a sentence."""
    parts = [_said(device, world) for device in _own(ns)] or ["only lo"]
    parts += ["it sends on what is for others"] if ns.forwards(4) else []
    return f"{ns.name}: {'; '.join(parts)}."


def _said(device: Device, world: World) -> str:
    words = [" ".join([device.name, *addresses(device)]), _state(device)]
    if device.kind == "bridge":
        words.insert(1, "a bridge")
    if device.master:
        words.append(f"a port of {device.master}")
    if device.peer:
        far = world[device.peer[0]].devices[device.peer[1]]
        is_cut = device.up and not far.up
        words.append(f"a cable to {far.name} in {device.peer[0]}" + ", whose other end is down" * is_cut)
    return ", ".join(words)
