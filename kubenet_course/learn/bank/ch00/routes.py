"""Chapter 00: the route that a node or a pod lacks."""

from __future__ import annotations

from functools import partial

from ....linux.namespace.trace import Trace
from ....shell.lines import after as mended
from ....views.tables import show
from ...questions.evidence import decisions, ending, journey
from ...questions.kinds import Finding, Slip
from ...questions.kinds_made import Write
from ...worlds.worlds import Net, World, changed, delivered, net
from .. import Chance, defined
from .seen import own


@defined("00-route", "The missing route")
def route(chance: Chance) -> Write:
    """The route there, the route back, a next hop that does not exist, and a pod without a way out."""
    return chance.turn(_no_way_there, _no_way_back, _wrong_next_hop, _no_default)(net(chance))


def _no_way_there(of: Net) -> Write:
    here, there = f"node-{of.here}", f"node-{of.there}"
    return _lacking(of, here, there, f"`client` on {here} cannot reach `web` ({of.web}) on {there}.")


def _no_way_back(of: Net) -> Write:
    here, there = f"node-{of.here}", f"node-{of.there}"
    said = f"Requests of `client` ({of.client}) on {here} reach `web` on {there}, but the answers do not come back."
    return _lacking(of, there, here, said)


def _lacking(of: Net, node: str, far: str, told: str) -> Write:
    """A node without the route to the pods of another."""
    block, via = f"10.244.{far[5:]}.0/24", own(of, far)
    left = tuple(row for row in of.world[node].routes if str(row.prefix) != block)
    return _writing(
        of, changed(of.world, node, routes=left), node, block, via,
        f"{told} {far} has the address {via} on the LAN, and its pods have {block}. Write the route that {node} "
        "lacks, as "
        "`ip route add` takes it.",
        f"ip route add {block} via {via} dev eth0", "add",
    )  # fmt: skip


def _wrong_next_hop(of: Net) -> Write:
    here, there = f"node-{of.here}", f"node-{of.there}"
    block, via = f"10.244.{of.there}.0/24", own(of, there)
    broken = mended(of.world, f"ip route replace {block} via 192.168.1.99 dev eth0", here)
    return _writing(
        of, broken, here, block, via,
        f"{there} got a new address on the LAN, {via}. Since then `client` on {here} cannot reach `web` ({of.web}) "
        f"on {there}. Write "
        f"the line that corrects the route of {here}, as `ip route replace` takes it.",
        f"ip route replace {block} via {via} dev eth0", "replace",
    )  # fmt: skip


def _writing(of: Net, broken: World, node: str, block: str, via: str, asks: str, solution: str, verb: str) -> Write:
    near = own(of, node, "cni0")
    return Write(
        asks=asks,
        look=show.routes(broken[node]),
        starts=f"# ip route {verb} ...\n",
        tests=partial(_leads_there, of, broken, node, block),
        solution=solution,
        slips=(
            Slip(f"ip route {verb} {block} dev eth0", 64),
            Slip(f"ip route {verb} {block} via {near} dev cni0", 64),
            *([Slip(f"ip route add 10.244.0.0/16 via {via} dev eth0", 25)] if verb == "add" else []),
        ),
        because=f"The block {block} is reached through the address {via}, which is on the link of eth0.",
        evidence=journey(of.asked()),
        hints=(
            f"Which line of the table above would {node} use for an address in {block}?",
            "A route needs three things: which block, through whose address, and out of which device.",
            f"The block is {block}, the next hop is {via}, and the device is eth0.",
        ),
    )


def is_answered(trace: Trace) -> bool:
    """Whether the client has its answer."""
    return any(one.namespace == "client" and one.stage == "local_deliver" and one.end == "local" for one in trace.steps)


def _leads_there(of: Net, broken: World, node: str, block: str, text: str) -> tuple[Finding, ...]:
    """The conversation works, and the new route is no wider than the block."""
    after = mended(broken, text, node)
    trace = of.asked(after)
    if not is_answered(trace):
        row = after[node].fib.lookup(block.replace("0/24", "9"))
        said = "The packet does not arrive" if not delivered(trace) else "The answer does not come back"
        belief = 64 if row.dev == "cni0" or (row.dev == "eth0" and not row.via) else 59
        shown = decisions(trace, ("route_output", "route_input"), "Where routes were looked up")
        return (Finding(False, f"{said}. {node} now has this route for it: {row}.", belief, shown),)
    if any(row.prefix.length < 24 and row not in broken[node].routes for row in after[node].routes):
        wide = (
            "It works, but your route is wider than the block. Packets for the pods of other nodes would go there too."
        )
        return (Finding(False, wide, 25, show.routes(after[node])),)
    return (Finding(True, ""),)


def _no_default(of: Net) -> Write:
    via = of.world["web"].routes[0].via
    broken = changed(of.world, "web", routes=())

    def tests(text: str) -> tuple[Finding, ...]:
        trace = of.asked(mended(broken, text, "web"))
        if is_answered(trace):
            return (Finding(True, ""),)
        return (Finding(False, "web's answer still does not leave for the other node.", 64, ending(trace)),)

    return Write(
        asks=f"`web` ({of.web}) gets the requests of `client` ({of.client}), which is on another node, but its "
        "answers never leave. This "
        "is the routing table of the pod `web`. Write the route that it lacks, as `ip route add` takes it.",
        look=show.routes(broken["web"]),
        starts="# ip route add ...\n",
        tests=tests,
        solution=f"ip route add default via {via} dev eth0",
        slips=(
            Slip(f"ip route add {of.client}/32 dev eth0", 64),
            Slip(f"ip route add default via {via.rpartition('.')[0]}.254 dev eth0", 64),
        ),
        because="Everything outside of the pod's own block goes to its gateway. That is the bridge of its own node.",
        evidence=journey(of.asked()),
        hints=(
            "Which line of the table would the pod use for an address on another node?",
            "There is none. A pod sends such packets to its gateway, by a **default** route.",
            f"The gateway is the bridge of its node, {via}.",
        ),
    )
