"""`-m mac`: the sender's MAC (net/netfilter/xt_mac.c)."""

from __future__ import annotations

from typing import ClassVar

from ...namespace.skb import Skb
from ...packet.address import mac
from ..statement import Place, Test
from .reading import each


class MacSource(Test, frozen=True, kw_only=True):
    """`-m mac`: the frame came from a MAC."""

    module: ClassVar[str] = "mac"
    mac: str

    def asks(self, skb: Skb, at: Place) -> bool:
        return skb.frame.src == self.mac

    def written(self) -> str:
        return f"{self.no}--mac-source {self.mac}"


MATCHES = {"mac": each({"--mac-source": lambda text, negated: MacSource(mac=mac(text), negated=negated)})}
