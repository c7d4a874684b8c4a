"""Chapter 03: a cluster that breaks one rule, to be mended by a line of iptables, with nothing else opened."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from random import Random

from msgspec import Struct

from ....kube.api.objects import Service
from ....kube.model.cluster import Cluster
from ....kube.questions.ask import question
from ....kube.questions.connectivity import RULES, broken_rules, connectivity, reached
from ....linux.verdicts import verdict
from ....linux.walk import ask
from ....shell.lines import after as carried_out
from ....views.matrices.matrix import matrix
from ....views.tables.table import table
from ...questions.kinds import Finding, Slip
from ...questions.kinds_made import Repair, working
from ...questions.turn import turn
from ...worlds.broken import IPTABLES, Sick, World, ruled
from ...worlds.clusters import OUTSIDE
from .. import defined
from .worlds import NOTICED, PODS, STRANGERS, Looks, drawn, proof, rows_of, sick

NODE_PORT = "a host outside to the NodePort of "
CHANGED = {
    "to a host outside": "Now packets of pods leave the cluster with the pods' own addresses, and no answer finds its "
    "way back.",
    NODE_PORT: "Now a machine outside that asks a NodePort is seen under another address than kube-proxy puts in.",
    "to its own Service": "Now kube-proxy's masquerading is skipped too, and a pod that reaches itself through its "
    "Service needs it.",
}


class Ward(Struct, frozen=True):
    """A sick cluster with a guard that must stay, and what else happens in it while all is well."""

    cluster: Cluster
    of: int
    fault: str
    sick: Sick
    world: World
    others: Mapping[str, str]


def _others(cluster: Cluster, world: World, of: int) -> dict[str, str]:
    """What the rules do besides: pods leave the cluster, strangers come in by NodePorts, a pod asks its own Service."""
    found = {}
    for pod in cluster.placed.pods.values():
        ping = reached(world, cluster.world().of_pod(pod), OUTSIDE[of])
        found[f"{pod.metadata.name} to a host outside"] = (
            f"seen as {ping.seen_from}" if ping.seen_from else ping.verdict
        )
    service = next(one for one in cluster.services if one.spec.type == "NodePort")
    ways = {
        f"{NODE_PORT}{name}": (f"host/{OUTSIDE[of]}", _endpoint(machine.ips[of], service))
        for name, machine in cluster.machines.items()
    }
    name = service.metadata.name
    ways[f"{name} to its own Service"] = (f"pod/default/{name}", f"service/default/{name}:80")
    for label, (who, where) in ways.items():
        said = verdict(ask(world, question(cluster, where), who))
        found[label] = f"seen as {said.seen_from}" if said.seen_from else said.name
    return found


def _endpoint(ip: str, service: Service) -> str:
    return f"[{ip}]:{service.spec.ports[0].node_port}"


def _ward(chance: Random) -> Ward:
    """One fault. Where packets are dropped there is a second rule, which keeps the node's pods from strangers, and is wanted."""
    fault = turn(chance, ("masqueraded", "dropped", "disguised", "received"), 89)
    cluster, of = drawn(chance)
    ill = sick(cluster, fault, chance, of)
    world: World = ill.world
    healthy: World = cluster.world()
    if ill.rule == 1:
        guard = f"-I FORWARD -s {PODS[of]} -d {STRANGERS[of]} -j DROP"
        world, healthy = (ruled(one, ill.node, "filter", guard, of) for one in (world, healthy))
    return Ward(cluster, of, fault, ill, world, _others(cluster, healthy, of))


def _tests(ward: Ward, text: str) -> tuple[Finding, ...]:
    """All three rules hold again, and everything else is as it was before the fault."""
    after = carried_out(ward.world, text)
    found = connectivity(ward.cluster, after, ward.of)
    is_behind = any(" -A " in line for line in working(text))
    wrong = []
    for rule, pairs in broken_rules(found).items():
        if pairs:
            more = " Your rule stands behind the rule that decides." if is_behind else ""
            said = f"Rule {rule}, {RULES[rule]}, is still broken in {len(pairs)} ping{'s' * (len(pairs) > 1)}.{more}"
            wrong.append(Finding(False, said, 83 if is_behind else 0, proof(found, rule)))
    now = _others(ward.cluster, after, ward.of)
    changed = [label for label in now if now[label] != ward.others[label]]
    if changed:
        is_open = any("seen" not in ward.others[label] for label in changed)
        kind = next(kind for kind in CHANGED if kind in changed[0])
        said = "Now pods reach machines outside, which a rule of this node forbids." if is_open else CHANGED[kind]
        rows = [(label, ward.others[label], now[label]) for label in changed]
        shown = table("What else has changed", ("who asks whom", "should be", "is now"), rows, code=(1, 2))
        wrong.append(Finding(False, said, 84, shown))
    return tuple(wrong) or (Finding(True, ""),)


@defined("03-repair", "One line, and nothing more")
def repair(chance: Random) -> Repair:
    ward = _ward(chance)
    name, chain = ("filter", "FORWARD") if ward.sick.rule == 1 else ("nat", "POSTROUTING")
    found = connectivity(ward.cluster, ward.world, ward.of)
    rows = rows_of(ward.world, ward.cluster.machines, name, chain, ward.of)
    program = f"ip netns exec NODE {IPTABLES[ward.of]}{' -t nat' * (name == 'nat')}"
    guard = "One rule keeps pods from reaching machines outside. It must stay. " if ward.sick.rule == 1 else ""
    return Repair(
        asks=f"{NOTICED[ward.fault]} Below you see the matrix, and the rules in the chain {chain} of the table {name} "
        f"on every node. {guard}Write "
        f"the line that mends the cluster, `{program} ...`. Everything else must stay as it is, and is tested too.",
        look=Looks((matrix(found), rows)),
        starts=f"# {program} -D {chain} ...\n",
        tests=partial(_tests, ward),
        solution=ward.sick.mends,
        slips=_slips(ward, name, chain),
        because="The one wrong rule is gone, and every other rule still does its work.",
        evidence=matrix(connectivity(ward.cluster, carried_out(ward.world, ward.sick.mends), ward.of)),
        hints=(
            (
                "Which rules stand on one node only? The others were written by kube-proxy and flannel, which write the "
                "same on every node."
            ),
            "Compare the addresses in such a rule with the addresses of the pairs that fail.",
            (
                f"It is on {ward.sick.node}. To delete a rule, write `-D {chain}` and then what stands behind `-A "
                f"{chain}`."
            ),
        ),
    )


def _slips(ward: Ward, name: str, chain: str) -> tuple[Slip, ...]:
    """Lines that people write first: a rule behind the others, all rules away, everything accepted."""
    on = f"ip netns exec {ward.sick.node} {IPTABLES[ward.of]} -t {name}"
    pods = PODS[ward.of]
    slips = [Slip(f"{on} -I {chain} -d {pods} -j ACCEPT", 84)] if ward.sick.rule == 2 else []
    slips += [Slip(f"{on} -A {chain} -s {pods} -d {pods} -j ACCEPT", 83)]
    if ward.sick.rule == 2:
        slips.append(Slip(f"ip netns exec {ward.sick.node} {IPTABLES[ward.of]} -I FORWARD -s {pods} -j ACCEPT"))
    return (*slips, Slip(f"{on} -F {chain}", 84), Slip(f"{on} -I {chain} -j ACCEPT", 84))
