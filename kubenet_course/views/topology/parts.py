"""What of a world is drawn: the machines with their pods, at most so many that each can still be read.

Those come first where the packet spent most steps. A world of five thousand nodes is never walked through: from what the
trace touches, only cables are followed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from ...linux.namespace.netns import Netns
from ...linux.namespace.trace import Trace
from .roles import MACHINE, POD, Segment, World, neighbours, role_of, segments

MOST_MACHINES, MOST_PODS, MOST_HOSTS = 6, 4, 2
OUTSIDE = "host/"  # how the namespaces of hosts outside are named
LOOKED_AT = 64  # namespaces of a world without a trace


class DrawnMachine(Struct, frozen=True):
    """A machine to draw, the pods in it, and how many of its pods are left out."""

    ns: Netns
    pods: tuple[Netns, ...] = ()
    left_out: int = 0

    @property
    def leads_outside(self) -> bool:
        """Whether what hangs on it are hosts outside of any cluster, and not pods in it."""
        return bool(self.pods) and all(pod.name.startswith(OUTSIDE) for pod in self.pods)

    @property
    def is_node(self) -> bool:
        """Whether it has pods, or what pods are attached to."""
        has_beds = any(device.kind in ("bridge", "vxlan") for device in self.ns.devices.values())
        return not self.leads_outside and (bool(self.pods) or has_beds)


class Parts(Struct, frozen=True):
    """All that is drawn. `left_out` counts the namespaces of the world that are not."""

    machines: tuple[DrawnMachine, ...]
    segments: tuple[Segment, ...]
    left_out: int


def touched(traces: Iterable[Trace]) -> Counter[str]:
    """How many steps each namespace had in the traces, in the order of the first."""
    return Counter(step.namespace for trace in traces for step in trace.steps)


def chosen(world: World, traces: Iterable[Trace] = ()) -> Parts:
    """Picks what to draw: what the traces touch and its neighbours, or, without a trace, the world's first machines."""
    steps = touched(traces)
    names = [name for name in steps if name in world] or list(islice(world, LOOKED_AT))
    machines: Counter[str] = Counter()
    for name in names:
        for owner in _machines_of(world, name):
            machines[owner] += steps[name]
    shown = sorted(machines, key=lambda name: -machines[name])[:MOST_MACHINES]
    drawn = _housed([_machine(world, world[name], steps) for name in sorted(shown, key=_by_number)])
    joined = segments(world, [machine.ns.name for machine in drawn])
    switches = len({segment.name for segment in joined if segment.name})
    count = sum(1 + len(machine.pods) for machine in drawn)
    return Parts(drawn, tuple(joined), max(0, len(world) - count - switches))


def _housed(machines: list[DrawnMachine]) -> tuple[DrawnMachine, ...]:
    """A namespace without any cable is a pod that is being made, or one that has lost its cable. Where there is one node, it is
    drawn in it: a network namespace always lies in some machine's kernel."""
    bare = [one for one in machines if not one.pods and {device.kind for device in one.ns.devices.values()} <= {"lo"}]
    homes = [one for one in machines if one.is_node]
    if len(homes) != 1 or not bare or len(homes[0].pods) + len(bare) > MOST_PODS:
        return tuple(machines)
    inside = replace(homes[0], pods=(*homes[0].pods, *(one.ns for one in bare)))
    return tuple(inside if one is homes[0] else one for one in machines if one not in bare)


def _machines_of(world: World, name: str) -> list[str]:
    """The machine that a namespace is drawn with: itself, or the one that a pod's cable leads to. A switch has none."""
    role = role_of(world, world[name])
    if role == POD:
        return [neighbours(world, world[name])[0][0].name]
    return [name] if role == MACHINE else []


def _by_number(name: str) -> tuple[str, int, str]:
    """node-2 stands before node-10, so that a picture does not depend on which packet was first."""
    word = name.rstrip("0123456789")
    return word, len(name), name


def _machine(world: World, ns: Netns, steps: Counter[str]) -> DrawnMachine:
    pods = {other.name: other for other, _ in neighbours(world, ns) if role_of(world, other) == POD}
    most = MOST_HOSTS if all(name.startswith(OUTSIDE) for name in pods) else MOST_PODS
    best = sorted(pods, key=lambda name: -steps[name])[:most]
    return DrawnMachine(ns, tuple(pod for name, pod in pods.items() if name in best), len(pods) - len(best))
