"""A cluster around one Service, `web`: how many pods stand behind it, on which nodes, and what its manifest says.

Everything else is what the cluster's own controllers and kube-proxy make of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ...kube.manifest.read import read_text
from ...kube.model.cluster import Cluster
from .clusters import node_address

SPREAD = (1, 2, 2, 1, 2)  # the nodes of web-1 to web-5
APP = {"app": "web"}


def service_cluster(
    endpoints: int = 2,
    affinity: int = 0,
    policy: str = "Cluster",
    homes: Sequence[int] = SPREAD,
    *,
    node_port: int = 30080,
    port: int = 80,
    target: int = 8080,
    address: str = "",
    nodes: Sequence[int] = (1, 2),
) -> Cluster:
    """`client` on the first node, `web-1`, `web-2`, ... on `homes`, and their Service `web`.

    `affinity` are the seconds of sessionAffinity ClientIP, 0 for none. `policy` is the externalTrafficPolicy. The programs
    listen on `target`.
    """
    ports = [{"port": port, "targetPort": target, "nodePort": node_port}]
    spec: dict[str, Any] = {"type": "NodePort", "selector": APP, "ports": ports, "externalTrafficPolicy": policy}
    spec |= {"clusterIP": address} if address else {}
    if affinity:
        spec |= {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": affinity}}}
    items = [_node(number) for number in nodes]
    items += [_pod("client", nodes[0], {}, 0)]
    items += [_pod(f"web-{at + 1}", homes[at], APP, target) for at in range(endpoints)]
    items += [{"kind": "Service", "metadata": {"name": "web"}, "spec": spec}]
    whole = {"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", **item} for item in items]}
    return Cluster(read_text(json.dumps(whole)))


def _node(number: int) -> dict[str, Any]:
    status = {"addresses": [{"type": "InternalIP", "address": node_address(number)}]}
    spec = {"podCIDR": f"10.244.{number}.0/24"}
    return {"kind": "Node", "metadata": {"name": f"node-{number}"}, "spec": spec, "status": status}


def _pod(name: str, node: int, labels: dict[str, str], listens: int) -> dict[str, Any]:
    ports = [{"containerPort": listens}] if listens else []
    spec = {"nodeName": f"node-{node}", "containers": [{"name": name, "ports": ports}]}
    return {"kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}
