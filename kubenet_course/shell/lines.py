"""Lines that a person writes for a world that stands already: carried out as the terminal carries them out, and nothing else.

An exercise judges with this what was typed, so that it takes what the terminal takes, in every spelling.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import BadInput
from ..linux.namespace.netns import Netns
from .console import Console
from .state import Note, State, fresh, has_carrier

OUTSIDE = "terminal"  # the terminal's own namespace, where a line does not say in which one it is meant


def standing(world: Mapping[str, Netns], at: str = "") -> State:
    """The state of kernels that have been running: each device keeps its MAC and its MTU, and IPv6 has begun where it can."""
    names = dict(world) if at else {**world, OUTSIDE: fresh(OUTSIDE)}
    notes = {
        (name, device.name): Note(index, True, True, True, True, False)
        for name, ns in names.items()
        for index, device in enumerate(ns.devices.values(), 1)
    }
    state = State(names, notes, at or OUTSIDE, is_named=True)
    ready = {place: has_carrier(state, place[0], names[place[0]].devices[place[1]]) for place in notes}
    return State(
        names,
        {place: Note(note.index, True, True, True, True, ready[place]) for place, note in notes.items()},
        at or OUTSIDE,
        is_named=True,
    )


def after(world: Mapping[str, Netns], text: str, at: str = "") -> dict[str, Netns]:
    """The world after some lines, typed in the namespace `at` or outside of all. Raises BadInput for a line that is refused."""
    console = Console(at or OUTSIDE)
    console.stand(standing(world, at))
    for said in console(text).done:
        if said.refused:
            right = f"the real program says: {said.quote}" if said.quote else "write it as the terminal takes it"
            raise BadInput(f"line {said.line}", " ".join(said.said).removesuffix("."), right)
    return {name: ns for name, ns in console.world.items() if at or name != OUTSIDE}
