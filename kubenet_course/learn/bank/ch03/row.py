"""Chapter 03, the network model: which rule of iptables breaks it."""

from __future__ import annotations

from random import Random

from ....kube.model.cluster import Cluster
from ....kube.questions.connectivity import broken_rules, connectivity
from ....views.matrices.matrices import why
from ....views.matrices.matrix import matrix
from ...questions.kinds_lists import Choose, Statement
from ...questions.turn import turn
from ...worlds.broken import IPTABLES, ruled
from .. import defined
from .worlds import NOTICED, PODS, STRANGERS, drawn, sick


@defined("03-row", "Which rule of iptables is to blame?")
def row(chance: Random) -> Choose:
    fault = turn(chance, ("dropped", "masqueraded", "received", "disguised"), 323)
    cluster, of = drawn(chance)
    ill = sick(cluster, fault, chance, of)
    world, others = ill.world, _harmless(cluster, chance, of)
    statements = [Statement(f"{ill.node}, {ill.row.replace(': ', ': `', 1)}`", True)]
    for where, name, line, belief, said in others:
        alone = connectivity(cluster, ruled(cluster.world(), where, name, f"-I {line}", of), of)
        assert not any(broken_rules(alone).values()), (
            line
        )  # one that breaks the network model must not be called harmless
        world = ruled(world, where, name, f"-I {line}", of)
        shown = matrix(alone, caption=f"With this rule alone on {where}, the cluster keeps all three rules")
        statements.append(Statement(f"{where}, {name}: `-A {line}`", False, belief, said, shown))
    found = connectivity(cluster, world, of)
    bad = next(pair for pair, ping in found.items() if ping.broken)
    return Choose(
        asks=f"{NOTICED[fault]} Somebody added four rules by hand with `{IPTABLES[of]}`. Three of them are harmless. "
        f"Which one breaks the "
        "network model?",
        look=matrix(found),
        statements=tuple(statements),
        because="It is the only one of the four that matches packets between pods.",
        evidence=why(bad, found[bad]),
        hints=(
            (
                "What is wrong in the matrix, and between whom? A packet that is lost was dropped by a rule. A foreign "
                "source was put in by one."
            ),
            (
                "Which of these rules can a packet from pod to pod meet? A node carries it through FORWARD and "
                "POSTROUTING, and not through INPUT."
            ),
            "Then read the addresses: which rule matches a pod as the destination and another pod as the source?",
        ),
    )


def _harmless(cluster: Cluster, chance: Random, of: int) -> list[tuple[str, str, str, int, str]]:
    """Three rules that packets between pods never meet, each on some node: node, table, line, belief, why it is harmless."""
    one, two, three = (chance.choice(list(cluster.machines)) for _ in range(3))
    block = {name: cluster.machines[name].blocks[of] for name in cluster.machines}
    far = chance.choice([name for name in block if name != two])
    stranger = STRANGERS[of]
    port, proto = chance.choice((8443, 9100, 2222)), chance.choice(("tcp", "udp"))
    rows = [
        (one, "nat", f"POSTROUTING -s {block[one]} ! -d {PODS[of]} -j MASQUERADE", 22,
         "It masquerades only packets to addresses that are no pods': `! -d` leaves out the range of the pods."),
        (two, "filter", f"INPUT -s {block[far]} -j DROP", 60,
         "INPUT sees packets for the node itself. Packets that the node carries to its pods pass FORWARD."),
        (three, "filter", f"FORWARD -s {stranger} -d {block[three]} -j DROP", 0,
         "It matches senders outside of the cluster only. They are neither pods nor nodes."),
        (three, "nat", (f"PREROUTING -d {cluster.machines[three].ips[of]} -p {proto} --dport {port} -j REDIRECT "
        f"--to-ports 80"), 0,
         "It matches packets to the node's own address, on one port. Pings to pods have other destinations."),
    ]  # fmt: skip
    return [*rows[:2], chance.choice(rows[2:])]
