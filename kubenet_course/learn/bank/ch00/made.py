"""Chapter 00, the rest: events to put in order, a rule and a route to write."""

from __future__ import annotations

from functools import partial
from random import Random

from ....linux.namespace.skb import NOWHERE
from ....linux.namespace.trace import Step
from ....linux.packet.packet import Arp, udp
from ....shell.lines import after as mended
from ....views.tables import show
from ....views.tables.table import table
from ...questions.evidence import decisions, ending, in_order_of, journey
from ...questions.kinds import Finding, Slip
from ...questions.kinds_lists import Order, Swap
from ...questions.kinds_made import Write, working
from ...worlds.worlds import Net, World, changed, delivered, net
from .. import defined


@defined("00-way", "Across two nodes, in order")
def way(chance: Random) -> Order:
    of = net(chance)
    here, there = f"node-{of.here}", f"node-{of.there}"

    def is_at(name: str, stage: str):
        return lambda step: (step.namespace, step.stage) == (name, stage)

    begin = f"the kernel of `client` looks up a route for {of.web}"
    routed, again = f"{here} looks up a route for it", f"{there} looks up a route for it"
    crossed, taken = "it crosses the LAN between the nodes", "`web` takes it on its port"
    events = {
        begin: is_at("client", "route_output"),
        routed: is_at(here, "ip_forward"),
        crossed: is_at("lan", "netif_receive_skb"),
        again: is_at(there, "ip_forward"),
        taken: is_at("web", "local_deliver"),
    }
    seen = journey(of.asked())
    return Order(
        asks=f"`client` on {here} asks `web` on {there}. Put these in the order in which they happen.",
        events=in_order_of(of.asked(), events),
        swaps=(
            Swap(again, crossed, 59, "The far node can look only at what has reached it.", seen),
            Swap(crossed, routed, 59, "The LAN is behind the client's node, which routes first.", seen),
            Swap(taken, again, 59, "`web` has a link to its own node only.", seen),
        ),
        because="Each machine on the way does the same: receive, look up a route, send on.",
        evidence=seen,
        hints=(
            "Start where the packet is made.",
            "A pod's only neighbour is its node. So the node comes next, on both sides.",
            "Client, its node, the LAN, web's node, web.",
        ),
    )


def _arp(step: Step, op: int) -> bool:
    """Whether a question (1) or an answer (2) about a MAC address passes a device."""
    return step.frame is not None and isinstance(step.frame.payload, Arp) and step.frame.payload.op == op


def _is_sent(name: str, op: int):
    return lambda step: step.namespace == name and step.stage == "dev_queue_xmit" and _arp(step, op)


@defined("00-arp", "Before the first packet")
def arp(chance: Random) -> Order:
    of = net(chance, is_same_node=True, warm=False)
    trace, node = of.asked(), f"node-{of.here}"

    waits, question = (
        "the SYN waits: nobody knows web's MAC",
        "`client` asks everybody on the link who has web's address",
    )
    learns, told = "the bridge hears where `client` is, and floods the question", "`web` answers, to `client` alone"
    leaves = "the SYN leaves"
    events = {
        waits: lambda step: step.namespace == "client" and step.stage == "neigh_output",
        question: _is_sent("client", 1),
        learns: lambda step: step.namespace == node and step.stage == "br_handle_frame_finish",
        told: _is_sent("web", 2),
        leaves: lambda step: step.namespace == "client" and step.stage == "dev_queue_xmit" and step.frame is not None
        and not isinstance(step.frame.payload, Arp),
    }  # fmt: skip
    seen = decisions(trace, ("neigh_output", "arp_rcv", "br_handle_frame_finish"), "What was asked and answered")
    return Order(
        asks="`client` and `web` have just been started on one node, and have never talked. `client` connects to `web`. In which "
        "order does this happen?",
        events=in_order_of(trace, events),
        swaps=(
            Swap(leaves, told, 64, "Without web's MAC there is no frame to put the packet in.", seen),
            Swap(told, question, 64, "`web` answers a question; it does not announce itself.", seen),
            Swap(learns, question, 63, "The bridge learns from frames that pass it.", seen),
            Swap(question, waits, 64, "The question is asked because a packet waits.", seen),
        ),
        because="The packet comes first and waits; then the question, the answer, and the packet goes.",
        evidence=seen,
        hints=(
            "What makes a kernel ask for a MAC address at all?",
            "The question goes to everybody, the answer to one.",
            "Packet waits, question, bridge, answer, packet leaves.",
        ),
    )


def _filtered(of: Net, text: str) -> World:
    """The world with lines in the filter table of the client's node."""
    lines = [line if "iptables" in line.split()[:2] else f"iptables {line}" for line in working(text)]
    return mended(of.world, "\n".join(lines), f"node-{of.here}")


