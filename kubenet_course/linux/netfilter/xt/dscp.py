"""`-m dscp`, `-j DSCP`: the upper six bits of TOS and of the traffic class (RFC 2474; net/netfilter/xt_dscp.c, xt_DSCP.c)."""

from __future__ import annotations

from typing import ClassVar

from msgspec.structs import replace

from ....errors import BadInput
from ...namespace.skb import Skb
from ..iptables.words import whole
from ..statement import Place, Target, Test
from .reading import Extension, Said, each

# The classes that iptables names (RFC 2474, 2597, 3246; extensions/dscp_helper.c).
CLASSES = {"BE": 0, "EF": 46} | {f"CS{n}": 8 * n for n in range(8)}
CLASSES |= {f"AF{n}{drop}": 8 * n + 2 * drop for n in range(1, 5) for drop in range(1, 4)}


class Dscp(Test, frozen=True, kw_only=True):
    """`-m dscp`: the packet's class has a value."""

    module: ClassVar[str] = "dscp"
    value: int

    def asks(self, skb: Skb, at: Place) -> bool:
        return skb.packet.tos >> 2 == self.value

    def written(self) -> str:
        return f"{self.no}--dscp 0x{self.value:02x}"


class SetDscp(Target, frozen=True):
    """`-j DSCP`: gives the packet a class; the two bits below it, of congestion, stay."""

    place: ClassVar = ("DSCP", "mangle", ())
    value: int

    def run(self, skb: Skb, at: Place) -> Skb:
        return replace(skb, packet=replace(skb.packet, tos=self.value << 2 | skb.packet.tos & 3))

    def written(self) -> str:
        return f"-j DSCP --set-dscp 0x{self.value:02x}"


def _of_class(text: str) -> int:
    if text.upper() not in CLASSES:
        raise BadInput("", f"{text!r} is not a class", f"write one of {', '.join(CLASSES)}")
    return CLASSES[text.upper()]


def _target(said: Said) -> Target:
    if "--set-dscp" in said:
        return SetDscp(whole(said["--set-dscp"][0], 63, "class"))
    if "--set-dscp-class" in said:
        return SetDscp(_of_class(said["--set-dscp-class"][0]))
    raise BadInput("", "DSCP does not say which class", "write --set-dscp N, or --set-dscp-class NAME")


MATCHES = {
    "dscp": each(
        {
            "--dscp": lambda text, negated: Dscp(value=whole(text, 63, "class"), negated=negated),
            "--dscp-class": lambda text, negated: Dscp(value=_of_class(text), negated=negated),
        }
    )
}
TARGETS = {"DSCP": Extension({"--set-dscp": 1, "--set-dscp-class": 1}, _target)}
