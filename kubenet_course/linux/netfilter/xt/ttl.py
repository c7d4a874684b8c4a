"""`-m ttl`, `-m hl`, `-j TTL`, `-j HL`: the hops that a packet has left (net/netfilter/xt_hl.c, xt_HL.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from msgspec.structs import replace

from ....errors import BadInput
from ...namespace.skb import Skb
from ..iptables.words import whole
from ..statement import Place, Target, Test
from .reading import Extension, Said, each


class Ttl(Test, frozen=True, kw_only=True):
    """`-m ttl`, `-m hl`: hops that the packet has left, compared by eq, lt or gt."""

    compare: str
    value: int
    hop_limit: bool = False

    @property
    def module(self) -> str:  # type: ignore[override]
        return "hl" if self.hop_limit else "ttl"

    def asks(self, skb: Skb, at: Place) -> bool:
        ttl = skb.packet.ttl
        return {"eq": ttl == self.value, "lt": ttl < self.value, "gt": ttl > self.value}[self.compare]

    def written(self) -> str:
        return f"{self.no}--{self.module}-{self.compare} {self.value}"


class SetTtl(Target, frozen=True):
    """`-j TTL`, `-j HL`: sets, raises or lowers the hops left."""

    place: ClassVar = ("TTL", "mangle", ())
    op: str  # set, inc, dec
    value: int
    hop_limit: bool = False

    def run(self, skb: Skb, at: Place) -> Skb:
        ttl = {"set": self.value, "inc": skb.packet.ttl + self.value, "dec": skb.packet.ttl - self.value}[self.op]
        return replace(skb, packet=replace(skb.packet, ttl=min(255, max(0, ttl))))

    def written(self) -> str:
        return f"-j {'HL --hl' if self.hop_limit else 'TTL --ttl'}-{self.op} {self.value}"


def _test(compare: str, hop_limit: bool) -> Callable[..., Test]:
    return lambda text, negated: Ttl(compare=compare, value=whole(text, 255), hop_limit=hop_limit, negated=negated)


def _target(hop_limit: bool) -> Extension:
    word = "hl" if hop_limit else "ttl"

    def make(said: Said) -> Target:
        for op in ("set", "inc", "dec"):
            if f"--{word}-{op}" in said:
                return SetTtl(op, whole(said[f"--{word}-{op}"][0], 255), hop_limit)
        raise BadInput("", f"{word.upper()} does not say what to do", f"write --{word}-set N, -inc N or -dec N")

    return Extension({f"--{word}-{op}": 1 for op in ("set", "inc", "dec")}, make)


MATCHES = {
    word: each({f"--{word}-{compare}": _test(compare, word == "hl") for compare in ("eq", "lt", "gt")})
    for word in ("ttl", "hl")
}
TARGETS = {"TTL": _target(False), "HL": _target(True)}
