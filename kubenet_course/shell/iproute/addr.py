"""`ip addr add, del, flush`: addresses of devices (net/ipv4/devinet.c, net/ipv6/addrconf.c)."""

from __future__ import annotations

from msgspec.structs import replace

from ...linux.namespace.device import Device, IfAddr
from ...linux.namespace.fib import LIMITED_BROADCAST, LOOPBACK, MULTICAST, ZERO
from ...linux.packet.address import IPV4, IPV6, family
from ..grammar import FLAG, ifaddr_of, said_in
from ..state import LEAST_MTU6, Call, Refused, Result

WORDS = {"dev": "DEVICE", "nodad": FLAG, "scope": "global"}
LAST = 'Not enough information: "dev" argument is required.'


def _meant(call: Call, what: str) -> tuple[IfAddr, Device, bool]:
    """The address, the device, and whether the length was said."""
    said = said_in(call.words, WORDS, what, bare="address")
    if "dev" not in said:
        raise Refused(f"{what} wants to know on which device: dev NAME.", LAST)
    if "address" not in said:
        raise Refused(f"{what} wants an address with its length, such as 10.244.1.10/24.")
    own = ifaddr_of(said["address"])
    return own, call.state.device(call.at, said["dev"]), "/" in said["address"]


def add(call: Call) -> Result:
    """`ip addr add ADDRESS/LENGTH dev DEVICE`."""
    own, device, said_length = _meant(call, "ip addr add")
    of = family(own.address)
    _usable(own, device)
    if of is IPV6:
        _speaks6(call, device)
        if own.address in {other.address for other in device.addresses}:
            raise Refused(f"{device.name} has {own.address} already.", "Error: ipv6: address already assigned.")
    elif own in device.addresses:
        raise Refused(f"{device.name} has {own} already.", "Error: ipv4: Address already assigned.")
    said = (
        "" if said_length else f"No length was said, so it is {own}: a block of one address, in which nobody else is."
    )
    return Result(call.state.with_device(call.at, replace(device, addresses=(*device.addresses, own))), said=said)


def _usable(own: IfAddr, device: Device) -> None:
    """An address that one machine may have. A kernel takes some others for IPv4; the model has no use for them."""
    of = family(own.address)
    if own.address in MULTICAST[of.number]:
        quote = 'Error: ipv6: Cannot assign multicast address without "IFA_F_MCAUTOJOIN" flag.' if of is IPV6 else ""
        raise Refused(f"{own.address} is for many, so no device can have it.", quote)
    if of is IPV4 and (own.address == LIMITED_BROADCAST or own.address in ZERO):
        raise Refused(f"{own.address} is nobody's address.")
    if own.address == "::":
        raise Refused(":: is nobody's address.")
    if own.address in LOOPBACK[of.number] and device.kind != "lo":
        quote = "Error: ipv6: Cannot assign loopback address on this device." if of is IPV6 else ""
        raise Refused(f"{own.address} belongs on lo.", quote)


def _speaks6(call: Call, device: Device) -> None:
    if device.mtu < LEAST_MTU6:
        said = f"{device.name} has an MTU of {device.mtu}; IPv6 needs {LEAST_MTU6} at least."
        raise Refused(said, "RTNETLINK answers: Invalid argument")
    if not call.state.has_ipv6(call.at, device):
        raise Refused(f"IPv6 is switched off on {device.name}.", "Error: ipv6: IPv6 is disabled on this device.")


def delete(call: Call) -> Result:
    """`ip addr del ADDRESS/LENGTH dev DEVICE`. The first address of a block takes the later ones of that block along."""
    own, device, said_length = _meant(call, "ip addr del")
    of = family(own.address)
    found = [other for other in device.addresses if other.address == own.address and (other == own or not said_length)]
    if of is IPV6:
        found = [other for other in found if other == own]
    if not found:
        is_off = of is IPV6 and device.mtu < LEAST_MTU6
        told = "IPv6 is disabled on this device" if is_off else f"{'A' if of is IPV4 else 'a'}ddress not found"
        quote = f"Error: ipv{of.number}: {told}."
        raise Refused(f"{device.name} has no address {own}.", quote)
    kept = tuple(other for other in device.addresses if other not in _with_secondary(device, found[0]))
    return Result(call.state.with_device(call.at, replace(device, addresses=kept)))


def _with_secondary(device: Device, own: IfAddr) -> list[IfAddr]:
    """An address and those that go with it: with promote_secondaries at 0, the block's first takes all of its block along."""
    block = [other for other in device.addresses if other.block == own.block and family(own.address) is IPV4]
    return block if block and block[0] == own else [own]
