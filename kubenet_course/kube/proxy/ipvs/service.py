"""What one Service port adds: virtual servers, members of ipsets, addresses of the dummy device.

Check it against the loop over svcPortMap and syncEndpoint (pkg/proxy/ipvs/proxier.go).
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from ....linux.packet.address import IPV6, Address, Family
from ....linux.stack.ipvs.servers import MH_PORT, PERSISTENT, RealServer, VirtualServer
from ...api.objects import EndpointSlice
from ..endpoint import endpoints
from ..node import Settings, is_loopback
from ..service_port import ServicePort
from ..topology import Endpoints, Reach, reach
from . import sets


class IpvsSettings(Struct, frozen=True):
    """`shared`: what IPVS mode takes over from iptables mode; `node_ips`: where NodePorts answer."""

    shared: Settings
    scheduler: str
    own: frozenset[Address]
    node_ips: tuple[Address, ...]
    strict_arp: bool = False


class Refusal(Struct, frozen=True, gc=False):
    """A load balancer's address that this node itself may not use, because its own address is in none of the ranges."""

    address: Address
    protocol: str
    port: int


class Part(Struct, frozen=True):
    """A Service port's share. `members` have the name of their set; `bound` are addresses for kube-ipvs0."""

    servers: tuple[VirtualServer, ...]
    members: tuple[tuple[str, str], ...]
    bound: tuple[Address, ...]
    refusals: tuple[Refusal, ...]


def own_addresses(to: Settings) -> tuple[Address, ...]:
    """The node's addresses but for loopback and IPv6 link-local ones; those on kube-ipvs0 are not its own."""
    return tuple(ip for ip in to.node.addresses(to.family) if counts(ip, to.family))


def counts(ip: Address, of: Family) -> bool:
    return not is_loopback(ip) and not (of is IPV6 and ip.startswith("fe80:"))


def part(port: ServicePort, slices: Sequence[EndpointSlice], to: IpvsSettings) -> Part:
    """The share of one Service port on one node."""
    node = to.shared.node
    every = endpoints(slices, port.port, to.shared.family)
    seen = reach(every, port, node.name, node.zone)
    entrances = (*port.external_ips, *port.vips)
    outer = [ip for ip in entrances if ip not in to.own]  # an address that the node has already is not bound again
    ports = (port.port.node_port,) * bool(port.port.node_port)
    external = _reals(seen, port.external_local)
    servers = [_server(port, port.cluster_ip, port.port.port, _reals(seen, port.internal_local), to)]
    servers += [_server(port, ip, port.port.port, external, to) for ip in entrances]
    servers += [_server(port, ip, number, external, to) for number in ports for ip in to.node_ips]
    refusals = tuple(
        Refusal(ip, port.protocol, port.port.port)
        for ip in port.vips
        if port.source_ranges and not _lets_node_in(port, to)
    )
    return Part(tuple(servers), tuple(_members(port, every, to)), (port.cluster_ip, *outer), refusals)


def _server(
    port: ServicePort, ip: Address, number: int, reals: tuple[RealServer, ...], to: IpvsSettings
) -> VirtualServer:
    """Affinity is IPVS' own persistence. mh takes the source's port into its hash."""
    flags = (PERSISTENT if port.sticky else 0) | (MH_PORT if to.scheduler == "mh" else 0)
    return VirtualServer(ip, number, port.port.protocol, to.scheduler, flags, port.sticky, reals)


def _reals(seen: Reach, is_local: bool) -> tuple[RealServer, ...]:
    """Under a Local policy the local endpoints; where there are none, all: pods of the node shall get through (k/k#97081)."""
    chosen = seen.local if is_local and seen.local else seen.cluster
    return tuple(RealServer(one.address, one.port) for one in chosen)


def _lets_node_in(port: ServicePort, to: IpvsSettings) -> bool:
    return any(to.shared.ip in block for block in port.source_ranges)


def _members(port: ServicePort, every: Endpoints, to: IpvsSettings) -> Iterator[tuple[str, str]]:
    """What the port puts into the sets. Hairpins of all local endpoints, whatever their condition."""
    node = to.shared.node.name
    for one in every:
        if node and one.node == node:
            yield sets.LOOP_BACK, f"{_at(one.address, port.protocol, one.port)},{one.address}"
    number = port.port.port
    yield sets.CLUSTER_IP, _at(port.cluster_ip, port.protocol, number)
    for ip in port.external_ips:
        yield sets.EXTERNAL_LOCAL if port.external_local else sets.EXTERNAL, _at(ip, port.protocol, number)
    for ip in port.vips:
        yield from _balancer(port, _at(ip, port.protocol, number), ip, to)
    if port.port.node_port:
        if not to.node_ips:
            return  # kube-proxy leaves the rest of such a Service out, its health check too
        yield from _node_ports(port, to)
    if port.health_check:
        yield sets.HEALTH_CHECK, str(port.health_check)


def _at(ip: Address, protocol: str, port: int) -> str:
    return f"{ip},{protocol}:{port}"


def _balancer(port: ServicePort, portal: str, ip: Address, to: IpvsSettings) -> Iterator[tuple[str, str]]:
    yield sets.BALANCER, portal
    if port.external_local:
        yield sets.BALANCER_LOCAL, portal
    if port.source_ranges:
        yield sets.BALANCER_FIREWALL, portal
        for block in port.source_ranges:
            yield sets.BALANCER_SOURCE_CIDR, f"{portal},{block}"
        if _lets_node_in(port, to):
            yield sets.BALANCER_SOURCE_IP, f"{portal},{ip}"


def _node_ports(port: ServicePort, to: IpvsSettings) -> Iterator[tuple[str, str]]:
    """A bitmap of ports has no room for SCTP; its set holds addresses too."""
    number = port.port.node_port
    members = [_at(ip, "sctp", number) for ip in to.node_ips] if port.protocol == "sctp" else [str(number)]
    every, local = sets.NODE_PORTS[port.protocol]
    for member in members:
        yield every, member
        if port.external_local:
            yield local, member
