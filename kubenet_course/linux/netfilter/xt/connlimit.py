"""`-m connlimit`: how many connections a block of addresses has (net/netfilter/xt_connlimit.c, nf_conncount.c)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ....errors import BadInput
from ...namespace.skb import NO_CONNECTION, UNTRACKED, Skb
from ...packet.address import family, number
from ...packet.packet import Flow
from ..connections import Connections
from ..iptables.words import whole
from ..statement import Place, Test
from .reading import Given, Match

CLOSED = ("TIME_WAIT", "CLOSE")


@dataclass(slots=True)
class Counted:
    """The connections that each rule has seen, by family, place and block."""

    flows: dict[tuple, list[Flow]] = field(default_factory=dict)


class ConnLimit(Test, frozen=True, kw_only=True):
    """`-m connlimit`: its block has more than `limit` connections, this one counted; `negated`, at most so many (--upto)."""

    module: ClassVar[str] = "connlimit"
    tracks: ClassVar[bool] = True
    counts: ClassVar[bool] = True
    limit: int
    length: int = -1  # of the block; all bits, where nothing is said
    source: bool = True

    def asks(self, skb: Skb, at: Place) -> bool:
        flow, known = skb.packet.flow, skb.connection
        of = family(flow.src)
        length = of.bits if self.length < 0 else min(self.length, of.bits)
        block = number(flow.src if self.source else flow.dst) >> of.bits - length
        mine = flow if known is NO_CONNECTION or known is UNTRACKED else known.original
        seen = at.kernel.remembers[Counted].flows.setdefault((of.number, *at.rule, block), [])
        alive = [one for one in seen if one == mine or self._lives(one, at)]
        seen[:] = alive if mine in alive else [*alive, mine]
        return len(seen) > self.limit

    @staticmethod
    def _lives(flow: Flow, at: Place) -> bool:
        known = at.kernel.remembers[Connections].lookup(flow, at.kernel.now)
        return known is not None and known.state not in CLOSED

    def written(self) -> str:
        how = "upto" if self.negated else "above"
        mask = (
            f" --connlimit-mask {self.length}" if self.length >= 0 else ""
        )  # iptables-save writes 32, ip6tables-save 128
        return f"--connlimit-{how} {self.limit}{mask} --connlimit-{'saddr' if self.source else 'daddr'}"


def _connlimit(given: tuple[Given, ...]) -> tuple[Test, ...]:
    said = {name.removeprefix("--connlimit-"): (words, no) for name, words, no in given}
    how = [name for name in ("above", "upto") if name in said]
    if len(how) != 1:
        raise BadInput("", "connlimit needs one of --connlimit-above and --connlimit-upto", "write exactly one of them")
    (text,), no = said[how[0]]
    length = whole(said["mask"][0][0], 128, "length") if "mask" in said else -1
    upto = (how[0] == "upto") is not no
    return (ConnLimit(limit=whole(text), length=length, source="daddr" not in said, negated=upto),)


_WORDS = {f"--connlimit-{name}": 1 for name in ("above", "upto", "mask")}
MATCHES = {"connlimit": Match({**_WORDS, "--connlimit-saddr": 0, "--connlimit-daddr": 0}, _connlimit)}
