"""Chapter 00: broken networks to mend."""

from __future__ import annotations

from msgspec import Struct

from ....linux.namespace.trace import Trace
from ....linux.packet.address import prefix
from ....shell.lines import after as mended
from ....views.tables import show
from ....views.tables.table import Table
from ...questions.evidence import decisions, ending, journey
from ...questions.kinds import Finding, Slip
from ...questions.kinds_made import Repair, working
from ...worlds.worlds import Net, World, changed, delivered, net
from .. import Chance, defined
from .routes import is_answered
from .seen import own


class Fault(Struct, frozen=True):
    """A broken network: what a line has to mend, a line that mends something else, and the last hint."""

    world: World
    solution: str
    elsewhere: str
    belief: int
    hint: str


@defined("00-repair", "It worked yesterday")
def repair(chance: Chance) -> Repair:
    of = net(chance)
    here, there = f"node-{of.here}", f"node-{of.there}"
    fault: Fault = chance.turn(_does_not_forward, _no_route_back, _far_node_does_not_forward, _no_route_there)(of)

    def tests(text: str) -> tuple[Finding, ...]:
        trace = of.asked(mended(fault.world, text))
        if is_answered(trace):
            return (Finding(True, ""),)
        said = (
            "The request arrives, but no answer comes back."
            if delivered(trace)
            else "The request still does not arrive."
        )
        if not all(line.split()[:2] in (["ip", "netns"], ["ip", "-n"]) for line in working(text)):
            said += " Your line does not name a node, so it changed none: begin it with `ip netns exec NODE` or `ip -n NODE`."
        return (Finding(False, said, 61 if delivered(trace) else 59, _last(trace)),)

    return Repair(
        asks=f"`client` ({of.client}) on {here} gets no answer from `web` ({of.web}) on {there}, though the program "
        "in `web` runs. One "
        "thing is wrong. Find it, and write the line that mends it: `ip -n NODE route ...` or `ip netns exec NODE "
        "sysctl -w ...`.",
        look=_last(of.asked(fault.world)),
        starts="# ip -n NODE route ...\n# ip netns exec NODE sysctl -w ...\n",
        tests=tests,
        solution=fault.solution,
        slips=(Slip(fault.elsewhere, fault.belief),),
        because="A conversation needs a way there and a way back. On both, every machine needs a route, and must be "
        "willing to forward.",
        evidence=journey(of.asked()),
        hints=(
            "How far does the request come? If it arrives, how far does the answer come?",
            "A node carries packets of others only with `net.ipv4.ip_forward=1`, and only where a route leads.",
            fault.hint,
        ),
    )


def _forwarding(of: Net, node: str, other: str) -> Fault:
    broken = changed(of.world, node, sysctls={**of.world[node].sysctls, "net.ipv4.ip_forward": 0})
    line = "ip netns exec {} sysctl -w net.ipv4.ip_forward=1"
    return Fault(broken, line.format(node), line.format(other), 59, f"Look at {node}: is forwarding switched on there?")


def _does_not_forward(of: Net) -> Fault:
    return _forwarding(of, f"node-{of.here}", f"node-{of.there}")


def _far_node_does_not_forward(of: Net) -> Fault:
    return _forwarding(of, f"node-{of.there}", f"node-{of.here}")


def _without(of: Net, node: str, far: str, belief: int) -> Fault:
    """A node that has lost its route to the pods of the other one."""
    block = f"10.244.{far[5:]}.0/24"
    left = tuple(row for row in of.world[node].routes if str(row.prefix) != block)
    return Fault(
        changed(of.world, node, routes=left),
        f"ip -n {node} route add {block} via {own(of, far)} dev eth0",
        f"ip netns exec {far} sysctl -w net.ipv4.ip_forward=1",
        belief,
        f"Look at {node}: does it have a route to {prefix(block)}?",
    )


def _no_route_back(of: Net) -> Fault:
    return _without(of, f"node-{of.there}", f"node-{of.here}", 61)


def _no_route_there(of: Net) -> Fault:
    return _without(of, f"node-{of.here}", f"node-{of.there}", 59)


def _last(trace: Trace) -> Table:
    """Every decision about a route, there and back: the last one is where it stops."""
    stages = ("route_output", "route_input", "ip_forward", "local_deliver")
    return decisions(trace, stages, "How far the request comes, and the answer")


def _cut_off(chance: Chance, of: Net, right: str) -> tuple[str, World, str]:
    """What is told of a pod whose default route is wrong, its world, and the verb that mends it."""
    nobody, far = f"{right.rpartition('.')[0]}.254", own(of, f"node-{of.there}", "cni0")
    told, routes = chance.turn(
        ("It reaches the pods of its own node", [f"default via {nobody} dev eth0"]),
        ("Its program is told “network is unreachable”, but the pods of its own node answer", []),
        (
            "A colleague gave it the bridge of the other node as gateway",
            [f"{far}/32 dev eth0", f"default via {far} dev eth0"],
        ),
        ("Somebody wrote that all addresses are on its own link", ["default dev eth0"]),
    )
    world: World = changed(of.world, "client", routes=())
    for route in routes:
        world = mended(world, f"ip -n client route add {route}")
    return told, world, "replace" if routes else "add"


@defined("00-gateway", "A pod that talks to its own node only")
def gateway(chance: Chance) -> Repair:
    """No default route, one to nobody, one to another node's bridge, one without a gateway."""
    of = net(chance)
    right = of.world["client"].routes[0].via
    told, broken, verb = _cut_off(chance, of, right)

    def tests(text: str) -> tuple[Finding, ...]:
        trace = of.asked(mended(broken, text))
        if is_answered(trace):
            return (Finding(True, ""),)
        return (Finding(False, "It still does not arrive.", 64, ending(trace)),)

    return Repair(
        asks=f"The pod `client` ({of.client}) cannot reach `web` ({of.web}), which is on another node. {told}. Write "
        "the line that mends "
        "it, `ip -n client route ...`.",
        look=show.routes(broken["client"]),
        starts="# ip -n client route ...\n",
        tests=tests,
        solution=f"ip -n client route {verb} default via {right} dev eth0",
        slips=(
            Slip(f"ip -n client route {verb} default via {right.rpartition('.')[0]}.253 dev eth0", 64),
            Slip(f"ip -n client route {verb} {of.web}/32 dev eth0", 64),
        ),
        because="Whatever is not in the pod's own block goes to the gateway. That is the address of the bridge on "
        "the pod's node.",
        evidence=journey(of.asked()),
        hints=(
            "Which line of the pod's table would a packet to a pod of another node use?",
            "The next hop must be a machine on the pod's own link that carries packets on.",
            f"The bridge of its node has the address {right}.",
        ),
    )
