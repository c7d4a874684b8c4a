"""What requests from outside cost: one among two thousand routes, and the table of all ways into a Service."""

import json
from typing import Any

from kubenet_course.kube.gateway.doors import Doors
from kubenet_course.kube.gateway.request import Request
from kubenet_course.kube.manifest.read import read_text
from kubenet_course.kube.model.cluster import Cluster
from kubenet_course.kube.outside.ways import ways_in
from tools.bench import Timed, measurement

GROUP = "gateway.networking.k8s.io/v1"
ROUTES = 2000


def made(kind: str, name: str, spec: dict[str, Any], api: str = GROUP) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": spec}


def route(number: int) -> dict[str, Any]:
    """Two rules: one for a path of fifty, one for all that is left; five hundred host names."""
    backends = [{"name": "web", "port": 80}]
    match = {"path": {"type": "PathPrefix", "value": f"/p{number % 50}"}}
    rules = [{"matches": [match], "backendRefs": backends}, {"backendRefs": backends}]
    hosts = [f"h{number % 500}.example.com"]
    return made("HTTPRoute", f"r{number}", {"parentRefs": [{"name": "edge"}], "hostnames": hosts, "rules": rules})


def manifests() -> str:
    listener = {"name": "http", "port": 80, "protocol": "HTTP"}
    items = [made("Gateway", "edge", {"gatewayClassName": "x", "listeners": [listener]})]
    items += [made("Service", "web", {"ports": [{"port": 80}]}, "v1"), *map(route, range(ROUTES))]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


@measurement("route why: one request among 2,000 routes, with every attachment", figure=0.1)
def among_routes() -> Timed:
    objects = read_text(manifests())

    def why() -> None:
        doors = Doors(Cluster(objects))
        doors.ask(Request("h7.example.com", "/p7/x"))
        doors.attachments()

    return why


@measurement("outside: the table of 780 ways into a Service", figure=3.0)
def all_ways() -> Timed:
    return ways_in
