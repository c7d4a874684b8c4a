"""Chapter 02: what happens in which order, for a ping on a bridge in four situations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from msgspec import Struct

from ....linux.namespace.trace import Step, Trace
from ....linux.packet.packet import Arp, Packet
from ....views.story.heard import heard
from ...questions.evidence import in_order_of
from ...questions.kinds_lists import Order, Swap
from ...questions.turn import turn
from .. import defined
from .recall import pinged
from .worlds import Node, Pod, node

Sign = Callable[[Step], bool]  # how the step of an event is known


def _is_arp(step: Step, op: int) -> bool:
    return step.frame is not None and isinstance(step.frame.payload, Arp) and step.frame.payload.op == op


def _is_at(name: str, stage: str, said: str = "") -> Sign:
    return lambda step: (step.namespace, step.stage) == (name, stage) and said in step.said


def _sends(name: str, op: int = 0, flow_to: str = "") -> Sign:
    """A frame leaves a namespace: a question (1), an answer (2), or a packet to an address."""

    def is_it(step: Step) -> bool:
        if step.namespace != name or step.stage != "dev_queue_xmit" or step.frame is None:
            return False
        inside = step.frame.payload
        return _is_arp(step, op) if op else isinstance(inside, Packet) and inside.flow.dst == flow_to

    return is_it


class Told(Struct, frozen=True):
    """A situation: what is said of it, its events, which swaps have a reason (by number of events), and why it is so."""

    asks: str
    events: Mapping[str, Sign]
    swaps: tuple[tuple[int, int, int, str], ...]
    because: str


def _first(of: Node, one: Pod, other: Pod, third: Pod) -> Told:
    return Told(
        f"`{one.name}` and `{other.name}` have just been connected by a bridge. `{one.name}` pings `{other.name}`.",
        {
            f"the ping waits in {one.name}, which does not know the MAC address of {other.address}": _is_at(
                one.name, "neigh_output"
            ),
            f"{one.name} asks everybody": _sends(one.name, 1),
            f"the bridge notes where {one.name} is, and sends the question out of all other ports": _is_at(
                of.name, "br_handle_frame_finish"
            ),
            f"{other.name} answers {one.name} alone": _sends(other.name, 2),
            f"the ping leaves for {other.name}": _sends(one.name, flow_to=other.address),
            f"{other.name} answers the ping, and asks nobody first": _sends(other.name, flow_to=one.address),
        },
        (
            (4, 3, 64, "Without the MAC address there is no frame to put the ping in."),
            (2, 1, 71, "The bridge learns from frames that pass it, and before the question none has passed."),
            (1, 0, 64, "The question is asked because a packet waits."),
            (3, 1, 70, f"{other.name} does not announce itself. It answers."),
            (5, 4, 0, "First it must have something to answer."),
        ),
        f"A packet waits, so {one.name} asks. The answer brings the MAC address, and the packet leaves. {other.name} "
        "has learned "
        f"from the question who {one.name} is.",
    )


def _back(of: Node, one: Pod, other: Pod, third: Pod) -> Told:
    return Told(
        f"`{one.name}` has just pinged `{other.name}` and got an answer. Now `{other.name}` pings `{one.name}`.",
        {
            f"{other.name} finds the MAC address among its neighbour entries": _is_at(
                other.name, "neigh_output", "is at"
            ),
            f"the ping leaves {other.name}": _sends(other.name, flow_to=one.address),
            f"the bridge finds in its FDB that {one.name} is behind {one.end}": _is_at(
                of.name, "br_handle_frame_finish", one.end
            ),
            f"{one.name} takes the ping": _is_at(one.name, "local_deliver"),
            f"the answer leaves {one.name}": _sends(one.name, flow_to=other.address),
        },
        (
            (1, 0, 64, "A frame needs a MAC address first, so the entry is looked up before the ping leaves."),
            (2, 1, 71, "The bridge looks up a receiver when a frame comes in, and not before."),
            (4, 3, 0, "First it must have something to answer."),
        ),
        "Both pods know each other from the first ping, and the bridge has heard both. So nobody asks and nothing is "
        "flooded.",
    )


def _late(of: Node, one: Pod, other: Pod, third: Pod) -> Told:
    return Told(
        f"`{one.name}` and `{other.name}` talked 301 seconds ago, and all pods have been silent since. `{one.name}` "
        f"pings `{other.name}` again.",
        {
            f"{one.name} finds the MAC address among its neighbour entries": _is_at(one.name, "neigh_output", "is at"),
            f"the ping leaves {one.name}": _sends(one.name, flow_to=other.address),
            "the bridge has no FDB entry for the receiver, and sends the frame out of all other ports": _is_at(
                of.name, "br_handle_frame_finish", "never heard"
            ),
            f"{third.name} drops the frame, which is for another MAC address": _is_at(
                third.name, "netif_receive_skb", "not its MAC"
            ),
            f"{other.name} takes the ping": _is_at(other.name, "local_deliver"),
            f"the answer leaves {other.name}": _sends(other.name, flow_to=one.address),
        },
        (
            (1, 0, 64, "A frame needs a MAC address first, so the entry is looked up before the ping leaves."),
            (2, 1, 71, "The bridge looks up a receiver when a frame comes in, and not before."),
            (3, 2, 76, f"{third.name} hears the frame only because the bridge floods it."),
            (5, 4, 0, "First it must have something to answer."),
        ),
        "The pod still knows the MAC address, so it does not ask. The bridge has forgotten the port after 300 "
        "seconds, so it floods.",
    )


def _nobody(of: Node, one: Pod, other: Pod, third: Pod) -> Told:
    return Told(
        f"`{one.name}` and `{other.name}` are on one bridge. `{one.name}` pings an address of the same /24 that "
        "**no** machine has.",
        {
            f"the ping waits in {one.name}, which does not know the MAC address": _is_at(one.name, "neigh_output"),
            f"{one.name} asks everybody": _sends(one.name, 1),
            "the bridge sends the question out of all other ports": _is_at(of.name, "br_handle_frame_finish"),
            f"{other.name} hears the question, and does not answer: the address is not its own": _is_at(
                other.name, "arp_rcv"
            ),
            f"{one.name} gives up after three seconds, and ping says Destination Host Unreachable": _is_at(
                one.name, "neigh_timer_handler"
            ),
        },
        (
            (1, 0, 64, "The question is asked because a packet waits."),
            (2, 1, 71, "The bridge can pass the question on only after it was asked."),
            (4, 1, 70, "It gives up because nobody answers. So it must have asked before."),
        ),
        "The route says that the address is on this link, so the pod asks there. Everybody hears the question, and "
        "nobody answers.",
    )


SITUATIONS = (_first, _back, _late, _nobody)


@defined("02-order", "From the ping to its answer")
def order(chance: Random) -> Order:
    situation = turn(chance, SITUATIONS, 73)
    of = node(chance, pods=3)
    one, other, third = of.pods
    told = situation(of, one, other, third)
    trace = _traced(of, situation)
    events = in_order_of(trace, told.events)
    seen = heard(trace, one.name, other.name, third.name)
    names = list(told.events)
    return Order(
        asks=f"{told.asks} In which order does this happen?",
        events=events,
        swaps=tuple(Swap(names[a], names[b], belief, said, seen) for a, b, belief, said in told.swaps),
        because=told.because,
        evidence=seen,
        hints=(
            "A ping travels in a frame, and a frame needs the MAC address of its receiver. Does the sender know it?",
            "Who looks up something, and at which moment: the pod before it sends, the bridge when a frame comes in.",
            f"It begins with: {events[0]}. It ends with: {events[-1]}.",
        ),
    )


def _traced(of: Node, situation: Callable[..., Told]) -> Trace:
    """The ping of a situation, in a network where that has happened which went before."""
    console, (one, other, _) = of.console(), of.pods
    if situation is _nobody:
        return pinged(console, one, of.late)
    if situation is _first:
        return pinged(console, one, other)
    pinged(console, one, other)
    if situation is _back:
        return pinged(console, other, one)
    console("sleep 301")
    return pinged(console, one, other)
