"""A Layout made definite: the LANs of all clusters as legs of one router, the networks behind it, the way to the internet.

nodes of the cluster -- lan --\\                        /-- hosts of the internet
nodes of another  -- west/lan -- router -- border -- internet
hosts of the office ----------/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from msgspec.structs import replace

from ...errors import BadInput
from ...linux.namespace.device import Device
from ...linux.namespace.fib import Hop, Route
from ...linux.packet.address import FAMILIES, Address, Prefix, address, prefix
from ..api.layout import Beyond, Host, Internet, LayoutSpec
from ..model import names
from ..model.lan import Lan
from ..model.node_plan import Machine
from ..model.ranges import OUTSIDE
from ..network.backends import METRIC
from ..nodeipam.cloud_routes import LIMITS, reconcile
from .addresses import nth
from .machines.masquerade import is_private
from .written import holds

BORDER, INTERNET = "border", "internet"
TRANSIT = {4: prefix("100.64.0.0/30"), 6: prefix("fd00:64::/64")}  # between router and border (RFC 6598)
PUBLIC = {4: prefix("198.51.100.0/28"), 6: prefix("2001:db8:1::/64")}  # between border and internet


class Leg:
    """A LAN of nodes that the router joins: whose it is ("" for the cluster's own), and the LAN as the router sees it."""

    def __init__(self, cluster: Any, name: str, lan: Lan):
        self.cluster, self.name, self.lan = cluster, name, lan

    @property
    def prefixed(self) -> str:
        """What stands before the names of the cluster's namespaces."""
        return f"{self.name}/" if self.name else ""

    @property
    def of_router(self) -> Device:
        """The router's device on this LAN."""
        dev = self.lan.leg
        assert dev.peer
        return replace(dev, peer=(f"{self.prefixed}{dev.peer[0]}", dev.peer[1]))


class Plan:
    """What is where. `cluster` is the cluster's own, with others `beside` it; further hosts are `named` by a question."""

    def __init__(
        self, cluster: Any, spec: LayoutSpec, named: Iterable[Address] = (), led: Mapping[Address, Address] = {}
    ):
        self.cluster, self.spec, self.led = cluster, spec, led
        self.named = tuple(dict.fromkeys(named))
        self.legs: tuple[Leg, ...] = tuple(self._legs())

    def _legs(self) -> Iterator[Leg]:
        """eth0 leads to the cluster's first LAN; further LANs, then those of other clusters, follow in order."""
        count = 0
        for number, (block, machines) in enumerate(self._subnets(), 1):
            name = names.LAN if number == 1 else f"{names.LAN}-{number}"
            lan = Lan(machines, {}, (), name, f"eth{count}")
            if block is not None:
                lan.ranges = {block.family.number: block}
            yield Leg(self.cluster, "", lan)
            count += 1
        for name, other in self.cluster.beside.items():
            yield Leg(other, name, Lan(other.machines, {}, (), names.LAN, f"eth{count}"))
            count += 1

    def _subnets(self) -> list[tuple[Prefix | None, dict[str, Machine]]]:
        """The nodes by the subnet that their first address lies in; all on one LAN where no subnets are named."""
        said = [prefix(text) for text in self.spec.node_subnets]
        if not said:
            return [(None, dict(self.cluster.machines))]
        found: dict[int, dict[str, Machine]] = {at: {} for at in range(len(said))}
        for name, machine in self.cluster.machines.items():
            ip = next(iter(machine.ips.values()))
            home = next((at for at, block in enumerate(said) if ip in block), -1)
            if home < 0:
                right = f"add a subnet that holds it to nodeSubnets, or leave nodeSubnets out: {ip} then shares one LAN"
                raise BadInput(f"{machine.node}: status.addresses", f"{ip} lies in none of nodeSubnets", right)
            found[home][name] = machine
        return [(said[at], machines) for at, machines in found.items() if machines]

    @property
    def name(self) -> str:
        """What the cluster itself is called among others."""
        return str(self.cluster.objects.layout.metadata.name)

    @property
    def families(self) -> tuple[int, ...]:
        return self.cluster.families

    # -- networks and hosts --------------------------------------------------------------------------------------------

    @cached_property
    def networks(self) -> tuple[Beyond, ...]:
        """The networks behind the router, with the hosts that a question names in them."""
        found = []
        for one in self.spec.networks:
            known = {address(host.address) for host in one.hosts}
            more = tuple(Host(address=ip) for ip in self.named if ip not in known and holds(one, ip))
            found.append(Beyond(name=one.name, ranges=one.ranges, hosts=one.hosts + more))
        return tuple(found)

    @cached_property
    def internet(self) -> Internet | None:
        """The internet, with the hosts that a question names and no other network holds."""
        if self.spec.internet is None:
            return None
        known = {address(host.address) for host in self.spec.internet.hosts}
        more = (ip for ip in self.named if ip not in known and self._is_public(ip))
        hosts = self.spec.internet.hosts + tuple(Host(address=ip) for ip in more)
        return replace(self.spec.internet, hosts=hosts)

    def _is_public(self, ip: Address) -> bool:
        """Whether a host that a question names may be on the internet: no network of the organisation holds it."""
        return not is_private(prefix(ip)) and not any(holds(one, ip) for one in self.networks)

    @cached_property
    def homes(self) -> dict[Address, str]:
        """Every host outside by address, and the network that it is in."""
        found = {address(host.address): one.name for one in self.networks for host in one.hosts}
        return found | {address(host.address): INTERNET for host in (self.internet.hosts if self.internet else ())}

    def ports(self, ip: Address) -> tuple[int, ...]:
        """On which TCP ports programs listen on a host outside."""
        listed = [*(one.hosts for one in self.networks), self.internet.hosts if self.internet else ()]
        return next(host.ports for hosts in listed for host in hosts if address(host.address) == ip)

    # -- what the world has routes to ----------------------------------------------------------------------------------

    @cached_property
    def pod_routes(self) -> tuple[Route, ...]:
        """The router's routes to pods: those of flat clusters, each block (or the whole range) by a node, in the order of legs."""
        found: dict[Prefix, list[tuple[Route, str]]] = {}
        for leg in self.legs:
            for row in self._announced(leg):
                found.setdefault(row.prefix, []).append((row, leg.cluster.part.routes))
        return tuple(_one(rows) for rows in found.values())

    def _announced(self, leg: Leg) -> Iterator[Route]:
        part = leg.cluster.part
        if part is None or part.layout != "flat":
            return
        dev, refused = leg.lan.router_dev, self.refused if not leg.name else frozenset()
        for name, machine in leg.lan.machines.items():
            for of, block in machine.blocks.items():
                if of in machine.ips and (name, str(block)) not in refused:
                    whole = leg.cluster.ranges.pods[of]
                    yield Route(whole if part.advertise == "range" else block, dev, machine.ips[of], metric=METRIC[of])
            if part.advertise == "range":
                return

    @cached_property
    def refused(self) -> frozenset[tuple[str, str]]:
        """Blocks that the provider's route table has no room for, each with its node."""
        if self.spec.provider not in LIMITS or self.spec.layout != "flat":
            return frozenset()
        nodes = {name: tuple(map(str, one.blocks.values())) for name, one in self.cluster.machines.items()}
        turn = reconcile(nodes, (), (), LIMITS[self.spec.provider])
        return frozenset((route.node, route.destination) for route in turn.refused)

    @cached_property
    def inside(self) -> tuple[Prefix, ...]:
        """Every range of the organisation that its routers know: nodes', networks', and pods' where pods can be routed."""
        nodes = (block for leg in self.legs for block in leg.lan.ranges.values())
        beyond = (prefix(text) for one in self.networks for text in one.ranges)
        pods = (row.prefix for row in self.pod_routes)
        return tuple(dict.fromkeys((*nodes, *beyond, *pods)))

    @property
    def public(self) -> tuple[Prefix, ...]:
        """Those of them that the internet may have a route to."""
        return tuple(block for block in self.inside if not is_private(block))

    @cached_property
    def gateway_addresses(self) -> dict[Address, tuple[Address, str]]:
        """Addresses that egress gateways have beside their nodes' own: the node's address, and the router's device towards it."""
        devs = {name: leg.lan.router_dev for leg in self.legs if not leg.name for name in leg.lan.machines}
        found = {}
        for one in self.spec.egress_gateways:
            if one.address:
                ip, machine = address(one.address), self.cluster.machine(one.node)
                if ip not in machine.ips.values():
                    found[ip] = machine.ips[prefix(ip).family.number], devs[one.node]
        return found

    @cached_property
    def entrances(self) -> Mapping[Address, tuple[Address, str]]:
        """Addresses of load balancers and externalIPs: the first node that may have their packets, and the router's device."""
        devs = {ip: leg.lan.router_dev for leg in self.legs for m in leg.lan.machines.values() for ip in m.ips.values()}
        vias = {ip: self.led.get(ip, nodes[0]) for ip, nodes in self.cluster.entrances.items()}
        return {ip: (via, devs[via]) for ip, via in vias.items()}


def internet_gateways() -> dict[int, Address]:
    return {of: nth(OUTSIDE[of], 1) for of in FAMILIES}


def unrouted(cluster: Any) -> tuple[str, ...]:
    """Of a provider's route table that is full, a sentence that says whom it has no row for."""
    layout = cluster.objects.layout
    refused = sorted(Plan(cluster, layout.spec).refused) if layout else []
    if not refused:
        return ()
    more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
    table = f"the route table of {layout.spec.provider} is full"
    return (f"{table}: no row leads to {refused[0][1]} of {refused[0][0]}{more}",)


def _one(rows: list[tuple[Route, str]]) -> Route:
    """The router's one row for a block. Of equal announcements by BGP it uses all; a provider's table takes the first, no more
    (DEV-45, DEV-46)."""
    equal = [row for row, routes in rows if routes == "bgp"]
    first = rows[0][0]
    if len(equal) < 2 or first is not equal[0]:
        return first
    return replace(first, hops=tuple(Hop(row.dev, row.via) for row in equal))