def _stops_one_thing(of: Net, text: str) -> tuple[Finding, ...]:
    """That port over TCP is stopped, the next port and UDP are not."""
    node = f"node-{of.here}"
    world = _filtered(of, text)
    lines = " ".join(working(text))
    stopped, udp_too = of.sent(world), of.sent(world, proto=udp)
    other = of.sent(world, port=1 + of.port)
    found = []
    if delivered(stopped):
        elsewhere = next((chain for chain in ("INPUT", "OUTPUT") if f"-A {chain} " in lines), "")
        why = f"It never passes {elsewhere} of {node}." if elsewhere else "No rule of yours matched it."
        said = f"The connection still gets through. {why}"
        found.append(Finding(False, said, 60 if elsewhere else 0, _hooks(stopped, node)))
    if not _reached(other, node):
        said = f"Port {1 + of.port} is stopped too; only {of.port} should be."
        found.append(Finding(False, said, 0, show.rules(other)))
    if not _reached(udp_too, node):
        said = "UDP is stopped too: ports of TCP and UDP have nothing to do with each other."
        found.append(Finding(False, said, 62, show.rules(udp_too)))
    return tuple(found) or (Finding(True, ""),)


@defined("00-rule", "A rule that stops one thing only")
def rule(chance: Random) -> Write:
    of = net(chance)
    node = f"node-{of.here}"

    match = f"-s {of.client}/32 -d {of.web}/32"
    return Write(
        asks=f"On {node}, stop TCP connections from `client` ({of.client}) to port {of.port} of `web` ({of.web}), which is on "
        "another node. Everything else between them must go on. Write one line for the filter table.",
        starts="# one line, like: -A CHAIN ... -j DROP\n",
        tests=partial(_stops_one_thing, of),
        solution=f"-A FORWARD {match} -p tcp --dport {of.port} -j DROP",
        slips=(
            Slip(f"-A INPUT {match} -p tcp --dport {of.port} -j DROP", 60),
            Slip(f"-A OUTPUT {match} -p tcp --dport {of.port} -j DROP", 60),
            Slip(f"-A FORWARD {match} -p tcp --dport {of.port} -j DROP\n-A FORWARD {match} -p udp --dport {of.port} -j DROP", 62),
            Slip(f"-A FORWARD {match} -j DROP", 62),
        ),
        because="What a node carries for its pods is neither to it nor from it: it passes FORWARD.",
        evidence=_hooks(of.sent(_filtered(of, f"-A FORWARD {match} -p tcp --dport {of.port} -j DROP")), node),
        hints=(
            f"Is the packet addressed to {node}, sent by it, or carried by it?",
            "FORWARD sees what is carried. A rule without `-p tcp` and `--dport` stops too much.",
            "Match the source, the destination, the protocol and the port; then `-j DROP`.",
        ),
    )  # fmt: skip


def _reached(trace, node: str) -> bool:
    """Whether the packet has left the node on its way."""
    return any((name, dev, way) == (node, "eth0", "out") for name, dev, way, _ in trace.frames)


def _hooks(trace, node: str):
    """Which stages of a node's kernel the packet passed."""
    passed = dict.fromkeys(step.stage for step in trace.steps if step.namespace == node and step.skb.dev_in != NOWHERE)
    rows = [(stage, "yes") for stage in passed if "filter" in stage or "FORWARD" in stage or stage.startswith("ip_")]
    return table(f"Stages of {node} that the packet passed", ("stage", "passed"), rows, code=(0,))


def _leads_there(of: Net, broken: World, text: str) -> tuple[Finding, ...]:
    """The packet arrives, and the new route is no wider than the block."""
    node = f"node-{of.here}"
    after = mended(broken, text, node)
    trace = of.asked(after)
    if not delivered(trace):
        row = after[node].fib.lookup(of.web)
        belief = 64 if row.dev == "cni0" or (row.dev == "eth0" and not row.via) else 59
        return (Finding(False, f"The packet does not arrive: {node} now sends it {row}.", belief, ending(trace)),)
    if any(row.prefix.length < 24 and row not in broken[node].routes for row in after[node].routes):
        wide = "It arrives, but your route is wider than the block: other nodes' pods would be sent there too."
        return (Finding(False, wide, 25, show.routes(after[node])),)
    return (Finding(True, ""),)


@defined("00-route", "The missing route")
def route(chance: Random) -> Write:
    of = net(chance)
    node, far = f"node-{of.here}", f"node-{of.there}"
    block = f"10.244.{of.there}.0/24"
    via = of.world[far].devices["eth0"].addresses[0].address
    left = tuple(row for row in of.world[node].routes if str(row.prefix) != block)
    broken = changed(of.world, node, routes=left)

    return Write(
        asks=f"`client` on {node} cannot reach `web` ({of.web}) on {far}. {far} has the address {via} on the LAN, and its "
        f"pods have {block}. Write the route that {node} lacks, as `ip route add` takes it.",
        look=show.routes(broken[node]),
        starts="# ip route add ...\n",
        tests=partial(_leads_there, of, broken),
        solution=f"ip route add {block} via {via} dev eth0",
        slips=(
            Slip(f"ip route add {block} dev eth0", 64),
            Slip(f"ip route add {block} via {of.world[node].devices['cni0'].addresses[0].address} dev cni0", 64),
            Slip(f"ip route add 10.244.0.0/16 via {via} dev eth0", 25),
        ),
        because=f"The block of {far} is reached through {far}'s own address, which is on the link of eth0.",
        evidence=journey(of.asked()),
        hints=(
            f"Where does {node} send a packet to {of.web} now? Read the table above.",
            "A route needs three things: which block, through whose address, out of which device.",
            f"The block is {block}; the next hop is {far} on the LAN.",
        ),
    )  # fmt: skip
