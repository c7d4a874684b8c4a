"""Chapter 00: broken networks to mend."""

from __future__ import annotations

from random import Random

from ....linux.namespace.trace import Trace
from ....linux.packet.address import prefix
from ....shell.lines import after as mended
from ....views.tables import show
from ....views.tables.table import Table
from ...questions.evidence import decisions, ending, journey
from ...questions.kinds import Finding, Slip
from ...questions.kinds_made import Repair
from ...worlds.worlds import Net, World, changed, delivered, net
from .. import defined


@defined("00-repair", "It worked yesterday")
def repair(chance: Random) -> Repair:
    of = net(chance)
    here, there = f"node-{of.here}", f"node-{of.there}"
    fault = chance.choice(("here", "there", "back"))
    back = f"10.244.{of.here}.0/24"
    via = of.world[here].devices["eth0"].addresses[0].address
    if fault == "back":
        left = tuple(row for row in of.world[there].routes if str(row.prefix) != back)
        broken = changed(of.world, there, routes=left)
        answer = f"ip -n {there} route add {back} via {via} dev eth0"
    else:
        node = here if fault == "here" else there
        broken = changed(of.world, node, sysctls={**of.world[node].sysctls, "net.ipv4.ip_forward": 0})
        answer = f"ip netns exec {node} sysctl -w net.ipv4.ip_forward=1"
    return _mending(of, broken, answer, fault)


def _mending(of: Net, broken: World, answer: str, fault: str) -> Repair:
    here, there = f"node-{of.here}", f"node-{of.there}"
    other = {"here": there, "there": here}.get(fault, there)
    slip = Slip(f"ip netns exec {other} sysctl -w net.ipv4.ip_forward=1", 61 if fault == "back" else 59)

    def tests(text: str) -> tuple[Finding, ...]:
        trace = of.asked(mended(broken, text))
        if _answered(trace):
            return (Finding(True, ""),)
        said = "It arrives, but no answer comes back." if delivered(trace) else "It still does not arrive."
        return (Finding(False, said, 61 if delivered(trace) else 59, _last(trace)),)

    return Repair(
        asks=f"`client` ({of.client}) on {here} gets no answer from `web` ({of.web}) on {there}, though `web` runs. Find the one "
        "thing that is wrong, and write the line that mends it: `ip -n NODE route ...` or `ip netns exec NODE sysctl -w ...`.",
        look=_last(of.asked(broken)),
        starts="# ip -n NODE route ...\n# ip netns exec NODE sysctl -w ...\n",
        tests=tests,
        solution=answer,
        slips=(slip,),
        because="A conversation needs both ways, and on each every machine must know where to, and be willing to carry.",
        evidence=journey(of.asked()),
        hints=(
            "How far does the packet come? And if it arrives: how far does the answer come?",
            "A node carries packets of others only with `net.ipv4.ip_forward=1`, and only where a route leads.",
            f"Look at {there if fault != 'here' else here}: "
            + (f"has it a route to {prefix(of.client + '/24')}?" if fault == "back" else "is forwarding on?"),
        ),
    )


def _answered(trace: Trace) -> bool:
    """Whether the client has its answer."""
    return any(
        step.namespace == "client" and step.stage == "local_deliver" and step.end == "local" for step in trace.steps
    )


def _last(trace: Trace) -> Table:
    """Every decision about a route, there and back: the last one is where it stops."""
    return decisions(
        trace, ("route_output", "route_input", "ip_forward", "local_deliver"), "How far it comes, and the answer"
    )


@defined("00-gateway", "A pod that talks to its own node only")
def gateway(chance: Random) -> Repair:
    of = net(chance)
    right = of.world["client"].routes[0].via
    wrong = chance.choice(
        (f"{right.rpartition('.')[0]}.254", of.world[f"node-{of.there}"].devices["cni0"].addresses[0].address)
    )
    is_near = wrong.endswith(".254")
    routes = of.world["client"].routes[:0]
    broken = mended(changed(of.world, "client", routes=routes), f"ip -n client route add default via {wrong} dev eth0") if is_near \
        else changed(of.world, "client", routes=routes)  # fmt: skip

    def tests(text: str) -> tuple[Finding, ...]:
        trace = of.asked(mended(broken, text))
        if _answered(trace):
            return (Finding(True, ""),)
        return (Finding(False, "It still does not arrive.", 64, ending(trace)),)

    verb = "replace" if is_near else "add"
    return Repair(
        asks=f"`client` ({of.client}) reaches the pods of its own node and no others: not `web` ({of.web}) either. Write the line "
        "that mends it, `ip -n client route ...`.",
        look=show.routes(broken["client"]),
        starts="# ip -n client route ...\n",
        tests=tests,
        solution=f"ip -n client route {verb} default via {right} dev eth0",
        slips=(Slip(f"ip -n client route {verb} default via {right.rpartition('.')[0]}.253 dev eth0", 64),
               Slip(f"ip -n client route {verb} {of.web}/32 dev eth0", 64)),
        because="Whatever is not in the pod's own block goes to the gateway, and that is the bridge's address on its node.",
        evidence=journey(of.asked()),
        hints=(
            "Which row of the pod's table would a packet to another node's pod take?",
            "The next hop must be somebody on the pod's own link who sends on.",
            f"The bridge of its node has {right}.",
        ),
    )  # fmt: skip
