"""Who that is not there yet could reach the pods, and whom pods could reach that is not there yet: newcomers, strangers."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from ..judge.values import Port
from ..judge.world import PolicyWorld, Who
from ..pairs.matrix import PairMatrix
from ..pairs.samples import Stretch, newcomers, outsiders, ports_that_matter


class Exposed(Struct, frozen=True, gc=False):
    """A pod, one who is not there yet, and the stretches of ports at which they may talk."""

    pod: Who
    unseen: str
    ports: tuple[str, ...]


def exposure(world: PolicyWorld, ports: Sequence[Port] = ()) -> tuple[list[Exposed], list[Exposed]]:
    """Whom pods can be reached by, and whom they can reach, among those that no file shows."""
    unseen: list[tuple[Who, str]] = [(one, f"an outside address such as {one.name}") for one in outsiders([world])]
    wider = PolicyWorld(world.objects, world.policies)
    for one, needs, says in newcomers(world):
        wider.namespaces |= needs
        unseen.append((one, says))
    pods = list(world.pods.values())
    reached: dict[tuple[int, str], list[str]] = {}
    reaching: dict[tuple[int, str], list[str]] = {}
    for port in ports or ports_that_matter([world]):
        said = port.span if isinstance(port, Stretch) else str(port)
        made = PairMatrix(wider, port, [*pods, *(one for one, _ in unseen)])
        for place, (_, says) in enumerate(unseen, len(pods)):
            for at in range(len(pods)):
                if made.allowed(place, at):
                    reached.setdefault((at, says), []).append(said)
                if made.allowed(at, place):
                    reaching.setdefault((at, says), []).append(said)
    return _rows(pods, reached), _rows(pods, reaching)


def _rows(pods: list[Who], found: dict[tuple[int, str], list[str]]) -> list[Exposed]:
    return [Exposed(pods[at], says, tuple(ports)) for (at, says), ports in sorted(found.items())]


def grouped(rows: Iterable[Exposed]) -> dict[tuple[str, ...], dict[str, list[str]]]:
    """For a person: by the ports, who is not there yet, and the pods."""
    found: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for one in rows:
        found.setdefault(one.ports, {}).setdefault(one.unseen, []).append(str(one.pod))
    return found
