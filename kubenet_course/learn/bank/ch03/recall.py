"""Chapter 03, the network model: which problem, which rule, which node, which row; and whom a server sees."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from msgspec import Struct

from ....kube.model.cluster import Cluster
from ....kube.questions.ask import request
from ....kube.questions.connectivity import RULES, Pair, Reached, addresses, broken_rules, connectivity
from ....linux.verdicts import way_there
from ....views.matrices.matrices import why
from ....views.matrices.matrix import Matrix, matrix
from ....views.tables.table import Table, table
from ...questions.evidence import decisions
from ...questions.kinds import Slip, Value
from ...questions.kinds_lists import Choose, Statement
from ...questions.reading import one_of
from ...worlds.broken import FAULTS, IPTABLES, World, broken, ruled
from .. import defined
from .seen import ADDRESSED
from .worlds import PODS, PORT, STRANGERS, Looks, drawn, made, proof

HEALTHY = (
    "Every ping arrives, from whom it was sent, as what it was addressed to. A node may use any address of its own."
)

# The four problems, who solves each, the sign by which one knows it, and what is believed by who takes another for it.
PROBLEMS = {
    "container": ("Container to container: the pod's own `lo` is all that is needed.", "it would never leave the pod", 55),
    "pod": ("Pod to pod: the network plugin's routes, bridges or tunnels bring it there.", "it would be addressed to a pod", 0),
    "service": ("Pod to Service: rules on the client's node put a pod's address in place of the Service's.",
                "a pod would ask for an address of the Service range, 10.96.0.0/16", 1),
    "outside": ("Outside to Service: a node takes it on a port that it has opened for the Service.",
                "a machine outside of the cluster would ask a node", 11),
}  # fmt: skip


@defined("03-problem", "Which of the four problems?")
def problem(chance: Random) -> Choose:
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
    right = chance.choice(list(asked))
    who, to, port = asked[right]
    sender = {"container": "A container of the pod `web`", "outside": "203.0.113.5"}.get(right, "The pod `client`")
    seen = decisions(
        way_there(request(cluster, who, f"{to}:{port}")), ADDRESSED, "What was decided about its addresses"
    )
    return Choose(
        asks=f"{sender} opens a connection to {to}, port {port}. Which of the four problems is that, and what solves it?",
        statements=tuple(
            Statement(text, name == right, 0 if name == right else belief, "" if name == right else _not_so(sign, to), seen)
            for name, (text, sign, belief) in PROBLEMS.items()
        ),
        because="Who asks, and from which range the address is that it asks for, tell the four apart.",
        evidence=seen,
        hints=(
            "Who asks: a container of the same pod, a pod, or a machine outside?",
            "Whose address is asked for: 127.0.0.0/8 is the pod itself, 10.244.0.0/16 pods, 10.96.0.0/16 Services.",
            f"{to} belongs to " + {"container": "the pod itself.", "pod": "a pod.", "service": "no machine: to a Service.",
                                   "outside": "a node, and who asks is no pod."}[right],
        ),
    )  # fmt: skip


def _not_so(sign: str, to: str) -> str:
    return f"Then {sign}. Look where this packet goes, and what becomes of {to}."


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


def _case(chance: Random, faults: tuple[str, ...]) -> Case:
    """A cluster with one of some faults; the fault "" is none."""
    cluster, of = drawn(chance)
    fault = chance.choice(faults)
    sick = broken(cluster, fault, chance, of) if fault else None
    world = sick.world if sick else cluster.world()
    found = connectivity(cluster, world, of)
    return Case(cluster, of, world, sick.rule if sick else 0, sick.node if sick else "", found)


@defined("03-rule", "Which rule does it break?")
def rule(chance: Random) -> Choose:
    case = _case(chance, (*FAULTS, ""))
    shown = proof(case.found, case.rule or 2)
    statements = []
    for number, text in RULES.items():
        belief = 80 if case.rule in (2, 3) and number == 1 else 0
        said = f"Rule {number} holds in this cluster: every ping keeps it. What differs is something else."
        said = said if case.rule else f"Rule {number} holds: every ping keeps it."
        statements.append(
            Statement(f"Rule {number}: {text}.", number == case.rule, belief, said, proof(case.found, number))
        )
    belief = 80 if case.rule in (2, 3) else 0
    none = Statement("None: it keeps all three.", not case.rule, belief, "One of them does not hold. See these.", shown)
    return Choose(
        asks="Every pod and every node has pinged every pod. Heads: by which addresses all are known. Cells: under which address "
        "the receiver saw the sender, and, where it differs, as whom the receiver itself was addressed. Below: what each pod says "
        "of itself. Which rule is broken, if any?",
        look=Looks((case.look, _told_by_themselves(case))),
        statements=(*statements, none),
        because=f"Rule {case.rule} is broken and the other two hold."
        if case.rule
        else "Every ping arrives, from whom it was sent, "
        "as what it was addressed to. A node may use any of its own addresses.",
        evidence=shown,
        hints=(
            "First question: is there any cell in which no address stands?",
            "Second: does each cell hold an address of its sender: one at the head of its row, or what the pod says of itself?",
            "Third: does each pod say of itself what stands at its head?",
        ),
    )


@defined("03-node", "Which node is to blame?")
def node(chance: Random) -> Value:
    case = _case(chance, ("unrouted", "masqueraded", "disguised", "renamed"))
    bad = next(pair for pair, ping in case.found.items() if ping.broken)
    shown = why(bad, case.found[bad])
    nodes = tuple(case.cluster.machines)
    ends = {_home(case.cluster, end) for end in bad}
    return Value(
        asks="One row of one table, on one node, is wrong in this cluster. Which node is it? The pods' nodes: "
        + "; ".join(f"{name}: {_pods(case.cluster, name)}" for name in nodes) + ".",
        look=case.look,
        answer=case.node,
        reads=one_of(nodes),
        slips=tuple(
            Slip(other, 82 if other in ends else 0, _innocent(case, other), shown) for other in nodes if other != case.node
        ),
        because=f"{case.node} breaks rule {case.rule}. Every ping that goes wrong has to do with its pods.",
        evidence=shown,
        hints=(
            "Mark the cells that are wrong. Do they make up rows, or columns?",
            "If an address was put in: whose is it? If packets are lost: does the node itself fare as its pods do?",
            f"The wrong cells all have to do with pods of {case.node}.",
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
        f"{len(well)} pings to pods of {name} are well. In the others it passes on what it was given. Follow this one."
    )


@defined("03-row", "Which row is to blame?")
def row(chance: Random) -> Choose:
    cluster, of = drawn(chance)
    sick = broken(cluster, chance.choice(("dropped", "masqueraded", "disguised")), chance, of)
    world, others = sick.world, _harmless(cluster, chance, of)
    statements = [Statement(f"{sick.node}, {sick.row.replace(': ', ': `', 1)}`", True)]
    for where, name, line, belief, said in others:
        alone = connectivity(cluster, ruled(cluster.world(), where, name, f"-I {line}", of), of)
        assert not any(broken_rules(alone).values()), line  # a row that breaks a rule must not be called harmless
        world = ruled(world, where, name, f"-I {line}", of)
        shown = matrix(alone, caption=f"With that row alone on {where}, all three rules hold")
        statements.append(Statement(f"{where}, {name}: `-A {line}`", False, belief, said, shown))
    found = connectivity(cluster, world, of)
    bad = next(pair for pair, ping in found.items() if ping.broken)
    return Choose(
        asks=f"Somebody added four rows by hand with `{IPTABLES[of]}`. Three are harmless. One breaks a rule of the network model. "
        "Which one?",
        look=matrix(found),
        statements=tuple(statements),
        because="It is the one row that packets between pods meet, and that does something to them.",
        evidence=why(bad, found[bad]),
        hints=(
            "Which rule is broken, and between whom? A lost packet was dropped; a foreign source was put in.",
            "Which rows can a packet from pod to pod meet at all? A node passes it through FORWARD and POSTROUTING, not INPUT.",
            "Then read the addresses: which row matches a pod as source and a pod as destination?",
        ),
    )


def _harmless(cluster: Cluster, chance: Random, of: int) -> list[tuple[str, str, str, int, str]]:
    """Three rows that packets between pods never meet, each on some node: node, table, line, belief, why it is harmless."""
    one, two, three = (chance.choice(list(cluster.machines)) for _ in range(3))
    block = {name: cluster.machines[name].blocks[of] for name in cluster.machines}
    far = chance.choice([name for name in block if name != two])
    stranger = STRANGERS[of]
    port, proto = chance.choice((8443, 9100, 2222)), chance.choice(("tcp", "udp"))
    rows = [
        (one, "nat", f"POSTROUTING -s {block[one]} ! -d {PODS[of]} -j MASQUERADE", 22,
         "It hides pods only towards addresses that are no pods': `! -d` takes the pods' range out."),
        (two, "filter", f"INPUT -s {block[far]} -j DROP", 60,
         "INPUT sees what the node takes itself. What it carries to its pods passes FORWARD."),
        (three, "filter", f"FORWARD -s {stranger} -d {block[three]} -j DROP", 0,
         "It matches senders outside of the cluster only, and those are no pods and no nodes."),
        (three, "nat", f"PREROUTING -d {cluster.machines[three].ips[of]} -p {proto} --dport {port} -j REDIRECT --to-ports 80", 0,
         "It matches packets for the node's own address, on one port. Pings to pods are for other addresses."),
    ]  # fmt: skip
    return [*rows[:2], chance.choice(rows[2:])]
