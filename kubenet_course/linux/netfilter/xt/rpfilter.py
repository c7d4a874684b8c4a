"""`-m rpfilter`: would an answer leave by the device that a packet came in by (ipt_rpfilter.c, ip6t_rpfilter.c)?"""

from __future__ import annotations

from typing import ClassVar

from msgspec.structs import replace

from ...namespace.fib import LIMITED_BROADCAST, LINK_LOCAL, LOCAL_GROUPS, MULTICAST, ZERO, Fib
from ...namespace.policy import Asked
from ...namespace.route import Route
from ...namespace.skb import Skb
from ...packet.address import IPV6, Address, family
from ..statement import Place, Test
from .reading import Given, Match

OPTIONS = ("--loose", "--validmark", "--accept-local", "--invert")


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
        group = is6 and flow.dst in MULTICAST[6]
        asked = Asked("0.0.0.0" if many else "" if group else flow.dst, mark, tos=skb.packet.tos)
        back = self._back(at.kernel.ns.fib, flow.src, skb.dev_in, replace(asked, proto=flow.proto) if is6 else asked)
        if back.type == "local" and self.accept_local:
            return is6 or self.loose or back.leads_by(skb.dev_in)
        return back.type == "unicast" and (self.loose or back.leads_by(skb.dev_in))

    def _back(self, fib: Fib, to: Address, dev: str, asked: Asked) -> Route:
        """The row that leads back. In IPv6 a link-local address is sought by that device alone, and of several rows for one
        prefix the one by that device is taken (rt6_device_match)."""
        if to in LINK_LOCAL:
            return fib.lookup(to, dev, asked)
        back = fib.lookup(to, "", asked)
        same = fib.lookup(to, dev, asked) if ":" in to and not self.loose else back
        return same if (same.prefix, same.table) == (back.prefix, back.table) else back

    def written(self) -> str:
        said = (self.loose, self.validmark, self.accept_local, self.negated)
        return " ".join(option for option, on in zip(OPTIONS, said, strict=True) if on)


def _rpfilter(given: tuple[Given, ...]) -> tuple[Test, ...]:
    names = {name for name, _, _ in given}
    loose, mark, local, invert = (option in names for option in OPTIONS)
    return (RpFilter(loose=loose, validmark=mark, accept_local=local, negated=invert),)


MATCHES = {"rpfilter": Match(dict.fromkeys(OPTIONS, 0), _rpfilter, bare=True)}
