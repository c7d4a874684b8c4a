"""`-m rpfilter`: would an answer leave by the device that a packet came in by (ipt_rpfilter.c, ip6t_rpfilter.c)?"""

from __future__ import annotations

from typing import ClassVar

from ...namespace.fib import LIMITED_BROADCAST, LINK_LOCAL, LOCAL_GROUPS, MULTICAST, ZERO
from ...namespace.skb import Skb
from ...packet.address import IPV6, family
from ..statement import Place, Test
from .reading import Given, Match

OPTIONS = ("--loose", "--validmark", "--accept-local", "--invert")
REJECTED = ("none", "unreachable", "prohibit", "blackhole")


class RpFilter(Test, frozen=True, kw_only=True):
    """`-m rpfilter`: it holds where the way back is the way that the packet came. `loose`: by any device at all."""

    module: ClassVar[str] = "rpfilter"
    loose: bool = False
    validmark: bool = False
    accept_local: bool = False

    def asks(self, skb: Skb, at: Place) -> bool:
        flow = skb.packet.flow
        if skb.dev_in == "lo" or flow.src == IPV6.any:
            return True
        if flow.src in ZERO and (flow.dst == LIMITED_BROADCAST or flow.dst in LOCAL_GROUPS):
            return True
        is6, mark = family(flow.src) is IPV6, skb.mark if self.validmark else 0
        many = flow.dst in MULTICAST[4] or flow.dst == LIMITED_BROADCAST or flow.dst in ZERO
        own = skb.dev_in if is6 and (flow.src in LINK_LOCAL or not self.loose) else ""
        back = at.kernel.ns.fib.lookup(flow.src, own, "0.0.0.0" if many else flow.dst, mark)
        if back.type == "local" and self.accept_local:
            return is6 or self._by(skb, back)
        return back.type == "unicast" and self._by(skb, back)

    def _by(self, skb: Skb, back) -> bool:
        return self.loose or skb.dev_in in (back.dev, *(hop.dev for hop in back.hops))

    def written(self) -> str:
        said = (self.loose, self.validmark, self.accept_local, self.negated)
        return " ".join(option for option, on in zip(OPTIONS, said, strict=True) if on)


def _rpfilter(given: tuple[Given, ...]) -> tuple[Test, ...]:
    names = {name for name, _, _ in given}
    loose, mark, local, invert = (option in names for option in OPTIONS)
    return (RpFilter(loose=loose, validmark=mark, accept_local=local, negated=invert),)


MATCHES = {"rpfilter": Match(dict.fromkeys(OPTIONS, 0), _rpfilter, bare=True)}
