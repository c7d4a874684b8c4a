"""Rules that are made when they are looked up, under the numbers that they have in the whole."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Self, overload

from ....linux.namespace.skb import Skb
from ....linux.netfilter.rules import Chain, Rule
from ....linux.packet.address import Family
from ...api.objects import EndpointSlice, Service
from .. import chain_names as names
from ..node import Settings
from ..services import Services, Slices
from ..topology import Reach, reach
from .chains import own_chains, own_names
from .service import EVERYBODY, NOBODY, SHARED, Answers, Shared, counts_localhost, shared_counts, shared_rules

NODE_PORTS = SHARED.index(("nat", names.NODEPORTS))


class IptablesServices(Services):
    """All Service ports, with the places of their rules on a node that no Local policy concerns."""

    def __init__(self, services: Iterable[Service], slices: Slices, of: Family):
        super().__init__(services, slices, of)
        self._offsets: dict[tuple[int, int], list[int]] = {}

    @cached_property
    def answers(self) -> tuple[Answers, ...]:
        """Per port, who answers."""
        return tuple(EVERYBODY if answered else NOBODY for answered in self.answered)

    @cached_property
    def counts(self) -> tuple[tuple[int, ...], ...]:
        """Per port, how many rules it has in each shared chain."""
        return tuple(shared_counts(port, answers) for port, answers in zip(self.ports, self.answers, strict=True))

    def offsets(self, number: int, factor: int) -> list[int]:
        """Where each port's rules begin in a shared chain, if every rule is there `factor` times; and the end."""
        if (number, factor) not in self._offsets:
            self._offsets[number, factor] = starts(self.counts, number, factor)
        return self._offsets[number, factor]

    def resync(self, service: tuple[str, str], slices: Sequence[EndpointSlice]) -> Self:
        """Counts are taken over too, so that the places of all rules are found by adding up."""
        found = super().resync(service, slices)
        counts = list(self.counts)
        for at in self.places.get(service, ()):
            counts[at] = shared_counts(self.ports[at], EVERYBODY if found.answered[at] else NOBODY)
        found._offsets = {}
        found.__dict__.pop("answers", None)
        found.__dict__["counts"] = tuple(counts)
        return found


def starts(counts: Iterable[tuple[int, ...]], number: int, factor: int) -> list[int]:
    """Running sums of one column."""
    return [0, *accumulate(factor * row[number] for row in counts)]


class NodeView:
    """All Services as one node sees them: who is in reach, which chains there are. Nothing is worked out before it is
    asked.
    """

    def __init__(self, services: IptablesServices, settings: Settings):
        self.services, self.settings = services, settings
        self._reach: dict[int, Reach] = {}
        self._shared: dict[int, Shared] = {}
        self._own: dict[int, dict[str, Chain]] = {}
        self._owner: dict[str, int] = {}  # chain -> the Service port whose it is

    def reach(self, index: int) -> Reach:
        if index not in self._reach:
            node = self.settings.node
            self._reach[index] = reach(self.services.endpoints(index), self.services.ports[index], node.name, node.zone)
        return self._reach[index]

    @cached_property
    def local_answers(self) -> dict[int, Answers]:
        """Who answers for the Service ports with a Local policy; only these have to be asked of this node."""
        found = {}
        for index in self.services.restricted:
            port, seen = self.services.ports[index], self.reach(index)
            found[index] = Answers(seen.anybody, seen.internal(port), seen.external(port))
        return found

    def answers(self, index: int) -> Answers:
        return self.local_answers.get(index) or self.services.answers[index]

    def offsets(self, number: int) -> list[int]:
        """Where the rules of each Service port begin in a shared chain, and where the last one's end."""
        factor = 2 if number == NODE_PORTS and counts_localhost(self.settings) else 1
        if not self.local_answers:
            return self.services.offsets(number, factor)
        counts = list(self.services.counts)
        for index, answers in self.local_answers.items():
            counts[index] = shared_counts(self.services.ports[index], answers)
        return starts(counts, number, factor)

    def shared(self, index: int) -> Shared:
        """What a Service port adds to the shared chains. The chains that these rules lead to are known from now on."""
        if index not in self._shared:
            port = self.services.ports[index]
            self._shared[index] = shared_rules(port, self.answers(index), self.settings)
            for prefix in (names.CLUSTER_POLICY, names.LOCAL_POLICY, names.EXTERNAL, names.SOURCE_RANGES):
                self._owner[f"{prefix}{port.letters}"] = index
        return self._shared[index]

    def own(self, index: int) -> dict[str, Chain]:
        """The chains of one Service port."""
        if index not in self._own:
            port = self.services.ports[index]
            self._own[index] = own_chains(port, self.reach(index), self.settings, self.services.is_large)
            self._owner.update(dict.fromkeys(self._own[index], index))
        return self._own[index]

    def chain(self, name: str) -> Chain:
        """A chain of some Service port. Raises KeyError where there is none of that name."""
        if name not in self._owner:
            self.chain_names()
        return self.own(self._owner[name])[name]

    def chain_names(self) -> list[str]:
        found: dict[str, int] = {}
        for index, port in enumerate(self.services.ports):
            found.update(dict.fromkeys(own_names(port, self.reach(index)), index))
        self._owner |= found
        return list(found)

    @cached_property
    def chain_count(self) -> int:
        """How many chains all Service ports have, counted without their names."""
        total = 0
        for index, port in enumerate(self.services.ports):
            seen = self.reach(index)
            firewall = bool(port.vips and port.source_ranges)
            more = port.is_external + firewall + bool(seen.cluster) + bool(seen.local) + len(seen.all)
            total += more if seen.anybody else 0
        return total


class SharedRows(Sequence[Rule]):
    """The rules of a chain that all Services share: `number` is its place in SHARED; `last` rules stand at its end."""

    def __init__(self, view: NodeView, number: int, last: tuple[Rule, ...] = ()):
        self.view, self.number, self.last = view, number, last

    @cached_property
    def offsets(self) -> list[int]:
        return self.view.offsets(self.number)

    def __len__(self) -> int:
        return self.offsets[-1] + len(self.last)

    @overload
    def __getitem__(self, at: int) -> Rule: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Rule, ...]: ...
    def __getitem__(self, at: int | slice) -> Rule | tuple[Rule, ...]:
        if isinstance(at, slice):
            return tuple(self[number] for number in range(*at.indices(len(self))))
        at = range(len(self))[at]
        if at >= self.offsets[-1]:
            return self.last[at - self.offsets[-1]]
        index = bisect_right(self.offsets, at) - 1
        return self.view.shared(index)[SHARED[self.number]][at - self.offsets[index]]

    def __iter__(self) -> Iterator[Rule]:
        for index in range(len(self.offsets) - 1):
            if self.offsets[index] != self.offsets[index + 1]:
                yield from self.view.shared(index)[SHARED[self.number]]
        yield from self.last

    def candidates(self, skb: Skb, start: int) -> Iterator[int]:
        """The numbers of the rules from `start` on that a packet has to be compared with, in order."""
        flow, by_key, offsets = skb.packet.flow, self.view.services.by_key, self.offsets
        for index in sorted({*by_key.get(flow.dst, ()), *by_key.get(flow.dport, ())}):
            yield from range(max(start, offsets[index]), offsets[index + 1])
        yield from range(max(start, offsets[-1]), len(self))


@dataclass(frozen=True)
class SharedChain(Chain):
    """A chain whose rules are made when they are looked up, and which knows by itself where to look."""

    @cached_property
    def index(self) -> SharedRows:  # type: ignore[override]
        return self.rules  # type: ignore[return-value]
