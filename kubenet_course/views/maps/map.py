"""A small map of a cluster: nodes with their pods, what joins them, and, marked, the pair or the path in question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ...linux.namespace.netns import Netns
from ...linux.namespace.trace import Trace
from ..drawing.sight import VIEW
from ..drawing.theme import variables
from ..keys import script
from ..story.moments import moments
from ..story.telling import visits
from ..topology.parts import DrawnMachine, chosen
from ..topology.roles import addresses

HERE = Path(__file__).parent
MARK = "★ "
DRAWN = (HERE / "drawn.js").read_text(encoding="utf-8")  # draws a map into a box of any widget
STYLE = (HERE / "map.css").read_text(encoding="utf-8")


class Map(anywidget.AnyWidget):
    """`Map(world)`, or with what it is about: `Map(world, pair=("client", "web-2"))`, `Map(world, trace)`.

    All that it shows stands in `map`, so that a page can draw it without Python; `title` is its heading.
    """

    _esm = DRAWN + script(HERE / "map.js")
    _css = variables(".kn-map") + STYLE
    map = traitlets.Dict().tag(sync=True)
    title = traitlets.Unicode("The cluster").tag(sync=True)

    def __init__(self, world: Mapping[str, Netns], *traces: Trace, pair: Sequence[str] = (), **state: Any):
        path = list(pair) or list(dict.fromkeys(name for trace in traces for name in visited(world, trace)))
        super().__init__(map=drawn(world, traces, path), **state)

    def __repr__(self) -> str:
        lines = [f"{self.title}:"]
        for node in self.map["machines"]:
            holds = ", ".join(_said(pod) for pod in node["pods"])
            lines.append(f"  {_said(node)}" + (f" has {holds}" if holds else ""))
        lines += [f"  {one['title']} joins {' and '.join(one['ends'])}" for one in self.map["links"]]
        return "\n".join([*lines, *([f"  Marked: {self.map['path']}"] if self.map["path"] else [])])

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {"text/plain": repr(self), "text/html": self.html, VIEW: view}

    @property
    def html(self) -> str:
        """The same for a page without scripts."""
        rows = [
            f"<tr><th scope='row'>{escape(_said(node))}</th><td>{escape(', '.join(map(_said, node['pods'])))}</td></tr>"
            for node in self.map["machines"]
        ]
        path = f"<p>Marked: {escape(self.map['path'])}</p>" if self.map["path"] else ""
        return f"<table aria-label='{escape(self.title)}'><caption>{escape(self.title)}</caption>{''.join(rows)}</table>{path}"


def drawn(world: Mapping[str, Netns], traces: Iterable[Trace] = (), path: Sequence[str] = ()) -> dict[str, Any]:
    """The map as plain data: machines with their pods, links, and the way that is marked in words."""
    parts = chosen(world, traces)
    marked = {_short(name) for name in path}
    machines = [_machine(machine, marked) for machine in parts.machines]
    links = [
        {"title": segment.title or "a cable", "ends": [_short(name) for name in segment.namespaces]}
        for segment in parts.segments
        if len(segment.namespaces) > 1
    ]
    return {
        "machines": machines,
        "links": links,
        "path": " → ".join(map(_short, path)),
        "left_out": parts.left_out,
    }


def _machine(machine: DrawnMachine, marked: set[str]) -> dict[str, Any]:
    pods = [_named(pod, marked) for pod in machine.pods]
    bridges = [device.name for device in machine.ns.devices.values() if device.kind == "bridge"]
    tunnels = [device.name for device in machine.ns.devices.values() if device.kind == "vxlan"]
    kind = "node" if machine.is_node else "machine"
    return {
        **_named(machine.ns, marked),
        "kind": kind,
        "pods": pods,
        "inside": [*bridges, *tunnels],
        "more": machine.left_out,
    }


def _named(ns: Netns, marked: set[str]) -> dict[str, Any]:
    own = addresses(ns)
    name = _short(ns.name)
    return {"name": name, "address": own[0] if own and own[0] != name else "", "marked": name in marked}


def _said(one: Mapping[str, Any]) -> str:
    return f"{MARK if one['marked'] else ''}{one['name']} {one['address']}".strip()


def _short(namespace: str) -> str:
    return namespace.rpartition("/")[2]


def visited(world: Mapping[str, Netns], trace: Trace) -> list[str]:
    """The machines that had the packet that was sent, in order; switches aside."""
    story = moments(trace)
    names = [story[visit[0]].step.namespace for visit in visits(story, 0)]
    return [name for name in names if addresses(world[name])]
