"""What kernels have learned by listening, in one table: who is at which MAC, and behind which port a bridge heard it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...linux.namespace.memory import Memory
from ...linux.namespace.netns import Netns
from ...linux.packet.address import Mac
from ...linux.stack.bridge import Fdb
from ...linux.stack.neighbour import Neighbours
from ..tables.table import Table, table

World = Mapping[str, Netns]
Row = tuple[str, str, str, str]


def learned(world: World, memory: Memory) -> Table:
    """Neighbours (`ip neigh`) and rows of bridges (`bridge fdb`), each with the device that has the MAC."""
    rows = [row for ns in world.values() for row in (*_neighbours(world, ns, memory), *_heard(world, ns, memory))]
    caption = "What has been learned by listening" if rows else "Nobody has learned anything yet."
    return table(caption, ("who", "knows", "MAC", "which is"), rows, code=(2,))


def _neighbours(world: World, ns: Netns, memory: Memory) -> Iterator[Row]:
    for row in memory.of(ns.name)[Neighbours].rows.values():
        yield ns.name, f"{row.address} is at", row.mac, owner(world, row.mac)


def _heard(world: World, ns: Netns, memory: Memory) -> Iterator[Row]:
    for (bridge, mac), row in memory.of(ns.name)[Fdb].heard.items():
        if bridge in ns.devices and memory.now - row.heard < ns.devices[bridge].ageing:
            yield f"{bridge} in {ns.name}", f"behind {row.port} is", mac, owner(world, mac)


def owner(world: World, mac: Mac) -> str:
    """The device that has a MAC; of a bridge and its port with the same one, the bridge."""
    own = [
        (d.kind != "bridge", f"{d.name} of {ns.name}")
        for ns in world.values()
        for d in ns.devices.values()
        if d.mac == mac
    ]
    return min(own)[1] if own else "nobody here"
