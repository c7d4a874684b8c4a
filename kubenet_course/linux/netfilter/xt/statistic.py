"""`-m statistic`: by chance, or every so many packets (net/netfilter/xt_statistic.c)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ....errors import BadInput
from ...namespace.skb import Skb
from ...packet.address import family
from ..iptables.words import whole
from ..statement import Place, Test
from .reading import Given, Match


class Random(Test, frozen=True, kw_only=True):
    """`-m statistic --mode random`: holds with a probability, kept as a fraction of 2^31 as the kernel keeps it."""

    module: ClassVar[str] = "statistic"
    counts: ClassVar[bool] = True
    of_2_31: int

    @property
    def probability(self) -> float:
        share = self.of_2_31 / (1 << 31)
        return 1 - share if self.negated else share

    def run(self, skb: Skb, at: Place) -> bool:
        return at.kernel.choices.happens(("statistic", at.kernel.ns.name, self.of_2_31), self.probability)

    def written(self) -> str:
        return f"--mode random {self.no}--probability {self.of_2_31 / (1 << 31):.11f}"


@dataclass(slots=True)
class Turns:
    """How far each nth rule has counted, by family and place."""

    seen: dict[tuple, int] = field(default_factory=dict)


class Nth(Test, frozen=True, kw_only=True):
    """`-m statistic --mode nth`: holds for one packet in `every`; the first time for number `packet` of those asked, from 0."""

    module: ClassVar[str] = "statistic"
    counts: ClassVar[bool] = True
    every: int
    packet: int = 0

    def asks(self, skb: Skb, at: Place) -> bool:
        counters, mine = at.kernel.remembers[Turns].seen, (family(skb.packet.flow.dst).number, at.rule)
        seen = counters.get(mine, self.every - 1 - self.packet)  # libxt_statistic.c turns it round
        counters[mine] = 0 if seen >= self.every - 1 else seen + 1
        return counters[mine] == 0

    def written(self) -> str:
        return f"--mode nth {self.no}--every {self.every} --packet {self.packet}"


def _statistic(given: tuple[Given, ...]) -> tuple[Test, ...]:
    said = {name: (words, no) for name, words, no in given}
    if "--probability" in said:
        words, no = said["--probability"]
        return (Random(of_2_31=_of_2_31(words[0]), negated=no),)
    if "--every" not in said:
        raise BadInput(
            "",
            "statistic has neither --probability nor --every",
            "write --mode random --probability P, or --mode nth --every N",
        )
    words, no = said["--every"]
    every = whole(words[0])
    packet = whole(said.get("--packet", (("0",), False))[0][0])
    if packet >= every:
        right = f"--every is at least 1, --packet less than that: from 0 to {max(every, 1) - 1}"
        raise BadInput("", f"packet {packet} is not one of every {every}", right)
    return (Nth(every=every, packet=packet, negated=no),)


def _of_2_31(text: str) -> int:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise BadInput("", f"{text!r} is not a probability", "write one from 0 to 1")
    return round(share * (1 << 31))


MATCHES = {"statistic": Match({"--mode": 1, "--probability": 1, "--every": 1, "--packet": 1}, _statistic)}
