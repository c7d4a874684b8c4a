"""Where a packet goes next: longest prefix, then smallest metric, first among this machine's own addresses (net/ipv4/fib_*.c).

Rules (`ip rule`) choose among tables; without any, `local`, `main` and `default` are asked in turn. A row may have several hops.

The rows that a kernel makes by itself, for each address a local one, a broadcast one and the connected block, are made here too.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..packet.address import IPV4, IPV6, Address, Prefix, family, number, prefix
from .device import Device, IfAddr, link_local
from .policy import ANYTHING, EVERYONES, NO_POLICY, Asked, Policy, decided
from .route import NO_ROUTE, Hop, Route, alive, longest

__all__ = ["NO_ROUTE", "Fib", "Hop", "Route"]  # rows are known under this name too

LIMITED_BROADCAST = "255.255.255.255"
MULTICAST = {4: prefix("224.0.0.0/4"), 6: prefix("ff00::/8")}
LOCAL_GROUPS = prefix("224.0.0.0/24")
ZERO = prefix("0.0.0.0/8")
LOOPBACK = {4: prefix("127.0.0.0/8"), 6: prefix("::1/128")}
LINK_LOCAL = prefix("fe80::/10")


class Fib:
    """A machine's tables, `local`, `main` and others, each a dictionary for every prefix length, longest first."""

    def __init__(
        self,
        devices: Iterable[Device],
        added: Iterable[Route] = (),
        forwards6: bool = False,
        policy: Policy = NO_POLICY,
    ):
        every = list(devices)
        up = [device for device in every if device.up]
        self.devices = {device.name: device for device in up}
        self.every = {device.name: device for device in every}
        down = [row for device in every if not device.up for row in _local_rows(device, False) if row.type == "local"]
        made = [row for device in up for row in _local_rows(device, forwards6)] + down
        rows = {"local": [*made], "main": [row for device in up for row in _connected_rows(device)]}
        for row in filter(None, (alive(row, self.devices) for row in added)):
            rows.setdefault(row.table, []).append(row)
        self.tables = {name: _by_length(found) for name, found in rows.items()}
        self.local, self.main, self.policy = self.tables["local"], self.tables["main"], policy
        self.on = {device.name: tuple(a.address for a in with_link_local(device)) for device in up}
        # A dummy device has its addresses at once, up or down: nobody else can have them on its link (addrconf_dad_begin).
        ready = [device for device in every if device.up or device.kind == "dummy"]
        self.addresses = {a.address: device.name for device in reversed(ready) for a in with_link_local(device)}

        own = (*LOOPBACK.values(), *(row.prefix for row in made if row.type == "local"))
        self.local_added = any(
            row.type == "local" and not any(row.prefix.first in block for block in own) for row in added
        )

    def addresses_on(self, dev: str) -> tuple[Address, ...]:
        """The addresses of a device, its link-local one included."""
        return self.on.get(dev, ())

    def lookup(self, to: Address, dev: str = "", asked: Asked = ANYTHING) -> Route:
        """The row that decides for an address (`ip route get`); NO_ROUTE where none does. With `dev`, only rows through it.

        What else is `asked` is what rules choose tables by. Of several next hops none is chosen yet.
        """
        of = family(to).number
        return decided(self.policy.get(of) or EVERYONES[of], self.tables, to, dev, asked)

    def kind(self, to: Address) -> str:
        """What an address is to this machine by its own table alone: local, broadcast, ..., else unicast (inet_addr_type)."""
        row = longest(self.local, to)
        return row.type if row is not NO_ROUTE else "unicast"

    def source(self, route: Route, to: Address) -> Address:
        """The address that this machine uses as its own towards `to`, when nothing else was asked for."""
        if route.src:
            return route.src
        if family(to) is IPV6:
            return select6(self.devices, route.dev, to)
        return select4(self.every, route.dev, route.via)


def with_link_local(device: Device) -> tuple[IfAddr, ...]:
    """A device's addresses, and the one that IPv6 makes from its MAC (RFC 4291 appendix A), with a carrier or without (DEV-21)."""
    if (
        device.kind == "lo"
        or not device.mac
        or any(a.address in LINK_LOCAL for a in device.addresses if ":" in a.address)
    ):
        return device.addresses
    return (*device.addresses, link_local(device.mac))


def _by_length(rows: Iterable[Route]) -> dict[int, list[tuple[int, dict[int, list[Route]]]]]:
    """Rows by family, mask (longest first) and network; rows of one network by metric, older first."""
    found: dict[int, dict[int, dict[int, list[Route]]]] = {4: {}, 6: {}}
    for row in rows:
        found[row.prefix.family.number].setdefault(row.prefix.mask, {}).setdefault(row.prefix.network, []).append(row)
    for masks in found.values():
        for networks in masks.values():
            for same in networks.values():
                same.sort(key=lambda row: row.metric)
    return {number: sorted(masks.items(), reverse=True) for number, masks in found.items()}


