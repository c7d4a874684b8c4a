"""`-m connlimit`: how many connections a block of addresses has (net/netfilter/xt_connlimit.c, nf_conncount.c of 6.18).

The list of a block is swept at most once in a jiffy. Where nothing is left after the sweep, not even the packet's own
connection, xt_connlimit takes the 0 for a lack of memory and drops the packet: so it goes with the RST of the only
connection, and with its last ACK. The commits that lead there: be102eb6a0e7, 69894e5b4c5e, "prevent connlimit drops for
early confirmed ct" (May 2026); an older kernel lets them pass (DEV-53).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ....errors import BadInput
from ...namespace.memory import SECOND
from ...namespace.skb import NO_CONNECTION, UNTRACKED, Connection, Skb
from ...packet.address import family, number
from ...packet.packet import Flow
from ..connections import Connections
from ..iptables.words import whole
from ..statement import HOTDROP, Answer, Place, Test
from .reading import Given, Match

CLOSED = ("TIME_WAIT", "CLOSE")
JIFFY = SECOND // 250  # CONFIG_HZ


@dataclass(slots=True)
class Block:
    """The connections of one block that a rule has seen, and the jiffy of the last sweep (struct nf_conncount_list)."""

    flows: list[Flow]
    swept: int


@dataclass(slots=True)
class Counted:
    """What each rule has seen, by family, place and block."""

    blocks: dict[tuple, Block] = field(default_factory=dict)


class ConnLimit(Test, frozen=True, kw_only=True):
    """`-m connlimit`: its block has more than `limit` connections, this one counted; `negated`, at most so many (--upto)."""

    module: ClassVar[str] = "connlimit"
    tracks: ClassVar[bool] = True
    counts: ClassVar[bool] = True
    limit: int
    length: int = -1  # of the block; all bits, where nothing is said
    source: bool = True

    def run(self, skb: Skb, at: Place) -> Answer:
        flow = skb.packet.flow
        of = family(flow.src)
        length = of.bits if self.length < 0 else min(self.length, of.bits)
        block = number(flow.src if self.source else flow.dst) >> of.bits - length
        count = _counted(skb, at, (of.number, *at.rule, block))
        return (count > self.limit) is not self.negated if count else HOTDROP

    def written(self) -> str:
        how = "upto" if self.negated else "above"
        mask = (
            f" --connlimit-mask {self.length}" if self.length >= 0 else ""
        )  # iptables-save writes 32, ip6tables-save 128
        return f"--connlimit-{how} {self.limit}{mask} --connlimit-{'saddr' if self.source else 'daddr'}"


def _counted(skb: Skb, at: Place, key: tuple) -> int:
    """How many connections a block has, the packet's own among them if it may be added (count_tree, __nf_conncount_add)."""
    known, blocks = skb.connection, at.kernel.remembers[Counted].blocks
    if known is NO_CONNECTION or known is UNTRACKED:
        known = _of(skb.packet.flow, at) or NO_CONNECTION
    mine, jiffy = skb.packet.flow if known is NO_CONNECTION else known.original, at.kernel.now // JIFFY
    block = blocks.get(key)
    if block is None:
        blocks[key] = Block([mine], jiffy)
    elif known.confirmed and known.assured:  # it is taken to be there already
        if block.swept != jiffy:
            block.flows, block.swept = [one for one in block.flows if not _is_over(_of(one, at))], jiffy
    elif known.confirmed or block.swept != jiffy:
        _add(block, mine, jiffy, at)
    else:
        block.flows.append(mine)
    return len(blocks[key].flows)


def _add(block: Block, mine: Flow, jiffy: int, at: Place) -> None:
    """Adds a connection unless it is there; what is over on the way to it is left out."""
    for one in tuple(block.flows):
        known = _of(one, at)
        if one == mine and known is not None:
            return
        if _is_over(known):
            block.flows.remove(one)
    block.flows.append(mine)
    block.swept = jiffy


def _of(flow: Flow, at: Place) -> Connection | None:
    return at.kernel.remembers[Connections].lookup(flow, at.kernel.now)


def _is_over(known: Connection | None) -> bool:
    return known is None or known.state in CLOSED


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
