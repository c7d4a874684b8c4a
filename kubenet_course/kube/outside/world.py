"""A cluster with what stands before it: the address of a Service of type LoadBalancer, and the machine that answers for it.

Three kinds of balancer. `direct`: a machine that sends each packet on to a node as it is; the node answers the client
itself (direct server return). `proxy`: a machine that ends the client's connection and opens its own to a NodePort; it is
modelled as a machine that translates both addresses (DEV-48). `announced`: no machine; a node says that the address is its
own (MetalLB's layer 2 mode, whose speaker has already told the router: DEV-49).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Literal

from msgspec.structs import replace

from ...linux.namespace.device import Device, IfAddr
from ...linux.namespace.fib import Route
from ...linux.namespace.netns import NeighbourEntry, Netns, netns
from ...linux.netfilter.iptables.save import read
from ...linux.netfilter.rules import Ruleset
from ...linux.packet.address import FAMILIES, Address, family, prefix, spelled
from ...linux.packet.packet import endpoint
from ..model import names
from ..model.lan import FORWARDS, OUTSIDE_HOSTS, default, device, node_mac, port_mac
from ..model.node_plan import Machine
from ..model.world import World
from ..network.backends import METRIC
from ..proxy.service_port import ServicePort
from . import health

Kind = Literal["direct", "proxy", "announced"]
KINDS: tuple[Kind, ...] = ("direct", "proxy", "announced")
BALANCER = "balancer"


class Fronted(World):
    """A World with a balancer of one kind. `led`: to which node's address each virtual address leads."""

    def __init__(
        self,
        cluster: Any,
        kind: Kind = "direct",
        outside: Iterable[Address] = OUTSIDE_HOSTS,
        led: Mapping[Address, Address] = {},
    ):
        super().__init__(cluster, outside, led)
        self.kind, self.led = kind, led

    def __iter__(self) -> Iterator[str]:
        yield from super().__iter__()
        if self.kind != "announced":
            yield BALANCER

    def __len__(self) -> int:
        return super().__len__() + (self.kind != "announced")

    def _make(self, name: str) -> Netns:
        if name == BALANCER and self.kind != "announced":
            return self._balancer()
        if name == names.ROUTER:
            return self._router(super()._make(name))
        if name == names.LAN and self.kind != "announced":
            return self._switch(super()._make(name))
        return super()._make(name)

    def _node(self, machine: Machine) -> Netns:
        ns = super()._node(machine)
        return replace(ns, sockets=(*ns.sockets, *health.sockets(self.cluster, machine.name)))

    @cached_property
    def vips(self) -> dict[Address, Address]:
        """The addresses of balancers, each with the node's address that it leads to. externalIPs have no balancer."""
        named = {ip for port in self._ports for ip in port.vips}
        return {ip: via for ip, via in self.lan.entrances.items() if ip in named} | self._proxied

    @property
    def _ports(self) -> list[ServicePort]:
        return [port for watched in self.cluster.watched.values() for port in watched.ports]

    @cached_property
    def _proxied(self) -> dict[Address, Address]:
        """Addresses of ipMode Proxy: kube-proxy makes no rules for them, so the cluster knows no way in for them by itself."""
        found = {}
        for service in self.cluster.services:
            for one in service.status.load_balancer.ingress:
                if one.ip and one.ip_mode == "Proxy":
                    of = family(one.ip).number
                    ways = [machine.ips[of] for machine in self.cluster.machines.values() if of in machine.ips]
                    ways = (
                        self.cluster.healthy(service, of) if service.spec.external_traffic_policy == "Local" else ways
                    )
                    if ways:
                        found[one.ip] = self.led.get(one.ip, ways[0])
        return found

    @cached_property
    def ips(self) -> dict[int, Address]:
        """The balancer's own addresses: the first of the LAN that are left."""
        found = {}
        for of, block in self.lan.ranges.items():
            taken = {one.ips.get(of) for one in self.cluster.machines.values()} | {self.lan.router_ips[of]}
            value = block.network + 1
            while spelled(value, block.family) in taken:
                value += 1
            found[of] = spelled(value, block.family)
        return found

    @property
    def _mac(self) -> str:
        return names.mac(names.GATEWAY, next(iter(self.ips.values())))

    def _switch(self, ns: Netns) -> Netns:
        """The switch with one more port."""
        end = names.link_end(BALANCER)
        port = Device(
            end, "veth", port_mac(self._mac, names.NODE_LINK), peer=(BALANCER, "eth0"), master=names.LAN_BRIDGE
        )
        return replace(ns, devices={**ns.devices, end: port})

    def _router(self, ns: Netns) -> Netns:
        """The router leads virtual addresses to the balancer, or has heard which node has them."""
        routes = [row for row in ns.routes if row.prefix not in {prefix(ip) for ip in self.vips}]
        heard = list(ns.neighbours)
        macs = {ip: node_mac(one) for one in self.cluster.machines.values() for ip in one.ips.values()}
        for ip, node in self.vips.items():
            of = family(ip).number
            via = "" if self.kind == "announced" else self.ips[of]
            routes.append(Route(prefix(ip), "eth0", via, metric=METRIC[of]))
            if self.kind == "announced":
                heard.append(NeighbourEntry(ip, "eth0", macs[node]))
        return replace(ns, routes=tuple(routes), neighbours=tuple(heard))

    def _balancer(self) -> Netns:
        own = [IfAddr(ip, self.lan.ranges[of].length) for of, ip in self.ips.items()]
        eth0 = device("eth0", "veth", self._mac, own, peer=(names.LAN, names.link_end(BALANCER)))
        routes = [default(of, self.lan.router_ips[of]) for of in self.ips]
        if self.kind == "direct":
            routes += [
                Route(prefix(ip), "eth0", via, metric=METRIC[family(ip).number]) for ip, via in self.vips.items()
            ]
        rules = {of: self._rules(of) for of in FAMILIES} if self.kind == "proxy" else {}
        return netns(BALANCER, (eth0,), routes=tuple(routes), neighbours=self._known, rules=rules, sysctls=FORWARDS)

    @property
    def _known(self) -> tuple[NeighbourEntry, ...]:
        """It has asked its nodes for their health for long, so it knows their MAC addresses."""
        macs = {ip: node_mac(one) for one in self.cluster.machines.values() for ip in one.ips.values()}
        macs |= dict.fromkeys(self.lan.router_ips.values(), self.lan.router_mac)
        return tuple(NeighbourEntry(ip, "eth0", mac) for ip, mac in macs.items())

    def _rules(self, of: int) -> Ruleset:
        """Of a `proxy`: to a NodePort of the node, from its own address; only for sources that the Service allows."""
        nat, sieve = [], []
        for port in self.cluster.watched[of].ports:
            ips = [one.ip for one in port.service.status.load_balancer.ingress if one.ip in self.vips]
            for ip in (ip for ip in ips if family(ip).number == of and port.port.node_port):
                to, proto = endpoint(self.vips[ip], port.port.node_port), port.protocol
                asked = f"-d {ip} -p {proto} -m {proto} --dport {port.port.port}"
                nat.append(f"-A PREROUTING {asked} -j DNAT --to-destination {to}")
            sieve += [f"-A FORWARD -s {block} -j ACCEPT" for block in port.source_ranges if block.family.number == of]
        if sieve:
            known = "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
            sieve = [known, *dict.fromkeys(sieve), "-A FORWARD -j DROP"]
        nat.append("-A POSTROUTING -j MASQUERADE")
        heads = [":PREROUTING ACCEPT [0:0]", ":INPUT ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]", ":POSTROUTING ACCEPT [0:0]"]
        chains = [":INPUT ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]"]
        text = ["*nat", *heads, *nat, "COMMIT", *(["*filter", *chains, *sieve, "COMMIT"] if sieve else [])]
        return read("\n".join(text)).rules
