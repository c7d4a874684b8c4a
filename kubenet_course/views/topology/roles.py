"""Which part each namespace plays in a picture, read from its devices alone: a machine, a pod in one, or a switch.

And what joins machines: a segment is the devices that hear each other, through a switch, by one cable, or because their
addresses share a block and nobody said more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from ...linux.namespace.device import Device
from ...linux.namespace.fib import LINK_LOCAL
from ...linux.namespace.netns import Netns
from ...linux.packet.address import IPV4, family

World = Mapping[str, Netns]
End = tuple[str, str]  # a namespace and a device in it
MACHINE, POD, SWITCH = "machine", "pod", "switch"
POD_SIDE = ("veth", "cali", "lxc", "kn-")  # how plugins name the node's end of a pod's cable


class Segment(Struct, frozen=True):
    """What joins machines. `name` is the switch's, or empty; `ends` are the devices on it."""

    key: str
    name: str
    block: str
    ends: tuple[End, ...]

    @property
    def namespaces(self) -> list[str]:
        return list(dict.fromkeys(namespace for namespace, _ in self.ends))

    @property
    def title(self) -> str:
        return " ".join(part for part in (self.name, self.block) if part)


def far(world: World, device: Device) -> tuple[Netns, Device] | None:
    """The other end of a cable; None where the world does not hold it."""
    if not device.peer or device.peer[0] not in world:
        return None
    other = world[device.peer[0]]
    return (other, other.devices[device.peer[1]]) if device.peer[1] in other.devices else None


def neighbours(world: World, ns: Netns) -> list[tuple[Netns, Device]]:
    """The other ends of all cables of a namespace."""
    ends = [far(world, device) for device in ns.devices.values() if device.peer]
    return [end for end in ends if end]


def addresses(ns: Netns) -> list[str]:
    """A namespace's own addresses, IPv4 first; loopback and link-local ones aside."""
    own = [a.address for d in ns.devices.values() if d.kind != "lo" for a in d.addresses]
    return sorted((a for a in own if a not in LINK_LOCAL), key=lambda a: family(a) is not IPV4)


def address_on(device: Device, with_length: bool = False) -> str:
    """The address to write beside a device: its first, IPv4 before IPv6; empty where it has none."""
    own = sorted(
        (a for a in device.addresses if a.address not in LINK_LOCAL), key=lambda a: family(a.address) is not IPV4
    )
    return (str(own[0]) if with_length else own[0].address) if own else ""


def has_bridge(ns: Netns) -> bool:
    return any(device.kind == "bridge" for device in ns.devices.values())


def role_of(world: World, ns: Netns) -> str:
    """The part that a namespace plays. A pod hangs by its cables on one machine that has a name for such cables."""
    if has_bridge(ns):
        return MACHINE if addresses(ns) else SWITCH
    ends = neighbours(world, ns)
    if not ends or any(other.name != ends[0][0].name for other, _ in ends):
        return MACHINE
    other, device = ends[0]
    if other.name == ns.name or (has_bridge(other) and not addresses(other)):
        return MACHINE
    return POD if device.master or device.name.startswith(POD_SIDE) else MACHINE


def outer(world: World, ns: Netns) -> list[Device]:
    """The devices by which a machine meets the world: no bridge, no tunnel, no loopback, no cable to a pod of its own."""
    found = []
    for device in ns.devices.values():
        end = far(world, device)
        is_inner = bool(end and role_of(world, end[0]) == POD) or bool(device.peer and not end)
        if device.kind in ("eth", "veth") and not is_inner:
            found.append(device)
    return found


def segments(world: World, machines: Iterable[str]) -> list[Segment]:
    """What the machines' outer devices are attached to. Those that join most machines come first."""
    found: dict[str, list[End]] = {}
    names: dict[str, str] = {}
    for name in machines:
        for device in outer(world, world[name]):
            key, label = _attached(world, name, device)
            found.setdefault(key, []).append((name, device.name))
            names[key] = label
    made = [Segment(key, names[key], _block(world, ends), tuple(ends)) for key, ends in found.items()]
    return sorted(made, key=lambda segment: -len(segment.namespaces))


def _attached(world: World, name: str, device: Device) -> tuple[str, str]:
    """A key that all devices of a segment share, and the name of its switch."""
    end = far(world, device)
    if end and role_of(world, end[0]) == SWITCH:
        return end[0].name, end[0].name
    if end:
        return " -- ".join(sorted([f"{name}/{device.name}", f"{end[0].name}/{end[1].name}"])), ""
    block = _block(world, [(name, device.name)])
    return (f"block {block}" if block else f"beyond {name}/{device.name}"), ""


def _block(world: World, ends: list[End]) -> str:
    """The block of the first address on a segment; empty for cables between single addresses."""
    for name, dev in ends:
        device = world[name].devices[dev]
        own = address_on(device)
        if own:
            block = next(a.block for a in device.addresses if a.address == own)
            return "" if block.is_host else str(block)
    return ""
