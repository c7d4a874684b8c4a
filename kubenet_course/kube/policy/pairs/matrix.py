"""Every pair at once: `decide`, with sets of receivers where it has one. A row is a sender's class.

What may be allowed and what may be denied are two sets; a pair in both is undefined, or hangs on what no file says.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from operator import itemgetter

from ..judge.decide import decide
from ..judge.fits import seen_as_node
from ..judge.values import Port
from ..judge.world import PolicyWorld, Who
from .classes import Classes, bits, places
from .sets import Sets
from .sides import Egress, Ingress, Row


class PairMatrix:
    """Who may ask whom at one port. Rows are by class; `text` spells them out for every member."""

    def __init__(self, world: PolicyWorld, port: Port, members: Sequence[Who] | None = None, family: int = 0):
        self.world, self.port = world, port
        self.members = list(world.pods.values()) if members is None else list(members)
        self.family = family or usual_family(self.members)
        self.classes = Classes(world, self.members, port, self.family, world.policies)
        self.sets = Sets(world, self.classes)
        named = [one for one in world.policies if one.tier == "NetworkPolicy"]
        self._egress = Egress(self.sets, world, named)
        self._ingress = Ingress(self.sets, world, named)

    @cached_property
    def egress(self) -> list[Row]:
        return [self._egress.row(at) for at in range(self.classes.size)]

    @cached_property
    def ingress(self) -> list[Row]:
        return [self._ingress.row(at) for at in range(self.classes.size)]

    @cached_property
    def combined(self) -> list[Row]:
        return [one.both(other) for one, other in zip(self.egress, self.ingress, strict=True)]

    def text(self, rows: Sequence[Row], which: int) -> Iterable[str]:
        """A string per member: 1, 0, or ? where it is not certain. `which`: 0 ingress, 1 egress, 2 combined."""
        spell = itemgetter(*self.classes.of) if len(self.members) > 1 else lambda row: row[self.classes.of[0]]
        known: dict[int, str] = {}
        spelled: dict[Row, str] = {}
        for source, at in enumerate(self.classes.of):
            if at not in known:
                row = rows[at]
                if row not in spelled:
                    spelled[row] = "".join(spell(digits(row, self.classes.size)))
                known[at] = spelled[row]
            yield self._corrected(source, known[at], which)

    def _corrected(self, source: int, row: str, which: int) -> str:
        fixed = self.exceptions.get(source)
        if not fixed:
            return f"{row[:source]}1{row[source + 1 :]}"
        changed = list(row)
        changed[source] = "1"
        for to, answers in fixed.items():
            changed[to] = answers[which]
        return "".join(changed)

    @cached_property
    def exceptions(self) -> dict[int, dict[int, str]]:
        """Pairs that classes cannot tell: a pod and those in its own node's network, and ends of different families."""
        found: dict[int, dict[int, str]] = {}
        for source, to in self._odd_pairs():
            verdict = decide(self.world, self.members[source], self.members[to], self.port)
            sides = [{end.allowed for end in side} for side in (verdict.ingress, verdict.egress)]
            found.setdefault(source, {})[to] = "".join(
                [*("?" if len(side) > 1 else str(int(side == {True})) for side in sides), digit(verdict.allowed)]
            )
        return found

    def _odd_pairs(self) -> Iterable[tuple[int, int]]:
        homes: dict[str, list[int]] = {}
        nodes: dict[str, list[int]] = {}
        for at, one in enumerate(self.members):
            node = seen_as_node(self.world, one) if one.kind != "pod" or one.host_network else None
            if one.kind == "pod" and one.node and not one.host_network:
                homes.setdefault(one.node, []).append(at)
            elif node is not None or one.node:
                nodes.setdefault(node.name if node else one.node, []).append(at)
        policed = self.world.policies and nodes
        for name, shared in nodes.items() if policed else ():
            for at in shared:
                for pod in homes.get(name, ()):
                    yield from (pair for pair in ((at, pod), (pod, at)) if self._denied(*pair))
        odd = [at for at, one in enumerate(self.members) if one.addresses and self.classes.address(one) is None]
        for at in odd:
            for other in range(len(self.members)):
                yield at, other
                yield other, at

    def _denied(self, source: int, to: int) -> bool:
        row, at = self.combined[self.classes.of[source]], self.classes.of[to]
        return bool(row.cannot >> at & 1)

    def summary(self) -> Iterator[tuple[Who, int, int]]:
        """Each class: its first member, how many it has, how many members each of them may surely ask (itself among
        them where its class may). Pods in the network of their own node are counted without that exception.
        """
        sizes = Counter(self.classes.of)
        planes = [
            (1 << power, bits((at for at, size in sizes.items() if size >> power & 1), self.classes.size))
            for power in range(max(sizes.values(), default=0).bit_length())
        ]
        for at, one in enumerate(self.classes.first):
            row = self._egress.row(at).both(self._ingress.row(at))
            sure = row.can ^ (row.can & row.cannot)
            yield one, sizes[at], sum(weight * (sure & plane).bit_count() for weight, plane in planes)

    def allowed(self, source: int, to: int) -> bool | None:
        """One pair of it, by the members' places."""
        if source == to:
            return True
        fixed = self.exceptions.get(source, {}).get(to)
        if fixed is not None:
            return {"1": True, "0": False}.get(fixed[2])
        row, at = self.combined[self.classes.of[source]], self.classes.of[to]
        can, cannot = row.can >> at & 1, row.cannot >> at & 1
        return None if can and cannot else bool(can)


def digit(allowed: bool | None) -> str:
    return "?" if allowed is None else str(int(allowed))


def digits(row: Row, size: int) -> str:
    """A row as text, first class first."""
    said = f"{row.can & ~row.cannot:0{size}b}"[::-1]
    doubt = row.can & row.cannot
    if not doubt:
        return said
    changed = list(said)
    for at in places(doubt):
        changed[at] = "?"
    return "".join(changed)


def usual_family(members: Iterable[Who]) -> int:
    """The family that most members have first."""
    found = Counter(6 if ":" in one.addresses[0] else 4 for one in members if one.addresses)
    return found.most_common(1)[0][0] if found else 4
