"""What changes between two sets of policies: every pair and port with another verdict."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from ...manifest.collection import Objects
from ..judge.values import Port
from ..judge.world import PolicyWorld, Who
from ..pairs.matrix import PairMatrix
from ..pairs.samples import Stretch, outsiders, ports_that_matter


class Changed(Struct, frozen=True, gc=False):
    """A pair whose verdict changed; None is a verdict that is not certain. `ports`: all ports for which this holds."""

    source: Who
    to: Who
    port: Port
    before: bool | None
    after: bool | None

    @property
    def ports(self) -> str:
        return self.port.span if isinstance(self.port, Stretch) else str(self.port)


LISTS = ("pods", "namespaces", "nodes", "services")


def side_by_side(before: Objects, after: Objects) -> tuple[PolicyWorld, PolicyWorld]:
    """Two worlds with the same pods: what only one of the files has, the other is given."""
    return PolicyWorld(_completed(before, after)), PolicyWorld(_completed(after, before))


def _completed(own: Objects, other: Objects) -> Objects:
    made = Objects(**{name: getattr(own, name) for name in own.__dataclass_fields__})
    for name in LISTS:
        has = {one.key for one in getattr(own, name)}
        setattr(made, name, [*getattr(own, name), *(one for one in getattr(other, name) if one.key not in has)])
    return made


def changes(
    before: PolicyWorld, after: PolicyWorld, ports: Sequence[Port] = (), family: int = 0, table: str = "combined"
) -> Iterator[Changed]:
    """Pods with each other and with outside addresses, at the given ports or at one of every stretch that matters.
    `table`: ingress or egress alone looks at one direction, whatever the other says.
    """
    pods = sorted(before.pods.keys() & after.pods.keys())
    outside = outsiders((before, after))
    for port in ports or ports_that_matter((before, after)):
        tables = []
        for world in (before, after):
            members = [world.pods[name] for name in pods] + outside
            made = PairMatrix(world, port, members, family)
            tables.append((members, list(made.text(getattr(made, table), TABLES[table]))))
        yield from _compared(port, tables)


def _compared(port: Port, tables: list[tuple[list[Who], list[str]]]) -> Iterator[Changed]:
    (members, old), (_, new) = tables
    for source, row, other in zip(members, old, new, strict=True):
        if row == other:
            continue
        for to, said, says in zip(members, row, other, strict=True):
            if said != says and "pod" in (source.kind, to.kind):
                yield Changed(source, to, port, ANSWERS[said], ANSWERS[says])


TABLES = {"ingress": 0, "egress": 1, "combined": 2}
ANSWERS = {"1": True, "0": False, "?": None}


def in_order(found: Iterable[Changed]) -> list[Changed]:
    return sorted(found, key=lambda one: (str(one.source), str(one.to), one.port.protocol, one.port.number))
