"""healthCheckNodePort: what kube-proxy answers a balancer that asks whether this node has an endpoint of its own.

pkg/proxy/healthcheck/service_health.go: status 200 or 503, a header with the number of local endpoints, a body of JSON. Counted are
endpoints that are ready; one that terminates is not counted, though kube-proxy may still lead to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...linux.namespace.netns import Netns, Socket
from ...linux.packet.address import FAMILIES, family
from ...linux.packet.packet import endpoint, tcp
from ...linux.stack.program import Answer, Program
from ...linux.walk import ask
from ..model.cluster import Cluster

ASK = b"GET /healthz HTTP/1.1\r\nHost: %s\r\nUser-Agent: kube-balancer\r\nConnection: close\r\n\r\n"
BODY = """{{
\t"service": {{
\t\t"namespace": "{}",
\t\t"name": "{}"
\t}},
\t"localEndpoints": {},
\t"serviceProxyHealthy": {}
}}"""


def counted(cluster: Cluster, service: tuple[str, str], node: str) -> int:
    """How many ready endpoints of a Service are on a node."""
    rows = cluster.slices.get(service, ())
    ready = {one.addresses[0] for part in rows for one in part.endpoints if one.is_ready and one.node_name == node}
    families = {part.address_type for part in rows}
    return len(ready) // max(1, len(families)) if len(families) > 1 else len(ready)


def response(service: tuple[str, str], count: int, healthy: bool = True) -> bytes:
    """The whole answer, head and body, as kube-proxy writes it (without the date)."""
    body = BODY.format(*service, count, str(healthy).lower()).encode()
    status = "200 OK" if count and healthy else "503 Service Unavailable"
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nX-Content-Type-Options: nosniff\r\n"
        f"X-Load-Balancing-Endpoint-Weight: {count}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def program(service: tuple[str, str], count: int) -> Program:
    """The server behind the port: it answers each request once its head is whole."""

    def serve(state: Any, said: bytes, now: int) -> Answer:
        whole = (state or b"") + said
        if b"\r\n\r\n" not in whole:
            return whole, b"", False
        return None, response(service, count), b"connection: close" in whole.lower()

    return serve


def name_of(service: tuple[str, str], node: str) -> str:
    """What the program is called, beside its socket."""
    return f"kube-proxy of {node}: health of {service[0]}/{service[1]}"


def asked_ports(cluster: Cluster) -> dict[tuple[str, str], int]:
    """The Services that have such a port: LoadBalancers whose external policy is Local."""
    found = {}
    for one in cluster.services:
        spec = one.spec
        if spec.type == "LoadBalancer" and spec.external_traffic_policy == "Local" and spec.health_check_node_port:
            found[one.key] = spec.health_check_node_port
    return found


def sockets(cluster: Cluster, node: str) -> tuple[Socket, ...]:
    """On which ports the kube-proxy of a node listens for it: on all addresses."""
    return tuple(
        Socket("tcp", FAMILIES[of].any, port, name_of(service, node))
        for service, port in asked_ports(cluster).items()
        for of in cluster.families
    )


def programs(cluster: Cluster) -> Mapping[str, Program]:
    """All of them, by the names that their sockets have."""
    return {
        name_of(service, node): program(service, counted(cluster, service, node))
        for service in asked_ports(cluster)
        for node in cluster.machines
    }


def check(
    world: Mapping[str, Netns], cluster: Cluster, service: tuple[str, str], node: str, at: str, of: int = 4
) -> tuple[int, bytes]:
    """A balancer asks a node, by real packets: the status and the body of the answer; (0, b"") where nobody answers."""
    ip, port = cluster.machine(node).ips[of], asked_ports(cluster)[service]
    says = ASK % endpoint(ip, port).encode()
    trace = ask(world, tcp(family(ip).any, 40001, ip, port), at, programs=programs(cluster), says=says)
    for step in trace.steps:
        packet = step.skb.packet
        heard = step.namespace == at and step.stage == "local_deliver" and isinstance(packet.payload, bytes)
        if heard and packet.payload.startswith(b"HTTP/1.1 "):  # type: ignore[union-attr]
            head, _, body = packet.payload.partition(b"\r\n\r\n")  # type: ignore[union-attr]
            return int(head.split(b" ")[1]), body
    return 0, b""
