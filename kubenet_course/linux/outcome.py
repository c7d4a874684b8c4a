"""Everything that may become of a packet in one machine, with the chance of each: the rules' chances multiplied, nothing drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice, permutations
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from .namespace.choices import Choices, every
from .namespace.memory import Memory
from .namespace.netns import Netns
from .namespace.skb import Skb
from .namespace.trace import Trace
from .netfilter.evaluate import Matched
from .netfilter.hooks import ties
from .netfilter.rules import Turn
from .packet.packet import Packet
from .walk import send

PLACES = 9  # decimal places of a probability
MOST_ORDERS = 64  # of tables that are tried


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
    if all(_chances(way) == _chances(ways[0]) for way in ways):
        return ways[0]
    found: dict[tuple, Outcome] = {}
    for one in (one for way in ways for one in way):
        key = (*_fate(one), one.rules, one.hangs_on)
        share = (found[key].probability if key in found else 0) + one.probability / len(ways)
        found[key] = replace(one, probability=share, hangs_on=tuple(dict.fromkeys((*one.hangs_on, *doubts))))
    return tuple(found.values())


def hanging(found: tuple[Outcome, ...], doubts: tuple[Doubt, ...]) -> tuple[Outcome, ...]:
    """The same outcomes, all of which hang on these doubts too."""
    if not doubts:
        return found
    return tuple(replace(one, hangs_on=tuple(dict.fromkeys((*one.hangs_on, *doubts)))) for one in found)


class Orders(NamedTuple):
    """What becomes of a packet in each order of tables, the stages whose order nobody knows, and whether all orders were tried."""

    ways: list[tuple[Outcome, ...]]
    tied: list[tuple[str, ...]]
    whole: bool


def in_each_order(ns: Netns, of: int, ask: Callable[[Netns], tuple[Outcome, ...]]) -> Orders:
    """Asks a machine in every order in which its tables may have been registered, where the packet meets several at one place."""
    rules = ns.ruleset(of)
    tied = ties(rules)
    first = ask(ns)
    open_: list[tuple[dict[Turn, tuple[str, ...]], tuple[Outcome, ...]]] = [({}, first)]
    found, met = Orders([], [], True), list[Turn]()
    while open_ and len(found.ways) + len(open_) <= MOST_ORDERS:
        turns, way = open_.pop()
        turn = next((one for one in tied if one not in turns and _meets(way, one, tied[one])), None)
        if turn is None:
            found.ways.append(way)
            continue
        met += [turn] if turn not in met else []
        usual, *others = _orders(tied[turn])
        open_.append(({**turns, turn: usual}, way))
        for order in others:
            again = {**turns, turn: order}
            open_.append((again, ask(replace(ns, rules={**ns.rules, of: rules.in_turn(again)}))))
    return Orders(found.ways or [first], [tied[turn] for turn in met], not open_)


def _meets(way: tuple[Outcome, ...], turn: Turn, stages: tuple[str, ...]) -> bool:
    """Whether the packet came to where those are asked."""
    hook, _, within = turn
    sought = {f"nat {hook}"} if within else set(stages)
    return any(step.stage in sought for one in way for step in one.trace.steps)


def _orders(stages: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The orders in which these may be asked, the usual one first; the chains of one table keep theirs."""
    table = {stage: stage.rpartition(" ")[0] for stage in stages}
    kept = {name: [stage for stage in stages if table[stage] == name] for name in table.values()}
    found = islice(permutations(stages), MOST_ORDERS)
    return [order for order in found if all([s for s in order if table[s] == name] == kept[name] for name in kept)]


def _fate(one: Outcome) -> tuple:
    return one.end, one.skb.packet.flow, one.skb.dev_out, one.skb.mark


def _chances(outcomes: tuple[Outcome, ...]) -> dict[tuple, float]:
    """What may become of a packet, with which chance, by whichever rules."""
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
