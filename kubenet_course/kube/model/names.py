"""Names and MAC addresses as functions: of a name or an address, always the same, and readable.

A device's name has at most 15 characters (IFNAMSIZ). MACs are locally administered: 0a, then what it is, then the
device's IPv4 address in hexadecimal: 0a:58:0a:f4:01:0a is the pod 10.244.1.10.
"""

import re
from hashlib import sha256

from ...linux.packet.address import Address, Mac, family, number

POD, POD_HOST_END, BRIDGE, NODE, NODE_LINK, GATEWAY, OUTSIDE, OUTSIDE_LINK, TUNNEL, SWITCH = range(0x58, 0x62)
LAN, ROUTER, LAN_BRIDGE, POD_BRIDGE, OUTSIDE_BRIDGE = "lan", "router", "br0", "cni0", "ext0"
_PLAIN = re.compile(r"[A-Za-z0-9.-]{1,12}")  # a kernel takes no colon and no slash in a device's name
TUNNELS = {4: "flannel.1", 6: "flannel-v6.1"}


def hashed(text: str) -> str:
    """`veth` and 8 hexadecimal digits."""
    return f"veth{sha256(text.encode()).hexdigest()[:8]}"


def host_end(namespace: str, name: str) -> str:
    """The node's end of a pod's cable."""
    return hashed(f"{namespace}/{name}")


def link_end(name: str) -> str:
    """A switch's or the router's end of a cable to a machine."""
    plain = name.removeprefix("host/")
    return f"to-{plain}" if _PLAIN.fullmatch(plain) else hashed(f"to/{plain}")


def pod_namespace(namespace: str, name: str) -> str:
    return f"pod/{namespace}/{name}"


def host_namespace(ip: Address) -> str:
    return f"host/{ip}"


def mac(kind: int, ip: Address) -> Mac:
    """The MAC of a kind of device with an address; of an IPv6 address two bytes from the network's end and the last
    two.
    """
    value = number(ip)
    low = value & 0xFFFFFFFF if family(ip).number == 4 else (value >> 64 & 0xFFFF) << 16 | value & 0xFFFF
    return (0x0A << 40 | kind << 32 | low).to_bytes(6, "big").hex(":")
