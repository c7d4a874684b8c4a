"""`-m physdev`: the ports of a bridge that a packet came in by and leaves by (net/netfilter/xt_physdev.c).

Only br_netfilter notes them. Of a packet that no bridge port brought every question is answered as if by no.
"""

from __future__ import annotations

from typing import ClassVar

from ...namespace.skb import Skb
from ..statement import Answer, NotUnderstood, Place, Test
from .reading import each

STATES = ("is-in", "is-out", "is-bridged")


class PhysDev(Test, frozen=True, kw_only=True):
    """`--physdev-in PORT`, `--physdev-out PORT`, `--physdev-is-in`, `-is-out`, `-is-bridged`. `name` may end in `+`."""

    module: ClassVar[str] = "physdev"
    shared: ClassVar[bool] = True
    what: str
    name: str = ""

    def run(self, skb: Skb, at: Place) -> Answer:
        if self._untold(skb, at):
            return NotUnderstood((self.negated, not self.negated))
        came, leaves = skb.came_by, skb.port if at.hook in ("FORWARD", "POSTROUTING") else ""
        if not came:
            return self.negated
        if self.what in STATES:
            return bool(came if self.what == "is-in" else leaves) is not self.negated
        port = came if self.what == "in" else leaves
        if not port:  # it is known not to leave by a port, whichever is asked for
            return False
        held = port.startswith(self.name[:-1]) if self.name.endswith("+") else port == self.name
        return held is not self.negated

    def _untold(self, skb: Skb, at: Place) -> bool:
        """Whether a bridge that nobody told of may have brought it: of a machine of which only the rules are known. It stays
        bridged only where it leaves by the device that it came in by."""
        if skb.came_by or not skb.dev_in or at.kernel.ns.bridges_known:
            return False
        return self.what in ("is-in", "in") or not skb.dev_out or skb.dev_out == skb.dev_in

    def written(self) -> str:
        return f"{self.no}--physdev-{self.what}" + (f" {self.name}" if self.name else "")


def _named(what: str):
    return lambda text, negated: PhysDev(what=what, name=text, negated=negated)


def _state(what: str):
    return lambda negated: PhysDev(what=what, negated=negated)


MATCHES = {
    "physdev": each(
        {f"--physdev-{what}": _named(what) for what in ("in", "out")}
        | {f"--physdev-{what}": _state(what) for what in STATES},
        {f"--physdev-{what}": 0 for what in STATES},
    )
}
