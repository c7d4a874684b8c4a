"""Ways out of a cluster that the destination alone does not decide: an egress gateway, a second interface of a node.

Both need policy routing (`ip rule`): a rule that looks at a packet's source chooses a table of its own. So egress gateways of
network plugins work, and so the cloud providers wire a node's further interfaces (RFC 1812 section 5.3.3 on strong hosts).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from ....linux.namespace.device import Device, IfAddr
from ....linux.namespace.fib import Route
from ....linux.namespace.netns import Netns
from ....linux.namespace.policy import EVERYONES, RouteRule
from ....linux.netfilter.nat import Range
from ....linux.netfilter.rules import Rule
from ....linux.netfilter.xt.basic import Destination, Source
from ....linux.netfilter.xt.comment import Comment
from ....linux.netfilter.xt.nat import Snat
from ....linux.netfilter.xt.standard import Accept
from ....linux.packet.address import Address, Prefix, address, family, prefix
from ...api.layout import EgressGateway, SecondInterface
from ...model import names
from ...model.lan import ANY, device
from ...model.pod_plan import of_family
from ...network.backends import METRIC
from ..addresses import gateways, network_of

TABLES, FIRST_RULE = 100, 1000  # our tables, and the priority of our first rule: behind local (0), before main (32766)
SECOND = "eth1"


def pods_of(cluster: Any, gateway: EgressGateway, of: int) -> Iterator[tuple[str, Address]]:
    """The pods that leave by a gateway: each one's node and address."""
    for name in gateway.pods:
        namespace, _, short = name.partition("/")
        pod = cluster.pod(namespace, short)
        ip = of_family(cluster.placed.addresses(pod), of)
        if ip:
            yield pod.spec.node_name, ip


def source(cluster: Any, gateway: EgressGateway, of: int) -> Address:
    """The address under which they leave: the gateway's own, unless it names another."""
    own = address(gateway.address) if gateway.address else ""
    if own:
        return own if family(own).number == of else ""
    return cluster.machine(gateway.node).ips.get(of, "")


def rules(cluster: Any, name: str, of: int) -> tuple[Rule, ...]:
    """What stands first in a node's POSTROUTING: on the way to a gateway nothing is translated, at the gateway the source is."""
    found = []
    for gateway in cluster.part.egress_gateways if cluster.part else ():
        said, new = Comment(text=f"egress gateway {gateway.name}"), source(cluster, gateway, of)
        for node, ip in pods_of(cluster, gateway, of) if new else ():
            for to in _destinations(gateway, of):
                tests = (Source(prefix=prefix(ip)), Destination(prefix=to), said)
                if name == gateway.node:
                    found.append(Rule(tests, Snat(Range(new, new))))
                elif name == node:
                    found.append(Rule(tests, Accept()))
    return tuple(found)


def routed(cluster: Any, name: str, ns: Netns) -> Netns:
    """A node with the rules and tables of its gateways and of its second interface."""
    rows, lines = list[Route](), {4: list[RouteRule](), 6: list[RouteRule]()}
    for number, gateway in enumerate(cluster.part.egress_gateways):
        table = str(TABLES + number)
        for of in cluster.families if name != gateway.node else ():
            sent = [ip for node, ip in pods_of(cluster, gateway, of) if node == name]
            if sent and source(cluster, gateway, of):
                rows.append(_towards(cluster, gateway, of, table))
                lines[of] += [
                    RouteRule(FIRST_RULE + number, table, prefix(ip), to)
                    for ip in sent
                    for to in _destinations(gateway, of)
                ]
    devices, count = dict(ns.devices), len(cluster.part.egress_gateways)
    for number, second in enumerate(cluster.part.second_interfaces):
        if second.node == name:
            made, own, line = _second(cluster, second, number + count)
            devices[SECOND] = made
            if second.rules:
                rows += own
                lines[own[0].prefix.family.number].append(line)
    extra = [IfAddr(ip, family(ip).bits) for ip in _extra(cluster, name)]
    if extra:
        devices["eth0"] = replace(devices["eth0"], addresses=(*devices["eth0"].addresses, *extra))
    policy = {of: _ordered(EVERYONES[of], found) for of, found in lines.items() if found}
    return replace(ns, devices=devices, routes=(*ns.routes, *rows), policy=policy)


def _destinations(gateway: EgressGateway, of: int) -> list[Prefix]:
    return [block for block in map(prefix, gateway.to) if block.family.number == of]


def _towards(cluster: Any, gateway: EgressGateway, of: int, table: str) -> Route:
    """The way to the gateway, the same as to its pods: over the LAN, or through the tunnel."""
    machine = cluster.machine(gateway.node)
    if cluster.backend == "vxlan":
        via, dev = machine.blocks[of].first, names.TUNNELS[of]
        return Route(ANY[of], dev, via, metric=METRIC[of], onlink=True, table=table)
    return Route(ANY[of], "eth0", machine.ips[of], metric=METRIC[of], table=table)


def _second(cluster: Any, second: SecondInterface, number: int) -> tuple[Device, tuple[Route, ...], RouteRule]:
    """eth1 in a network behind the router, and what makes answers leave by it: the network itself, and its gateway."""
    ip, table = address(second.address), str(TABLES + number)
    network, block = network_of(cluster.part, second.network, ip)
    of = block.family.number
    peer = (names.ROUTER, names.link_end(second.node))
    made = device(SECOND, "veth", names.mac(names.NODE, ip), [IfAddr(ip, block.length)], peer=peer)
    near = Route(block, SECOND, metric=METRIC[of], table=table)
    far = Route(ANY[of], SECOND, gateways(network)[of], metric=METRIC[of], table=table)
    return made, (near, far), RouteRule(FIRST_RULE + number, table, prefix(ip))


def _extra(cluster: Any, name: str) -> Iterator[Address]:
    """Addresses that a gateway needs beside its own."""
    for gateway in cluster.part.egress_gateways:
        own = address(gateway.address) if gateway.address else ""
        if gateway.node == name and own and own not in cluster.machine(name).ips.values():
            yield own


def _ordered(usual: tuple[RouteRule, ...], ours: list[RouteRule]) -> tuple[RouteRule, ...]:
    return tuple(sorted((*usual, *ours), key=lambda rule: rule.priority))
