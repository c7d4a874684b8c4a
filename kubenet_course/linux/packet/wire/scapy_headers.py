"""The one door to scapy."""

import logging
import socket
import sys
from functools import cache
from types import SimpleNamespace

from ..address import IPV4, IPV6, number4, number6, spelled


def _lend_sockets() -> None:
    """A browser's `socket` knows no IPv6 text (pyodide), and without it scapy loads no IPv6; it gets the course's own."""
    families = {socket.AF_INET: (IPV4, number4), socket.AF_INET6: (IPV6, number6)}

    def packed(af: int, text: str) -> bytes:
        of, number = families[socket.AddressFamily(af)]
        return number(text).to_bytes(of.bits // 8, "big")

    def text(af: int, data: bytes) -> str:
        return spelled(int.from_bytes(data, "big"), families[socket.AddressFamily(af)][0])

    socket.has_ipv6, socket.inet_pton, socket.inet_ntop = True, packed, text  # type: ignore[assignment]
    logging.getLogger("scapy.loading").setLevel(logging.CRITICAL + 1)  # that it cannot send from there is known


@cache
def scapy_headers() -> SimpleNamespace:
    """scapy's headers, loaded without its look at this machine's routes and devices, on which no byte may depend."""
    if sys.platform == "emscripten":
        _lend_sockets()
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
