"""`-m connmark` and `-j CONNMARK`: the mark that a connection keeps (net/netfilter/xt_connmark.c)."""

from __future__ import annotations

from typing import ClassVar

from msgspec.structs import replace

from ...namespace.skb import NO_CONNECTION, UNTRACKED, Skb
from ..connections import Connections
from ..iptables.words import masked, whole
from ..statement import Answer, Place, Target, Test
from .mark import OPTIONS, written_value
from .reading import Extension, Said, each, masked_text


class ConnMark(Test, frozen=True, kw_only=True):
    """`-m connmark`: the mark that the connection keeps."""

    module: ClassVar[str] = "connmark"
    tracks: ClassVar[bool] = True
    value: int
    mask: int = 0xFFFFFFFF

    def run(self, skb: Skb, at: Place) -> bool:
        if skb.connection is NO_CONNECTION or skb.connection is UNTRACKED:
            return False
        return (skb.connection.mark & self.mask == self.value) is not self.negated

    def written(self) -> str:
        return f"{self.no}--mark {masked_text(self.value, self.mask)}"


class SetConnMark(Target, frozen=True):
    """`-j CONNMARK`: `op` set gives the connection a mark; save copies the packet's mark to it; restore copies it back."""

    tracks: ClassVar[bool] = True
    op: str
    value: int = 0
    ctmask: int = 0xFFFFFFFF
    nfmask: int = 0xFFFFFFFF

    def run(self, skb: Skb, at: Place) -> Answer:
        known = skb.connection
        if known is NO_CONNECTION or known is UNTRACKED:
            return True
        if self.op == "restore":
            return replace(skb, mark=(skb.mark & ~self.nfmask & 0xFFFFFFFF) ^ (known.mark & self.ctmask))
        given = self.value if self.op == "set" else skb.mark & self.nfmask
        known = replace(known, mark=(known.mark & ~self.ctmask & 0xFFFFFFFF) ^ given)
        connections = at.kernel.remembers[Connections]
        if known.original in connections.by_flow:  # a RST may have ended it just now
            connections.update(known)
        return replace(skb, connection=known)

    def written(self) -> str:
        if self.op == "set":
            return f"-j CONNMARK --set-xmark {self.value:#x}/{self.ctmask:#x}"
        return f"-j CONNMARK --{self.op}-mark --nfmask {self.nfmask:#x} --ctmask {self.ctmask:#x}"


def _test(text: str, negated: bool) -> Test:
    value, mask = masked(text)
    return ConnMark(value=value, mask=mask, negated=negated)


def _target(said: Said) -> Target:
    if "--restore-mark" in said or "--save-mark" in said:
        op = "restore" if "--restore-mark" in said else "save"
        both = said.get("--mask", ("0xffffffff",))[0]
        nf, ct = (whole(said.get(name, (both,))[0]) for name in ("--nfmask", "--ctmask"))
        return SetConnMark(op, 0, ct, nf)
    return SetConnMark("set", *written_value(said))


MATCHES = {"connmark": each({"--mark": _test})}
TARGETS = {
    "CONNMARK": Extension(
        {**OPTIONS, "--save-mark": 0, "--restore-mark": 0, "--mask": 1, "--nfmask": 1, "--ctmask": 1}, _target
    )
}
