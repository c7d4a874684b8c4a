"""The small networks of chapter 02: pods on one node, typed on a console."""

from __future__ import annotations

from random import Random

from msgspec import Struct

from ....views.console import Console
from ....views.tables.table import Table, table
from ....views.topology.console import addresses
from ...worlds.by_hand import BRIDGE, cable, plug, typed

NAMES = ("client", "web", "shop", "cart", "mail", "news", "files", "maps")


class Pod(Struct, frozen=True):
    name: str
    address: str

    @property
    def end(self) -> str:
        """The node's end of its cable."""
        return f"veth-{self.name}"

    @property
    def joins(self) -> str:
        """What a person types to join it to the bridge."""
        return cable(self.name, self.address) + plug(self.name)


class Node(Struct, frozen=True):
    """A node and its pods; `late` is one that has not been joined yet, or only as far as `begun` says."""

    name: str
    pods: tuple[Pod, ...]
    late: Pod
    begun: str = ""

    @property
    def script(self) -> str:
        return BRIDGE + "".join(pod.joins for pod in self.pods) + self.begun

    def console(self) -> Console:
        """A terminal on the node, with its pods connected and nothing learned yet."""
        return typed(self.script, self.name)


def node(chance: Random, pods: int = 2) -> Node:
    """A node with some pods on its bridge."""
    number = chance.randrange(1, 10)
    hosts = chance.sample(range(10, 200), pods + 1)
    made = [
        Pod(name, f"10.244.{number}.{host}") for name, host in zip(chance.sample(NAMES, pods + 1), hosts, strict=True)
    ]
    return Node(f"node-{number}", tuple(made[:-1]), made[-1])


def devices(console: Console, caption: str = "The devices as they are now") -> Table:
    """Every device but lo: where it is, its addresses, whether it is up, what it is a port of, where its other end is."""
    rows = [
        (name, device.name, " ".join(addresses(device)) or "none", "up" if device.up else "down", device.master or "no bridge",
         " ".join(reversed(device.peer)).replace(" ", " in ") if device.peer else "")
        for name, ns in console.world.items()
        for device in ns.devices.values()
        if device.kind != "lo"
    ]  # fmt: skip
    return table(caption, ("namespace", "device", "addresses", "state", "port of", "other end"), rows, code=(1, 2))
