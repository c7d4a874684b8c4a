"""The targets that every table knows: ACCEPT, DROP, RETURN, and none at all (ip_tables.c, XT_STANDARD_TARGET)."""

from __future__ import annotations

from ...namespace.skb import ACCEPT, DROP, RETURN, Skb, Verdict
from ..statement import Place, Target
from .reading import Extension


class Accept(Target, frozen=True):
    """`-j ACCEPT`: the table is done, and lets the packet go on."""

    def run(self, skb: Skb, at: Place) -> Verdict:
        return ACCEPT

    def written(self) -> str:
        return "-j ACCEPT"


class Drop(Target, frozen=True):
    """`-j DROP`: the packet ends here, in silence."""

    def run(self, skb: Skb, at: Place) -> Verdict:
        return DROP

    def written(self) -> str:
        return "-j DROP"


class Return(Target, frozen=True):
    """`-j RETURN`: back to the chain that jumped here; from a base chain to its policy."""

    def run(self, skb: Skb, at: Place) -> Verdict:
        return RETURN

    def written(self) -> str:
        return "-j RETURN"


class Continue(Target, frozen=True):
    """No `-j` at all: the rule only counts."""


TARGETS = {
    "ACCEPT": Extension({}, lambda said: Accept()),
    "DROP": Extension({}, lambda said: Drop()),
    "RETURN": Extension({}, lambda said: Return()),
}
