"""What tables cannot say without contradicting themselves. Each refusal is one sentence with the path to the value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from ...errors import BadInput
from ...linux.namespace.device import Device
from ...linux.namespace.fib import LINK_LOCAL, Route
from ...linux.namespace.netns import Netns
from ...linux.namespace.switches import check_switch, switch_of
from ...linux.packet.address import IPV6, family
from .packets import Sending

# What a name may be: ip-netns(8) makes it a file name, dev_valid_name() allows 15 bytes; a leading dash would be an option.
NETNS_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
DEVICE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}")
RESERVED = ("all", "default", "lo")  # words of /proc/sys/net/*/conf, and the device that every namespace has
SYSCTL = re.compile(r"net\.(ipv4|ipv6|bridge|netfilter)\.[A-Za-z0-9_.-]+")
LEAST_MTU = {4: 68, 6: 1280}


def check(world: Mapping[str, Netns], packets: tuple[Sending, ...], where: str = "$") -> None:
    """Raises BadInput for the first contradiction."""
    for name, ns in world.items():
        at = f"{where}.namespaces.{name}"
        if not NETNS_NAME.fullmatch(name):
            raise BadInput(at, f"{name!r} is not a name for a namespace", "use small letters, digits, dots and dashes")
        for number, device in enumerate(d for d in ns.devices.values() if d.kind != "lo"):
            _device(world, ns, device, f"{at}.devices[{number}]")
        _rows(ns, at)
    _loops(world, where)
    for number, sent in enumerate(packets):
        _sending(world, sent, f"{where}.packets[{number}]")


def _device(world: Mapping[str, Netns], ns: Netns, device: Device, at: str) -> None:
    if not DEVICE_NAME.fullmatch(device.name) or device.name in RESERVED:
        raise BadInput(f"{at}.name", f"{device.name!r} is not a name for a device", "use at most 15 letters and digits")
    least = LEAST_MTU[6 if any(family(own.address) is IPV6 for own in device.addresses) else 4]
    if not least <= device.mtu <= 65535:
        raise BadInput(f"{at}.mtu", f"{device.mtu} bytes are no MTU here", f"write {least} to 65535")
    for index, own in enumerate(device.addresses):
        if own.address in [before.address for before in device.addresses[:index]]:
            raise BadInput(f"{at}.addresses[{index}]", f"{device.name} has {own.address} twice", "give it once")
    if int(device.mac[:2], 16) & 1 or device.mac == "00:00:00:00:00:00":
        raise BadInput(
            f"{at}.mac", f"{device.mac} is not the MAC address of one device", "make its first byte even, such as 02"
        )
    if device.kind == "veth":
        _peer(world, ns, device, f"{at}.peer")
    elif device.peer is not None:
        raise BadInput(f"{at}.peer", f"a {device.kind} has no peer", "only a veth has one")
    if device.master and (device.master not in ns.devices or ns.devices[device.master].kind != "bridge"):
        raise BadInput(
            f"{at}.master", f"{ns.name} has no bridge {device.master!r}", "name a bridge of the same namespace"
        )
    if device.master and device.kind == "bridge":
        raise BadInput(f"{at}.master", "a bridge cannot be a port of a bridge", "join two bridges with a veth pair")
    if (device.kind == "vxlan") is (device.vxlan is None):
        raise BadInput(
            f"{at}.vxlan", "a tunnel's settings belong to devices of kind vxlan", "give them to those, and to no other"
        )
    if device.vxlan is not None:
        _vxlan(ns, device, f"{at}.vxlan")


def _vxlan(ns: Netns, device: Device, at: str) -> None:
    tunnel = device.vxlan
    assert tunnel is not None
    if tunnel.dev not in ns.devices:
        raise BadInput(
            f"{at}.dev", f"{ns.name} has no device {tunnel.dev!r}", "name the device that carries the tunnel"
        )
    if tunnel.local not in {own.address for own in ns.devices[tunnel.dev].addresses}:
        raise BadInput(f"{at}.local", f"{tunnel.local} is not an address of {tunnel.dev}", "name one of its own")
    if not 0 <= tunnel.vni < 1 << 24:
        raise BadInput(f"{at}.vni", f"{tunnel.vni} is not a network's number", "write 0 to 16777215")
    low, high = tunnel.source_ports
    if not (0 < tunnel.port < 65536 and 0 < low < high < 65536):
        raise BadInput(at, "its ports cannot be", "a port is 1 to 65535, and of source_ports the first is the smaller")


def _peer(world: Mapping[str, Netns], ns: Netns, device: Device, at: str) -> None:
    if device.peer is None:
        raise BadInput(at, f"the veth {device.name} has no peer", 'name the other end, as in ["node-1", "veth1"]')
    other = world.get(device.peer[0])
    far = other.devices.get(device.peer[1]) if other else None
    if far is None:
        raise BadInput(at, f"there is no {device.peer[1]!r} in {device.peer[0]!r}", "name a device that is there")
    if far.peer != (ns.name, device.name) or far is device:
        back = "itself" if far is device else f"{far.peer[1]!r} in {far.peer[0]!r}" if far.peer else "nothing"
        raise BadInput(at, f"{far.name} in {device.peer[0]} has another peer, {back}", "let both ends name each other")


def _rows(ns: Netns, at: str) -> None:
    def known(dev: str, where: str) -> None:
        if dev not in ns.devices:
            raise BadInput(where, f"{ns.name} has no device {dev!r}", f"name one of {', '.join(ns.devices)}")

    for number, row in enumerate(ns.routes):
        place = f"{at}.routes[{number}]"
        if row.dev:
            known(row.dev, place)
        if row.src and row.src not in ns.fib.addresses:
            raise BadInput(place, f"{row.src} is not an address of {ns.name}", "src names one of its own")
        if row.via and not row.onlink and not _is_near(ns, row, ns.routes[:number]):
            raise BadInput(place, f"{row.via} is not on the link of {row.dev}", "name a neighbour, or write onlink")
    for number, neighbour in enumerate(ns.neighbours):
        known(neighbour.dev, f"{at}.neighbours[{number}]")
    for number, entry in enumerate(ns.fdb):
        known(entry.port, f"{at}.fdb[{number}]")
        if bool(entry.dst) is not (ns.devices[entry.port].kind == "vxlan"):
            raise BadInput(
                f"{at}.fdb[{number}]",
                "dst is a tunnel's other end",
                "give it to rows of a vxlan device, and only there",
            )
    _switches(ns, at, known)
    _sockets(ns, at)


def _switches(ns: Netns, at: str, known: Callable[[str, str], None]) -> None:
    for name in ns.sysctls:
        if not SYSCTL.fullmatch(name):
            raise BadInput(
                f"{at}.sysctls", f"{name!r} is not a switch of a namespace", "write one like net.ipv4.ip_forward"
            )
        check_switch(name, f"{at}.sysctls")
        device = switch_of(name)[1]
        if device and device not in RESERVED:
            known(device, f"{at}.sysctls")


def _sockets(ns: Netns, at: str) -> None:
    places = [(own.proto, own.address, own.port) for own in ns.sockets]
    for number, listening in enumerate(ns.sockets):
        if places.index(places[number]) != number:
            raise BadInput(f"{at}.sockets[{number}]", "a second program cannot listen there", "choose another port")
        if listening.address not in (family(listening.address).any, *ns.fib.addresses):
            raise BadInput(
                f"{at}.sockets[{number}]",
                f"{listening.address} is not an address of {ns.name}",
                "listen on one of its own",
            )


def _is_near(ns: Netns, row: Route, before: tuple[Route, ...]) -> bool:
    """Whether a gateway is on the device's own link: in the block of an address there, or named by an earlier row without a gateway
    (fib_check_nh); so Calico and kind give pods 169.254.1.1."""
    direct = [one.prefix for one in before if one.type == "unicast" and one.dev == row.dev and not one.via]
    blocks = [own.block for own in ns.devices[row.dev].addresses]
    return row.via in LINK_LOCAL or any(row.via in one and one.mask for one in (*direct, *blocks))


def _sending(world: Mapping[str, Netns], sent: Sending, at: str) -> None:
    if sent.at not in world:
        raise BadInput(f"{at}.at", f"there is no namespace {sent.at!r}", f"name one of {', '.join(world)}")
    if sent.dev:
        device = world[sent.at].devices.get(sent.dev)
        if device is None or device.kind != "eth":
            raise BadInput(
                f"{at}.arrives", f"{sent.at} has no device {sent.dev!r} of kind eth", "frames arrive on those only"
            )


def _loops(world: Mapping[str, Netns], where: str) -> None:
    """Two ways from one bridge to another, and a flooded frame would run in circles for ever: nobody speaks STP here."""
    if not any(device.kind == "bridge" for ns in world.values() for device in ns.devices.values()):
        return
    from ...wiring import closing  # networkx takes longer to load than all the rest of the lab

    for (name, dev), _ in closing(world):
        number = [device for device in world[name].devices if device != "lo"].index(dev)
        at = f"{where}.namespaces.{name}.devices[{number}].peer"
        raise BadInput(at, f"the veth {dev} closes a loop of bridges", "leave one way between two bridges")
