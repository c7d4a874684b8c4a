"""What a rule does with a packet that matched (man iptables-extensions, TARGET EXTENSIONS; net/netfilter/xt_*.c).

A target answers with what comes next (a `Verdict`, or itself for a jump) and with the packet as it leaves it.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec.structs import replace

from ...namespace.skb import ACCEPT, CONTINUE, DROP, NO_CONNECTION, RETURN, UNTRACKED, Skb, Verdict
from ..connections import Connections
from ..nat import Range, translate
from ..rules import Act, Goto, Jump, Target

__all__ = ["Goto", "Jump"]


class Accept(Target, frozen=True):
    """`-j ACCEPT`: the table is done, and lets the packet go on."""

    def act(self, skb: Skb, at: Act):
        return ACCEPT, skb


class Drop(Target, frozen=True):
    """`-j DROP`: the packet ends here, in silence."""

    def act(self, skb: Skb, at: Act):
        return DROP, skb


class Return(Target, frozen=True):
    """`-j RETURN`: back to the chain that jumped here; from a base chain to its policy."""

    def act(self, skb: Skb, at: Act):
        return RETURN, skb


class Continue(Target, frozen=True):
    """No `-j` at all: the rule only counts."""


class Reject(Target, frozen=True):
    """`-j REJECT --reject-with KIND`: the packet ends, and its sender is told (ipt_REJECT.c, ip6t_REJECT.c)."""

    kind: str

    def act(self, skb: Skb, at: Act):
        return Verdict("REJECT", self.kind), skb


class SetMark(Target, frozen=True):
    """`-j MARK --set-xmark VALUE/MASK`: clears the mask's bits, then flips the value's (xt_mark.c)."""

    value: int
    mask: int = 0xFFFFFFFF

    def act(self, skb: Skb, at: Act):
        return CONTINUE, replace(skb, mark=(skb.mark & ~self.mask & 0xFFFFFFFF) ^ self.value)


class SetConnMark(Target, frozen=True):
    """`-j CONNMARK`: `op` set gives the connection a mark; save copies the packet's mark to it; restore copies it back."""

    tracks: ClassVar[bool] = True
    op: str
    value: int = 0
    ctmask: int = 0xFFFFFFFF
    nfmask: int = 0xFFFFFFFF

    def act(self, skb: Skb, at: Act):
        known = skb.connection
        if known is NO_CONNECTION or known is UNTRACKED:
            return CONTINUE, skb
        if self.op == "restore":
            return CONTINUE, replace(skb, mark=(skb.mark & ~self.nfmask & 0xFFFFFFFF) ^ (known.mark & self.ctmask))
        given = self.value if self.op == "set" else skb.mark & self.nfmask
        known = replace(known, mark=(known.mark & ~self.ctmask & 0xFFFFFFFF) ^ given)
        if known.original in at.kernel.remembers[Connections].by_flow:  # a RST may have ended it just now
            at.kernel.remembers[Connections].update(known)
        return CONTINUE, replace(skb, connection=known)


class NoTrack(Target, frozen=True):
    """`-j CT --notrack`: conntrack leaves this packet alone. Zones and helpers are not modelled (DEV-9)."""

    def act(self, skb: Skb, at: Act):
        if skb.connection is NO_CONNECTION and skb.ctinfo == "INVALID":
            skb = replace(skb, connection=UNTRACKED, ctinfo="UNTRACKED")
        return CONTINUE, skb


class SetTtl(Target, frozen=True):
    """`-j TTL`, `-j HL`: sets, raises or lowers the hops left."""

    op: str  # set, inc, dec
    value: int
    hop_limit: bool = False

    def act(self, skb: Skb, at: Act):
        ttl = {"set": self.value, "inc": skb.packet.ttl + self.value, "dec": skb.packet.ttl - self.value}[self.op]
        return CONTINUE, replace(skb, packet=replace(skb.packet, ttl=min(255, max(0, ttl))))


class Log(Target, frozen=True):
    """`-j LOG`, NFLOG, TRACE and others that only tell somebody: the packet goes on. `words` are kept as they were read."""

    name: str
    words: tuple[str, ...] = ()


class UnknownTarget(Target, frozen=True):
    """A target that the model cannot act out. The packet goes on, and the reader has named the line (`not_understood`)."""

    name: str
    words: tuple[str, ...] = ()


class Dnat(Target, frozen=True):
    """`-j DNAT --to-destination`: the connection is answered from elsewhere (xt_nat.c)."""

    tracks: ClassVar[bool] = True
    to: Range

    def act(self, skb: Skb, at: Act):
        return translate(skb, self.to, "dst", at.kernel)


class Snat(Target, frozen=True):
    """`-j SNAT --to-source`: the connection seems to come from elsewhere (xt_nat.c)."""

    tracks: ClassVar[bool] = True
    to: Range

    def act(self, skb: Skb, at: Act):
        return translate(skb, self.to, "src", at.kernel)


class Masquerade(Target, frozen=True):
    """`-j MASQUERADE`: SNAT to the address that the outgoing device has towards the next hop (nf_nat_masquerade.c)."""

    tracks: ClassVar[bool] = True
    to: Range = Range()

    def act(self, skb: Skb, at: Act):
        source = at.kernel.source_towards(skb)
        if not source:
            return DROP, skb
        return translate(skb, replace(self.to, low=source, high=source), "src", at.kernel)


class Redirect(Target, frozen=True):
    """`-j REDIRECT`: DNAT to this machine itself: to the first address of the device it came in by (nf_nat_redirect.c)."""

    tracks: ClassVar[bool] = True
    to: Range = Range()

    def act(self, skb: Skb, at: Act):
        here = at.kernel.own_address(skb, at.hook)
        if not here:
            return DROP, skb
        return translate(skb, replace(self.to, low=here, high=here), "dst", at.kernel)
