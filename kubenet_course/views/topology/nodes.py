"""The nodes of one LAN as boxes: with their pods by name, with a dot for each pod, or many nodes as one group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ...kube.layout.plan import Leg
from ...kube.model.pod_plan import of_family
from ...linux.namespace.netns import Netns
from ...linux.netfilter.xt.nat import Masquerade
from ..drawing.drawing import Box, Sketch

MARGIN, COLUMN = 6.0, 14.0
NAMED, DOTTED, MOST_GROUPS = (
    4,
    60,
    40,
)  # nodes: up to so many with named pods, up to so many with dots; else so many groups
POD, POD_HEIGHT, TITLE, DOT = 88.0, 38.0, 20.0, 9.0
CELL, LOW, DEED = 124.0, 8.0, 92.0


class Group(Struct, frozen=True):
    """Some nodes that are drawn as one box."""

    first: str
    last: str
    nodes: int
    pods: int
    zone: str = ""


def pods_of(cluster: Any, node: str) -> list[str]:
    """The namespaces of a node's pods that have one of their own."""
    own = (pod for pod in cluster.placed.on[node] if not pod.spec.host_network and not pod.is_pending)
    return [f"pod/{pod.metadata.namespace}/{pod.metadata.name}" for pod in own]


def groups(leg: Leg) -> list[Group]:
    """The nodes of a large LAN in at most MOST_GROUPS groups: by zone, and where zones are few, in equal parts of them."""
    zones: dict[str, list[str]] = {}
    for name, machine in leg.lan.machines.items():
        zones.setdefault(machine.zone, []).append(name)
    each = max(1, MOST_GROUPS // len(zones)) if len(zones) <= MOST_GROUPS else 1
    found = []
    for zone, names in zones.items():
        size = -(-len(names) // each)
        for start in range(0, len(names), size):
            part = names[start : start + size]
            pods = sum(len(leg.cluster.placed.on[name]) for name in part)
            found.append(Group(part[0], part[-1], len(part), pods, zone))
    return found


def masquerades(ns: Netns) -> bool:
    """Whether a machine replaces the sources of what leaves, beside what kube-proxy marks."""
    tables = [ns.ruleset(of).tables.get("nat") for of in (4, 6)]
    chains = [table.chains[name] for table in tables if table for name in table.chains if not name.startswith("KUBE-")]
    return any(isinstance(rule.target, Masquerade) for chain in chains for rule in chain.rules)


def sketched(leg: Leg, width: float, world: Mapping[str, Netns]) -> tuple[Sketch, float]:
    """The nodes of a LAN, and how high they stand."""
    count = len(leg.lan.machines)
    if count <= NAMED and all(len(pods_of(leg.cluster, name)) <= 2 * NAMED for name in leg.lan.machines):
        return _named(leg, width, world)
    if count <= DOTTED:
        return _dotted(leg, width)
    return _grouped(leg, width)


def _named(leg: Leg, width: float, world: Mapping[str, Netns]) -> tuple[Sketch, float]:
    """One node under the other, each with its pods by name and address."""
    sketch, y, of = Sketch(), 0.0, leg.cluster.families[0]
    across = max(1, int((width - 3 * LOW) // (POD + LOW)))
    for name, machine in leg.lan.machines.items():
        key, pods = f"{leg.prefixed}{name}", pods_of(leg.cluster, name)
        rows = -(-len(pods) // across)
        height = TITLE + LOW + rows * (POD_HEIGHT + LOW)
        sketch.box(Box(key, "machine", LOW, y, width - LOW, height, key))
        title = f"{name} {machine.ips.get(of, '')}"
        sketch.box(Box(f"{key}:title", "title", 2 * LOW, y + 2, width - DEED - 4 * LOW, TITLE, title), title)
        if masquerades(world[key]):
            x = width - DEED - LOW
            sketch.box(Box(f"{key}:nat", "device", x, y + 4, DEED, TITLE - 2, "masquerade"), "masquerade")
        for at, pod in enumerate(pods):
            x, top = 2 * LOW + at % across * (POD + LOW), y + TITLE + LOW / 2 + at // across * (POD_HEIGHT + LOW)
            ns, short = pod.split("/")[1:]
            ip = of_family(leg.cluster.placed.addresses(leg.cluster.placed.pods[ns, short]), of)
            sketch.box(Box(f"{leg.prefixed}{pod}", "pod", x, top, POD, POD_HEIGHT, f"{short} {ip}"), short, ip)
        y += height + LOW
    return sketch, y - LOW


def _dotted(leg: Leg, width: float) -> tuple[Sketch, float]:
    """Nodes in columns, each with its name and a dot for each pod; a dot's own name is its title."""
    sketch = Sketch()
    across = max(1, int((width + LOW) // (CELL + LOW)))
    wide = (width + LOW) / across - LOW
    dots = int((wide - 2 * LOW) // (DOT + 2))
    most = max((len(pods_of(leg.cluster, name)) for name in leg.lan.machines), default=0)
    height = TITLE + LOW + -(-most // dots) * (DOT + 2)
    for at, name in enumerate(leg.lan.machines):
        x, y = at % across * (wide + LOW), at // across * (height + LOW)
        key, pods = f"{leg.prefixed}{name}", pods_of(leg.cluster, name)
        sketch.box(Box(key, "machine", x + LOW, y, wide - LOW, height, key))
        title = f"{name}, {len(pods)} pods"
        sketch.box(Box(f"{key}:title", "title", x + 2 * LOW, y + 2, wide - 4 * LOW, TITLE, title), name)
        for number, pod in enumerate(pods):
            left, top = x + 2 * LOW + number % dots * (DOT + 2), y + TITLE + number // dots * (DOT + 2)
            sketch.box(Box(f"{leg.prefixed}{pod}", "pod", left, top, DOT, DOT, pod))
    return sketch, -(-len(leg.lan.machines) // across) * (height + LOW) - LOW


def _grouped(leg: Leg, width: float) -> tuple[Sketch, float]:
    """Groups of nodes in columns: the first and the last name, how many nodes and pods."""
    sketch = Sketch()
    across = max(1, int((width + LOW) // (CELL + LOW)))
    wide, height = (width + LOW) / across - LOW, 68.0
    found = groups(leg)
    for at, group in enumerate(found):
        x, y = at % across * (wide + LOW), at // across * (height + LOW)
        names = [group.first] if group.nodes == 1 else [group.first, f"to {group.last}"]
        rows = [*names, f"{group.nodes:,} nodes", f"{group.pods:,} pods"]
        key, title = f"{leg.prefixed}group {at + 1}", ", ".join([*rows, group.zone] if group.zone else rows)
        sketch.box(Box(key, "bridge", x + LOW, y, wide - LOW, height, title), *rows)
    return sketch, -(-len(found) // across) * (height + LOW) - LOW
