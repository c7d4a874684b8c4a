"""Chapter 00: events to put in order, on the way there, on the way back, and before the first packet."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from ....linux.namespace.trace import Step, Trace
from ....linux.packet.packet import Arp, Packet, tcp
from ....linux.walk import ask
from ....views.tables.table import Table
from ...questions.evidence import decisions, in_order_of, journey
from ...questions.kinds_lists import Order, Swap
from ...worlds.worlds import Net, changed, net
from .. import Chance, defined
from .seen import way_back


@defined("00-way", "Across two nodes, in order")
def way(chance: Chance) -> Order:
    of = net(chance)
    told, events, seen = chance.turn(_there, _back, _no, _silence)(of)
    return Order(
        asks=f"{told} Put these events in the order in which they happen.",
        events=events,
        swaps=_too_early(events, 59, seen),
        because="Each machine on the way does the same: it receives the packet, looks up a route, and sends the "
        "packet on.",
        evidence=seen,
        hints=(
            "Start with the machine that makes the first packet.",
            "A pod's only neighbour is its node. So the packet passes a node next to each pod.",
            f"The first event is “{events[0]}”, and the last is “{events[-1]}”.",
        ),
    )


def _too_early(events: tuple[str, ...], belief: int, seen: Table) -> tuple[Swap, ...]:
    """Each event put before the one on which it depends, the last pair first."""
    said = "“{}” can only happen after “{}”."
    pairs = reversed(list(pairwise(events)))
    return tuple(Swap(then, first, belief, said.format(then, first), seen) for first, then in pairs)


Story = tuple[str, tuple[str, ...], Table]


def _is_at(name: str, stage: str) -> Callable[[Step], bool]:
    return lambda step: (step.namespace, step.stage) == (name, stage)


def _is_answer_at(of: Net, name: str, stage: str) -> Callable[[Step], bool]:
    def found(step: Step) -> bool:
        packet = step.skb.packet
        return _is_at(name, stage)(step) and isinstance(packet, Packet) and packet.flow.dst == of.client

    return found


def _there(of: Net) -> Story:
    here, there = f"node-{of.here}", f"node-{of.there}"
    events = {
        f"the kernel of `client` looks up a route to {of.web}": _is_at("client", "route_output"),
        f"{here} looks up a route for the packet": _is_at(here, "ip_forward"),
        "the packet crosses the LAN between the nodes": _is_at("lan", "netif_receive_skb"),
        f"{there} looks up a route for the packet": _is_at(there, "ip_forward"),
        "`web` gets the packet on its port": _is_at("web", "local_deliver"),
    }
    trace = of.asked()
    return f"`client` on {here} asks `web` on {there}.", in_order_of(trace, events), journey(trace)


def _back(of: Net) -> Story:
    here, there = f"node-{of.here}", f"node-{of.there}"
    events = {
        "`web` gets the request on its port": _is_at("web", "local_deliver"),
        f"the kernel of `web` looks up a route to {of.client}": _is_answer_at(of, "web", "route_output"),
        f"{there} looks up a route for the answer": _is_answer_at(of, there, "ip_forward"),
        f"{here} looks up a route for the answer": _is_answer_at(of, here, "ip_forward"),
        "`client` gets the answer": _is_answer_at(of, "client", "local_deliver"),
    }
    trace = of.asked()
    return f"`web` on {there} answers `client` on {here}.", in_order_of(trace, events), way_back(of, trace)


def _no(of: Net) -> Story:
    here, there, closed = f"node-{of.here}", f"node-{of.there}", 1 + of.port
    events = {
        f"the kernel of `client` sends a packet to port {closed} of `web`": _is_at("client", "route_output"),
        f"{here} sends the packet on to {there}": _is_at(here, "ip_forward"),
        "the kernel of `web` finds no program on that port": _is_at("web", "local_deliver"),
        "a reset (RST) leaves `web`": _is_answer_at(of, "web", "route_output"),
        "the program in `client` is told: connection refused": _is_answer_at(of, "client", "local_deliver"),
    }
    trace = of.asked(port=closed)
    told = (
        f"No program in `web` listens on port {closed}. `client` on {here} connects to this port of `web` on {there}."
    )
    return told, in_order_of(trace, events), way_back(of, trace)


def _silence(of: Net) -> Story:
    here, there = f"node-{of.here}", f"node-{of.there}"
    left = tuple(row for row in of.world[there].routes if str(row.prefix) != f"10.244.{of.here}.0/24")
    broken = changed(of.world, there, routes=left)
    events = {
        f"{here} sends the request on to {there}": _is_at(here, "ip_forward"),
        "the request crosses the LAN between the nodes": _is_at("lan", "netif_receive_skb"),
        "`web` gets the request on its port": _is_at("web", "local_deliver"),
        f"the answer of `web` reaches {there}": _is_answer_at(of, there, "route_input"),
    }
    trace = of.asked(broken)
    told = (
        f"{there} has lost its route to the pods of {here}. `client` on {here} asks `web` on {there}, and gets no "
        "answer."
    )
    return (
        told,
        in_order_of(trace, events),
        decisions(trace, ("ip_forward", "route_input"), "Where routes were looked up"),
    )


def _arp(step: Step, op: int) -> bool:
    """Whether a question (1) or an answer (2) about a MAC address passes a device."""
    return step.frame is not None and isinstance(step.frame.payload, Arp) and step.frame.payload.op == op


def _is_sent(name: str, op: int) -> Callable[[Step], bool]:
    return lambda step: step.namespace == name and step.stage == "dev_queue_xmit" and _arp(step, op)


def _packet_leaves(name: str) -> Callable[[Step], bool]:
    def found(step: Step) -> bool:
        is_out = step.namespace == name and step.stage == "dev_queue_xmit" and step.frame is not None
        return is_out and step.frame is not None and not isinstance(step.frame.payload, Arp)

    return found


@defined("00-arp", "Before the first packet")
def arp(chance: Chance) -> Order:
    told, events, trace = chance.turn(_neighbours, _over_a_gateway, _nobody_there, _no_second_question)(chance)
    events = in_order_of(trace, events)
    seen = decisions(trace, ("neigh_output", "arp_rcv", "br_handle_frame_finish"), "What was asked and answered")
    return Order(
        asks=f"{told} In which order does this happen?",
        events=events,
        swaps=_too_early(events, 64, seen),
        because="First a packet waits. For its sake the kernel asks for a MAC address, and it is sent as soon as the "
        "address is known.",
        evidence=seen,
        hints=(
            "What makes a kernel ask for a MAC address at all?",
            "A question goes to everybody on the link. An answer goes to the one who asked.",
            f"The first event is “{events[0]}”, and the last is “{events[-1]}”.",
        ),
    )


Asked = tuple[str, dict[str, Callable[[Step], bool]], Trace]
WAITS = "the first packet waits in `client`: its kernel does not know the MAC address"
FRESH = "`client` and `web` have just been started, and no kernel knows a MAC address."


def _neighbours(chance: Chance) -> Asked:
    of = net(chance, is_same_node=True, warm=False)
    events = {
        WAITS: _is_at("client", "neigh_output"),
        "`client` asks everybody on the link who has web's address": _is_sent("client", 1),
        "the bridge learns where `client` is, and sends the question to all others": _is_at(
            f"node-{of.here}", "br_handle_frame_finish"
        ),
        "`web` answers, to `client` alone": _is_sent("web", 2),
        "the first packet leaves `client`": _packet_leaves("client"),
    }
    return f"{FRESH} Both are on one node. `client` connects to `web`.", events, of.asked()


def _over_a_gateway(chance: Chance) -> Asked:
    of = net(chance, warm=False)
    here, there = f"node-{of.here}", f"node-{of.there}"
    events = {
        WAITS: _is_at("client", "neigh_output"),
        "`client` asks everybody on its link who has the gateway's address": _is_sent("client", 1),
        f"{here} answers: its bridge is the gateway": _is_sent(here, 2),
        "the first packet leaves `client`": _packet_leaves("client"),
        f"on the LAN a question goes out: who has the address of {there}?": _is_sent("lan", 1),
    }
    return f"{FRESH} `client` is on {here}, `web` on {there}. `client` connects to `web`.", events, of.asked()


def _nobody_there(chance: Chance) -> Asked:
    of = net(chance, is_same_node=True, warm=False)
    gone = f"10.244.{of.here}.200"
    events = {
        WAITS: _is_at("client", "neigh_output"),
        f"`client` asks everybody on the link who has {gone}": _is_sent("client", 1),
        "`web` hears the question and does not answer": _is_at("web", "arp_rcv"),
        "the kernel of `client` gives up and reports an error to the program": _is_at("client", "neigh_timer_handler"),
    }
    trace = ask(of.world, tcp(of.client, of.sport, gone, of.port), at="client")
    return f"{FRESH} Both are on one node. `client` connects to {gone}, an address that nobody has.", events, trace


def _no_second_question(chance: Chance) -> Asked:
    of = net(chance, is_same_node=True, warm=False)
    events = {
        "`client` asks everybody on the link who has web's address": _is_sent("client", 1),
        "`web` hears the question and notes the MAC address of `client` from it": _is_at("web", "arp_rcv"),
        "`web` tells `client` its MAC address": _is_sent("web", 2),
        "the first packet leaves `client`": _packet_leaves("client"),
        "the answer leaves `web`, without another question": _packet_leaves("web"),
    }
    return f"{FRESH} Both are on one node. `client` connects to `web`, and `web` answers.", events, of.asked()
