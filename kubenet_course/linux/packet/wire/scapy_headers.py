"""The one door to scapy."""

from functools import cache
from types import SimpleNamespace


@cache
def scapy_headers() -> SimpleNamespace:
    """scapy's headers, loaded without its look at this machine's routes and devices, on which no byte may depend."""
    from scapy.config import conf
    from scapy.interfaces import NetworkInterfaceDict as Devices

    kept = Devices.reload, Devices.load_confiface, conf.route_autoload, conf.route6_autoload
    Devices.reload = Devices.load_confiface = lambda self: None
    conf.route_autoload = conf.route6_autoload = False
    try:
        from scapy.layers.inet import IP, TCP, UDP
        from scapy.layers.inet6 import ICMPv6NDOptSrcLLAddr, ICMPv6Unknown, IPv6
        from scapy.layers.l2 import ARP, Ether
        from scapy.layers.vxlan import VXLAN
        from scapy.utils import checksum
    finally:
        Devices.reload, Devices.load_confiface, conf.route_autoload, conf.route6_autoload = kept
    # An ICMP message has one shape in both families: type, code, checksum, body.
    return SimpleNamespace(
        Ether=Ether, ARP=ARP, IP=IP, IPv6=IPv6, TCP=TCP, UDP=UDP, VXLAN=VXLAN, Icmp=ICMPv6Unknown,
        Lladdr=ICMPv6NDOptSrcLLAddr, checksum=checksum,
    )  # fmt: skip
