"""Chapter 11: a request from outside and its answer, to be put in order."""

from __future__ import annotations

from collections.abc import Callable

from ....kube.outside.ways import Case, trace_of
from ....linux.namespace.trace import Step
from ...questions.evidence import in_order_of, journey
from ...questions.kinds_lists import Order, Swap
from .. import Chance, defined

Is = Callable[[Step], bool]
STRANGER = "host/203.0.113.5"


def at(name: str, stage: str, says: str = "") -> Is:
    return lambda step: (step.namespace, step.stage) == (name, stage) and says in step.said


def _direct() -> tuple[str, Case, dict[str, Is], tuple[Swap, ...]]:
    passes, dnat = "the balancer passes the packet on to node-1", "node-1 replaces the destination by the pod's address"
    snat, taken = "node-1 replaces the source by its own address", "the pod on node-2 takes the packet"
    back = "node-1 puts the balancer's address back as the source"
    answer = "the stranger has its answer"
    events = {
        passes: at("balancer", "route_input"), dnat: at("node-1", "nat PREROUTING", "destination 198."),
        snat: at("node-1", "nat POSTROUTING", "source 203."), taken: at("pod/default/web-2", "local_deliver"),
        back: at("node-1", "nat POSTROUTING", "becomes 198."), answer: at(STRANGER, "local_deliver"),
    }  # fmt: skip
    swaps = (
        Swap(
            dnat,
            passes,
            0,
            "node-1 cannot translate what it has not got yet; the router leads to the balancer first.",
        ),
        Swap(snat, dnat, 0, "A node chooses the pod first. Only then does it know by which device the packet leaves."),
        Swap(back, taken, 0, "Putting the address back is about the answer, and the pod has not spoken yet."),
        Swap(
            answer, back, 0, "The stranger knows the balancer's address only. Before that it would ignore the answer."
        ),
    )
    asks = "A balancer passes packets on as they are. The policy is Cluster, and the pod runs on node-2."
    return asks, Case("iptables", "Cluster", "balancer that passes on", "elsewhere"), events, swaps


def _proxied() -> tuple[str, Case, dict[str, Is], tuple[Swap, ...]]:
    node_port = "the balancer turns the packet to node-1's NodePort, with its own address as the source"
    dnat, taken = "node-1 replaces the NodePort by the pod's address and port", "the pod on node-1 takes the packet"
    back = "node-1 puts its NodePort back as the source of the answer"
    again, answer = "the balancer puts its outside address back as the source", "the stranger has its answer"
    events = {
        node_port: at("balancer", "nat POSTROUTING", "becomes 192.168.1.2"),
        dnat: at("node-1", "nat PREROUTING", "becomes 10."), taken: at("pod/default/web-1", "local_deliver"),
        back: at("node-1", "nat POSTROUTING", ":30080"), again: at("balancer", "nat POSTROUTING", "becomes 198."),
        answer: at(STRANGER, "local_deliver"),
    }  # fmt: skip
    swaps = (
        Swap(dnat, node_port, 0, "node-1 hears of the request from the balancer, on the NodePort."),
        Swap(taken, dnat, 15, "The pod listens on its own port. Somebody must replace the NodePort before."),
        Swap(again, back, 0, "The answer goes back through the same machines in reverse order: node-1 comes first."),
        Swap(
            answer, again, 0, "The stranger asked the balancer's outside address, and takes an answer from there only."
        ),
    )
    asks = "A balancer opens connections of its own to the NodePorts. The policy is Local, and the pod runs on node-1."
    return asks, Case("iptables", "Local", "balancer that proxies", "here"), events, swaps


def _local() -> tuple[str, Case, dict[str, Is], tuple[Swap, ...]]:
    leads, dnat = "the router leads the packet to node-1", "node-1 replaces the destination by the pod's address"
    kept, taken = "node-1 sends it on with the stranger's address as the source", "the pod takes the packet"
    back, answer = "node-1 puts the announced address back as the source", "the stranger has its answer"
    events = {
        leads: at("router", "route_input", "eth0"), dnat: at("node-1", "nat PREROUTING", "becomes 10."),
        kept: at("node-1", "nat POSTROUTING", "nothing to translate"), taken: at("pod/default/web-1", "local_deliver"),
        back: at("node-1", "nat POSTROUTING", "becomes 198."), answer: at(STRANGER, "local_deliver"),
    }  # fmt: skip
    swaps = (
        Swap(
            dnat,
            leads,
            0,
            "The router has heard which node announces the address. Before that node-1 has nothing to translate.",
        ),
        Swap(
            kept,
            dnat,
            0,
            "A node replaces the destination first, then looks up a route, and looks at the source last.",
        ),
        Swap(taken, kept, 0, "The pod can only take what its node has sent on."),
        Swap(back, taken, 0, "This is about the answer, and the pod has not spoken yet."),
    )
    asks = "node-1 announces the Service's outside address itself. The policy is Local, and the pod runs on node-1."
    return asks, Case("iptables", "Local", "announced address", "here"), events, swaps


def _inside() -> tuple[str, Case, dict[str, Is], tuple[Swap, ...]]:
    asked, dnat = "the pod client asks the balancer's address", "node-1 replaces it by the address of the pod web-2"
    far, taken = "node-2 receives the packet", "web-2 takes the packet"
    back, answer = "node-1 puts the balancer's address back as the source", "client has its answer"
    events = {
        asked: at("pod/default/client", "route_output"), dnat: at("node-1", "nat PREROUTING", "becomes 10."),
        far: at("node-2", "route_input"), taken: at("pod/default/web-2", "local_deliver"),
        back: at("node-1", "nat POSTROUTING", "becomes 198."), answer: at("pod/default/client", "local_deliver"),
    }  # fmt: skip
    swaps = (
        Swap(dnat, asked, 0, "Nobody translates a packet that has not been sent."),
        Swap(far, dnat, 210, "node-2 is asked because node-1 has chosen web-2. The balancer takes no part in it."),
        Swap(taken, far, 59, "web-2 has a cable to its own node only."),
        Swap(answer, back, 0, "client ignores an answer from an address that it did not ask."),
    )
    asks = "The pod client on node-1 asks the balancer's address, whose ipMode is VIP. The policy is Local, the pod is on node-2."
    return asks, Case("iptables", "Local", "balancer's address from a pod", "elsewhere"), events, swaps


@defined("11-order", "From outside and back, in order")
def order(chance: Chance) -> Order:
    asks, case, events, swaps = chance.turn(_direct, _proxied, _local, _inside)()
    trace = trace_of(case)
    seen = journey(trace)
    ordered = in_order_of(trace, events)
    return Order(
        asks=f"{asks} Put the events in order.",
        events=ordered,
        swaps=tuple(Swap(one.first, one.then, one.belief, one.said, seen) for one in swaps),
        because="Each machine undoes on the way back what it did on the way there.",
        evidence=seen,
        hints=(
            "Which machine has the packet first, and which one has the answer last?",
            "On each machine the destination is replaced before the source.",
            f"The first event is: {ordered[0]}.",
        ),
    )
