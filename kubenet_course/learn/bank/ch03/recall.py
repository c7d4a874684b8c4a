"""Chapter 03, the network model: which situation, which rule, which node."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from msgspec import Struct

from ....kube.model.cluster import Cluster
from ....kube.questions.ask import request
from ....kube.questions.connectivity import RULES, Pair, Reached, addresses, connectivity
from ....linux.verdicts import way_there
from ....views.matrices.matrices import why
from ....views.matrices.matrix import Matrix, matrix
from ....views.tables.table import Table, table
from ...questions.evidence import decisions
from ...questions.kinds import Slip, Value
from ...questions.kinds_lists import Choose, Statement
from ...questions.reading import one_of
from ...questions.turn import turn
from ...worlds.broken import World
from .. import defined
from .seen import ADDRESSED
from .worlds import NOTICED, PORT, Looks, drawn, made, proof, sick

HEALTHY = (
    "Every ping arrives, from whom it was sent, as what it was addressed to. A node may use any address of its own."
)

# The four situations, what brings the packet there, how one recognises each, and the belief of somebody who takes another for it.
PROBLEMS = {
    "container": ("Container to container: the pod's own device `lo` is enough.", "it would never leave the pod", 55),
    "pod": ("Pod to pod: the network plugin's routes, bridges or tunnels bring it there.", ("it would be addressed to "
    "a pod"), 0),
    "service": ("Pod to Service: rules on the client's node replace the Service's address by a pod's.",
                "a pod would ask an address of the Service range, 10.96.0.0/16", 1),
    "outside": ("Outside to Service: a node takes it on the NodePort of the Service.",
                "a machine outside of the cluster would ask a node", 11),
}  # fmt: skip


@defined("03-problem", "Which of the four situations?")
def problem(chance: Random) -> Choose:
    right = turn(chance, list(PROBLEMS), 94)
    one, two = sorted(chance.sample(range(1, 7), 2))
    node_port = chance.randrange(30000, 32768)
    cluster = made({one: ["client"], two: ["web"]}, port=node_port)
    web = cluster.placed.addresses(cluster.pod("default", "web"))[0]
    vip = cluster.service("default", "web").spec.cluster_ips[0]
    node = cluster.machines[f"node-{chance.choice((one, two))}"].ips[4]
    asked = {
        "container": ("pod/default/web", "127.0.0.1", PORT),
        "pod": ("pod/default/client", web, PORT),
        "service": ("pod/default/client", vip, 80),
        "outside": ("host/203.0.113.5", node, node_port),
    }
    who, to, port = asked[right]
    sender = {"container": "A container of the pod `web`", "outside": "203.0.113.5"}.get(right, "The pod `client`")
    seen = decisions(
        way_there(request(cluster, who, f"{to}:{port}")), ADDRESSED, "What was decided about its addresses"
    )
    return Choose(
        asks=f"{sender} opens a connection to {to}, port {port}. Which of the four situations is this, and what "
        f"brings the packet there?",
        statements=tuple(
            Statement(text, name == right, 0 if name == right else belief, "" if name == right else _not_so(sign, to), seen)
            for name, (text, sign, belief) in PROBLEMS.items()
        ),
        because="Two things tell the four apart: who asks, and to which range the address belongs that is asked.",
        evidence=seen,
        hints=(
            "Who asks: a container of the same pod, a pod, or a machine outside?",
            "Whose address is asked? 127.0.0.0/8 is the pod itself, 10.244.0.0/16 are pods, 10.96.0.0/16 are Services.",
            f"{to} belongs to " + {"container": "the pod itself.", "pod": "a pod.", "service": "no machine: to a "
            "Service.",
                                   "outside": "a node, and the one that asks is no pod."}[right],
        ),
    )  # fmt: skip


def _not_so(sign: str, to: str) -> str:
    return f"In that situation {sign}. Look at where this packet goes, and at what becomes of {to}."


class Case(Struct, frozen=True):
    """A sick cluster, its pings, and how it is shown: without judging, so that the learner compares."""

    cluster: Cluster
    of: int
    world: World
    rule: int
    node: str
    found: Mapping[Pair, Reached]

    @property
    def look(self) -> Matrix:
        return matrix(self.found, judged=False)


def _told_by_themselves(case: Case) -> Table:
    """The address by which each pod knows itself."""
    pods = [pod for pod in case.cluster.placed.pods.values() if not pod.spec.host_network]
    own = [addresses(case.world[case.cluster.world().of_pod(pod)], case.of) for pod in pods]
    rows = [(pod.metadata.name, ips[0]) for pod, ips in zip(pods, own, strict=True)]
    return table("hostname -i, in each pod", ("pod", "says"), rows, code=(1,))


def _case(chance: Random, fault: str) -> Case:
    """A cluster with a fault; the fault "" is none."""
    cluster, of = drawn(chance)
    ill = sick(cluster, fault, chance, of) if fault else None
    world = ill.world if ill else cluster.world()
    found = connectivity(cluster, world, of)
    return Case(cluster, of, world, ill.rule if ill else 0, ill.node if ill else "", found)


def _rules(case: Case) -> tuple[Statement, ...]:
    """Each rule, and none of them; with the pings that keep it or break it."""
    shown = proof(case.found, case.rule or 2)
    statements = []
    for number, text in RULES.items():
        belief = 80 if case.rule in (2, 3) and number == 1 else 0
        said = f"Rule {number} holds in this cluster: every ping keeps it."
        statements.append(
            Statement(f"Rule {number}: {text}.", number == case.rule, belief, said, proof(case.found, number))
        )
    belief = 80 if case.rule in (2, 3) else 0
    none = Statement(
        "None. It keeps all three rules.",
        not case.rule,
        belief,
        "One of them does not hold. Look at these pings.",
        shown,
    )
    return (*statements, none)


@defined("03-rule", "Which rule does it break?")
def rule(chance: Random) -> Choose:
    kind = turn(
        chance, (("dropped", "unrouted"), ("masqueraded", "disguised"), ("renamed", "second-address"), ("",)), 17
    )
    case = _case(chance, chance.choice(kind))
    shown = proof(case.found, case.rule or 2)
    return Choose(
        asks="Every pod and every node has pinged every pod. Beside each name stand the addresses by which the "
        "cluster knows it. Each cell "
        "says under which address the receiver saw the sender. If the receiver got the ping under another address "
        "than the one that was "
        "asked, the cell says this too. The table below says which address each pod itself has. Does this cluster "
        "break a rule, and which one?",
        look=Looks((case.look, _told_by_themselves(case))),
        statements=_rules(case),
        because=f"Rule {case.rule} is broken, and the other two hold."
        if case.rule
        else "Every ping arrives, from whom it was sent, "
        "as what it was addressed to. A node may use any of its own addresses.",
        evidence=shown,
        hints=(
            "Rule 1: is there a cell without an address?",
            (
                "Rule 2: does each cell hold an address of its sender, either from the beginning of the line or from the "
                "table below?"
            ),
            "Rule 3: does each pod itself have the address that stands beside its name?",
        ),
    )


@defined("03-node", "Which node is to blame?")
def node(chance: Random) -> Value:
    fault = turn(chance, ("masqueraded", "unrouted", "disguised", "renamed"), 192)
    case = _case(chance, fault)
    bad = next(pair for pair, ping in case.found.items() if ping.broken)
    shown = why(bad, case.found[bad])
    nodes = tuple(case.cluster.machines)
    ends = {_home(case.cluster, end) for end in bad}
    return Value(
        asks=f"{NOTICED[fault]} One line of one table, on one node, is wrong. Which node is it? The pods are on these "
        f"nodes: "
        + "; ".join(f"{name}: {_pods(case.cluster, name)}" for name in nodes) + ".",
        look=case.look,
        answer=case.node,
        reads=one_of(nodes),
        slips=tuple(
            Slip(other, 82 if other in ends else 0, _innocent(case, other), shown) for other in nodes if other != case.node
        ),
        because=f"{case.node} breaks rule {case.rule}. Every ping that goes wrong comes from its pods or goes to them.",
        evidence=shown,
        hints=(
            "Which cells are wrong? Do they form a line (one sender) or a column (one receiver)?",
            ("If an address was replaced: whose address is it now? If packets are lost: does the node itself reach "
            "what its pods do not reach?"),
            f"All wrong cells belong to pods of {case.node}.",
        ),
    )  # fmt: skip


def _home(cluster: Cluster, end: str) -> str:
    """The node of a sender or receiver."""
    kind, _, rest = end.partition("/")
    return rest if kind == "node" else cluster.pod(*rest.split("/")).spec.node_name


def _pods(cluster: Cluster, name: str) -> str:
    return ", ".join(pod.metadata.name for pod in cluster.placed.on[name])


def _innocent(case: Case, name: str) -> str:
    """Why it is not this node: what goes well there, though it would not if the row stood there."""
    if not any(name == step.namespace for ping in case.found.values() if ping.broken for step in ping.way):
        return f"No ping that goes wrong passes {name}."
    well = [pair for pair, ping in case.found.items() if not ping.broken and _home(case.cluster, pair[1]) == name]
    return (
        f"{len(well)} pings to pods of {name} are well. In the others {name} only passes on what it was given. Look for the "
        f"node that stands in every ping that goes wrong, as its sender's node or as its receiver's."
    )
