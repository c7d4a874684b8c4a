"""`-m physdev`: the bridge ports that a packet passes (net/netfilter/xt_physdev.c)."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from ....errors import BadInput
from ...namespace.skb import Skb
from ..statement import Answer, NotUnderstood, Place, Test
from .reading import Given, Match

OPTIONS = {
    "--physdev-is-in": 0,
    "--physdev-in": 1,
    "--physdev-is-out": 0,
    "--physdev-out": 1,
    "--physdev-is-bridged": 0,
}


class Asked(NamedTuple):
    """One option: is-in, in, is-out, out or is-bridged, the name of a port, and `!`."""

    what: str
    name: str
    negated: bool

    def __str__(self) -> str:
        return f"{'! ' if self.negated else ''}--physdev-{self.what}{f' {self.name}' if self.name else ''}"


class PhysDev(Test, frozen=True, kw_only=True):
    """`-m physdev`: what br_netfilter notes of a packet that a bridge had. What a machine itself sends, or what no bridge brought,
    has no such note; of a machine of which only the rules are known, nobody can tell the ports of its bridges."""

    module: ClassVar[str] = "physdev"
    asked: tuple[Asked, ...]

    def run(self, skb: Skb, at: Place) -> Answer:
        if not skb.came_by and not skb.port:
            known = at.kernel.ns.sockets_known or not skb.dev_in
            sure = [one for one in self.asked if known or not self._may_hold(one, skb)]
            if any(not one.negated for one in sure):
                return False
            return (
                True
                if len(sure) == len(self.asked)
                else NotUnderstood((all(o.negated for o in self.asked), False, True))
            )
        port, bridged = skb.came_by or skb.port, bool(skb.port) and at.hook in ("FORWARD", "POSTROUTING")
        answers = [self._noted(one, port, bridged) for one in self.asked]
        if False in answers:
            return False
        return True if None not in answers else NotUnderstood((False, True))

    @staticmethod
    def _may_hold(one: Asked, skb: Skb) -> bool:
        """Whether a bridge that nobody told of may have brought it: it is bridged only where it turns round."""
        return one.what in ("is-in", "in") or not skb.dev_out or skb.dev_out == skb.dev_in

    @staticmethod
    def _noted(one: Asked, port: str, bridged: bool) -> bool | None:
        """The answer for a packet that a bridge had; None where the port that it leaves by would have to be known."""
        if one.what == "is-in":
            return not one.negated
        if one.what in ("is-out", "is-bridged"):
            return bridged is not one.negated
        if one.what == "out":
            return None if bridged else False
        same = port.startswith(one.name[:-1]) if one.name.endswith("+") else port == one.name
        return same is not one.negated

    def written(self) -> str:
        return " ".join(map(str, self.asked))


def _physdev(given: tuple[Given, ...]) -> tuple[Test, ...]:
    rows = [Asked(name.removeprefix("--physdev-"), words[0] if words else "", no) for name, words, no in given]
    if not rows:
        raise BadInput("", "physdev asks nothing", "write --physdev-in DEV or another option behind it")
    order = [name.removeprefix("--physdev-") for name in OPTIONS]
    return (PhysDev(asked=tuple(sorted(rows, key=lambda row: order.index(row.what)))),)


MATCHES = {"physdev": Match(OPTIONS, _physdev)}
