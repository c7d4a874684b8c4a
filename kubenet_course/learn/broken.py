"""Clusters that look healthy and break exactly one rule of the network model: for finding out which."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from ..errors import BadInput
from ..kube.cluster import Cluster
from ..linux.address import spelled
from ..linux.route import IfAddr
from ..linux.save import with_rule
from ..linux.tables import Netns

World = Mapping[str, Netns]
HIDDEN = 200  # the number in its block by which the pod of the third cluster calls itself


def dropped(cluster: Cluster) -> World:
    """A firewall on the first node drops what goes to the second node's pods."""
    one, two = list(cluster.machines)[:2]
    blocks = [next(iter(cluster.machines[name].blocks.values())) for name in (one, two)]
    return _ruled(cluster, one, "filter", f"-I FORWARD -s {blocks[0]} -d {blocks[1]} -j DROP")


def masqueraded(cluster: Cluster) -> World:
    """The first node hides its pods from the second node's: somebody left out the exception for pods."""
    one, two = list(cluster.machines)[:2]
    blocks = [next(iter(cluster.machines[name].blocks.values())) for name in (one, two)]
    return _ruled(cluster, one, "nat", f"-I POSTROUTING -s {blocks[0]} -d {blocks[1]} -j MASQUERADE")


def renamed(cluster: Cluster) -> World:
    """A pod on the second node has an address of its own invention, and its node translates for it."""
    two = list(cluster.machines)[1]
    pod = next(pod for pod in cluster.placed.pods.values() if pod.spec.node_name == two)
    public, world = cluster.placed.addresses(pod)[0], cluster.world()
    where, home = world.of_pod(pod), world[two]
    block = next(iter(cluster.machines[two].blocks.values()))
    hidden = spelled(block.network + HIDDEN, block.family)
    eth0 = replace(world[where].devices["eth0"], addresses=(IfAddr(hidden, block.length),))
    inside = replace(world[where], devices={**world[where].devices, "eth0": eth0})
    rules = home.ruleset(4)
    for chain in ("PREROUTING", "OUTPUT"):
        rules = with_rule(rules, "nat", f"-I {chain} -d {public}/32 -j DNAT --to-destination {hidden}")
    return {**world, where: inside, two: replace(home, rules={**home.rules, 4: rules})}


BROKEN: dict[int, Callable[[Cluster], World]] = {1: dropped, 2: masqueraded, 3: renamed}


def broken(cluster: Cluster, case: int) -> World:
    """The world of a cluster with one thing wrong; `case` is the number of the rule that it breaks."""
    if case not in BROKEN:
        raise BadInput("case", f"{case!r} is none", f"write one of {', '.join(map(str, BROKEN))}")
    return BROKEN[case](cluster)


def _ruled(cluster: Cluster, node: str, table: str, line: str) -> World:
    world = cluster.world()
    ns = world[node]
    return {**world, node: replace(ns, rules={**ns.rules, 4: with_rule(ns.ruleset(4), table, line)})}
