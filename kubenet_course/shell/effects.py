"""What a kernel does by itself when something has changed: routes vanish with their device, a bridge takes its ports' MAC, ...

Commands make the one change that they are about; `settled` makes the rest (net/ipv4/fib_frontend.c, net/ipv6/addrconf.c,
net/core/neighbour.c, net/bridge/br_if.c, br_stp_if.c).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from ..linux.namespace.device import Device, IfAddr, link_local
from ..linux.namespace.fib import Route
from ..linux.namespace.memory import Memory
from ..linux.namespace.netns import Netns
from ..linux.netfilter.evaluate import Counters
from ..linux.netfilter.rules import Table
from ..linux.packet.address import IPV4, IPV6, family
from ..linux.stack.bridge import Fdb
from ..linux.stack.neighbour import Neighbours
from .pins import path
from .state import LO_MAC, State, has_carrier

LOOPBACK4, LOOPBACK6 = IfAddr("127.0.0.1", 8), IfAddr("::1", 128)
ETHERNET_MTU = 1500
Place = tuple[int, str, str, int]  # of a counter: family, table, chain, number of the rule


def settled(before: State, after: State) -> State:
    """The state after a command, with all that follows from it."""
    state = after
    for name in state.world:
        state = _bridges(state, name)
    for name in state.world:
        if name in before.world and (
            state.world[name] is not before.world[name] or state.switches is not before.switches
        ):
            state = _fallen(before, state, name)
    state = _switches(state)
    for name in state.world:
        state = _begun(state, name)
    return state


def _bridges(state: State, name: str) -> State:
    """A bridge that was told neither has the smallest MAC and the smallest MTU of its ports; the last port takes the MAC along."""
    for bridge in [device for device in state.world[name].devices.values() if device.kind == "bridge"]:
        ports = [device for device in state.world[name].devices.values() if device.master == bridge.name]
        note = state.note(name, bridge.name)
        if not ports and not note.had_port:
            continue
        mac = bridge.mac if note.mac_given else min((port.mac for port in ports), default=LO_MAC)
        mtu = bridge.mtu if note.mtu_given else min((port.mtu for port in ports), default=ETHERNET_MTU)
        if (mac, mtu, True) != (bridge.mac, bridge.mtu, note.had_port):
            state = state.with_device(name, replace(bridge, mac=mac, mtu=mtu), had_port=True)
    return state


def _fallen(before: State, state: State, name: str) -> State:
    """What goes when a device goes, goes down, loses its last address, or gets another MAC."""
    old, gone4, gone6, new_mac = before.world[name], set(), set(), set()
    for device in old.devices.values():
        now = state.world[name].devices.get(device.name)
        if now is None or (device.up and not now.up):
            gone4.add(device.name)
            gone6.add(device.name)
        elif _own(device, 4) and not _own(now, 4):
            gone4.add(device.name)
        if now is not None and before.has_ipv6(name, device) and not state.has_ipv6(name, now):
            gone6.add(device.name)
        if now is not None and now.mac != device.mac:
            new_mac.add(device.name)
    for dev in gone6 & set(state.world[name].devices):
        device = state.world[name].devices[dev]
        state = state.with_device(name, replace(device, addresses=_own(device, 4)), ready=False)
    gone = {4: gone4, 6: gone6}
    left = state.world[name]
    neighbours = [
        row for row in left.neighbours if row.dev not in gone[family(row.address).number] and row.dev not in new_mac
    ]
    routes = list(_routes(old, left, gone))
    fdb = [row for row in left.fdb if row.port in left.devices and (row.dst or _same_master(old, left, row.port))]
    return state.with_tables(name, neighbours=tuple(neighbours), routes=tuple(routes), fdb=tuple(fdb))


def _own(device: Device, of: int) -> tuple[IfAddr, ...]:
    return tuple(own for own in device.addresses if family(own.address).number == of)


def _same_master(old: Netns, now: Netns, port: str) -> bool:
    return port not in old.devices or old.devices[port].master == now.devices[port].master


def _routes(old: Netns, now: Netns, gone: dict[int, set[str]]) -> Iterator[Route]:
    """The routes that stay. One whose source address is deleted goes too in IPv4 (fib_sync_down_addr); in IPv6 it forgets it."""
    lost = {
        own.address
        for device in old.devices.values()
        for own in device.addresses
        if device.name not in now.devices or own.address not in {a.address for a in now.devices[device.name].addresses}
    }
    for row in now.routes:
        # A row of IPv6 that leads nowhere is one of lo.
        dev = row.dev or ("lo" if row.prefix.family is IPV6 else "")
        if dev in gone[row.prefix.family.number] or (row.src in lost and row.prefix.family is IPV4):
            continue
        yield replace(row, src="") if row.src in lost else row


def _switches(state: State) -> State:
    """A device's own switches go with it."""
    kept = {
        (ns, name): value
        for (ns, name), value in state.switches.items()
        if ns in state.world and _is_of(state.world[ns], name)
    }
    if len(kept) != len(state.switches):
        state = replace(state, switches=kept)
    for ns in state.world.values():
        read = {name: value for name, value in ns.sysctls.items() if _is_of(ns, path(name))}
        if len(read) != len(ns.sysctls):
            state = state.with_tables(ns.name, sysctls=read)
    return state


