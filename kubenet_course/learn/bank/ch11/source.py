"""Chapter 11: whom the pod sees, and what the one who asks notices. The model is asked in every variant."""

from __future__ import annotations

from msgspec import Struct

from ....kube.outside.ways import Case, Line, trace_of, way_in
from ...questions.evidence import journey
from ...questions.kinds import Slip, Value
from ...questions.reading import ADDRESS, one_of
from .. import Chance, defined

PLACE = {
    "here": "The only pod of the Service runs on node-1.",
    "elsewhere": "The only pod of the Service runs on node-2.",
    "nowhere": "The Service has no pod at the moment.",
    "leaving here": "Its only pod runs on node-1. It has been told to stop, and still answers.",
}
STORY = {
    "NodePort": "A stranger, 203.0.113.5, asks node-1 (192.168.1.11) on the NodePort.",
    "balancer that passes on": (
        "A stranger, 203.0.113.5, asks a balancer that passes packets on as they are. It leads to a node that said 200."
    ),
    "balancer that proxies": (
        "A stranger, 203.0.113.5, asks a balancer (192.168.1.2) that opens connections of its own to the NodePorts."
    ),
    "NodePort from a pod": "The pod client, 10.244.1.2 on node-1, asks node-1 on the NodePort.",
    "NodePort from the node": "A program on node-1 itself asks node-1 (192.168.1.11) on the NodePort.",
    "ClusterIP from a pod": "The pod client, 10.244.1.2 on node-1, asks the ClusterIP.",
    "ClusterIP from outside": "A stranger, 203.0.113.5, asks the ClusterIP. No router knows that address.",
    "externalIP": "A stranger, 203.0.113.5, asks the Service's externalIP. The router leads that address to node-1.",
    "balancer's address from the node": "A program on node-1 asks the balancer's address.",
}
CANDIDATES = {
    "203.0.113.5": ("The stranger's own address arrives only if nobody on the way has replaced it.", 11),
    "10.244.1.2": ("The client's own address arrives only if nobody on the way has replaced it.", 11),
    "192.168.1.11": ("node-1 would have to replace the source, and the packet would have to leave by its eth0.", 23),
    "10.244.1.1": ("That is node-1's bridge. It is the source if node-1 masquerades towards a pod of its own.", 0),
    "192.168.1.2": ("Only a balancer that opens its own connection puts its address there.", 0),
    "192.168.1.12": ("node-2 does not replace the source here.", 0),
    "10.244.2.1": ("That is node-2's bridge. node-2 does not replace the source here.", 0),
    "10.96.0.80": ("A Service's address is never a source.", 1),
}
ASKERS = {"203.0.113.5": "stranger", "10.244.1.2": "The pod client"}


class Told(Struct, frozen=True):
    """A line of the table to ask about, and why it is so."""

    way: str
    policy: str
    place: str
    because: str

    @property
    def case(self) -> Case:
        return Case("iptables", self.policy, self.way, self.place)

    def story(self, line: Line) -> str:
        which = "internalTrafficPolicy" if self.way.startswith("ClusterIP from a") else "externalTrafficPolicy"
        return f"{PLACE[self.place]} {which} is {self.policy}. {STORY[self.way]}"


SEEN = (
    Told("NodePort", "Cluster", "elsewhere",
         "node-1 masquerades what comes from outside, and the packet leaves by eth0."),
    Told("NodePort", "Local", "here", "Under policy Local the node translates the destination only."),
    Told("balancer that proxies", "Local", "here",
         "The node keeps the sender's address, but the sender is the balancer: it opened this connection."),
    Told("NodePort", "Cluster", "here",
         "node-1 masquerades, and the packet leaves by its bridge. So the bridge's address is the source."),
    Told("balancer that passes on", "Local", "elsewhere",
         "The balancer asks node-2, which said 200. Neither of them replaces the source."),
    Told("NodePort from a pod", "Local", "elsewhere",
         "Pods of the cluster reach all endpoints, and under policy Local they keep their own address."),
    Told("NodePort from the node", "Local", "elsewhere",
         "The node itself is masqueraded, with the address of the device by which the packet leaves."),
    Told("ClusterIP from a pod", "Cluster", "elsewhere", "A pod that asks a ClusterIP keeps its own address."),
)  # fmt: skip


