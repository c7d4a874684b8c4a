"""`ip link set DEVICE name NEW`: the device stays what it is, and all that names it follows (net/core/dev.c, dev_change_name)."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ...linux.namespace.device import Device
from ...linux.namespace.netns import Netns
from ..state import Refused, State
from .link import EXISTS, NAME_ROOM


def renamed(state: State, at: str, device: Device, new: str) -> State:
    """The state in which a device of a namespace has another name, with its ports, cables, rows and switches."""
    old, ns = device.name, state.world[at]
    if device.kind == "lo":
        raise Refused("lo keeps its name here.")
    if len(new) > NAME_ROOM or "/" in new or ":" in new or new in ("", ".", ".."):
        raise Refused(
            f"{new!r} cannot be a device's name.", f'Error: argument "{new}" is wrong: "name" not a valid ifname'
        )
    if new == old:
        return state
    if new in ns.devices:
        raise Refused(f"{at} has a device {new} already.", EXISTS)
    state = state.with_tables(at, **_tables(ns, old, new))
    notes = {(at, new) if place == (at, old) else place: note for place, note in state.notes.items()}
    switches = {
        (name, switch.replace(f"/{old}/", f"/{new}/") if name == at else switch): value
        for (name, switch), value in state.switches.items()
    }
    state = replace(state, notes=notes, switches=switches)
    if device.peer and device.peer[0] != at:
        far = state.world[device.peer[0]].devices[device.peer[1]]
        state = state.with_device(device.peer[0], replace(far, peer=(at, new)))
    return state


def _tables(ns: Netns, old: str, new: str) -> dict[str, Any]:
    """The namespace's tables, in which every row that names the device has its new name."""
    return {
        "devices": {device.name: device for device in (_named(ns.name, one, old, new) for one in ns.devices.values())},
        "routes": tuple(replace(row, dev=new) if row.dev == old else row for row in ns.routes),
        "neighbours": tuple(replace(row, dev=new) if row.dev == old else row for row in ns.neighbours),
        "fdb": tuple(replace(row, port=new) if row.port == old else row for row in ns.fdb),
        "sysctls": {name.replace(f".conf.{old}.", f".conf.{new}."): value for name, value in ns.sysctls.items()},
    }


def _named(at: str, device: Device, old: str, new: str) -> Device:
    """The device itself, its ports, the other end of its cable, a tunnel that it carries."""
    if device.name == old:
        device = replace(device, name=new)
    if device.master == old:
        device = replace(device, master=new)
    if device.vxlan and device.vxlan.dev == old:
        device = replace(device, vxlan=replace(device.vxlan, dev=new))
    return replace(device, peer=(at, new)) if device.peer == (at, old) else device
