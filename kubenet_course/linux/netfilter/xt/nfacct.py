"""`-m nfacct`: a named counter (net/netfilter/xt_nfacct.c)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import ClassVar

from ...namespace.skb import Skb
from ..statement import Place, Test
from .reading import each


@dataclass(slots=True)
class Accounts:
    """The named counters (nfacct objects)."""

    packets: Counter = field(default_factory=Counter)


class Nfacct(Test, frozen=True, kw_only=True):
    """`-m nfacct`: adds the packet to a named counter, and always holds (DEV-3)."""

    module: ClassVar[str] = "nfacct"
    counts: ClassVar[bool] = True
    name: str

    def run(self, skb: Skb, at: Place) -> bool:
        at.kernel.remembers[Accounts].packets[self.name] += 1
        return True

    def written(self) -> str:
        return f"--nfacct-name {self.name}"


MATCHES = {"nfacct": each({"--nfacct-name": lambda text, negated: Nfacct(name=text)})}
