"""All that one kernel reads while a packet passes: devices, addresses, routes, neighbours, rules, switches, sockets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from msgspec import Struct, field

from ...errors import BadInput
from ..netfilter.hooks import Path
from ..netfilter.ipset.sets import IpSet
from ..netfilter.rules import NO_RULES, Ruleset
from ..packet.address import FAMILIES, Address, Mac, family
from ..packet.packet import endpoint
from ..stack.ipvs.servers import VirtualServer
from .device import Device, IfAddr
from .fib import Fib, Route
from .policy import Policy
from .switches import IPVS_SYSCTLS, SYSCTLS


class Socket(Struct, frozen=True):
    """A program that listens (`ss -ln`). It answers what reaches it; the any-address listens on all."""

    proto: str
    address: Address
    port: int
    program: str = ""
    reuseport: bool = False  # SO_REUSEPORT
    reuseaddr: bool = False  # SO_REUSEADDR
    v6only: bool = False  # IPV6_V6ONLY
    uid: int = 0  # the effective user of the program that made it; only the same one may share by SO_REUSEPORT
    listens: bool = True  # False: bound, without listen() yet; UDP knows no such state

    def __str__(self) -> str:
        return f"{self.program or 'a program'} on {self.proto} {endpoint(self.address, self.port)}"

    __repr__ = __str__


class FdbEntry(Struct, frozen=True):
    """Which port leads to a MAC (`bridge fdb`); of a VXLAN device, which tunnel end. `heard` in nanoseconds; -1 for ever."""

    mac: Mac
    port: str
    dst: Address = ""
    heard: int = -1


class NeighbourEntry(Struct, frozen=True):
    """Which MAC an address on a link has (`ip neigh`). `heard` is when, in nanoseconds; -1 for a permanent entry."""

    address: Address
    dev: str
    mac: Mac
    heard: int = -1
    stale: bool = False  # it asked us, but has not answered a question of ours (NUD_STALE)


class Netns(Struct, frozen=True, dict=True):
    """One network namespace: everything that its kernel reads. Nothing in it changes; what a kernel learns is in Memory."""

    name: str
    devices: Mapping[str, Device] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()  # those added by hand or by a daemon; the rest follows from the addresses
    neighbours: tuple[NeighbourEntry, ...] = ()
    fdb: tuple[FdbEntry, ...] = ()
    rules: Mapping[int, Ruleset] = field(default_factory=dict)  # by family number
    sysctls: Mapping[str, int] = field(default_factory=dict)
    sockets: tuple[Socket, ...] = ()
    policy: Policy = field(default_factory=dict)  # `ip rule`, by family number
    sockets_known: bool = True  # False: of a machine of which only the rules are known, nothing answers
    bridges_known: bool = True  # False: any device may be a bridge that nobody has told of
    sets: Mapping[str, IpSet] = field(default_factory=dict)  # by name (`ipset list`)
    virtual_servers: Mapping[tuple[Address, int, str], VirtualServer] = field(default_factory=dict)  # by their keys

    @cached_property
    def fib(self) -> Fib:
        """The routing tables as they follow from devices, addresses and added routes."""
        return Fib(self.devices.values(), self.routes, self.forwards(6), self.policy)

    @cached_property
    def paths(self) -> dict[int, Path]:
        """Per family, which tables a packet meets at each hook, in order."""
        balanced = {family(address).number for address, *_ in self.virtual_servers}
        return {of: Path(self.ruleset(of), of in balanced) for of in FAMILIES}

    @cached_property
    def ports(self) -> dict[str, tuple[Device, ...]]:
        """The ports of each bridge that are up, the one that joined last first: so a kernel lists them, and floods (br_add_if)."""
        found: dict[str, list[Device]] = {}
        for device in self.devices.values():
            if device.master and device.up:
                found.setdefault(device.master, []).append(device)
        return {bridge: tuple(reversed(ports)) for bridge, ports in found.items()}

    @cached_property
    def own_macs(self) -> dict[str, frozenset[Mac]]:
        """Per bridge, its own MAC and those of its ports, up or not: frames to them go up."""
        found: dict[str, set[Mac]] = {}
        for device in self.devices.values():
            if device.master:
                found.setdefault(device.master, {self.devices[device.master].mac}).add(device.mac)
        return {bridge: frozenset(macs) for bridge, macs in found.items()}

    @cached_property
    def addresses4(self) -> frozenset[Address]:
        """Every IPv4 address that some device has, be it up or not (inet_lookup_ifaddr_rcu)."""
        return frozenset(a.address for device in self.devices.values() for a in device.addresses)

    @cached_property
    def fixed_neighbours(self) -> dict[tuple[str, Address], NeighbourEntry]:
        """The neighbours entered by hand, by device and address."""
        return {(row.dev, row.address): row for row in self.neighbours}

    @cached_property
    def fixed_fdb(self) -> dict[tuple[str, Mac], FdbEntry]:
        """The forwarding rows entered by hand, by bridge (or tunnel device) and MAC."""
        masters = {device.name: device.master or device.name for device in self.devices.values()}
        return {(masters.get(row.port, row.port), row.mac): row for row in self.fdb}

    def ruleset(self, of: int) -> Ruleset:
        """The iptables (4) or ip6tables (6) rules; empty where none were loaded."""
        return self.rules.get(of, NO_RULES)

    def sysctl(self, name: str) -> int:
        """A kernel switch, or what a fresh namespace has for it."""
        found = self.sysctls.get(name)
        return SYSCTLS.get(name, IPVS_SYSCTLS.get(name, 0)) if found is None else found

    def conf(self, of: str, dev: str, name: str) -> int:
        """A per-device switch as the kernel reads it: the larger of `all` and the device's own (IN_DEV_MAXCONF)."""
        found = self.asked.get((of, dev, name))
        if found is None:
            found = max(self.sysctl(f"net.{of}.conf.all.{name}"), self._own(of, dev, name, 0))
            self.asked[of, dev, name] = found
        return found

    @cached_property
    def asked(self) -> dict[tuple, int]:
        """The per-device switches that were asked for, as they were found: they are asked for with every packet."""
        return {}

    def _own(self, of: str, dev: str, name: str, otherwise: int) -> int:
        """A device's own value: as set for it, else what `default` was when it was made (lo is older than any setting)."""
        begun = self.sysctls.get(f"net.{of}.conf.default.{name}", otherwise) if dev != "lo" else otherwise
        return self.sysctls.get(f"net.{of}.conf.{dev}.{name}", begun)

    def forwards(self, of: int, dev: str = "") -> bool:
        """Whether it forwards; with `dev`, what came in there (IN_DEV_FORWARD). IPv6 only asks the one switch for all."""
        found = self.asked.get((of, dev))
        if found is None:
            every = self.sysctl("net.ipv4.ip_forward" if of == 4 else "net.ipv6.conf.all.forwarding")
            found = self.asked[of, dev] = self._own(f"ipv{of}", dev, "forwarding", every) if dev else every
        return bool(found)

    def hop_limit(self, of: int, dev: str = "") -> int:
        """How many hops a packet of its own may go; in IPv6 each device has a limit (ip4_dst_hoplimit, ip6_dst_hoplimit)."""
        if of == 4:
            return self.sysctl("net.ipv4.ip_default_ttl")
        return self._own("ipv6", dev, "hop_limit", self.sysctl("net.ipv6.conf.all.hop_limit"))

    def device(self, name: str, where: str = "") -> Device:
        if name not in self.devices:
            raise BadInput(
                where, f"{self.name} has no device {name!r}", f"name one of {', '.join(self.devices) or 'none'}"
            )
        return self.devices[name]


def netns(name: str, devices: tuple[Device, ...] = (), **tables) -> Netns:
    """A namespace with the loopback device that every one has, and the devices given."""
    lo = Device("lo", "lo", "00:00:00:00:00:00", (IfAddr("127.0.0.1", 8), IfAddr("::1", 128)), mtu=65536)
    named = {device.name: device for device in (lo, *devices)}
    if len(named) <= len(devices) and "lo" not in {device.name for device in devices}:
        names = [device.name for device in devices]
        twice = next(n for n in names if names.count(n) > 1)
        raise BadInput(name, f"two devices are named {twice}", "give each device its own name")
    return Netns(name, named, **tables)


def families(ns: Netns) -> set[int]:
    """The families in which a namespace has an address of its own, loopback aside."""
    found = {family(a.address).number for d in ns.devices.values() if d.kind != "lo" for a in d.addresses}
    return found or {4}
