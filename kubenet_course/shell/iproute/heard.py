"""What `ip neigh`, `bridge link` and `bridge fdb` print: who is on a link, by which ports, and what was learned of it."""

from __future__ import annotations

from collections.abc import Iterator

from ...linux.namespace.memory import Memory
from ...linux.namespace.netns import NeighbourEntry
from ...linux.packet.address import family
from ...linux.stack.bridge import Fdb
from ...linux.stack.neighbour import Neighbours
from ...linux.timeline import SECOND
from ..grammar import said_in
from ..state import Call, Result, has_carrier
from .show import details, flags_of, wanted


def neighbours(call: Call) -> Result:
    """`ip neigh`: entered by hand (PERMANENT), or learned, in the state that the kernel has it; FAILED where nobody answered."""
    said = said_in(call.words, {"dev": "DEVICE"}, "ip neigh show")
    if "dev" in said:
        call.state.device(call.at, said["dev"])
    learned = call.memory.of(call.at)[Neighbours].rows.values()
    fixed = {(row.dev, row.address) for row in call.ns.neighbours}
    known = [(row, "PERMANENT") for row in call.ns.neighbours]
    known += [(row, _state(call.memory, call.at, row)) for row in learned if (row.dev, row.address) not in fixed]
    found = [(row.address, row.dev, f"lladdr {row.mac} {state}") for row, state in known]
    found += [(address, dev, "FAILED") for dev, address in call.memory.of(call.at)[Neighbours].asked]
    lines = [
        f"{address} dev {dev} {state}"
        for of in call.families
        for address, dev, state in found
        if family(address).number == of and said.get("dev", dev) == dev
    ]
    return Result(call.state, said="" if lines else f"{call.at} knows no neighbour.", shown="\n".join(lines))


def _state(memory: Memory, at: str, row: NeighbourEntry) -> str:
    """Believed for half a minute; then, or when only heard of, to be asked again once used (RFC 4861 section 7.3.2).

    A kernel draws how long it believes, 15 to 45 seconds (base_reachable_time), and asks five seconds after the use.
    """
    age, is_used = memory.now - row.heard, (row.dev, row.address) in memory.of(at)[Neighbours].headers
    if row.stale and is_used and age < 5 * SECOND:
        return "DELAY"
    return "REACHABLE" if age < 30 * SECOND and (is_used or not row.stale) else "STALE"


def ports(call: Call) -> Result:
    """`bridge link`: the ports of bridges; `-d` with their switches."""
    devices = [device for device in wanted(call, "bridge link show") if device.master]
    numbers = {call.state.note(call.at, name).index: name for name in call.ns.devices}
    lines = []
    for device in devices:
        is_on = has_carrier(call.state, call.at, device) and call.ns.devices[device.master].up
        state = "forwarding" if is_on else "disabled"
        index, flags = call.state.note(call.at, device.name).index, flags_of(call.state, call.at, device)
        far = call.state.note(*device.peer).index if device.peer else index
        # Where the other end is in another namespace, `bridge` takes its number for one of its own (br_fill_ifinfo).
        name = device.name if far == index else f"{device.name}@{numbers.get(far, f'if{far}')}"
        lines.append(f"{index}: {name}: {flags} mtu {device.mtu} master {device.master} state {state}")
        lines += [
            f"    {line.removeprefix('bridge_slave ')}"
            for line in details(device)
            if "-d" in call.flags and "slave" in line
        ]
    return Result(call.state, said="" if lines else f"{call.at} has no port of a bridge.", shown="\n".join(lines))


def forwarding(call: Call) -> Result:
    """`bridge fdb show`: the bridges' own MACs, rows entered by hand, rows learned and not yet too old; tunnels' rows."""
    said = said_in(call.words, {"dev": "DEVICE", "br": "BRIDGE"}, "bridge fdb show")
    for name in said.values():
        call.state.device(call.at, name)
    found = [(row[0], row[1], line) for row, line in _forwarding(call)]
    lines = [line for port, of, line in found if said.get("dev", port) == port and said.get("br", of) == of]
    return Result(call.state, said="" if lines else "There is no such row.", shown="\n".join(lines))


def _forwarding(call: Call) -> Iterator[tuple[tuple[str, str], str]]:
    """Each row with its port and its bridge. A MAC has one row in a bridge, and a port comes before the bridge itself."""
    devices = call.ns.devices
    ports = {(device.master, device.mac) for device in devices.values()}
    for device in devices.values():
        bridge = device.name if device.kind == "bridge" else device.master
        if bridge and (device.master or (bridge, device.mac) not in ports):
            yield (device.name, bridge), f"{device.mac} dev {device.name} master {bridge} permanent"
    for row in call.ns.fdb:
        of = "" if row.dst else devices[row.port].master
        yield (
            (row.port, of),
            f"{row.mac} dev {row.port} " + (f"dst {row.dst} self permanent" if row.dst else f"master {of} static"),
        )
    for (bridge, mac), row in call.memory.of(call.at)[Fdb].heard.items():
        is_young = bridge in devices and call.memory.now - row.heard < devices[bridge].ageing
        if is_young and (bridge, mac) not in call.ns.fixed_fdb:
            yield (row.port, bridge), f"{mac} dev {row.port} master {bridge}"
