"""A world as a networkx graph: to ask it what is connected, by which way, and whether bridges make a loop.

views.graph(world).nodes["node-1/cni0"]["kind"]       # 'bridge'
networkx.shortest_path(views.graph(world), "client", "web-2")
"""

from __future__ import annotations

from collections.abc import Mapping

import networkx as nx

from ...linux.namespace.netns import Netns
from .roles import far, segments

MACHINE, LINK = "machine", "link"


def graph(world: Mapping[str, Netns] | Netns) -> nx.Graph:
    """Machines, devices, bridges and links as nodes; whoever hangs on whom as edges.

    A node's `kind` is "machine" for a namespace, "link" for what joins machines that share a block, else the device's kind (veth,
    bridge, vxlan, eth). A device is named NAMESPACE/DEVICE. An edge's `kind` is "has" (a machine its device), "port" (a bridge its
    port), "cable" (the two ends of a veth) or "link".
    """
    world = {world.name: world} if isinstance(world, Netns) else world
    made = nx.Graph()
    for name, ns in world.items():
        made.add_node(name, kind=MACHINE)
        for device in ns.devices.values():
            if device.kind == "lo":
                continue
            made.add_node(f"{name}/{device.name}", kind=device.kind, up=device.up, mac=device.mac)
            made.add_edge(name, f"{name}/{device.name}", kind="has")
    for name, ns in world.items():
        for device in ns.devices.values():
            if device.master:
                made.add_edge(f"{name}/{device.master}", f"{name}/{device.name}", kind="port")
            end = far(world, device)
            if end is not None:
                made.add_edge(f"{name}/{device.name}", f"{end[0].name}/{end[1].name}", kind="cable")
    for segment in segments(world, list(world)):
        own = [f"{name}/{dev}" for name, dev in segment.ends if f"{name}/{dev}" in made]
        if not segment.name and len(own) > 1 and not all(made.has_edge(own[0], other) for other in own[1:]):
            made.add_node(segment.key, kind=LINK)
            made.add_edges_from(((segment.key, end) for end in own), kind=LINK)
    return made


def bridge_loops(world: Mapping[str, Netns]) -> list[list[str]]:
    """Rings of bridges and cables in which a broadcast would go round for ever: there is no spanning tree here."""
    whole = graph(world)
    layer_2 = [(one, other) for one, other, kind in whole.edges(data="kind") if kind in ("port", "cable")]
    return [sorted(ring) for ring in nx.cycle_basis(nx.Graph(layer_2))]
