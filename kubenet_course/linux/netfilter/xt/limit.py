"""`-m limit`: so many packets in a time (net/netfilter/xt_limit.c)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ....errors import BadInput
from ...namespace.memory import SECOND
from ...namespace.skb import Skb
from ...packet.address import family
from ..iptables.words import whole
from ..statement import Place, Test
from .reading import Given, Match


@dataclass(slots=True)
class Buckets:
    """How full each limit's bucket is, and since when, by family and place."""

    left: dict[tuple, tuple[int, int]] = field(default_factory=dict)


class Limit(Test, frozen=True, kw_only=True):
    """`-m limit`: a bucket that `burst` packets empty and that one packet's worth refills every 1/rate seconds."""

    module: ClassVar[str] = "limit"
    counts: ClassVar[bool] = True
    rate: int
    per: str = "second"
    burst: int = 5

    def asks(self, skb: Skb, at: Place) -> bool:
        cost = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}[self.per] * SECOND // self.rate
        mine = (family(skb.packet.flow.dst).number, at.rule)
        when, credit = at.kernel.remembers[Buckets].left.get(mine, (at.kernel.now, cost * self.burst))
        credit = min(credit + at.kernel.now - when, cost * self.burst)
        passes = credit >= cost
        at.kernel.remembers[Buckets].left[mine] = (at.kernel.now, credit - cost if passes else credit)
        return passes

    def written(self) -> str:
        burst = f" --limit-burst {self.burst}" if self.burst != 5 else ""
        return f"--limit {self.rate}/{self.per.replace('second', 'sec').replace('minute', 'min')}{burst}"


PER = {"s": "second", "m": "minute", "h": "hour", "d": "day"}


def _limit(given: tuple[Given, ...]) -> tuple[Test, ...]:
    said = {name: words[0] for name, words, _ in given}
    rate, _, per = said.get("--limit", "3/hour").partition("/")
    if per and per[:1] not in PER:
        raise BadInput("", f"{per!r} is not a time", "write second, minute, hour or day")
    burst, times = whole(said.get("--limit-burst", "5"), 10000), whole(rate, 10000)
    if not times:
        raise BadInput("", f"{said['--limit']!r} lets nothing pass", "write at least 1/day")
    return (Limit(rate=times, per=PER[(per or "second")[0]], burst=burst),)


MATCHES = {"limit": Match({"--limit": 1, "--limit-burst": 1}, _limit)}
