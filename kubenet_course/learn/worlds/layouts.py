"""The cluster of chapter 04 in each layout: two nodes and three pods, an office, the internet, and perhaps a second cluster.

What is said beside the layout are fields of a Layout's `spec`, by their own names (docs/layout.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ...kube.manifest.read import read_text
from ...kube.model.cluster import Cluster, checked
from .clusters import Item, node, pod

LAPTOP, PARTNER = "10.20.0.9", "203.0.113.5"
OFFICE = {"name": "office", "ranges": ["10.20.0.0/24"], "hosts": [{"name": "laptop", "address": LAPTOP}]}
INTERNET = {"hosts": [{"name": "partner", "address": PARTNER}]}
WEST = {"name": "west", "nodeSubnet": "192.168.2.0/24", "podSubnet": "10.245.0.0/16"}


def wider(
    layout: str = "island", west: Mapping[str, Any] | None = None, backend: str = "host-gw", **spec: Any
) -> Cluster:
    """The cluster `east` in a layout. With `west`, a second cluster of the same layout stands beside it: `west={}` is enough.

    Raises BadInput for what cannot be, such as two flat clusters that share addresses.
    """
    said: dict[str, Any] = {"layout": layout, "networks": [OFFICE], "internet": INTERNET, **spec}
    if west is not None:
        said["clusters"] = [{**WEST, "layout": layout, **west}]
    return laid_out(said, *east(backend))


def east(backend: str = "host-gw") -> list[Item]:
    """node-1 with `client` and `web-1`, node-2 with `web-2`."""
    pods = [pod("client", 1), pod("web-1", 1, "web", 8080), pod("web-2", 2, "web", 8080)]
    return [node(1, backend=backend), node(2, backend=backend), *pods]


def laid_out(spec: Mapping[str, Any], *items: Item) -> Cluster:
    """A cluster of such objects in its surroundings."""
    document = {"apiVersion": "kubenet.course/v1", "kind": "Layout", "metadata": {"name": "east"}, "spec": spec}
    listed = [{"apiVersion": "v1", **item} for item in items]
    whole = {"apiVersion": "v1", "kind": "List", "items": [*listed, document]}
    return checked(Cluster(read_text(json.dumps(whole), "your layout")))