def _met(told: Told, line: Line, ip: str) -> tuple[int, str]:
    """The belief that leads to a wrong address, and what disproves it."""
    said, belief = CANDIDATES[ip]
    if ip in ASKERS and ASKERS[ip] not in STORY[told.way]:
        return 0, "Whoever has this address does not ask here."
    if belief == 23 and line.seen != "10.244.1.1":  # no node has replaced the source by another address of its own
        return 0, said
    return belief, said


@defined("11-source", "Whom does the pod see?")
def source(chance: Chance) -> Value:
    told = chance.turn(*SEEN)
    line, trace = way_in(told.case), trace_of(told.case)
    seen = journey(trace)
    return Value(
        asks=f"{told.story(line)} Which address does the pod see as the sender's?",
        answer=line.seen,
        reads=ADDRESS,
        slips=tuple(Slip(ip, *_met(told, line, ip), seen) for ip in CANDIDATES if ip != line.seen),
        because=told.because,
        evidence=seen,
        hints=(
            "Which machine on the way could replace the source? Look at the policy, and at the kind of balancer.",
            "Policy Cluster masquerades what comes from outside; the new source is the address of the outgoing device.",
            told.because,
        ),
    )


NOTICED = ("answered", "refused", "timeout", "unreachable")
TOLD = (
    Told("NodePort", "Local", "elsewhere", "Under policy Local node-1 has no pod to lead to, and drops the packet."),
    Told("NodePort", "Cluster", "nowhere", "Without any endpoint kube-proxy writes a rule that rejects."),
    Told("balancer that passes on", "Local", "elsewhere",
         "The balancer has asked the health ports, and so it leads to node-2."),
    Told("ClusterIP from outside", "Cluster", "here",
         "The ClusterIP exists in the rules of the nodes only. The router has no route to it, and says so."),
    Told("ClusterIP from a pod", "Local", "elsewhere",
         "internalTrafficPolicy Local asks for a pod on the same node. There is none, so the rules drop the packet."),
    Told("NodePort", "Local", "leaving here",
         "A pod that is leaving is used by its node as long as it still answers and no ready pod is there."),
    Told("balancer's address from the node", "Cluster", "nowhere",
         "The rule that rejects hangs on packets that come in. The node's own packet leaves untranslated, and is lost."),
    Told("externalIP", "Local", "elsewhere", "externalIPs have no health check: the router leads to a node without a pod."),
)  # fmt: skip
MEANS = {
    "answered": "An answer needs a pod that the asked node may use.",
    "refused": "Refused means that somebody said no: a rule that rejects, or a kernel without a program at that port.",
    "timeout": "A time-out means that somebody was silent: a rule that drops, or an answer that was lost.",
    "unreachable": "Unreachable means that a machine on the way had no way to go on, and said so.",
}


def _belief(one: Told, word: str) -> int:
    """What leads to a wrong word: a node without a pod is said to refuse, or the kinds of error are mixed up."""
    if word == "answered":
        return 0
    return 12 if (word, one.policy, one.place) == ("refused", "Local", "elsewhere") else 13


@defined("11-told", "What does the client notice?")
def told(chance: Chance) -> Value:
    one = chance.turn(*TOLD)
    line = way_in(one.case)
    seen = journey(trace_of(one.case))
    return Value(
        asks=f"{one.story(line)} kube-proxy works in iptables mode. What does the one who asks notice?",
        answer=line.told,
        reads=one_of(NOTICED),
        slips=tuple(Slip(word, _belief(one, word), MEANS[word], seen) for word in NOTICED if word != line.told),
        because=one.because,
        evidence=seen,
        hints=(
            "Which machine has the packet last, and may that machine lead it to a pod?",
            "REJECT is a rule for Services without any endpoint. DROP is for a node that may not use the endpoints there are.",
            one.because,
        ),
    )
