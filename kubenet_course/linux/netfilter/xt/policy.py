"""`-m policy`: did IPsec bring a packet, or will it take it (net/netfilter/xt_policy.c)?"""

from __future__ import annotations

from typing import ClassVar

from ...namespace.skb import Skb
from ..statement import Answer, NotUnderstood, Place, Test
from .reading import Given, Match

VALUES = ("--dir", "--pol", "--reqid", "--spi", "--proto", "--mode", "--tunnel-src", "--tunnel-dst")


class Ipsec(Test, frozen=True, kw_only=True):
    """`-m policy`: the model's machines have no IPsec, so that `--pol none` holds and `--pol ipsec` does not. Of a machine of which
    only the rules are known, nobody can tell."""

    module: ClassVar[str] = "policy"
    none: bool
    text: str

    def run(self, skb: Skb, at: Place) -> Answer:
        return self.none if at.kernel.ns.sockets_known else NotUnderstood((self.none, not self.none))

    def written(self) -> str:
        return self.text


def _policy(given: tuple[Given, ...]) -> tuple[Test, ...]:
    words = [" ".join([*(["!"] if no else []), name, *said]) for name, said, no in given]
    none = any(name == "--pol" and said == ("none",) for name, said, _ in given)
    return (Ipsec(none=none, text=" ".join(words)),)


MATCHES = {"policy": Match({**dict.fromkeys(VALUES, 1), "--strict": 0, "--next": 0}, _policy)}
