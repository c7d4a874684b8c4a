"""The machines between a cluster and the world: the router, the border, the internet's router, hosts on both sides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from ....linux.namespace.device import Device, IfAddr
from ....linux.namespace.fib import Route
from ....linux.namespace.netns import NeighbourEntry, Netns, Socket, netns
from ....linux.netfilter.iptables.save import read
from ....linux.netfilter.rules import Ruleset
from ....linux.packet.address import FAMILIES, Address, Prefix, address, family, prefix
from ...api.layout import FirewallRule, Host, Internet, SecondInterface
from ...model import names
from ...model.lan import ANY, FORWARDS, QUIET, SWITCH, default, device, port_mac
from ...model.ranges import OUTSIDE
from ...network.backends import METRIC
from ..addresses import gateways, lengths, nth
from ..plan import BORDER, INTERNET, PUBLIC, TRANSIT, Plan, internet_gateways
from .egress import SECOND
from .masquerade import PRIVATE, UNIQUE_LOCAL

TO_BORDER, TO_ROUTER, TO_INTERNET, INTERNET_BRIDGE = "wan0", "lan0", "wan0", "ext0"


def router(plan: Plan) -> Netns:
    """It joins every LAN and every network of the organisation, and sends the rest to the border."""
    devices = [leg.of_router for leg in plan.legs]
    for one in plan.networks:
        devices += _bridge(f"{one.name}0", gateways(one), lengths(one), one.hosts)
        devices += [_second(f"{one.name}0", two) for two in plan.spec.second_interfaces if two.network == one.name]
    routes = [*plan.pod_routes, *(_row(ip, dev, via) for ip, (via, dev) in _led(plan).items())]
    if plan.internet:
        devices.append(_leg(plan, TO_BORDER, TRANSIT, 1, (BORDER, TO_ROUTER)))
        routes += [_default(of, TO_BORDER, nth(TRANSIT[of], 2)) for of in plan.families]
    near: dict[tuple[str, Address], NeighbourEntry] = {}
    for leg in plan.legs:
        for row in leg.lan.neighbours.values():
            near[leg.lan.router_dev, row.address] = NeighbourEntry(row.address, leg.lan.router_dev, row.mac)
    sysctls = {**FORWARDS, **SWITCH, "net.ipv4.conf.all.rp_filter": int(plan.spec.source_check)}
    rules = {of: firewall(plan.spec.firewall, of) for of in plan.families} if plan.spec.firewall else {}
    return netns(
        names.ROUTER,
        tuple(devices),
        routes=tuple(routes),
        neighbours=tuple(near.values()),
        sysctls=sysctls,
        rules=rules,
    )


def _led(plan: Plan) -> dict[Address, tuple[Address, str]]:
    """Single addresses that the router leads to a node: those of load balancers and of egress gateways."""
    return {**plan.entrances, **plan.gateway_addresses}


def border(plan: Plan) -> Netns:
    """The last router of the organisation. It masquerades private sources, and knows that private ranges are nowhere outside."""
    wan = _leg(plan, TO_INTERNET, PUBLIC, 1, (INTERNET, "cust0"))
    lan = _leg(plan, TO_ROUTER, TRANSIT, 2, (names.ROUTER, TO_BORDER))
    routes = [Route(block, TO_ROUTER, nth(TRANSIT[of], 1), metric=METRIC[of]) for of, block in _by_family(plan.inside)]
    routes += [_row(ip, TO_ROUTER, nth(TRANSIT[family(ip).number], 1)) for ip in plan.entrances]
    routes += [Route(block, metric=4096, type="unreachable") for block in (*PRIVATE, UNIQUE_LOCAL)]
    routes += [_default(of, TO_INTERNET, nth(PUBLIC[of], 2)) for of in plan.families]
    wan = replace(wan, addresses=(*wan.addresses, *_further(plan)))
    nat = (
        {of: masquerade_private(of, plan.internet) for of in plan.families}
        if plan.internet and plan.internet.nat
        else {}
    )
    return netns(BORDER, (lan, wan), routes=tuple(routes), sysctls={**FORWARDS}, rules=nat)


def internet(plan: Plan) -> Netns:
    """The internet as one router. It has routes to public addresses, and to nobody's private ones."""
    assert plan.internet
    devices = [_leg(plan, "cust0", PUBLIC, 2, (BORDER, TO_INTERNET))]
    own = {of: gate for of, gate in internet_gateways().items() if of in plan.families}
    devices += _bridge(INTERNET_BRIDGE, own, {of: OUTSIDE[of].length for of in own}, plan.internet.hosts)
    routes = [Route(block, "cust0", nth(PUBLIC[of], 1), metric=METRIC[of]) for of, block in _by_family(plan.public)]
    routes += [_row(ip, "cust0", nth(PUBLIC[family(ip).number], 1)) for ip in plan.entrances]
    strange = (host.address for host in plan.internet.hosts if host.address not in OUTSIDE[family(host.address).number])
    routes += [_row(ip, INTERNET_BRIDGE) for ip in strange]
    return netns(INTERNET, tuple(devices), routes=tuple(routes), sysctls={**FORWARDS, **SWITCH})


