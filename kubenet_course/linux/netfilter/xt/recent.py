"""`-m recent`: lists of addresses and when each was seen (net/netfilter/xt_recent.c)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ....errors import BadInput
from ...namespace.memory import SECOND
from ...namespace.skb import Skb
from ...packet.address import Address, address, family, number, spelled
from ..iptables.words import quoted, whole
from ..statement import Place, Test
from .reading import Given, Match

MOST_ADDRESSES, MOST_HITS = 100, 65535  # hits: since Linux 6.11; 255 before


@dataclass(slots=True)
class Lists:
    """Per list, its addresses and when each was seen; the oldest stands first."""

    seen: dict[str, dict[Address, list[int]]] = field(default_factory=dict)


class Recent(Test, frozen=True, kw_only=True):
    """`-m recent` (xt_recent.c): a list of addresses and when each was seen. `action` is set, rcheck, update or remove."""

    module: ClassVar[str] = "recent"
    counts: ClassVar[bool] = True
    action: str
    name: str = "DEFAULT"
    seconds: int = 0
    reap: bool = False
    hitcount: int = 0
    source: bool = True
    mask: Address = "255.255.255.255"

    def asks(self, skb: Skb, at: Place) -> bool:
        subject = skb.packet.flow.src if self.source else skb.packet.flow.dst
        of = family(subject)
        mask = number(self.mask) if family(self.mask) is of else (1 << of.bits) - 1
        seen_by, mine = at.kernel.remembers[Lists].seen.setdefault(self.name, {}), spelled(number(subject) & mask, of)
        if self.action == "set":
            _saw(seen_by, mine, at.kernel.now)
            return True
        if mine not in seen_by:
            return False
        if self.action == "remove":
            del seen_by[mine]
            return True
        since = at.kernel.now - self.seconds * SECOND if self.seconds else 0
        found = sum(at >= since for at in seen_by[mine]) >= max(1, self.hitcount)
        updates = self.action == "update" and found is not self.negated
        oldest = next(iter(seen_by))
        if self.reap and not (updates and oldest == mine) and seen_by[oldest][-1] < since:
            del seen_by[oldest]
        if updates:
            _saw(seen_by, mine, at.kernel.now)
        return found

    def written(self) -> str:
        parts = [f"{self.no}--{self.action}"]
        parts += [f"--seconds {self.seconds}"] if self.seconds else []
        parts += ["--reap"] if self.reap else []
        parts += [f"--hitcount {self.hitcount}"] if self.hitcount else []
        side = "--rsource" if self.source else "--rdest"
        return " ".join([*parts, f"--name {quoted(self.name)}", f"--mask {self.mask}", side])


def _saw(seen_by: dict[Address, list[int]], subject: Address, now: int) -> None:
    """Adds a time to an address and makes it the youngest. A list keeps a hundred addresses (ip_list_tot): the oldest goes."""
    if subject not in seen_by and len(seen_by) >= MOST_ADDRESSES:
        del seen_by[next(iter(seen_by))]
    seen_by[subject] = [*seen_by.pop(subject, []), now][-MOST_HITS:]


def _recent(given: tuple[Given, ...]) -> tuple[Test, ...]:
    said = {name.removeprefix("--"): words for name, words, _ in given}
    actions = [action for action in ("set", "rcheck", "update", "remove") if action in said]
    if len(actions) != 1:
        raise BadInput("", "recent needs one of --set, --rcheck, --update, --remove", "write exactly one of them")
    return (
        Recent(
            action=actions[0],
            name=said.get("name", ("DEFAULT",))[0],
            seconds=whole(said.get("seconds", ("0",))[0]),
            reap="reap" in said,
            hitcount=whole(said.get("hitcount", ("0",))[0], MOST_HITS),
            source="rdest" not in said,
            mask=address(said.get("mask", ("255.255.255.255",))[0]),
            negated=any(no for name, _, no in given if name == f"--{actions[0]}"),
        ),
    )


_FLAGS = {"--set": 0, "--rcheck": 0, "--update": 0, "--remove": 0, "--reap": 0, "--rsource": 0, "--rdest": 0}
MATCHES = {"recent": Match({**_FLAGS, "--name": 1, "--seconds": 1, "--hitcount": 1, "--mask": 1}, _recent)}