def _is_of(ns: Netns, name: str) -> bool:
    """Whether a switch is the namespace's own, or of a device that is there."""
    parts = name.split("/")
    return parts[2] not in ("conf", "neigh") or parts[3] in ("all", "default") or parts[3] in ns.devices


def _begun(state: State, name: str) -> State:
    """A device that has its link begins with IPv6: a link-local address of its own; lo gets the loopback addresses."""
    for device in list(state.world[name].devices.values()):
        note = state.note(name, device.name)
        if device.up and device.kind == "lo" and not note.ready:
            missing4 = () if LOOPBACK4 in device.addresses else (LOOPBACK4,)
            missing6 = (LOOPBACK6,) if state.has_ipv6(name, device) and LOOPBACK6 not in device.addresses else ()
            own = (*missing4, *device.addresses, *missing6)
            state = state.with_device(name, replace(device, addresses=own), ready=True)
        elif not device.up and note.ready:
            state = state.with_device(name, device, ready=False)
        elif (
            device.kind != "lo" and not note.ready and state.has_ipv6(name, device) and has_carrier(state, name, device)
        ):
            made = (link_local(device.mac),) if note.makes_link_local else ()
            own = tuple(dict.fromkeys((*device.addresses, *made)))
            state = state.with_device(name, replace(device, addresses=own), ready=True)
    return state


def _carried(of: int, old: Table, new: Table, counts: Mapping[Place, int]) -> dict[Place, int]:
    """What rules that have stayed have counted, under the numbers that they have now. A table read anew counts from zero."""
    found = {}
    is_same_table = any(new.chains.get(name) is chain for name, chain in old.chains.items())
    for name, chain in new.chains.items():
        numbers = (
            {id(rule): number for number, rule in enumerate(old.chains[name].rules, 1)} if name in old.chains else {}
        )
        places = [(numbers.get(id(rule), 0), number) for number, rule in enumerate(chain.rules, 1)]
        for was, number in [*((was, number) for was, number in places if was), *([(0, 0)] if is_same_table else [])]:
            if counted := counts.get((of, old.name, name, was)):
                found[of, old.name, name, number] = counted
    return found


def forgotten(before: State, after: State, memory: Memory) -> None:
    """What kernels have learned of devices that are gone, down or changed, they forget."""
    for name in list(memory.namespaces):
        if name not in after.world:
            del memory.namespaces[name]
            continue
        if name not in before.world or before.world[name] is after.world[name]:
            continue
        remembers, old, now = memory.namespaces[name], before.world[name].devices, after.world[name].devices
        changed = {
            dev for dev in old if dev not in now or (old[dev].up and not now[dev].up) or old[dev].mac != now[dev].mac
        }
        bare = {dev for dev in now if dev in old and _own(old[dev], 4) and not _own(now[dev], 4)}
        for dev, address in list(remembers[Neighbours].rows):
            if dev in changed or (dev in bare and family(address) is IPV4):
                del remembers[Neighbours].rows[dev, address]
        left = {dev for dev in old if dev not in now or not now[dev].up or old[dev].master != now[dev].master}
        for place, row in list(remembers[Fdb].heard.items()):
            if row.port in left or place[0] not in now or not now[place[0]].up:
                del remembers[Fdb].heard[place]
        for of, rules in after.world[name].rules.items():
            tables = before.world[name].ruleset(of).tables
            new = {table for table in rules.tables if rules.tables[table] is not tables.get(table)}
            for counts in (remembers[Counters].packets, remembers[Counters].bytes):
                kept = {place: counts.pop(place) for place in list(counts) if place[0] == of and place[1] in new}
                for table in new & set(tables):
                    counts.update(_carried(of, tables[table], rules.tables[table], kept))
