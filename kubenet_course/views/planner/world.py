"""What the node IPAM controller did, and what stands in the API server, as tables."""

from __future__ import annotations

import json

from ...kube.manifest.read import read_text
from ...kube.model.cluster import Cluster
from ...kube.nodeipam.node_world import NodeWorld
from ...kube.questions.ask import request
from ...linux.verdicts import verdict
from ..tables.table import Table, table

WAITS = "none: it waits"


def deeds(world: NodeWorld, last: int = 9, caption: str = "What the controller did") -> Table:
    """The controller's last deeds: when, what it heard, what it found and did. Times count from the story's begin."""
    rows = [(f"{deed.at / 1e6:.3f} s", deed.heard, deed.node, str(deed.outcome)) for deed in world.trace[-last:]]
    return table(caption, ("when", "heard", "node", "what it did"), rows, code=(3,))


def blocks(world: NodeWorld) -> Table:
    """Every Node with its block, as `kubectl get nodes` shows it. Those that wait are marked."""
    rows = [(name, ", ".join(cidrs) or WAITS) for name, cidrs in world.nodes.items()]
    running = "runs" if world.allocator else "exited" if world.error else "is stopped"
    marked = [number for number, (_, cidrs) in enumerate(rows) if cidrs == WAITS]
    return table(f"Nodes; the controller {running}", ("node", "podCIDRs"), rows, code=(1,), marked=marked)


def kernels(world: NodeWorld) -> Cluster:
    """The data plane: kernels made from what stands in the API server, and from nothing else.

    Nodes without a block have no network for pods yet. Of the others the first runs a pod `client`, the second a pod `web`.
    """
    nodes = {name: cidrs for name, cidrs in world.nodes.items() if cidrs}
    items = [{"kind": "Node", "metadata": {"name": name}, "spec": {"podCIDRs": cidrs}} for name, cidrs in nodes.items()]
    for pod, node in zip(("client", "web"), nodes, strict=False):
        spec = {"nodeName": node, "containers": [{"name": pod, "ports": [{"containerPort": 8080}]}]}
        items.append({"kind": "Pod", "metadata": {"name": pod}, "spec": spec})
    whole = {"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", **item} for item in items]}
    return Cluster(read_text(json.dumps(whole), "the API server"))


def carried(world: NodeWorld) -> str:
    """What becomes of a packet between the first two nodes that have a block, in a few words."""
    able = [name for name, cidrs in world.nodes.items() if cidrs]
    if len(able) < 2:
        return "fewer than two nodes can run pods"
    found = verdict(request(kernels(world), "pod/default/client", "pod/default/web:8080"))
    return f"a packet from a pod on {able[0]} to one on {able[1]} is {found.name}"
