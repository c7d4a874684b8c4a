"""A cluster and all that surrounds it in one picture: what routers know, who masquerades, and every pod.

Few nodes are drawn with their pods by name, some dozens with a dot for each pod, more as groups of nodes.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

import networkx as nx
from msgspec import Struct

from ...kube.layout.plan import BORDER, INTERNET, Leg, Plan
from ...kube.layout.world import WiderWorld
from ...linux.packet.address import family
from ..drawing.drawing import Box, Drawing, Sketch
from ..drawing.theme import WIDTH
from .nodes import COLUMN, MARGIN, masquerades, pods_of, sketched
from .roles import addresses

HOST, BAR, GAP, ROW = 40.0, 26.0, 22.0, 15.0
MOST_ROUTES, MOST_HOSTS = 4, 3
ROUTER = "router"


class Network(Struct, frozen=True):
    """A network outside, as it is drawn: its name and range, its hosts, and the machines that lead from it to the router."""

    key: str
    title: str
    hosts: tuple[str, ...]
    chain: tuple[str, ...] = ()


def networks(world: WiderWorld) -> list[Network]:
    """The internet first, then the organisation's own networks: the branches of the router that hold no node."""
    plan, found = world.plan, []
    if plan.internet:
        hosts = tuple(f"host/{host.address}" for host in plan.internet.hosts)
        found.append(Network(INTERNET, "internet", hosts, (BORDER,)))
    for one in plan.networks:
        hosts = tuple(f"host/{host.address}" for host in one.hosts)
        found.append(Network(f"network {one.name}", f"{one.name} {one.ranges[0]}", hosts))
    return found


def joined(world: WiderWorld, drawn: Container[str]) -> nx.Graph:
    """Who is beside whom in the picture: pods and their nodes, nodes and their LAN, LANs and networks and the router."""
    made = nx.Graph()
    for network in networks(world):
        made.add_edges_from((network.key, host) for host in network.hosts)
        nx.add_path(made, (network.key, *network.chain, ROUTER))
    for leg in world.plan.legs:
        lan = f"{leg.prefixed}{leg.lan.name}"
        made.add_edge(ROUTER, lan)
        for name in leg.lan.machines:
            if f"{leg.prefixed}{name}" not in drawn:
                continue
            made.add_edge(lan, f"{leg.prefixed}{name}")
            made.add_edges_from((f"{leg.prefixed}{name}", f"{leg.prefixed}{pod}") for pod in pods_of(leg.cluster, name))
    return made


def routes_said(world: WiderWorld) -> list[str]:
    """What the router knows of pods, cluster by cluster, in words."""
    said, rows = [], world[ROUTER].routes
    for name, cluster in {leg.name or world.plan.name: leg.cluster for leg in world.plan.legs}.items():
        for of, pods in cluster.ranges.pods.items():
            devs = {leg.lan.router_dev for leg in world.plan.legs if leg.cluster is cluster}
            known = [row for row in rows if row.dev in devs and row.prefix.first in pods]
            if of == cluster.families[0]:
                said += [f"{row.prefix} via {row.via}" for row in known] or [f"no route to the pods of {name}, {pods}"]
    return (
        said
        if len(said) <= MOST_ROUTES
        else [*said[: MOST_ROUTES - 1], f"and {len(said) - MOST_ROUTES + 1} more routes"]
    )


def wide(cluster: Any, world: WiderWorld | None = None) -> tuple[Drawing, tuple[str, ...]]:
    """The picture, and the same in sentences."""
    world = world or cluster.world()
    assert isinstance(world, WiderWorld)
    sketch, known = Sketch(), networks(world)
    y = _outside(sketch, world, known)
    rows = routes_said(world)
    y = _router(sketch, rows, y)
    y = _legs(sketch, world, y + GAP)
    _lines(sketch, world)
    return sketch.frozen(WIDTH, y + MARGIN), tuple(_said(world, known, rows))


def _outside(sketch: Sketch, world: WiderWorld, known: Sequence[Network]) -> float:
    """Hosts above their networks, side by side, and what leads from the internet down to the router. The y below them."""
    if not known:
        return MARGIN
    wide_ = (WIDTH - 2 * MARGIN - COLUMN * (len(known) - 1)) / len(known)
    for at, network in enumerate(known):
        x, hosts = MARGIN + at * (wide_ + COLUMN), network.hosts[:MOST_HOSTS]
        each = (wide_ - COLUMN * (len(hosts) - 1)) / max(1, len(hosts))
        for number, host in enumerate(hosts):
            left = x + number * (each + COLUMN)
            sketch.box(Box(host, "machine", left, MARGIN, each, HOST, host), *_named(world, host))
        y = MARGIN + HOST + GAP
        sketch.box(Box(network.key, "segment", x, y, wide_, BAR, network.title), network.title)
        for machine in network.chain:
            y += BAR + GAP
            lines = [machine, "masquerades private sources" if masquerades(world[machine]) else "translates nothing"]
            sketch.box(Box(machine, "machine", x, y, wide_, HOST, machine), *lines)
    return MARGIN + HOST + GAP + BAR + GAP + max((len(one.chain) * (HOST + GAP) for one in known), default=0.0)