def _local_rows(device: Device, forwards6: bool) -> Iterable[Route]:
    """What is for this machine itself (fib_add_ifaddr, addrconf.c)."""
    addresses = with_link_local(device)
    for own in addresses:
        of = family(own.address)
        host = prefix(own.address)
        yield Route(
            own.block if device.kind == "lo" and of is IPV4 else host, device.name, src=own.address, type="local"
        )
        if of is IPV4 and own.length < 31:
            last = own.block.network | ~own.block.mask & 0xFFFFFFFF
            yield Route(Prefix(last, 0xFFFFFFFF, IPV4), device.name, src=own.address, type="broadcast")
        if of is IPV6 and forwards6 and own.length < 127:
            yield Route(prefix(own.block.first), device.name, type="anycast")
    if device.kind != "lo" and any(family(own.address) is IPV6 for own in addresses):
        yield Route(MULTICAST[6], device.name, type="multicast", metric=256)


def _connected_rows(device: Device) -> Iterable[Route]:
    """The block around each address is reached directly; lo leads nowhere (DEV-22)."""
    for own in with_link_local(device):
        of = family(own.address)
        if own.length < of.bits and device.kind != "lo" and not own.noprefixroute:
            yield Route(own.block, device.name, src=own.address if of is IPV4 else "", metric=256 if of is IPV6 else 0)


def select4(devices: dict[str, Device], dev: str, to: Address) -> Address:
    """An IPv4 address for a device: the one whose block holds `to`, else its first. A device without any borrows the first address
    of the first device that has one: lo, then the others as they were made, up or down (inet_select_addr)."""
    own = _primary(devices[dev]) if dev in devices else []
    if own:
        return next((a.address for a in own if to and to in a.block), own[0].address)
    lo_first = sorted(devices.values(), key=lambda device: device.kind != "lo")
    return next((a[0].address for device in lo_first if (a := _primary(device))), "")


def _primary(device: Device) -> list[IfAddr]:
    """A device's IPv4 addresses but for loopback's own and for second ones of a block (IFA_F_SECONDARY)."""
    own = [a for a in device.addresses if family(a.address) is IPV4 and a.address not in LOOPBACK[4]]
    return [a for number, a in enumerate(own) if all(a.block != before.block for before in own[:number])]


def select6(devices: dict[str, Device], dev: str, to: Address) -> Address:
    """An IPv6 source for a destination (RFC 6724 section 5): itself, right scope, the device's own, longest common prefix.

    Among equals a device's newest address, which stands first in its list (ipv6_link_dev_addr).
    """
    listed = ((device.name, a.address) for device in devices.values() for a in reversed(device.addresses))
    here = [(name, own) for name, own in listed if family(own) is IPV6]
    usable = [(name, a) for name, a in here if a not in LOOPBACK[6] or to in LOOPBACK[6]]
    usable = [(name, a) for name, a in usable if a not in LINK_LOCAL or name == dev]
    far = to in LINK_LOCAL or to in MULTICAST[6]

    def liking(row: tuple[str, Address]) -> tuple:
        name, own = row
        common = 128 - (number(own) ^ number(to)).bit_length()
        return own == to, (own in LINK_LOCAL) is far, name == dev, min(common, 64)

    return max(usable, key=liking)[1] if usable else ""


def address_types(fib: Fib, subject: Address, dev: str = "") -> frozenset[str]:
    """What kinds of address this is to a machine, by addrtype's words (inet_addr_type; for IPv6 match_lookup_rt6)."""
    of = family(subject)
    if subject in MULTICAST[of.number]:
        return frozenset({"MULTICAST"})
    if of is IPV6:
        return _types6(fib, subject, dev)
    if subject in ZERO or subject == LIMITED_BROADCAST:
        return frozenset({"BROADCAST"})
    row = longest(fib.local, subject, "")
    return frozenset({row.type.upper() if row is not NO_ROUTE and dev in ("", row.dev) else "UNICAST"})


def _types6(fib: Fib, subject: Address, dev: str) -> frozenset[str]:
    types = {"UNICAST"} if subject != IPV6.any else {"UNSPEC"}
    row = fib.lookup(subject, dev)
    if fib.addresses.get(subject, "") and dev in ("", fib.addresses[subject]):
        types.add("LOCAL")
    if row is NO_ROUTE or row.type in ("unreachable", "prohibit", "blackhole"):
        types.add("UNREACHABLE")
    return frozenset(types | {"ANYCAST"} if row.type == "anycast" else types)