def host(plan: Plan, ip: Address) -> Netns:
    """A machine outside the cluster. It knows its own network, and one way to everything else."""
    of, home, name = family(ip).number, plan.homes[ip], names.host_namespace(ip)
    if home == INTERNET:
        block, gate, on = OUTSIDE[of], internet_gateways()[of], INTERNET
    else:
        network = next(one for one in plan.networks if one.name == home)
        block = next(found for text in network.ranges if ip in (found := prefix(text)))
        gate, on = gateways(network)[of], names.ROUTER
    inside = ip in block
    own = [IfAddr(ip, block.length if inside else FAMILIES[of].bits)]
    eth0 = device("eth0", "veth", names.mac(names.OUTSIDE, ip), own, peer=(on, names.link_end(name)))
    sockets = tuple(Socket("tcp", FAMILIES[of].any, port, "server") for port in plan.ports(ip))
    return netns(name, (eth0,), routes=(default(of, gate, not inside),), sysctls=QUIET, sockets=sockets)


def firewall(rules: Iterable[FirewallRule], of: int) -> Ruleset:
    """The router's FORWARD chain: what belongs to a known connection passes, then the lines in order, then all passes."""
    lines = ["*filter", "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"]
    for rule in rules:
        blocks = [(flag, prefix(text)) for flag, text in (("-s", rule.source), ("-d", rule.destination)) if text]
        if any(block.family.number != of for _, block in blocks):
            continue
        words = [f"{flag} {block}" for flag, block in blocks]
        words += [f"-p {rule.protocol.lower()} --dport {rule.port}"] if rule.port else []
        lines.append(f"-A FORWARD {' '.join(words)} -j {rule.action.upper()}".replace("  ", " "))
    return read("\n".join([*lines, "COMMIT", ""])).rules


def _further(plan: Plan) -> list[IfAddr]:
    """Public addresses of the border beside its first, each for the sources that a translation names."""
    said = plan.internet.translations if plan.internet else ()
    ips = dict.fromkeys(address(one.destination) for one in said)
    return [IfAddr(ip, PUBLIC[family(ip).number].length) for ip in ips if ip != nth(PUBLIC[family(ip).number], 1)]


def masquerade_private(of: int, internet: Internet) -> Ruleset:
    """Network address translation at the border: a private source leaves under the border's public address, or under the one that
    a translation names for it."""
    blocks = [block for block in (*PRIVATE, UNIQUE_LOCAL) if block.family.number == of]
    said = [(prefix(one.source), address(one.destination)) for one in internet.translations]
    lines = [
        f"-A POSTROUTING -s {block} -o {TO_INTERNET} -j SNAT --to-source {ip}"
        for block, ip in said
        if block.family.number == of
    ]
    lines += [f"-A POSTROUTING -s {block} -o {TO_INTERNET} -j MASQUERADE" for block in blocks]
    return read("\n".join(["*nat", *lines, "COMMIT", ""])).rules


def _leg(plan: Plan, dev: str, blocks: dict[int, Prefix], nth_: int, peer: tuple[str, str]) -> Device:
    """A router's device on a cable to another router."""
    own = [IfAddr(nth(blocks[of], nth_), blocks[of].length) for of in plan.families]
    return device(dev, "veth", names.mac(names.GATEWAY, own[0].address), own, peer=peer)


def _bridge(dev: str, own: dict[int, Address], lengths: dict[int, int], hosts: Iterable[Host]) -> list[Device]:
    """A network behind a router: a bridge with the gateway's address, and a port for each host."""
    gates = [IfAddr(ip, lengths[of]) for of, ip in own.items()]
    ips = [host.address for host in hosts]
    bridge = device(dev, "bridge", names.mac(names.OUTSIDE_LINK, gates[0].address), gates, carrier=bool(ips))
    return [bridge, *(_port(dev, ip) for ip in ips)]


def _port(dev: str, ip: Address) -> Device:
    name = names.host_namespace(ip)
    mac = port_mac(names.mac(names.OUTSIDE, ip), names.OUTSIDE_LINK)
    return Device(names.link_end(name), "veth", mac, peer=(name, "eth0"), master=dev)


def _second(dev: str, of: SecondInterface) -> Device:
    """The router's end of the cable to a node's second interface."""
    mac = port_mac(names.mac(names.NODE, address(of.address)), names.OUTSIDE_LINK)
    return Device(names.link_end(of.node), "veth", mac, peer=(of.node, SECOND), master=dev)


def _row(ip: Address, dev: str, via: Address = "") -> Route:
    return Route(prefix(ip), dev, via, metric=METRIC[family(ip).number])


def _default(of: int, dev: str, via: Address) -> Route:
    return Route(ANY[of], dev, via, metric=METRIC[of])


def _by_family(blocks: Iterable[Prefix]) -> Iterator[tuple[int, Prefix]]:
    return ((block.family.number, block) for block in blocks)
