"""Chapter 09: a request through a Service, there and back, to be put in order."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from ....linux.namespace.choices import Scripted
from ....linux.namespace.trace import Step
from ...questions.evidence import in_order_of
from ...questions.kinds_lists import Order, Swap
from .. import defined
from .shop import CLIENT, STRANGER, Shop, shop, turn
from .shown import decided, pair

KINDS = ("there", "back", "stranger", "itself")
BECAUSE = {
    "there": "The client's own node does everything that makes the Service. The other node only forwards.",
    "back": "The node that translated the request translates the answer. It asks its memory and no rule.",
    "stranger": "The destination is replaced before the route is looked up, the source after it.",
    "itself": "Both addresses are replaced, so that the answer must pass the node again and can be translated back.",
}


def _at(name: str, stage: str, says: str = "") -> Callable[[Step], bool]:
    return lambda step: (step.namespace, step.stage) == (name, stage) and says in step.said


@defined("09-order", "A request in order")
def order(chance: Random) -> Order:
    kind = turn(chance, KINDS, 8)
    of = shop(chance, 1, "here" if kind == "itself" else "there")
    asks, events, swaps, trace = {"there": _there, "back": _back, "stranger": _stranger, "itself": _itself}[kind](of)
    seen = decided(trace)
    return Order(
        asks=asks,
        events=in_order_of(trace, events),
        swaps=tuple(
            Swap(first, then, belief, said, pair(trace, events, first, then)) for first, then, belief, said in swaps
        ),
        because=BECAUSE[kind],
        evidence=seen,
        hints=(
            "Which machine has the packet first, and which machine has it last?",
            (
                "A node first replaces the destination, then looks up a route for the new destination, and only at the "
                "end replaces the source."
            ),
            f"The first event is: {in_order_of(trace, events)[0]}.",
        ),
    )


def _there(of: Shop):
    trace, (pod, ip) = of.asked(), _web(of)
    begins = "`client`'s kernel sends the packet to its gateway"
    dnat = f"{of.here} replaces the destination {of.address} by {ip}"
    routed, kept = f"{of.here} looks up a route to {ip}", f"{of.here} keeps the connection in its memory"
    far, taken = f"{of.there} receives the packet and looks up a route", "`web-1` takes the packet"
    events = {
        begins: _at(CLIENT, "route_output"), dnat: _at(of.here, "nat PREROUTING"), routed: _at(of.here, "route_input"),
        kept: _at(of.here, "confirm POSTROUTING"), far: _at(of.there, "route_input"), taken: _at(pod, "local_deliver"),
    }  # fmt: skip
    swaps = (
        (
            far,
            dnat,
            1,
            (
                f"{of.there} would have to get a packet to the Service's address. It never does: the first "
                f"node translates."
            ),
        ),
        (
            routed,
            dnat,
            1,
            (
                f"No route leads to {of.address}. The node looks up a route for the address that stands "
                f"in the packet after the rules."
            ),
        ),
        (taken, far, 59, "`web-1` has a link to its own node only, so this node has the packet before it."),
        (kept, dnat, 0, "What the node remembers is the translation, so the translation comes first."),
    )
    asks = (
        f"`client` on {of.here} asks the Service `web`, and the pod behind it runs on {of.there}. Put the "
        f"events in order."
    )
    return asks, events, swaps, trace


def _back(of: Shop):
    trace, (pod, ip) = of.asked(), _web(of)
    sends = f"`web-1` sends its answer, with {ip} as the source"
    forwards = f"{of.there} forwards the answer"
    knows = f"{of.here} finds the connection in its memory"
    restores = f"{of.here} replaces the source {ip} by {of.address}"
    accepts = "`client` accepts the answer"
    events = {
        sends: _at(pod, "route_output"), forwards: _answer(of.there, "ip_forward", ip),
        knows: _at(of.here, "conntrack PREROUTING", "answer"), restores: _answer(of.here, "nat POSTROUTING", ip),
        accepts: _last(CLIENT),
    }  # fmt: skip
    swaps = (
        (restores, sends, 1, "The pod knows nothing of the Service. It answers from its own address."),
        (restores, forwards, 59, f"Only {of.here} remembers the translation. {of.there} forwards the answer as it is."),
        (
            restores,
            knows,
            21,
            (
                "No rule does this. The node knows from its memory which address belongs there, so "
                "it must find the entry first."
            ),
        ),
        (
            accepts,
            restores,
            61,
            (f"`client` asked {of.address}. An answer from {ip} would belong to no connection of its own."),
        ),
    )
    asks = (
        f"The request of `client` (on {of.here}) has reached `web-1` (on {of.there}). Put what happens to the "
        f"**answer** in order."
    )
    return asks, events, swaps, trace


def _stranger(of: Shop):
    trace, (pod, ip) = of.asked(STRANGER, of.outside), _web(of)
    dnat = f"{of.here} replaces the destination by {ip}"
    routed = f"{of.here} finds a route, which leads out by the device on which the packet came in"
    snat = f"{of.here} replaces the source by its own address"
    far, taken = f"{of.there} forwards the packet to its pod", "`web-1` takes a packet that seems to come from a node"
    events = {
        dnat: _at(of.here, "nat PREROUTING"), routed: _at(of.here, "route_input"), snat: _at(of.here, "nat POSTROUTING"),
        far: _at(of.there, "ip_forward"), taken: _at(pod, "local_deliver"),
    }  # fmt: skip
    swaps = (
        (snat, dnat, 11, "The mark is set early. The source is replaced last, when the outgoing device is known."),
        (
            far,
            snat,
            11,
            "With the stranger's address as the source, `web-1` would answer past the node that translates.",
        ),
        (snat, routed, 23, "Masquerade takes the address of the outgoing device. So the route must be known first."),
        (taken, far, 59, "The pod has a link to its own node only."),
    )
    asks = (
        f"A machine outside asks {of.here} at the NodePort of `web`. The only pod of `web` runs on {of.there}. "
        f"Put the events in order."
    )
    return asks, events, swaps, trace


def _itself(of: Shop):
    trace, (pod, ip) = of.asked("pod/default/web-1", choices=Scripted()), _web(of)
    begins = "`web-1` sends the packet to its gateway"
    dnat = f"{of.here} replaces the destination {of.address} by {ip}, the address of the sender"
    snat = f"{of.here} replaces the source by {of.gateway}, the address of its bridge"
    taken = f"`web-1` takes a packet that seems to come from {of.gateway}"
    back = f"`web-1` receives an answer from {of.address}"
    events = {
        begins: _at(pod, "route_output"), dnat: _at(of.here, "nat PREROUTING"), snat: _at(of.here, "nat POSTROUTING"),
        taken: _at(pod, "local_deliver"), back: _last(pod),
    }  # fmt: skip
    swaps = (
        (snat, dnat, 9, "Before the destination is replaced, nobody knows that the pod will meet itself."),
        (taken, dnat, 1, "Until the node has translated it, the packet is addressed to the Service."),
        (
            taken,
            snat,
            9,
            (
                "Then the packet would carry the pod's own address as its source. A kernel does not "
                "accept such a packet from a link."
            ),
        ),
        (back, taken, 61, "There is no answer before somebody has taken the request."),
    )
    asks = "`web-1` is the only pod behind the Service `web`, and asks this very Service. Put the events in order."
    return asks, events, swaps, trace


def _web(of: Shop) -> tuple[str, str]:
    return "pod/default/web-1", of.ip("web-1")


def _answer(name: str, stage: str, ip: str) -> Callable[[Step], bool]:
    """A step of the answer: the pod's address is, or was until this step, its source."""
    return lambda step: (
        (step.namespace, step.stage) == (name, stage)
        and (step.skb.packet.flow.src == ip or step.said.startswith(f"source {ip}:"))
    )


def _last(name: str) -> Callable[[Step], bool]:
    """The asker has its answer."""
    return lambda step: (step.namespace, step.stage) == (name, "local_deliver") and "asker has its answer" in step.said
