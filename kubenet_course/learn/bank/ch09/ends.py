"""Chapter 09: what becomes of a request that no endpoint takes, or that no rule is about."""

from __future__ import annotations

from random import Random

from ....kube.questions.ask import asker
from ....linux.packet.packet import ping
from ....linux.verdicts import verdict
from ....linux.walk import ask
from ....views.tables.show import rules
from ...questions.evidence import ending
from ...questions.kinds_lists import Choose, Statement
from .. import defined
from .shop import CLIENT, STRANGER, Shop, shop, turn

KINDS = ("none", "local", "inside", "ping", "port")
Told = tuple[str, str, str, tuple[tuple[str, int, str], ...], str]  # asked, what is so, why, what is wrong, a hint
REFUSED, SILENT, SERVED = (
    "It is refused at once.",
    ("It gets no answer, and waits until it gives up."),
    "A pod behind the Service answers.",
)
NOBODY = "The packet leaves untranslated, and no machine has that address."


@defined("09-end", "Who answers?")
def end(chance: Random) -> Choose:
    kind = turn(chance, KINDS, 60)
    of = shop(chance, 0 if kind == "none" else 1, "there", "Local" if kind in ("local", "inside") else "Cluster")
    if kind == "ping":
        trace = ask(of.world, ping(of.ip("client"), of.address), asker(of.cluster.world(), CLIENT))
    elif kind == "port":
        trace = of.asked(where=f"{of.address}:{of.port + 1}")
    elif kind == "none":
        trace = of.asked()
    else:
        trace = of.asked(STRANGER if kind == "local" else CLIENT, of.outside)
    asks, so, because, wrong, hint = TOLD[kind](of)
    shown = ending(trace)
    assert (verdict(trace).name == "delivered") == (so == SERVED)
    return Choose(
        asks=asks,
        statements=(
            Statement(so, True),
            *(Statement(text, belief=n, said=said, evidence=shown) for text, n, said in wrong),
        ),
        because=because,
        evidence=rules(trace, of.here) if kind in ("none", "local") else shown,
        hints=(
            (
                "Which rules are about exactly this packet: its protocol, its destination address and its destination "
                "port?"
            ),
            (
                "A rule with REJECT tells the sender at once. A rule with DROP tells nobody. Where no rule matches, "
                "the packet goes its usual way."
            ),
            hint,
        ),
    )


def _none(of: Shop) -> Told:
    return (
        (f"The Service `web` ({of.address}, port {of.port}) exists, but no pod has its label. `client` connects to "
         f"it. What happens?"),
        REFUSED,
        ("Without endpoints kube-proxy writes a rule with REJECT. The kernel answers with an ICMP message, and the "
         "program sees “connection refused”."),
        ((SILENT, 13, "That would be a DROP. Look at the rule that ended it: it rejects."),
         (NOBODY, 1, "A rule matches this address and this port, so the packet does not leave the node."),
         (SERVED, 17, "There is no pod: the list of endpoints is empty.")),
        "kube-proxy knows that nobody can answer. It writes a REJECT.",
    )  # fmt: skip


def _local(of: Shop) -> Told:
    return (
        (f"The only pod of `web` runs on {of.there}. Its Service has `externalTrafficPolicy: Local`. A machine "
         f"outside the cluster asks {of.here} at the NodePort {of.node_port}. What happens?"),
        SILENT,
        (f"The policy forbids {of.here} to send strangers on to another node, and it has no pod of its own. The "
         f"rule says DROP, so a load balancer that tries this node learns nothing from it. It must ask the health "
         f"check port."),
        ((REFUSED, 12, "That happens where there is no endpoint at all. Here there is one, on another node."),
         (SERVED, 12, "With the policy `Cluster` it would. `Local` forbids to send a stranger on to another node."),
         (NOBODY, 1, "The address belongs to the node, so the packet has arrived.")),
        "Endpoints exist, but none is local. Then the rule is a DROP.",
    )  # fmt: skip


def _inside(of: Shop) -> Told:
    return (
        (f"The only pod of `web` runs on {of.there}. Its Service has `externalTrafficPolicy: Local`. The pod "
         f"`client`, on {of.here}, asks its own node at the NodePort {of.node_port}. What happens?"),
        SERVED,
        "The policy is about traffic from outside the cluster. Pods and nodes reach all endpoints through a NodePort.",
        ((SILENT, 12, "A stranger would wait. `client` is a pod, and its packet is not external traffic."),
         (REFUSED, 12, "There is an endpoint, and the policy does not restrict pods.")),
        "Is `client` inside or outside the cluster? The policy's name says which of them it restricts.",
    )  # fmt: skip


def _ping(of: Shop) -> Told:
    return (
        f"`web` ({of.address}, port {of.port}) works. `client` runs `ping {of.address}`. What happens to the ping?",
        NOBODY,
        "Every rule of the Service asks for TCP and a port. A ping is ICMP and has no port, so no rule matches it.",
        ((SERVED, 1, "No rule translated the ping, so no pod ever got it."),
         (REFUSED, 1, "Only a rule could refuse for the Service, and no rule is about ICMP."),
         ((f"{of.here} answers, as it keeps the Service's "
           f"rules."), 1, "A kernel answers a ping to its own addresses only, and this is none of them.")),
        "A ping is ICMP. The rules of the Service say `-p tcp`.",
    )  # fmt: skip


def _port(of: Shop) -> Told:
    return (
        (f"`web` has the address {of.address} and the port {of.port}. By mistake `client` asks {of.address}, port "
         f"**{of.port + 1}**. In iptables mode, what happens?"),
        NOBODY,
        ("The Service's rule asks for its own port. For another port no rule matches, and the packet leaves with "
         "the Service's address. (nftables mode would refuse it.)"),
        ((REFUSED, 13, ("No rule with REJECT is about this port, and the packet reaches no machine that could "
                        "answer with RST.")),
         (SERVED, 15, "The rule says `--dport`, and this is another port."),
         (f"{of.here} answers that nobody listens there.", 1, ("The address is not one of the node's, so the node "
                                                               "only forwards the packet."))),
        "Read the Service's rule in KUBE-SERVICES: it names one port.",
    )  # fmt: skip


TOLD = {"none": _none, "local": _local, "inside": _inside, "ping": _ping, "port": _port}
