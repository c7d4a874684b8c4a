"""Names as functions, always the same, and the kinds of devices, which their MAC addresses tell (`linux/namespace/macs.py`).

A device's name has at most 15 characters (IFNAMSIZ).
"""

import re
from hashlib import sha256

from ...linux.namespace.macs import planned_mac
from ...linux.packet.address import Address

POD, POD_HOST_END, BRIDGE, NODE, NODE_LINK, GATEWAY, OUTSIDE, OUTSIDE_LINK, TUNNEL, SWITCH = range(0x58, 0x62)
mac = planned_mac  # of one of these kinds, and of an address
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
