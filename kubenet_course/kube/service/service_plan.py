"""Services with what their manifests leave out, as the API server would fill it in: ClusterIPs, NodePorts, families.

Check it against pkg/registry/core/service/storage/alloc.go and pkg/apis/core/v1/defaults.go. Which free address or
port is drawn is up to chance in a real cluster; here it is the first. The first of all is default/kubernetes', always.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from ...errors import BadInput
from ...linux.packet.address import Address, address, family
from ..api.objects import Service
from ..manifest.collection import Objects
from ..model.ranges import Ranges
from ..nodeipam.cidr import parse_sloppy
from .service_ipam import FULL, AddressRefused, ServiceRange, allocate_next, service_range

NODE_PORTS = range(30000, 32768)
DUAL = ("PreferDualStack", "RequireDualStack")
STATIC_BAND = 86  # ports that are left to people who choose by hand: min(max(16, 2768 / 32), 128)


def services(objects: Objects, ranges: Ranges) -> list[Service]:
    """All Services, each with its addresses and ports. Raises BadInput for addresses that cannot be."""
    pools = {of: _pool(objects, ranges, of) for of in ranges.families}
    taken = _taken_addresses(objects, ranges, pools) | {pools[ranges.families[0]].address(0)}
    ports = _free_ports(_taken_ports(objects))
    found, given = [], 0
    for read in objects.services:
        one = read
        try:
            if not one.cluster_ips and not one.is_headless and one.spec.type != "ExternalName":
                one = _with_addresses(one, ranges, pools, taken, given)
                given += 1
            elif one.is_headless and not one.spec.ip_families:
                one = _with_families(one, ranges)
            if one.spec.type in ("NodePort", "LoadBalancer"):
                one = _with_ports(one, ports)
        except BadInput as refusal:
            raise BadInput(f"{objects.where(read)}: {refusal.where}", refusal.what, refusal.right) from None
        found.append(one)
    return found


def _pool(objects: Objects, ranges: Ranges, of: int) -> ServiceRange:
    try:
        return service_range(parse_sloppy(str(ranges.services[of])))
    except ValueError as refusal:
        where = f"{objects.where(objects.cluster)}: networking.serviceSubnet" if objects.cluster else ""
        raise BadInput(where, f"{ranges.services[of]}: {refusal}", "write a range of /64 or longer") from None


def _taken_addresses(objects: Objects, ranges: Ranges, pools: dict[int, ServiceRange]) -> set[Address]:
    taken: dict[Address, Service] = {}
    for one in objects.services:
        for ip in map(address, one.cluster_ips):
            pool = pools.get(family(ip).number)
            if "services" in ranges.said and (pool is None or not pool.holds(ip)):
                right = f"write one of {', '.join(map(str, ranges.services.values()))}"
                what = f"{ip} lies outside the Services' range, or is none that a Service can have"
                raise BadInput(f"{objects.where(one)}: spec.clusterIP", what, right)
            if ip in taken:
                raise BadInput(
                    f"{objects.where(one)}: spec.clusterIP",
                    f"{ip} is {taken[ip]}'s too",
                    "give each Service its own address",
                )
            taken[ip] = one
    return set(taken)


def _taken_ports(objects: Objects) -> set[int]:
    """Every NodePort belongs to one Service, whatever its protocol; within it TCP and UDP may share a number."""
    taken: dict[int, Service] = {}
    for one in objects.services:
        own: set[tuple[int, str]] = set()
        for index, port in enumerate(one.spec.ports):
            if port.node_port and (
                taken.setdefault(port.node_port, one) is not one or (port.node_port, port.protocol) in own
            ):
                raise _taken_port(objects, one, index, taken[port.node_port])
            own.add((port.node_port, port.protocol))
    return set(taken)


def _taken_port(objects: Objects, one: Service, index: int, owner: Service) -> BadInput:
    number = one.spec.ports[index].node_port
    said = f"{number} is {owner}'s already" if owner is not one else f"{number} stands twice"
    right = "give each Service ports of its own, or leave nodePort out"
    return BadInput(f"{objects.where(one)}: spec.ports[{index}].nodePort", said, right)


def _with_addresses(
    one: Service, ranges: Ranges, pools: dict[int, ServiceRange], taken: set[Address], given: int
) -> Service:
    spec = one.spec
    asked = [6 if name == "IPv6" else 4 for name in spec.ip_families]
    wanted = [*asked, *(of for of in ranges.families if of not in asked)]
    if spec.ip_family_policy not in DUAL:
        wanted = wanted[: max(1, len(asked))]
    found: list[Address] = []
    for of in wanted:
        if of not in pools:
            continue
        try:
            found.append(allocate_next(pools[of], taken, lambda size: given % size))
        except AddressRefused as refusal:
            said = f"the Services' range gives none: {refusal}"
            raise BadInput("spec.clusterIP", said, "write a larger serviceSubnet") from None
        taken.add(found[-1])
    families = tuple("IPv6" if of == 6 else "IPv4" for of in wanted)
    return replace(
        one, spec=replace(spec, cluster_ip=found[0] if found else "", cluster_ips=tuple(found), ip_families=families)
    )


def _with_families(one: Service, ranges: Ranges) -> Service:
    """A headless Service has families too: the first, or all if it asks for them or has no selector."""
    wanted = ranges.families if one.spec.selector is None or one.spec.ip_family_policy in DUAL else ranges.families[:1]
    return replace(one, spec=replace(one.spec, ip_families=tuple("IPv6" if of == 6 else "IPv4" for of in wanted)))


def _free_ports(taken: set[int]) -> Iterator[int]:
    """First those beyond the band, then those in it."""
    order = [*NODE_PORTS[STATIC_BAND:], *NODE_PORTS[:STATIC_BAND]]
    return iter([port for port in order if port not in taken])


def _with_ports(one: Service, ports: Iterator[int]) -> Service:
    """A NodePort for each port that has none; a load balancer's Service may do without. TCP and UDP of one number share."""
    spec = one.spec
    chosen = {port.port: port.node_port for port in reversed(spec.ports) if port.node_port}
    filled = []
    for port in spec.ports:
        if not port.node_port and spec.allocate_load_balancer_node_ports:
            chosen[port.port] = chosen.get(port.port) or _next(ports)
            port = replace(port, node_port=chosen[port.port])
        filled.append(port)
    health = spec.health_check_node_port
    if spec.type == "LoadBalancer" and spec.external_traffic_policy == "Local" and not health:
        health = _next(ports)
    return replace(
        one,
        spec=replace(
            spec,
            ports=tuple(filled),
            health_check_node_port=health,
            external_traffic_policy=spec.external_traffic_policy or "Cluster",
        ),
    )


def _next(ports: Iterator[int]) -> int:
    for port in ports:
        return port
    said = f"no NodePort is left of {NODE_PORTS[0]} to {NODE_PORTS[-1]}: {FULL}"
    raise BadInput("spec.ports", said, "write Services that need fewer")
