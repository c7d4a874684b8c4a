"""`-m pkttype`: to whom the frame was addressed that brought a packet (net/netfilter/xt_pkttype.c)."""

from __future__ import annotations

from typing import ClassVar

from ....errors import BadInput
from ...namespace.skb import Skb
from ...packet.address import BROADCAST_MAC
from ..statement import Place, Test
from .reading import each

TYPES = ("unicast", "broadcast", "multicast")


class PacketType(Test, frozen=True, kw_only=True):
    """`-m pkttype`: what this machine sends itself has come in no frame, and counts as unicast (PACKET_HOST is 0)."""

    module: ClassVar[str] = "pkttype"
    type: str

    def asks(self, skb: Skb, at: Place) -> bool:
        many = "broadcast" if skb.frame.dst == BROADCAST_MAC else "multicast"
        return self.type == (many if skb.came_to_many else "unicast")

    def written(self) -> str:
        return f"{self.no}--pkt-type {self.type}"


def _type(text: str, negated: bool) -> Test:
    name = {"bcast": "broadcast", "mcast": "multicast", "host": "unicast"}.get(text.lower(), text.lower())
    if name not in TYPES:
        raise BadInput("", f"{text!r} is not a packet type", f"write one of {', '.join(TYPES)}")
    return PacketType(type=name, negated=negated)


MATCHES = {"pkttype": each({"--pkt-type": _type})}
