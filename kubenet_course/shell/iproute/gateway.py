"""Whether a next hop can be one: it must be directly on a link (net/ipv4/fib_semantics.c, net/ipv6/route.c)."""

from __future__ import annotations

from ...linux.namespace.fib import LINK_LOCAL, MULTICAST, NO_ROUTE, Route
from ...linux.namespace.netns import Netns
from ...linux.packet.address import IPV4, IPV6, family
from ..state import LEAST_MTU6, Refused

NO_GATEWAY = {4: "Error: Nexthop has invalid gateway.", 6: "RTNETLINK answers: No route to host"}
NOT_UP = {4: "Error: Device for nexthop is not up.", 6: "Error: Nexthop device is not up."}


def next_hop(ns: Netns, of: int, said: dict[str, str]) -> str:
    """The device by which the next hop is reached, which must be directly on a link."""
    dev, via = said.get("dev", ""), said.get("via", "")
    if not via and not dev:
        raise Refused(
            "A row wants a device, dev NAME, or a next hop, via ADDRESS.", "RTNETLINK answers: No such device"
        )
    if of == 6 and dev and ns.devices[dev].mtu < LEAST_MTU6:
        said_mtu = f"{dev} has an MTU of {ns.devices[dev].mtu}, with which it speaks no IPv6."
        raise Refused(said_mtu, "RTNETLINK answers: No such device")
    if "onlink" in said and not dev:
        raise Refused("onlink wants to know on which link: dev NAME.", "Error: Nexthop device required for onlink.")
    if "onlink" in said and not via:
        raise Refused("onlink is said of a next hop: via ADDRESS.")
    if via and (via in MULTICAST[of] or via in ("0.0.0.0", "::")):
        quote = NO_GATEWAY[4] if of == 4 else "Error: Invalid gateway address."
        raise Refused(f"{via} is not one machine's address, so it cannot be a next hop.", quote)
    if not via:
        return dev
    return _gateway4(ns, via, dev, "onlink" in said) if of == 4 else _gateway6(ns, via, dev, "onlink" in said)


def on_lo(ns: Netns, address: str) -> bool:
    """Whether an address is in a block of lo: IPv4 takes the whole block as this machine's own, the model only while lo is up."""
    return any(address in own.block for own in ns.devices["lo"].addresses)


def _gateway4(ns: Netns, via: str, dev: str, onlink: bool) -> str:
    """fib_check_nh_v4_gw."""
    own: dict[str, list[bool]] = {}  # an address of this machine, and whether the devices that have it are up
    for device in ns.devices.values():
        for a in device.addresses:
            if family(a.address) is IPV4 and (not dev or onlink or device.name == dev):
                own.setdefault(a.address, []).append(device.up)
    if onlink and not own:
        raise Refused(f"{ns.name} has no address yet; give it one before it sends to a next hop.")
    if onlink and _up(ns, dev) and (via in own or on_lo(ns, via) or ns.fib.lookup(via).type in ("local", "broadcast")):
        raise Refused(f"{via} is an address of {ns.name} itself.", NO_GATEWAY[4] if via in own else "")
    if onlink:
        return dev
    if not all(own.get(via, [True])):
        quote = "" if any(own[via]) else "RTNETLINK answers: Network is down"
        raise Refused(f"{via} is an address of {ns.name} on a device that is down.", quote)
    row = _direct(ns, via, dev)
    if row is NO_ROUTE:
        raise Refused(_not_on_link(ns, via, dev), NO_GATEWAY[4])
    return dev or row.dev


def _gateway6(ns: Netns, via: str, dev: str, onlink: bool) -> str:
    """ip6_validate_gw."""
    own = {address.address: device.name for device in ns.devices.values() for address in device.addresses}
    of_itself = via in own and (via not in LINK_LOCAL or own[via] == dev)
    if via in LINK_LOCAL and not dev:
        raise Refused(f"{via} exists on every link; say on which: dev NAME.", "Error: Egress device not specified.")
    if dev == "lo" or (not dev and on_lo(ns, via)):
        raise Refused("Behind lo there is nobody.")
    if onlink:
        _up(ns, dev)
    if of_itself:
        raise Refused(f"{via} is an address of {ns.name} itself.", "Error: Gateway can not be a local address.")
    if onlink:
        return dev
    row = Route(MULTICAST[6], dev) if via in LINK_LOCAL else _direct(ns, via, dev)
    if row is NO_ROUTE:
        raise Refused(_not_on_link(ns, via, dev), NO_GATEWAY[6])
    if row.dev == "lo":
        raise Refused("Behind lo there is nobody.")
    return dev or row.dev


def _up(ns: Netns, dev: str) -> str:
    """The next hop is taken to be on the link, whatever the tables say; but the link must be there."""
    if not ns.devices[dev].up:
        raise Refused(f"{dev} is down, so no row can lead through it.", NOT_UP[6])
    return dev


def _not_on_link(ns: Netns, via: str, dev: str) -> str:
    is_down = f" {dev} is down." if dev and not ns.devices[dev].up else ""
    where = f" on {dev}" if dev else ""
    return f"{via} is on no link of {ns.name}{where}, so nothing can be sent to it directly.{is_down}"


def _direct(ns: Netns, via: str, dev: str) -> Route:
    """The row by which a next hop is reached: IPv4 asks only rows without one of their own; in IPv6 the row must have none."""
    if family(via) is IPV6:
        row = ns.fib.lookup(via, dev)
        return row if not row.via and row.type in ("unicast", "local") else NO_ROUTE
    bare = Netns(ns.name, ns.devices, tuple(row for row in ns.routes if not row.via and row.dev))
    row = bare.fib.lookup(via, dev)
    return row if row.type in ("unicast", "local") else NO_ROUTE
