"""The machines that one may be of which something was not understood, or is not told: each is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..linux.namespace.netns import Netns
from ..linux.namespace.policy import RouteRule
from ..linux.namespace.route import Route
from ..linux.outcome import Doubt, Outcome, either, hanging, in_each_order, outcomes
from ..linux.packet.address import family
from ..linux.packet.packet import Packet
from .described import Described
from .dumps import Dumps
from .machine import machine

MOST_WAYS = 64  # machines that are tried where routing rules are not understood


class Possible:
    """The machines that this one may be, by family: one, where what was given of its routing tells everything."""

    def __init__(self, read: Dumps, this: Described, sysctls: tuple[str, ...], devs: list[str]):
        self.read, self.this = read, this
        ways = {of: possible(this, of) for of in (4, 6)}
        self.machines = {of: [machine(one, read, sysctls, devs) for one in ways[of][0]] for of in ways}
        self.whole = {of: ways[of][1] for of in ways}
        self.odd = tuple(Doubt(**unsure.line) for unsure in this.doubts)
        self.always = {of: tuple(Doubt(**line) for line in read.always.get(of, [])) for of in (4, 6)}

    def outcomes(self, packet: Packet, dev: str, mark: int, seed: int) -> tuple[Outcome, ...]:
        """Every outcome of a packet; what differs among the machines, or by the order of tables, is not certain."""
        of = family(packet.flow.dst).number

        def ask(ns: Netns) -> tuple[Outcome, ...]:
            return outcomes(ns, packet, dev, mark, seed)

        found = either([self._in_each_order(ns, of, ask) for ns in self.machines[of]], self.odd)
        return hanging(found, self.always[of] if self.whole[of] else (*self.always[of], *self.odd))

    def _in_each_order(self, ns: Netns, of: int, ask: Callable[[Netns], tuple[Outcome, ...]]) -> tuple[Outcome, ...]:
        orders = in_each_order(ns, of, ask)
        doubts = tuple(self._doubt(of, stages) for stages in orders.tied)
        found = either(orders.ways, doubts)
        return found if orders.whole else hanging(found, doubts)

    def _doubt(self, of: int, stages: tuple[str, ...]) -> Doubt:
        names = list(dict.fromkeys(stage.rpartition(" ")[0] for stage in stages))
        text = f"the tables {' and '.join(names)} stand at the same hooks; no dump tells which are asked first"
        return Doubt(next((file for name in names if (file := self.read.files.get((of, name)))), ""), 0, text)


def possible(this: Described, of: int) -> tuple[list[Described], bool]:
    """The machine as it may be: one for each answer that an odd rule or row of a family may give; whether these are all."""
    found = [this]
    for unsure in this.doubts:
        one = unsure.one
        rows = this.policy.get(of, ()) if isinstance(one, RouteRule) else this.routes
        if one in rows and (isinstance(one, RouteRule) or one.prefix.family.number == of):
            found += [_with(other, one, instead) for other in found for instead in unsure.instead]
        if len(found) > MOST_WAYS:
            return found[:MOST_WAYS], False
    return found, True


def _with(this: Described, one: RouteRule | Route, instead: RouteRule | Route) -> Described:
    """The same machine with another rule or row in the place of one."""
    policy = {of: tuple(instead if row == one else row for row in rows) for of, rows in this.policy.items()}
    return replace(this, policy=policy, routes=tuple(instead if row == one else row for row in this.routes))  # type: ignore[misc,arg-type]
