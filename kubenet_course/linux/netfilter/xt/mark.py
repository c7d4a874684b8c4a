"""`-m mark` and `-j MARK`: the number that a kernel keeps beside a packet (net/netfilter/xt_mark.c)."""

from __future__ import annotations

from typing import ClassVar

from msgspec.structs import replace

from ....errors import BadInput
from ...namespace.skb import Skb
from ..iptables.words import masked
from ..statement import Place, Target, Test
from .reading import Extension, Said, each, masked_text


class Mark(Test, frozen=True, kw_only=True):
    """`-m mark`: the packet's mark, seen through a mask, has a value."""

    module: ClassVar[str] = "mark"
    value: int
    mask: int = 0xFFFFFFFF

    def run(self, skb: Skb, at: Place) -> bool:
        return (skb.mark & self.mask == self.value) is not self.negated

    def written(self) -> str:
        return f"{self.no}--mark {masked_text(self.value, self.mask)}"


class SetMark(Target, frozen=True):
    """`-j MARK --set-xmark VALUE/MASK`: clears the mask's bits, then flips the value's."""

    value: int
    mask: int = 0xFFFFFFFF

    def run(self, skb: Skb, at: Place) -> Skb:
        return replace(skb, mark=(skb.mark & ~self.mask & 0xFFFFFFFF) ^ self.value)

    def written(self) -> str:
        return f"-j MARK --set-xmark {self.value:#x}/{self.mask:#x}"


def _mark(text: str, negated: bool) -> Test:
    value, mask = masked(text)
    return Mark(value=value, mask=mask, negated=negated)


def written_value(said: Said) -> tuple[int, int]:
    """The value and the mask of `--set-xmark` that the options of MARK and CONNMARK come to."""
    for name, words in said.items():
        value, mask = masked(words[0]) if words else (0, 0)
        match name:
            case "--set-xmark":
                return value, mask
            case "--set-mark":
                return value, mask if "/" not in words[0] else mask | value
            case "--and-mark":
                return 0, ~value & 0xFFFFFFFF
            case "--or-mark":
                return value, value
            case "--xor-mark":
                return value, 0
    raise BadInput("", "MARK does not say which mark", "write --set-xmark VALUE/MASK")


OPTIONS = {f"--{op}-mark": 1 for op in ("set", "and", "or", "xor")} | {"--set-xmark": 1}
MATCHES = {"mark": each({"--mark": _mark})}
TARGETS = {"MARK": Extension(OPTIONS, lambda said: SetMark(*written_value(said)))}
