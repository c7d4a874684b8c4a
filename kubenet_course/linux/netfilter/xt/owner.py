"""`-m owner`: which user's program sends a packet (net/netfilter/xt_owner.c)."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from ....errors import BadInput
from ...namespace.skb import Skb
from ..iptables.words import whole
from ..statement import Answer, NotUnderstood, Place, Test
from .reading import Given, Match


class Asked(NamedTuple):
    """One option: which of uid, gid and socket it asks for, the numbers it takes, and `!`."""

    what: str
    low: int
    high: int
    negated: bool

    def __str__(self) -> str:
        no = "! " if self.negated else ""
        if self.what == "socket":
            return f"{no}--socket-exists"
        return f"{no}--{self.what}-owner {self.low}" + (f"-{self.high}" if self.high != self.low else "")


class Owner(Test, frozen=True, kw_only=True):
    """`-m owner`: of a packet that came in, no program is the owner: then only options with `!` hold.

    Who sends this machine's own packets, no dump tells. So its answer there is not known, the likely one that it is not they.
    """

    module: ClassVar[str] = "owner"
    asked: tuple[Asked, ...]
    groups: bool = False  # --suppl-groups: the other groups of the user count as well

    def run(self, skb: Skb, at: Place) -> Answer:
        if skb.dev_in:
            return all(one.negated for one in self.asked)
        likely = all(one.negated is (one.what != "socket") for one in self.asked)
        return NotUnderstood((likely, not likely))

    def written(self) -> str:
        return " ".join([*map(str, self.asked), *(["--suppl-groups"] if self.groups else [])])


def _owner(given: tuple[Given, ...]) -> tuple[Test, ...]:
    rows = []
    for name, words, negated in given:
        if name == "--socket-exists":
            rows.append(Asked("socket", 0, 0, negated))
        elif name != "--suppl-groups":
            low, dash, high = words[0].partition("-")
            first = _number(low)
            rows.append(Asked(name[2:5], first, _number(high) if dash else first, negated))
    order = ("socket", "uid", "gid")
    return (
        Owner(
            asked=tuple(sorted(rows, key=lambda row: order.index(row.what))),
            groups=any(name == "--suppl-groups" for name, _, _ in given),
        ),
    )


def _number(text: str) -> int:
    if not text.isdecimal():
        raise BadInput(
            "", f"{text!r} is not a number", "write the user's or group's number, as iptables-save prints it"
        )
    return whole(text, 0xFFFFFFFE, "number")


MATCHES = {"owner": Match({"--uid-owner": 1, "--gid-owner": 1, "--socket-exists": 0, "--suppl-groups": 0}, _owner)}
