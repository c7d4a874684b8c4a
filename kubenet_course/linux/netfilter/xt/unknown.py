"""What the model cannot act out: matches and targets that it does not know, and packets that a program takes over.

Their rules are kept and named (`Dump.not_understood`); the walk follows all the ways that they may have answered.
"""

from __future__ import annotations

from typing import ClassVar

from ...namespace.skb import ACCEPT, DROP, Skb, Verdict
from ..iptables.words import quoted
from ..statement import Answer, NotUnderstood, Place, Target, Test

# Matches that make the kernel track connections, and targets that do (nf_ct_netns_get in net/netfilter/xt_*.c).
TRACKING = ("cluster", "connbytes", "connlabel", "connlimit", "conntrack", "helper", "state", "connmark")
TRANSLATING = ("NETMAP", "SNAT", "DNAT", "MASQUERADE", "REDIRECT", "SAME")
TRACKED = (*TRANSLATING, "SYNPROXY", "CONNSECMARK", "CONNMARK", "CLUSTERIP", "CT")
# Targets that change a packet, or something beside it, and always let it go on to the next rule.
CHANGING = (
    "CLASSIFY", "CONNSECMARK", "CT", "DNPT", "ECN", "HMARK", "IDLETIMER", "RATEEST", "SECMARK", "SET", "SNPT", "TCPMSS",
    "TCPOPTSTRIP", "TEE", "TOS",
)  # fmt: skip
# Targets that hand the packet to a program, which alone decides (NF_QUEUE; a transparent proxy's socket; SYNPROXY's own answers).
TAKING = ("NFQUEUE", "QUEUE", "TPROXY", "SYNPROXY")
FOREIGN = (*CHANGING, *TAKING, "CLUSTERIP", "NETMAP")


class Unknown(Test, frozen=True, kw_only=True):
    """A match that the model cannot ask: it may hold or not. `text` is what was written, with its `-m`."""

    understood: ClassVar[bool] = False
    text: str

    @property
    def tracks(self) -> bool:  # type: ignore[override]
        return self.text.startswith("-m ") and self.text.split()[1] in TRACKING

    def run(self, skb: Skb, at: Place) -> Answer:
        return NotUnderstood((False, True))

    def written(self) -> str:
        return self.text


class UnknownTarget(Target, frozen=True):
    """A target that the model cannot act out: the packet goes on, or is accepted, or dropped."""

    understood: ClassVar[bool] = False
    name: str
    words: tuple[str, ...] = ()

    @property
    def tracks(self) -> bool:  # type: ignore[override]
        return self.name in TRACKED

    def run(self, skb: Skb, at: Place) -> Answer:
        if self.name in TAKING:
            return Verdict("HANDED_OVER", self.name)
        if self.name in CHANGING:
            return NotUnderstood((True,))
        return NotUnderstood((True, ACCEPT) if self.name in TRANSLATING else (True, ACCEPT, DROP))

    def written(self) -> str:
        return " ".join(["-j", self.name, *(quoted(w) if set(w) & {" ", '"'} or not w else w for w in self.words)])
