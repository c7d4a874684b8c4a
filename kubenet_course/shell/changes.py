"""What a command has changed, in words: the difference of two states, so that what a kernel did by itself is said as well."""

from __future__ import annotations

from collections.abc import Iterator

from ..linux.namespace.device import Device
from ..linux.namespace.fib import LINK_LOCAL
from ..linux.namespace.netns import Netns
from . import rows
from .iproute.route import connected
from .state import State


def changed(before: State, after: State) -> list[str]:
    """One sentence for each thing that is different."""
    said = [f"{name} is gone, with all that was in it." for name in before.world if name not in after.world]
    said += [
        f"{name} is a new network namespace. It has nothing but lo, which is down."
        for name in after.world
        if name not in before.world
    ]
    said += _devices(before, after)
    for name, ns in after.world.items():
        if name in before.world and ns is not before.world[name]:
            said += _tables(before.world[name], ns)
    return [*said, *_switches(before, after)]


def _devices(before: State, after: State) -> Iterator[str]:
    old = {(name, dev): device for name, ns in before.world.items() for dev, device in ns.devices.items()}
    new = {(name, dev): device for name, ns in after.world.items() for dev, device in ns.devices.items()}
    for place in [place for place in old if place not in new and place[0] in after.world]:
        yield f"{place[0]} has no {place[1]} any more."
    for place, device in new.items():
        if place not in old and device.kind != "lo":
            yield _born(place[0], device)
        elif place in old and device is not old[place]:
            yield from _device(f"{device.name} in {place[0]}", old[place], device)


WORDS = {"veth": "one end of a cable", "bridge": "a bridge", "vxlan": "the end of a tunnel"}


def _born(name: str, device: Device) -> str:
    kind = WORDS.get(device.kind, f"a device of type {device.kind}")
    far = f" The other end is {device.peer[1]} in {device.peer[0]}." if device.peer else ""
    return f"{name} has {device.name}, {kind}, MAC {device.mac}, MTU {device.mtu}. It is {'up' if device.up else 'down'}.{far}"


def _device(what: str, old: Device, new: Device) -> Iterator[str]:
    if old.up != new.up:
        yield f"{what} is {'up' if new.up else 'down'}."
    if old.master != new.master:
        yield f"{what} is now a port of {new.master}." if new.master else f"{what} is no longer a port of {old.master}."
    if old.mac != new.mac:
        yield f"{what} has the MAC {new.mac}."
    if old.mtu != new.mtu:
        yield f"{what} has an MTU of {new.mtu}."
    if old.hairpin != new.hairpin:
        yield f"{what}: hairpin is {'on: a frame may leave by the port that it came in by' if new.hairpin else 'off'}."
    if old.learning != new.learning:
        yield f"{what}: learning is {'on' if new.learning else 'off: the bridge does not note who is behind it'}."
    if old.ageing != new.ageing:
        yield f"{what} forgets a MAC after {new.ageing / 1e9:g} s."
    if old.peer != new.peer and new.peer:
        yield f"{what}: its other end is {new.peer[1]} in {new.peer[0]}."
    for own in old.addresses:
        if own not in new.addresses:
            yield f"{what} no longer has the address {own}."
    for own in new.addresses:
        if own not in old.addresses:
            itself = own.address in LINK_LOCAL or own.address in ("127.0.0.1", "::1")
            yield f"{what} {'gave itself' if itself else 'has'} the address {own}."


def _tables(old: Netns, new: Netns) -> Iterator[str]:
    for what, before, after in (
        ("route", map(rows.route_text, old.routes), map(rows.route_text, new.routes)),
        ("neighbour", map(rows.neighbour_text, old.neighbours), map(rows.neighbour_text, new.neighbours)),
        ("forwarding row", map(rows.fdb_text, old.fdb), map(rows.fdb_text, new.fdb)),
        ("program that listens", map(rows.socket_text, old.sockets), map(rows.socket_text, new.sockets)),
    ):
        was, is_now = list(before), list(after)
        yield from (f"{new.name}: the {what} {row} is gone." for row in was if row not in is_now)
        yield from (f"{new.name} has the {what} {row}." for row in is_now if row not in was)
    had, has = _kernels_own(old), _kernels_own(new)
    yield from (f"{new.name}: with it the route {row} is gone." for row in had if row not in has)
    yield from (f"{new.name}: with it comes the route {row}." for row in has if row not in had)
    for of, rules in new.rules.items():
        if rules is not old.rules.get(of):
            chains = [chain for table in rules.tables.values() for chain in table.chains.values()]
            count = sum(len(chain.rules) for chain in chains)
            yield f"{new.name} has {count} rules of IPv{of}, in the tables {', '.join(rules.tables)}."


def _kernels_own(ns: Netns) -> list[str]:
    """The routes that follow from addresses, without the link-local ones that every device has."""
    return [str(row) for row in connected(ns) if row.prefix.first not in LINK_LOCAL]


def _switches(before: State, after: State) -> Iterator[str]:
    """Switches that the model reads, one by one; of others, how many."""
    others = {
        (name, switch)
        for (name, switch), value in after.switches.items()
        if before.switches.get((name, switch)) != value and not _was_born(before, after, name, switch)
    }
    for name, ns in after.world.items():
        old = before.world.get(name, ns)
        for switch, value in ns.sysctls.items():
            if old.sysctl(switch) != value:
                yield f"{name}: {switch} is {value}."
    for name in dict.fromkeys(ns for ns, _ in others):
        mine = sorted(switch for ns, switch in others if ns == name)
        if len(mine) == 1:
            yield f"{name}: {mine[0]} is {after.switches[name, mine[0]]}."
        else:
            yield f"{name}: {len(mine)} switches that keep a real kernel quiet are set; the model has no such noise."


def _was_born(before: State, after: State, name: str, switch: str) -> bool:
    """Whether a switch came with its device."""
    dev = switch.split("/")[3] if switch.split("/")[2] in ("conf", "neigh") else ""
    return dev in after.world[name].devices and (name not in before.world or dev not in before.world[name].devices)
