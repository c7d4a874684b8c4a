"""Clusters that look healthy and break exactly one rule of the network model: for finding out which, where, and by which row.

Every node is Ready and every pod runs; one row of one table is wrong. Which node and which pod it hits is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from ...errors import BadInput
from ...kube.api.objects import Pod
from ...kube.model.cluster import Cluster
from ...kube.model.pod_plan import of_family
from ...kube.questions.connectivity import RULES
from ...linux.namespace.device import IfAddr
from ...linux.namespace.netns import NeighbourEntry, Netns
from ...linux.netfilter.iptables.save import with_rule
from ...linux.packet.address import Address, Prefix, prefix, spelled

World = Mapping[str, Netns]
HIDDEN = 200  # the number in its block by which a pod of the third kind calls itself, if nobody else has it
IPTABLES = {4: "iptables", 6: "ip6tables"}


class Sick(Struct, frozen=True):
    """A cluster with one thing wrong: the rule that it breaks, the node at which it does, the row to blame, what mends it.

    `row` reads as the command that shows it would print it; `mends` is a command, empty where one line is not enough.
    """

    rule: int
    node: str
    row: str
    mends: str
    world: World


def _apart(cluster: Cluster, chance: Random, of: int) -> tuple[str, str, Prefix, Prefix]:
    """Two nodes that have pods, in an order of chance, and their blocks."""
    homes = [name for name, pods in cluster.placed.on.items() if any(not pod.spec.host_network for pod in pods)]
    if len(homes) < 2:
        raise BadInput("cluster", "its pods are all on one node", "give it two nodes with pods")
    one, two = chance.sample(homes, 2)
    return one, two, cluster.machines[one].blocks[of], cluster.machines[two].blocks[of]


def ruled(world: World, node: str, table: str, line: str, of: int = 4) -> dict[str, Netns]:
    """The same world with one more rule on a node: `-I CHAIN ...` before the others, `-A CHAIN ...` behind them."""
    ns = world[node]
    return {**world, node: replace(ns, rules={**ns.rules, of: with_rule(ns.ruleset(of), table, line)})}


def _by_rule(cluster: Cluster, rule: int, node: str, table: str, text: str, of: int) -> Sick:
    mends = f"ip netns exec {node} {IPTABLES[of]} -t {table} -D {text}"
    return Sick(rule, node, f"{table}: -A {text}", mends, ruled(cluster.world(), node, table, f"-I {text}", of))


def dropped(cluster: Cluster, chance: Random, of: int) -> Sick:
    """A firewall on one node drops what its pods send to another node's pods."""
    node, _, own, other = _apart(cluster, chance, of)
    return _by_rule(cluster, 1, node, "filter", f"FORWARD -s {own} -d {other} -j DROP", of)


def unrouted(cluster: Cluster, chance: Random, of: int) -> Sick:
    """One node has lost its route to another node's pods, and sends them where it sends strangers."""
    node, _, _, block = _apart(cluster, chance, of)
    world = cluster.world()
    lost = next(row for row in world[node].routes if row.prefix == block)
    left = tuple(row for row in world[node].routes if row is not lost)
    mends = f"ip -n {node} route add {lost}{' onlink' * lost.onlink}"
    return Sick(1, node, f"a route to {block} is missing", mends, {**world, node: replace(world[node], routes=left)})


def masqueraded(cluster: Cluster, chance: Random, of: int) -> Sick:
    """A node hides its pods from everybody, pods of other nodes too: somebody left out the exception for pods."""
    node, _, own, _ = _apart(cluster, chance, of)
    return _by_rule(cluster, 2, node, "nat", f"POSTROUTING -s {own} ! -d {own} -j MASQUERADE", of)


def disguised(cluster: Cluster, chance: Random, of: int) -> Sick:
    """A node puts its own bridge's address on whatever it brings to its pods."""
    node, _, own, _ = _apart(cluster, chance, of)
    return _by_rule(cluster, 2, node, "nat", f"POSTROUTING ! -s {own} -d {own} -j MASQUERADE", of)