def _named(world: WiderWorld, host: str) -> list[str]:
    """A host's name, if it has one, and its address."""
    ip = host.partition("/")[2]
    listed = [one for network in world.plan.networks for one in network.hosts]
    listed += world.plan.internet.hosts if world.plan.internet else ()
    name = next((one.name for one in listed if one.address == ip and one.name), "")
    return [name, ip] if name else [ip]


def _router(sketch: Sketch, rows: Sequence[str], y: float) -> float:
    height = ROW * (len(rows) + 1) + 12
    sketch.box(Box(ROUTER, "machine", MARGIN, y, WIDTH - 2 * MARGIN, height, ROUTER), ROUTER, *rows)
    return y + height


def _legs(sketch: Sketch, world: WiderWorld, y: float) -> float:
    """Every LAN with its nodes, side by side. The y below the tallest."""
    legs = world.plan.legs
    each = (WIDTH - 2 * MARGIN - COLUMN * (len(legs) - 1)) / len(legs)
    bottom = y
    for at, leg in enumerate(legs):
        x = MARGIN + at * (each + COLUMN)
        key, block = f"{leg.prefixed}{leg.lan.name}", next(iter(leg.lan.ranges.values()), "")
        title = f"{_titled(world, leg)} {block}"
        sketch.box(Box(key, "segment", x, y, each, BAR, title), title)
        made, height = sketched(leg, each, world)
        sketch.add(made, x, y + BAR + GAP / 2, height, False)
        bottom = max(bottom, y + BAR + GAP / 2 + height)
    return bottom


def _titled(world: WiderWorld, leg: Leg) -> str:
    name = leg.name or world.plan.name
    return f"{name}, {leg.cluster.part.layout}:" if leg.cluster.part else f"{name}:"


def _lines(sketch: Sketch, world: WiderWorld) -> None:
    """From each box to the one beside it: straight down, and to nodes along the edge of their column."""
    for one, other in joined(world, sketch.boxes).edges:
        if one in sketch.boxes and other in sketch.boxes:
            upper, lower = sorted((sketch.boxes[one], sketch.boxes[other]), key=lambda box: box.y)
            if upper.y + upper.height <= lower.y:
                x = lower.middle[0] if lower.width <= upper.width else upper.middle[0]
                if lower.kind == "machine" and upper.kind == "segment" and lower.key not in (ROUTER, BORDER):
                    start, turn = (lower.x - 4, upper.y + upper.height), (lower.x - 4, lower.y + 12)
                    sketch.line(upper.key, lower.key, "cable", start, turn, (lower.x, lower.y + 12))
                else:
                    sketch.line(upper.key, lower.key, "cable", (x, upper.y + upper.height), (x, lower.y))


def _said(world: WiderWorld, known: Sequence[Network], rows: Sequence[str]) -> list[str]:
    plan: Plan = world.plan
    said = []
    for one in known:
        hosts = ", ".join(" ".join(_named(world, host)) for host in one.hosts) or "no host"
        said.append(f"{one.title} has {hosts}." + "".join(f" {_border_said(world, name)}" for name in one.chain))
    said.append(f"router: {'; '.join(rows)}.")
    for leg in plan.legs:
        count = len(leg.lan.machines)
        first = next(iter(leg.lan.machines))
        deed = "masquerades what leaves" if masquerades(world[f"{leg.prefixed}{first}"]) else "translates nothing"
        pods = sum(len(leg.cluster.placed.on[name]) for name in leg.lan.machines)
        nodes = f"{count} nodes" if count > 1 else "1 node"
        said.append(f"{_titled(world, leg)} {nodes} with {pods} pods; each node {deed}.")
    return said


def _border_said(world: WiderWorld, name: str) -> str:
    own = [ip for ip in addresses(world[name]) if family(ip).number == 4]
    deed = "masquerades private sources" if masquerades(world[name]) else "translates nothing"
    return f"{name} {own[-1] if own else ''} {deed}."
