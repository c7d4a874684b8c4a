"""`-j CT --notrack`, `-j NOTRACK`: conntrack leaves a packet alone (net/netfilter/xt_CT.c)."""

from __future__ import annotations

from typing import ClassVar

from msgspec.structs import replace

from ...namespace.skb import NO_CONNECTION, UNTRACKED, Skb
from ..statement import Answer, Place, Target
from .reading import Extension, Said
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


class Template(Target, frozen=True):
    """`-j CT` without a zone: what the connection is to have beside itself (a helper, events, time-outs) decides nothing about
    its first packet."""

    place: ClassVar = ("CT", "raw", ())
    tracks: ClassVar[bool] = True
    said: tuple[tuple[str, str], ...] = ()

    def written(self) -> str:
        return " ".join(["-j CT", *(f"{name} {word}" for name, word in self.said)])


BESIDE = ("--helper", "--ctevents", "--expevents", "--timeout")
ZONES = ("--zone", "--zone-orig", "--zone-reply")


def _ct(said: Said) -> Target:
    zones = [name for name in ZONES if name in said]
    if zones:  # connections of one zone are unknown to another (DEV-9)
        return UnknownTarget("CT", tuple(word for name, words in said.items() for word in (name, *words)))
    return NoTrack() if "--notrack" in said else Template(tuple((name, words[0]) for name, words in said.items()))


TARGETS = {
    "CT": Extension({"--notrack": 0, **dict.fromkeys((*BESIDE, *ZONES), 1)}, _ct),
    "NOTRACK": Extension({}, lambda said: NoTrack()),
}
