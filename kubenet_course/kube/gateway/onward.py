"""From an answer to packets: the client's connection to the proxy, and the proxy's own connection to a pod."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from ...linux.namespace.choices import Choices
from ...linux.namespace.trace import Trace
from ...linux.packet.address import IPV4, IPV6
from ...linux.packet.packet import endpoint as spelled
from ..api.objects import Pod, Service
from ..model.cluster import Cluster
from ..proxy.endpoint import endpoints
from ..questions.ask import request as ask
from .backends import spoken_for
from .request import Reference

GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"  # GEP-1762: on what an implementation makes for a Gateway
CLIENT = {4: "host/203.0.113.5", 6: "host/2001:db8::5"}


class Leg(Struct, frozen=True):
    """One connection of the two: who opens it, to where, and what became of its first packet."""

    says: str
    who: str
    where: str
    trace: Trace


def legs(cluster: Cluster, door: str, port: int, backend: Reference | None, choices: Choices) -> Iterator[Leg]:
    """The connections of a request that is forwarded, as far as the files say where their ends are."""
    if not cluster.machines:
        return
    kind, _, name = door.partition(" ")
    service = _service(cluster, name) if kind == "Gateway" else None
    if service is not None and (way := _way_in(service, port)):
        of = 6 if way.startswith("[") else 4
        says = f"the client's connection, to Service {'/'.join(service.key)}, which leads to the proxy's pod"
        yield Leg(says, CLIENT[of], way, ask(cluster, CLIENT[of], way, choices=choices))
    to = _endpoint(cluster, backend, choices) if backend is not None else ""
    if to:
        who, says = _proxy(cluster, name)
        yield Leg(says, who, to, ask(cluster, who, to, sport=40001, choices=choices))


def _labelled(cluster: Cluster, name: str) -> Iterator[Pod]:
    namespace, _, gateway = name.partition("/")
    for pod in cluster.placed.pods.values():
        if pod.key[0] == namespace and pod.metadata.labels.get(GATEWAY_NAME) == gateway and not pod.is_pending:
            yield pod


def _service(cluster: Cluster, name: str) -> Service | None:
    namespace, _, gateway = name.partition("/")
    made = (one for one in cluster.services if one.metadata.labels.get(GATEWAY_NAME) == gateway)
    return next((one for one in made if one.key[0] == namespace), None)


def _way_in(service: Service, port: int) -> str:
    """The load balancer's address where there is one; else the ClusterIP, which works from outside by accident only."""
    ips = [one.ip for one in service.status.load_balancer.ingress if one.ip]
    has = any(one.port == port for one in service.spec.ports)
    return spelled(ips[0], port) if ips and has else ""


def _proxy(cluster: Cluster, name: str) -> tuple[str, str]:
    pod = next(_labelled(cluster, name), None)
    if pod is not None:
        return f"pod/{pod.key[0]}/{pod.key[1]}", "the proxy's own connection, to the pod"
    node = next(iter(cluster.machines))
    return (
        f"node/{node}",
        f"the proxy's own connection, to the pod (the files name no pod of the proxy: say that it runs on {node})",
    )


def _endpoint(cluster: Cluster, backend: Reference, choices: Choices) -> str:
    """One ready endpoint of the Service. A proxy of requests asks the pods, not the Service's address."""
    service = next((one for one in cluster.services if one.key == (backend.namespace, backend.name)), None)
    port = next((one for one in service.spec.ports if one.port == backend.port), None) if service else None
    if service is None or port is None:
        return ""
    slices = spoken_for(cluster.slices.get(service.key, ()))
    for of in (IPV4, IPV6):
        ready = [one for one in endpoints(slices, port, of) if one.ready]
        if ready and of.number in cluster.families:
            return str(ready[choices.pick(("endpoint", backend.where), range(len(ready)))])
    return ""
