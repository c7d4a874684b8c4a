"""kube-proxy on Windows (mode kernelspace): Services become objects of the Host Networking Service (HNS).

No rule and no table can be listed: the node's virtual switch (VFP) makes its own program of these objects. So they are
shown as `hnsdiag list endpoints` and `hnsdiag list loadbalancers` show them, and no packet is followed through them. Whether
an existing connection stays, how a hash spreads, and what a dropped packet looks like is the switch's affair. Written from
pkg/proxy/winkernel/proxier.go and hns.go as of 1.36.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from ....linux.packet.address import Address, Mac, family, number
from ..endpoint import Endpoint
from ..node import NodeFacts
from ..service_port import ServicePort
from ..services import Services
from ..topology import reach

PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}


class HnsEndpoint(Struct, frozen=True):
    """An address behind the switch. Those of this node's pods were made by the CNI plugin; kube-proxy makes the others."""

    ip: Address
    mac: Mac
    is_remote: bool


class LoadBalancer(Struct, frozen=True):
    """A policy (HcnLoadBalancer): what is for `vip` on `external` goes to one of the endpoints on `internal`.

    An empty `vip` stands for the node's own addresses. With `dsr` (direct server return) the answer does not come back
    through this node, so that the server sees the client; without it the source becomes `source_vip`.
    """

    service: str
    vip: Address
    protocol: int
    external: int
    internal: int
    endpoints: tuple[Address, ...]
    source_vip: Address = ""
    dsr: bool = False
    by_source: bool = False  # affinity: a client keeps its endpoint as long as there is traffic
    local_routed: bool = False  # the node's own traffic too


def remote_mac(ip: Address) -> Mac:
    """The MAC that kube-proxy gives an endpoint of another node (conjureMac: 02-11 and the last four bytes)."""
    low = number(ip) & 0xFFFFFFFF
    return "02:11:" + ":".join(f"{low >> shift & 255:02x}" for shift in (24, 16, 8, 0))


class Kernelspace(Struct, frozen=True):
    """All that kube-proxy publishes on one node in one family."""

    endpoints: tuple[HnsEndpoint, ...]
    load_balancers: tuple[LoadBalancer, ...]


def kernelspace(services: Services, node: NodeFacts, dsr: bool = False, source_vip: Address = "") -> Kernelspace:
    """`dsr`: --enable-dsr (feature WinDSR, GA in 1.34). `source_vip`: --source-vip, which an overlay network needs."""
    policies: list[LoadBalancer] = []
    seen: dict[Address, Endpoint] = {}
    for index, port in enumerate(services.ports):
        found = reach(services.endpoints(index), port, node.name, node.zone)
        seen |= {one.address: one for one in found.all}
        policies += _policies(port, found.all, found.local, dsr, source_vip)
    ends = (
        HnsEndpoint(ip, "" if one.node == node.name else remote_mac(ip), one.node != node.name)
        for ip, one in seen.items()
    )
    return Kernelspace(tuple(sorted(ends, key=lambda one: number(one.ip))), tuple(policies))


def _policies(
    port: ServicePort, every: Sequence[Endpoint], local: Sequence[Endpoint], dsr: bool, source_vip: Address
) -> Iterator[LoadBalancer]:
    """One for each entrance. Without endpoints there is none, and the client hears nothing: no refusal is ever sent.

    Endpoints that listen on different ports cannot share a policy: the first one's port counts, the others are left out.
    """
    external = local if port.external_local else every
    for vip, number_, ends, direct in (
        (port.cluster_ip, port.port.port, local if port.internal_local else every, dsr),
        *((("", port.port.node_port, external, dsr and port.external_local),) if port.port.node_port else ()),
        *((ip, port.port.port, external, dsr and port.external_local) for ip in (*port.external_ips, *port.vips)),
    ):
        if ends:
            internal = ends[0].port
            yield LoadBalancer(
                port.text,
                vip,
                PROTOCOLS[port.protocol],
                number_,
                internal,
                tuple(one.address for one in ends if one.port == internal),
                "" if direct else source_vip,
                direct,
                bool(port.sticky),
                not vip,
            )


def listed(found: Kernelspace) -> str:
    """The two lists, a line for each object."""
    rows = [f"endpoint {one.ip} {'remote ' + one.mac if one.is_remote else 'local'}" for one in found.endpoints]
    for one in found.load_balancers:
        vip = one.vip or "node"
        where = f"[{vip}]" if one.vip and family(one.vip).number == 6 else vip
        flags = [
            name for name, on in (("DSR", one.dsr), ("by source", one.by_source), ("local", one.local_routed)) if on
        ]
        source = [f"source {one.source_vip}"] if one.source_vip else []
        ends = ", ".join(one.endpoints)
        rows.append(
            f"loadbalancer {where}:{one.external} -> :{one.internal} of {ends} {' '.join(flags + source)}".rstrip()
        )
    return "".join(f"{row}\n" for row in rows)
