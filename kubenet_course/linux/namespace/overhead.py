"""What tunnels cost: the bytes that each kind puts around a packet, and what is left inside, however many stand in each other.

A device's MTU counts a packet from its IP header on. So a tunnel for frames costs the inner frame's header too.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..packet.address import FAMILIES, family
from .device import Device, Geneve, Ipip, Vxlan, WireGuard

ETHERNET, UDP = 14, 8
# Behind the outer IP header: RFC 7348 section 5, RFC 8926 section 3.4 (without options), RFC 2003, the WireGuard paper 5.4.6
# (type, receiver and counter are 16 bytes, the tag of the seal 16).
ADDS: dict[type, int] = {Vxlan: UDP + 8 + ETHERNET, Geneve: UDP + 8 + ETHERNET, Ipip: 0, WireGuard: UDP + 16 + 16}
KINDS: dict[str, type] = {"vxlan": Vxlan, "geneve": Geneve, "ipip": Ipip, "wireguard": WireGuard}
BLOCK = 16  # WireGuard fills up what it seals to whole blocks, but never beyond its device's MTU
HEADERS = {"icmp": 8, "udp": 8, "tcp": 20}


def overhead(kind: type | str, of: int = 4) -> int:
    """The bytes that a tunnel adds to a packet, by its kind and the family of the outer packet."""
    return FAMILIES[of].header + ADDS[KINDS[kind] if isinstance(kind, str) else kind]


def room(mtu: int, *around: tuple[type | str, int]) -> int:
    """The MTU inside of tunnels, the outermost first, each with the family of its outer packet: `room(1500, ("vxlan", 4))`."""
    for kind, of in around:
        mtu -= overhead(kind, of)
    return mtu


def payload(mtu: int, of: int = 4, proto: str = "icmp") -> int:
    """The most that a packet can carry behind its headers: what `ping -s` may say, or the segment size of TCP."""
    return mtu - FAMILIES[of].header - HEADERS[proto]


def filled(length: int, mtu: int) -> int:
    """How long WireGuard makes what it seals (calculate_skb_padding)."""
    return min(mtu, -(-length // BLOCK) * BLOCK)


def clamped(device: Device, others: Mapping[str, Device]) -> int:
    """The MTU that a device gets: a VXLAN over another has what that one leaves, whatever it was told (vxlan_dev_configure)."""
    vxlan = device.vxlan
    below = others.get(vxlan.dev) if vxlan else None
    if vxlan is None or below is None:
        return device.mtu
    return min(device.mtu, room(below.mtu, (Vxlan, family(vxlan.local).number)))