def _some_pod(cluster: Cluster, chance: Random, of: int) -> tuple[Pod, Address, Address]:
    """A pod, its address, and one of its block that nobody has."""
    _apart(cluster, chance, of)
    own = [pod for pod in cluster.placed.pods.values() if not pod.spec.host_network]
    pod = chance.choice(own)
    block = cluster.machines[pod.spec.node_name].blocks[of]
    taken = {of_family(cluster.placed.addresses(one), of) for one in own}
    most = min(HIDDEN, (1 << block.family.bits - block.length) - 2)
    free = (spelled(block.network + number, block.family) for number in range(most, 1, -1))
    return pod, of_family(cluster.placed.addresses(pod), of), next(ip for ip in free if ip not in taken)


def _called(world: World, where: str, *names: Address) -> dict[str, Netns]:
    """The pod's eth0 with other addresses of the family; the first is the one by which it knows itself."""
    eth0 = world[where].devices["eth0"]
    of = prefix(names[0]).family
    length = next(own.length for own in eth0.addresses if prefix(own.address).family is of)
    others = tuple(own for own in eth0.addresses if prefix(own.address).family is not of)
    changed = replace(eth0, addresses=(*(IfAddr(name, length) for name in names), *others))
    return {**world, where: replace(world[where], devices={**world[where].devices, "eth0": changed})}


def renamed(cluster: Cluster, chance: Random, of: int) -> Sick:
    """A pod has an address of its own invention, and its node translates from the published one, as for a published port.

    Nobody on the bridge would answer for the published address, so its neighbours there were told whose MAC it means.
    """
    pod, public, hidden = _some_pod(cluster, chance, of)
    node, where = pod.spec.node_name, cluster.world().of_pod(pod)
    world: World = _called(cluster.world(), where, hidden)
    for chain in ("PREROUTING", "OUTPUT"):
        world = ruled(world, node, "nat", f"-I {chain} -d {prefix(public)} -j DNAT --to-destination {hidden}", of)
    told = NeighbourEntry(public, "eth0", world[where].devices["eth0"].mac)
    for mate in cluster.placed.on[node]:
        name = cluster.world().of_pod(mate)
        if name not in (where, node):
            world = {**world, name: replace(world[name], neighbours=(*world[name].neighbours, told))}
    return Sick(3, node, f"nat: -A PREROUTING -d {prefix(public)} -j DNAT --to-destination {hidden}", "", world)


def second_address(cluster: Cluster, chance: Random, of: int) -> Sick:
    """A pod has a second address before the published one, and signs with it whatever it sends.

    In IPv4 a device's oldest address comes first, in IPv6 its newest.
    """
    pod, public, other = _some_pod(cluster, chance, of)
    where, node = cluster.world().of_pod(pod), pod.spec.node_name
    length = cluster.machines[node].blocks[of].length
    mends = f"ip -n {where} addr del {other}/{length} dev eth0"
    row = f"{pod.metadata.name} eth0: {other}/{length} before {public}/{length}"
    as_added = (other, public) if of == 4 else (public, other)
    return Sick(3, node, row, mends, _called(cluster.world(), where, *as_added))


FAULTS: dict[str, Callable[[Cluster, Random, int], Sick]] = {
    fault.__name__.replace("_", "-"): fault
    for fault in (dropped, unrouted, masqueraded, disguised, renamed, second_address)
}
USUAL = {1: "dropped", 2: "masqueraded", 3: "renamed"}


def broken(cluster: Cluster, fault: int | str, seed: int | Random = 0, of: int = 4) -> Sick:
    """A cluster with one thing wrong: a fault by its name, or the usual one that breaks the rule of a number.

    Raises BadInput for a fault that there is not, and for a cluster whose pods are all on one node.
    """
    name = USUAL.get(fault, fault) if isinstance(fault, int) else fault
    if name not in FAULTS:
        known = f"write one of {', '.join(map(str, RULES))}, {', '.join(FAULTS)}"
        raise BadInput("fault", f"{fault!r} is none", known)
    if of not in cluster.families:
        raise BadInput("of", f"the cluster has no IPv{of}", f"write one of {', '.join(map(str, cluster.families))}")
    chance = seed if isinstance(seed, Random) else Random(f"{name}:{seed}")
    return FAULTS[str(name)](cluster, chance, of)
