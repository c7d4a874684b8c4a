"""`-m ipvs`: whether IPVS has a packet in its hands, and for which virtual server (net/netfilter/xt_ipvs.c, libxt_ipvs.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ....errors import BadInput
from ...namespace.skb import Skb
from ...packet.address import Prefix, prefix
from ...stack.ipvs.table import IpvsTable
from ..iptables.words import port, protocol
from ..statement import Place, Test
from .reading import each

METHODS = ("GATE", "IPIP", "MASQ")


class Ipvs(Test, frozen=True, kw_only=True):
    """One question about the connection that IPVS keeps for a packet (`what`), and the answer that is asked for (`value`).

    Whatever is asked, `!` too, only holds of a packet that IPVS has taken, and whose connection it knows.
    """

    module: ClassVar[str] = "ipvs"
    shared: ClassVar[bool] = True
    what: str
    value: Any = ""

    def run(self, skb: Skb, at: Place) -> bool:
        if self.what == "ipvs":
            return skb.ipvs is not self.negated
        flow = skb.packet.flow
        if not skb.ipvs or not flow.has_reverse:
            return False
        known = at.kernel.remembers[IpvsTable].by_server.get(
            flow.reverse
        )  # as of an answer: it is looked up turned round
        return known is not None and self._holds(known, skb) is not self.negated

    def _holds(self, known: Any, skb: Skb) -> bool:
        virtual = known.client
        match self.what:
            case "vproto":
                return bool(virtual.proto == self.value)
            case "vport":
                return bool(virtual.dport == self.value)
            case "vaddr":
                return virtual.dst in self.value
            case "vdir":
                return skb.reply is (self.value == "REPLY")
            case "vportctl":
                return known.control is not None and virtual.dport == self.value
        return bool(self.value == "MASQ")

    def written(self) -> str:
        value = self.value
        if isinstance(value, Prefix) and value.is_host:
            value = value.first
        return f"{self.no}--{self.what}" + (f" {value}" if value != "" else "")


def _one_of(words: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.upper() not in words:
            raise BadInput("", f"{text!r} is none of {', '.join(words)}", f"write {' or '.join(words)}")
        return text.upper()

    return read


def _asked(what: str, read: Callable[[str], Any]) -> Callable[..., Test]:
    return lambda text, negated: Ipvs(what=what, value=read(text), negated=negated)


MATCHES = {
    "ipvs": each(
        {
            "--ipvs": lambda negated: Ipvs(what="ipvs", negated=negated),
            "--vproto": _asked("vproto", protocol),
            "--vaddr": _asked("vaddr", prefix),
            "--vport": _asked("vport", port),
            "--vdir": _asked("vdir", _one_of(("ORIGINAL", "REPLY"))),
            "--vmethod": _asked("vmethod", _one_of(METHODS)),
            "--vportctl": _asked("vportctl", port),
        },
        {"--ipvs": 0},
    )
}
