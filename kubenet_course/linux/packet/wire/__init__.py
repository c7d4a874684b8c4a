"""Frames and packets to bytes and back, through scapy, which is imported nowhere else in the package.

A value has every header field but lengths and checksums; bytes have those too, always right. So reading is exact or
refused: broken bytes (cut, a wrong checksum) are a `BadInput`. Sound bytes that the types have no place for (options of
IP, fragments, VLAN tags, rare options of neighbour discovery) stay bytes, at the innermost place that can hold them.
Padding behind a packet's own end is the one thing left out: a veth has none.
"""

from .read import NoPlace, frame_from, packet_from
from .write import frame_bytes, packet_bytes

__all__ = ["NoPlace", "frame_bytes", "frame_from", "packet_bytes", "packet_from"]
