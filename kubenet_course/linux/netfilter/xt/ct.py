"""`-j CT --notrack`, `-j NOTRACK`: conntrack leaves a packet alone (net/netfilter/xt_CT.c)."""

from __future__ import annotations

from typing import ClassVar

from msgspec.structs import replace

from ...namespace.skb import NO_CONNECTION, UNTRACKED, Skb
from ..statement import Answer, Place, Target
from .reading import Extension
from .unknown import UnknownTarget


class NoTrack(Target, frozen=True):
    """`-j CT --notrack`. Zones and helpers are not modelled (DEV-9)."""

    place: ClassVar = ("CT", "raw", ())

    def run(self, skb: Skb, at: Place) -> Answer:
        if skb.connection is NO_CONNECTION and skb.ctinfo == "INVALID":
            return replace(skb, connection=UNTRACKED, ctinfo="UNTRACKED")
        return True

    def written(self) -> str:
        return "-j CT --notrack"


TARGETS = {
    "CT": Extension({"--notrack": 0}, lambda said: NoTrack() if said else UnknownTarget("CT")),
    "NOTRACK": Extension({}, lambda said: NoTrack()),
}
