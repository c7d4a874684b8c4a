"""The machines that one may be of which something was not understood, or is not told: each is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..linux.namespace.netns import Netns
from ..linux.outcome import Doubt, Outcome, either, hanging, in_each_order, outcomes
from ..linux.packet.address import family
from ..linux.packet.packet import Packet
from .described import Described
from .dumps import Dumps
from .machine import machine

MOST_WAYS = 16  # machines that are tried where routing rules are not understood


class Possible:
    """The machines that this one may be, by family: one, where what was given of its routing tells everything."""

    def __init__(self, read: Dumps, this: Described, sysctls: tuple[str, ...], devs: list[str]):
        self.read, self.this = read, this
        self.machines = {of: [machine(one, read, sysctls, devs) for one in possible(this, of)] for of in (4, 6)}
        self.odd = tuple(Doubt(**line) for line, _, _ in this.doubts)
        self.always = {of: tuple(Doubt(**line) for line in read.always.get(of, [])) for of in (4, 6)}

    def outcomes(self, packet: Packet, dev: str, mark: int, seed: int) -> tuple[Outcome, ...]:
        """Every outcome of a packet; what differs among the machines, or by the order of tables, is not certain."""
        of = family(packet.flow.dst).number

        def ask(ns: Netns) -> tuple[Outcome, ...]:
            return outcomes(ns, packet, dev, mark, seed)

        found = either([self._in_each_order(ns, of, ask) for ns in self.machines[of]], self.odd)
        return hanging(found, self.always[of])

    def _in_each_order(self, ns: Netns, of: int, ask: Callable[[Netns], tuple[Outcome, ...]]) -> tuple[Outcome, ...]:
        orders = in_each_order(ns, of, ask)
        doubts = tuple(self._doubt(of, stages) for stages in orders.tied)
        found = either(orders.ways, doubts)
        return found if orders.whole else hanging(found, doubts)

    def _doubt(self, of: int, stages: tuple[str, ...]) -> Doubt:
        names = list(dict.fromkeys(stage.rpartition(" ")[0] for stage in stages))
        text = f"the tables {' and '.join(names)} stand at the same hooks; no dump tells which are asked first"
        return Doubt(next((file for name in names if (file := self.read.files.get((of, name)))), ""), 0, text)


def possible(this: Described, family: int) -> list[Described]:
    """The machine as it may be: one for each answer that a routing rule which nobody understands may give."""
    found = [this]
    for _, rule, others in this.doubts:
        for one in list(found) if rule in this.policy.get(family, ()) else ():
            rows = one.policy[family]
            for other in others:
                found.append(
                    replace(one, policy={**one.policy, family: tuple(other if r is rule else r for r in rows)})
                )
    return found[:MOST_WAYS]
