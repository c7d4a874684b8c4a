"""The ways into a Service as a table, and controls that send one packet after another."""

from __future__ import annotations

from collections.abc import Sequence

from ...kube.outside.ways import MODES, POLICIES, WAYS, Case, Line, trace_of, way_in, world_for
from ...linux.namespace.memory import Memory
from ..controls import Choices, Controls, Made
from ..tables.table import Table, table

POD_IS = {
    "on the node that is asked": "here",
    "on another node": "elsewhere",
    "nowhere": "nowhere",
    "leaving here, another one ready elsewhere": "leaving here, ready elsewhere",
    "leaving here, and no other": "leaving here",
}

WHERE = {
    "here": "The pod runs on node-1",
    "elsewhere": "The pod runs on node-2",
    "nowhere": "The Service has no pod",
    "leaving here, ready elsewhere": "The pod on node-1 is leaving, the one on node-2 is ready",
    "leaving here": "The pod on node-1 is leaving, and there is no other",
}


def told(line: Line) -> str:
    """What becomes of a line, in a few words: what the asker notices, and whom the pod sees."""
    return f"{line.told}; the pod sees {line.seen_as}" if line.seen_as else line.told


def ways(place: str = "elsewhere", mode: str = "iptables", names: Sequence[str] = (), of: int = 4) -> Table:
    """One row for each way in, one column for each policy. `place`: where the pod is."""
    memory: dict[str, Memory] = {}
    rows = []
    for way in WAYS:
        if names and way.name not in names:
            continue
        heard = memory.setdefault(way.kind, Memory())
        cells = [told(way_in(Case(mode, policy, way.name, place, of), heard)) for policy in POLICIES]
        rows.append((way.name, *cells))
    said = f"{WHERE[place]}; node-1 is asked; kube-proxy in {mode} mode, IPv{of}"
    return table(said, ("way in", *(f"policy {policy}" for policy in POLICIES)), rows)


class SourceControls(Controls):
    """Mode, policy, way and place to choose from, above the stepper of the packet."""

    def __init__(self, title: str = "Whom does the pod see?", **first: str):
        choices: dict[str, Choices] = {
            "way": _begins(first, "way", [way.name for way in WAYS]),
            "policy": _begins(first, "policy", list(POLICIES)),
            "pod": {name: POD_IS[name] for name in _begins(first, "pod", list(POD_IS))},
            "mode": _begins(first, "mode", list(MODES)),
        }
        super().__init__(_made, title, **choices)


def _begins(first: dict[str, str], name: str, among: list[str]) -> list[str]:
    """The choices, the wanted one first: it is what the controls begin with."""
    wanted = first.get(name, among[0])
    return [wanted, *(one for one in among if one != wanted)]


def _made(way: str, policy: str, pod: str, mode: str) -> Made:
    case = Case(mode, policy, way, pod)
    return world_for(case), trace_of(case)
