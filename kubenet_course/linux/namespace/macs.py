"""MAC addresses for devices that were given none: the one scheme of the package.

A kernel draws such an address at random (eth_hw_addr_random). Here it follows from what is known of the device, so that it is
always the same. All are locally administered (IEEE 802: the second bit of the first byte).
"""

from __future__ import annotations

import hashlib

from ..packet.address import Address, Mac, family, number


def made_mac(ns: str, device: str) -> Mac:
    """For a device that somebody adds by hand: 02, then what its namespace and its name come to."""
    drawn = hashlib.sha256(f"{ns}/{device}".encode()).digest()
    return ":".join(f"{octet:02x}" for octet in (2, *drawn[:5]))


def planned_mac(kind: int, ip: Address) -> Mac:
    """For a device of a planned network: 0a, a kind, an IPv4 address. 0a:58:0a:f4:01:0a is the pod 10.244.1.10.

    Of an IPv6 address two bytes from the network's end and the last two.
    """
    value = number(ip)
    low = value & 0xFFFFFFFF if family(ip).number == 4 else (value >> 64 & 0xFFFF) << 16 | value & 0xFFFF
    return (0x0A << 40 | kind << 32 | low).to_bytes(6, "big").hex(":")
