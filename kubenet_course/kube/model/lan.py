"""What lies between the nodes and around them: the switch that joins them, a router, hosts outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from ...linux.namespace.device import Device, IfAddr, link_local
from ...linux.namespace.fib import Route
from ...linux.namespace.netns import FdbEntry, NeighbourEntry, Netns, netns
from ...linux.packet.address import FAMILIES, IPV4, IPV6, Address, Mac, Prefix, family, prefix, spelled
from ..network.backends import METRIC
from . import names
from .node_plan import Machine
from .ranges import OUTSIDE, covering

OUTSIDE_HOSTS: tuple[Address, ...] = ("203.0.113.5", "203.0.113.200", "2001:db8::5")
WARM_FROM = 17  # nodes: in a larger cluster everybody on the LAN knows everybody, or every question would wake them all
ANY = {4: prefix("0.0.0.0/0"), 6: prefix("::/0")}
QUIET = {"net.ipv4.conf.all.send_redirects": 0}
FORWARDS = {**QUIET, "net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1}
SWITCH = {"net.bridge.bridge-nf-call-iptables": 0, "net.bridge.bridge-nf-call-ip6tables": 0}


def device(name: str, kind: str, mac: Mac, own: Iterable[IfAddr] = (), **more) -> Device:
    """A device; with an IPv6 address it has a link-local one too, as a kernel gives it by itself."""
    own = tuple(own)
    if any(family(one.address) is IPV6 for one in own):
        own += (link_local(mac),)
    return Device(name, kind, mac, own, **more)


def default(of: int, via: Address, onlink: bool = False) -> Route:
    return Route(ANY[of], "eth0", via, metric=METRIC[of], onlink=onlink)


def node_mac(machine: Machine) -> Mac:
    return names.mac(names.NODE, next(iter(machine.ips.values())))


def gateway(of: int) -> Address:
    """The router's address towards the world."""
    return spelled(OUTSIDE[of].network + 1, OUTSIDE[of].family)


def is_planned(ip: Address) -> bool:
    """Whether a host outside has an address of the plan's range, where the router expects it."""
    return ip in OUTSIDE[family(ip).number]


class Lan:
    """The LAN of a cluster's nodes. `entrances`: addresses that the router leads to a node, and its address.

    `name` is its switch's, `router_dev` the router's device on it: where a router joins several LANs, each has its own.
    """

    def __init__(
        self,
        machines: Mapping[str, Machine],
        entrances: Mapping[Address, Address],
        outside: tuple[Address, ...],
        name: str = names.LAN,
        router_dev: str = "eth0",
    ):
        self.machines, self.entrances, self.outside = machines, entrances, outside
        self.name, self.router_dev = name, router_dev

    @property
    def is_warm(self) -> bool:
        return len(self.machines) >= WARM_FROM

    @cached_property
    def ranges(self) -> dict[int, Prefix]:
        """Per family, the range that all nodes' addresses lie in."""
        found = {}
        for of, whole in FAMILIES.items():
            ips = [one.ips[of] for one in self.machines.values() if of in one.ips]
            if ips:
                found[of] = covering(ips, whole, 24 if whole is IPV4 else 64)
        return found

    @cached_property
    def router_ips(self) -> dict[int, Address]:
        """Per family, the first address of the LAN that no node has."""
        found = {}
        for of, block in self.ranges.items():
            taken = {one.ips.get(of) for one in self.machines.values()}
            value = block.network + 1
            while spelled(value, block.family) in taken:
                value += 1
            found[of] = spelled(value, block.family)
        return found

    @cached_property
    def router_mac(self) -> Mac:
        return names.mac(names.GATEWAY, next(iter(self.router_ips.values()), "0.0.0.0"))

    @cached_property
    def neighbours(self) -> dict[Address, NeighbourEntry]:
        """Everybody on a warm LAN; on a cold one all have to ask."""
        if not self.is_warm:
            return {}
        found = {ip: NeighbourEntry(ip, "eth0", self.router_mac) for ip in self.router_ips.values()}
        for machine in self.machines.values():
            mac = node_mac(machine)
            found.update({ip: NeighbourEntry(ip, "eth0", mac) for ip in machine.ips.values()})
        return found

    def switch(self) -> Netns:
        """The switch has no address, and no rule ever sees what it carries."""
        ends = [(machine.name, node_mac(machine)) for machine in self.machines.values()]
        ends.append((names.ROUTER, self.router_mac))
        bridge = Device(names.LAN_BRIDGE, "bridge", port_mac(self.router_mac, names.SWITCH))
        ports = [self._port(names.LAN_BRIDGE, name, port_mac(mac, names.NODE_LINK)) for name, mac in ends]
        fdb = tuple(FdbEntry(mac, names.link_end(name)) for name, mac in ends) if self.is_warm else ()
        return netns(self.name, (bridge, *ports), fdb=fdb, sysctls=SWITCH)

    def _port(self, bridge: str, name: str, mac: Mac) -> Device:
        far = self.router_dev if name == names.ROUTER else "eth0"
        return Device(names.link_end(name), "veth", mac, peer=(name, far), master=bridge)

    @property
    def leg(self) -> Device:
        """The router's device on this LAN."""
        own = [IfAddr(ip, self.ranges[of].length) for of, ip in self.router_ips.items()]
        return device(self.router_dev, "veth", self.router_mac, own, peer=(self.name, names.link_end(names.ROUTER)))

    def router(self) -> Netns:
        """Between the LAN and the world. It leads the addresses of load balancers and externalIPs to the first node."""
        gateways = [IfAddr(gateway(of), OUTSIDE[of].length) for of in FAMILIES]
        bridge = device(names.OUTSIDE_BRIDGE, "bridge", names.mac(names.OUTSIDE_LINK, gateway(4)), gateways)
        hosts = [(names.host_namespace(ip), names.mac(names.OUTSIDE_LINK, ip)) for ip in self.outside]
        ports = [self._port(names.OUTSIDE_BRIDGE, name, mac) for name, mac in hosts]
        strange = [(ip, names.OUTSIDE_BRIDGE, "") for ip in self.outside if not is_planned(ip)]
        inwards = [(ip, "eth0", via) for ip, via in self.entrances.items()]
        routes = tuple(
            Route(prefix(ip), dev, via, metric=METRIC[family(ip).number]) for ip, dev, via in strange + inwards
        )
        return netns(
            names.ROUTER,
            (self.leg, bridge, *ports),
            routes=routes,
            neighbours=tuple(self.neighbours.values()),
            sysctls={**FORWARDS, **SWITCH},
        )

    def host(self, ip: Address) -> Netns:
        """A machine outside: it knows nothing of the cluster but the router."""
        of, name = family(ip).number, names.host_namespace(ip)
        own = IfAddr(ip, OUTSIDE[of].length if is_planned(ip) else FAMILIES[of].bits)
        eth0 = device("eth0", "veth", names.mac(names.OUTSIDE, ip), [own], peer=(names.ROUTER, names.link_end(name)))
        return netns(name, (eth0,), routes=(default(of, gateway(of), not is_planned(ip)),), sysctls=QUIET)


def port_mac(of: Mac, kind: int) -> Mac:
    """The switch's end of a cable: the machine's MAC with another kind."""
    return f"0a:{kind:02x}{of[5:]}"
