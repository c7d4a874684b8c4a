"""`-m set` and `-j SET`: rules that ask sets, and rules that change them (net/netfilter/xt_set.c, libxt_set.c)."""

from __future__ import annotations

from typing import ClassVar

from ....errors import BadInput
from ...namespace.skb import Skb
from ..ipset.lookup import change, holds
from ..iptables.words import whole
from ..statement import Answer, NotUnderstood, Place, Target, Test
from .reading import Extension, Given, Match, Said

MOST_SIDES = 6  # IPSET_DIM_MAX


class MatchSet(Test, frozen=True, kw_only=True):
    """`--match-set NAME src,dst`: the set holds what the packet shows it. `nomatch`: only exceptions count.

    Where the machine has no such set, or one of a type that is not known here, nobody knows.
    """

    module: ClassVar[str] = "set"
    name: str
    sides: tuple[str, ...]
    nomatch: bool = False
    quiet: tuple[str, ...] = ()  # the counters that it leaves as they are

    @property
    def sets(self) -> tuple[str, ...]:
        return (self.name,)

    def run(self, skb: Skb, at: Place) -> Answer:
        held = holds(at.kernel, self.name, skb, self.sides, self.nomatch)
        return NotUnderstood((False, True)) if held is None else held is not self.negated

    def written(self) -> str:
        more = [" --return-nomatch"] if self.nomatch else []
        more += [f" ! {option}" for option in self.quiet]
        return f"{self.no}--match-set {self.name} {','.join(self.sides)}{''.join(more)}"


class SetTarget(Target, frozen=True, kw_only=True):
    """`-j SET`: adds what the packet shows to a set, or takes it out, and lets the packet go on."""

    name: str
    sides: tuple[str, ...]
    adds: bool
    again: bool = False
    timeout: int = -1  # seconds; -1: what the set says

    @property
    def sets(self) -> tuple[str, ...]:
        return (self.name,)

    def run(self, skb: Skb, at: Place) -> Answer:
        done = change(at.kernel, self.name, skb, self.sides, self.adds, self.timeout, self.again)
        return True if done else NotUnderstood((True,))

    def written(self) -> str:
        verb = "add" if self.adds else "del"
        more = (" --exist" if self.again else "") + (f" --timeout {self.timeout}" if self.timeout >= 0 else "")
        return f"-j SET --{verb}-set {self.name} {','.join(self.sides)}{more}"


def sides_of(text: str) -> tuple[str, ...]:
    found = tuple(text.split(","))
    if not set(found) <= {"src", "dst"} or len(found) > MOST_SIDES:
        raise BadInput("", f"{text!r} does not say what a packet shows a set", "write up to six of src and dst")
    return found


def _match(given: tuple[Given, ...]) -> tuple[Test, ...]:
    said = {name: (words, no) for name, words, no in given}
    if "--match-set" not in said:
        raise BadInput("", "-m set does not say which set", "write --match-set NAME src,dst")
    (name, sides), no = said["--match-set"]
    quiet = tuple(option for option in QUIET if option in said)
    return (MatchSet(name=name, sides=sides_of(sides), nomatch="--return-nomatch" in said, quiet=quiet, negated=no),)


def _target(said: Said) -> Target:
    verbs = [verb for verb in ("--add-set", "--del-set") if verb in said]
    if len(verbs) != 1:
        raise BadInput("", "SET needs one of --add-set and --del-set", "write --add-set NAME src")
    name, sides = said[verbs[0]]
    timeout = whole(said["--timeout"][0]) if "--timeout" in said else -1
    adds = verbs[0] == "--add-set"
    if not adds and ("--exist" in said or timeout >= 0):
        raise BadInput("", "--del-set knows neither --exist nor --timeout", "leave them out")
    return SetTarget(name=name, sides=sides_of(sides), adds=adds, again="--exist" in said, timeout=timeout)


QUIET = ("--update-counters", "--update-subcounters")
MATCHES = {"set": Match({"--match-set": 2, "--return-nomatch": 0, **dict.fromkeys(QUIET, 0)}, _match)}
TARGETS = {"SET": Extension({"--add-set": 2, "--del-set": 2, "--exist": 0, "--timeout": 1}, _target)}
