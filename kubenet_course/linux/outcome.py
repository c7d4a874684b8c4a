"""Everything that may become of a packet in one machine, with the chance of each: the rules' chances multiplied, nothing drawn."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from .namespace.choices import Choices, every
from .namespace.memory import Memory
from .namespace.netns import Netns
from .namespace.skb import Skb
from .namespace.trace import Trace
from .netfilter.evaluate import Matched
from .packet.packet import Packet
from .walk import send

PLACES = 9  # decimal places of a probability


class Doubt(Struct, frozen=True):
    """Something beside the rules that was not understood, or that no dump tells: where it is written, and what it says."""

    file: str
    line: int
    text: str


class Outcome(Struct, frozen=True):
    """One way in which it can end: how (a key of `trace.ENDS`), the packet as it then is, and the rules on its way.

    What `hangs_on` rules that were not understood is not certain: of their chance nothing is known, and each way gets an
    even share.
    """

    end: str
    skb: Skb
    rules: tuple[Matched, ...]
    probability: float
    trace: Trace
    hangs_on: tuple[Matched | Doubt, ...] = ()

    @property
    def certain(self) -> bool:
        return not self.hangs_on


def outcomes(ns: Netns, packet: Packet, dev: str = "", mark: int = 0, seed: int = 0) -> tuple[Outcome, ...]:
    """Every outcome of a new packet, likeliest first as the rules ask. Ports and the like are drawn once, from the seed."""

    def story(choices: Choices) -> Trace:
        return send(ns, packet, dev=dev, memory=Memory(), choices=choices, mark=mark)

    found: dict[tuple, Outcome] = {}
    for probability, trace in every(story, seed):
        one = ended(trace, probability)
        key = (one.end, one.skb.packet.flow, one.skb.dev_out, one.skb.mark, one.rules, one.hangs_on)
        if key in found:
            one = replace(found[key], probability=found[key].probability + probability)
        found[key] = one
    return tuple(found.values())


def either(ways: Sequence[tuple[Outcome, ...]], doubts: tuple[Doubt, ...]) -> tuple[Outcome, ...]:
    """What becomes of a packet in one of several machines of which nobody knows which it is. Where all do the same with it, that
    is certain; else every outcome of each hangs on the doubts."""
    if len(ways) == 1 or all(_same(way, ways[0]) for way in ways):
        return ways[0]
    found: dict[tuple, Outcome] = {}
    for one in (one for way in ways for one in way):
        key = (*_fate(one), one.rules, one.hangs_on)
        share = (found[key].probability if key in found else 0) + one.probability / len(ways)
        found[key] = replace(one, probability=share, hangs_on=tuple(dict.fromkeys((*one.hangs_on, *doubts))))
    return tuple(found.values())


def _fate(one: Outcome) -> tuple:
    return one.end, one.skb.packet.flow, one.skb.dev_out, one.skb.mark


def _same(one: tuple[Outcome, ...], two: tuple[Outcome, ...]) -> bool:
    """Whether the same may become of a packet, with the same chances, by whichever rules."""
    return _chances(one) == _chances(two)


def _chances(outcomes: tuple[Outcome, ...]) -> dict[tuple, float]:
    found: dict[tuple, float] = {}
    for one in outcomes:
        key = (*_fate(one), one.certain)
        found[key] = found.get(key, 0) + one.probability
    return {key: round(share, PLACES) for key, share in found.items()}


def ended(trace: Trace, probability: float = 1.0) -> Outcome:
    """How the packet that was sent ended; what its end set in motion (an ICMP error) is left out."""
    last = trace.last
    own = trace.steps[: trace.end + 1]
    rules = tuple(row for step in own for row in step.why if isinstance(row, Matched) and row.number)
    end = "dropped" if last.end == "not-permitted" else last.end or "dropped"
    hangs_on = tuple(dict.fromkeys(row for step in own for row in step.hangs_on))
    return Outcome(end, last.skb, rules, probability, trace, hangs_on)


def rounded(shares: list[float]) -> list[float]:
    """Probabilities at nine places that still sum to what they summed to: what rounding took goes to the largest remainders."""
    unit = 10**PLACES
    down = [int(share * unit) for share in shares]
    missing = round(sum(shares) * unit) - sum(down)
    by_remainder = sorted(range(len(shares)), key=lambda i: down[i] - shares[i] * unit)
    for i in by_remainder[:missing]:
        down[i] += 1
    return [share / unit for share in down]
