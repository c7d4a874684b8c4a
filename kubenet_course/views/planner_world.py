"""What the node IPAM controller did, and what stands in the API server, as tables."""

from __future__ import annotations

from ..kube.node_world import World
from .table import Table, table

WAITS = "none: it waits"


def deeds(world: World, last: int = 9, caption: str = "What the controller did") -> Table:
    """The controller's last deeds: when, what it heard, what it found and did. Times count from the story's begin."""
    rows = [(f"{deed.at / 1e6:.3f} s", deed.heard, deed.node, str(deed.outcome)) for deed in world.trace[-last:]]
    return table(caption, ("when", "heard", "node", "what it did"), rows, code=(3,))


def blocks(world: World) -> Table:
    """Every Node with its block, as `kubectl get nodes` shows it. Those that wait are marked."""
    rows = [(name, ", ".join(cidrs) or WAITS) for name, cidrs in world.nodes.items()]
    running = "runs" if world.allocator else "exited" if world.error else "is stopped"
    marked = [number for number, (_, cidrs) in enumerate(rows) if cidrs == WAITS]
    return table(f"Nodes; the controller {running}", ("node", "podCIDRs"), rows, code=(1,), marked=marked)
