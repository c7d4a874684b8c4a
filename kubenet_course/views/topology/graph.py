"""A world as a networkx graph: to ask it what is connected, by which way, and whether bridges make a loop.

views.graph(world).nodes["node-1/cni0"]["kind"]       # 'bridge'
networkx.shortest_path(views.graph(world), "client", "web-2")
"""

from __future__ import annotations

from collections.abc import Mapping

import networkx as nx

from ...linux.namespace.netns import Netns
from ...wiring import bridge_loops, hearing, wiring
from .roles import segments

__all__ = ["bridge_loops", "graph", "hearing"]
MACHINE, LINK = "machine", "link"


def graph(world: Mapping[str, Netns] | Netns) -> nx.Graph:
    """Machines, devices, bridges and links as nodes; whoever hangs on whom as edges.

    A node's `kind` is "machine" for a namespace, "link" for what joins machines that share a block, else the device's kind (veth,
    bridge, vxlan, eth). A device is named NAMESPACE/DEVICE. An edge's `kind` is "has" (a machine its device), "port" (a bridge its
    port), "cable" (the two ends of a veth) or "link".
    """
    world = {world.name: world} if isinstance(world, Netns) else world
    made = wiring(world)
    for name, ns in world.items():
        made.add_node(name, kind=MACHINE)
        made.add_edges_from(((name, f"{name}/{dev}") for dev in ns.devices if f"{name}/{dev}" in made), kind="has")
    for segment in segments(world, list(world)):
        own = [f"{name}/{dev}" for name, dev in segment.ends if f"{name}/{dev}" in made]
        if not segment.name and len(own) > 1 and not all(made.has_edge(own[0], other) for other in own[1:]):
            made.add_node(segment.key, kind=LINK)
            made.add_edges_from(((segment.key, end) for end in own), kind=LINK)
    return made
