"""A cluster around one Service, `web`: how many pods stand behind it, on which nodes, and what its manifest says.

Everything else is what the cluster's own controllers and kube-proxy make of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...kube.model.cluster import Cluster
from .clusters import built, node, pod, service

SPREAD = (1, 2, 2, 1, 2)  # the nodes of web-1 to web-5
APP = "web"


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
    spec: dict[str, Any] = {
        "type": "NodePort",
        "selector": {"app": APP},
        "ports": ports,
        "externalTrafficPolicy": policy,
    }
    spec |= {"clusterIP": address} if address else {}
    if affinity:
        spec |= {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": affinity}}}
    items = [node(number) for number in nodes]
    items += [pod("client", nodes[0])]
    items += [pod(f"web-{at + 1}", homes[at], APP, target) for at in range(endpoints)]
    return built([*items, service("web", **spec)])
