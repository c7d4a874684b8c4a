"""How the devices of a world are wired, as a networkx graph: who hears whom, and where a broadcast would run in circles.

Nodes are devices by the name NAMESPACE/DEVICE. An edge's `kind` is "port" (a bridge and its port) or "cable" (the two ends of a
veth); `order` counts them, all ports before all cables, and `ends` names the two as (namespace, device).
"""

from __future__ import annotations

from collections.abc import Mapping

import networkx as nx

from .linux.namespace.netns import Netns

World = Mapping[str, Netns]
End = tuple[str, str]  # a namespace and a device in it
PORT, CABLE = "port", "cable"


def wiring(world: World) -> nx.Graph:
    """All devices but lo, with the ports and cables among them. A cable whose other end is not there is left out."""
    made = nx.Graph()
    own = {(name, d.name): d for name, ns in world.items() for d in ns.devices.values() if d.kind != "lo"}
    for end, device in own.items():
        made.add_node("/".join(end), kind=device.kind, up=device.up, mac=device.mac)
    pairs = [(end, (end[0], device.master), PORT) for end, device in own.items() if (end[0], device.master) in own]
    for end, device in own.items():
        far = device.peer
        if far in own and (end < far or own[far].peer != end):
            pairs.append((end, far, CABLE))
    for order, (end, other, kind) in enumerate(pairs):
        made.add_edge("/".join(end), "/".join(other), kind=kind, order=order, ends=(end, other))
    return made


def hearing(world: World) -> list[set[str]]:
    """Devices in groups: those of one group hear each other's broadcasts, over bridges and cables."""
    return [set(group) for group in nx.connected_components(wiring(world))]


def bridge_loops(world: World) -> list[list[str]]:
    """Rings of bridges and cables in which a broadcast would go round for ever: there is no spanning tree here."""
    return [sorted(ring) for ring in nx.cycle_basis(wiring(world))]


def closing(world: World) -> list[tuple[End, End]]:
    """The cables that close a loop, each when all before it are plugged in. Without them there is no loop."""
    whole = wiring(world)
    tree = nx.Graph(nx.minimum_spanning_edges(whole, weight="order", data=False))
    rest = [edge for one, other, edge in whole.edges(data=True) if not tree.has_edge(one, other)]
    return [edge["ends"] for edge in sorted(rest, key=lambda edge: edge["order"])]
