"""The clusters that chapter 03 asks about, and how they are shown: small, drawn, and complete as the controllers make them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any

from msgspec import Struct

from ....kube.model.cluster import Cluster
from ....kube.questions.connectivity import Pair, Reached
from ....linux.namespace.netns import Netns
from ....linux.netfilter.rules import rule_text
from ....linux.packet.address import family, prefix
from ....views.matrices.matrix import labels
from ....views.tables.table import Table, table
from ...worlds.broken import IPTABLES, Sick, broken, ruled
from ...worlds.clusters import Item, built, node, pod, service

NAMES = ("client", "web", "db", "cache", "queue", "mail")
PORT = 8080
PODS = {4: "10.244.0.0/16", 6: "fd00:10:244::/56"}
STRANGERS = {4: "203.0.113.0/24", 6: "2001:db8::/32"}


def made(
    pods: Mapping[int, Sequence[str]],
    of: int = 4,
    backend: str = "host-gw",
    host: Iterable[str] = (),
    port: int = 0,
    behind: str = "web",
) -> Cluster:
    """A cluster of one family: pods by node number, those in `host` on their node's network.

    With `port` there is a Service of that NodePort; it bears the name of the one pod `behind` it.
    """
    items: list[Item] = []
    for number, names in pods.items():
        items.append(node(number, of, backend))
        items += [pod(one, number, one, 0 if one in host else PORT, on_host=one in host) for one in names]
    if port:
        ports = [{"port": 80, "targetPort": PORT, "nodePort": port}]
        items.append(service(behind, type="NodePort", selector={"app": behind}, ports=ports))
    return built(items)


def drawn(chance: Random, families: Sequence[int] = (4,)) -> tuple[Cluster, int]:
    """Three nodes with one or two pods each, a Service, host routes or tunnels between nodes; and the family.

    It is IPv4, as this chapter has not taught IPv6.
    """
    of = chance.choice(families)
    nodes = sorted(chance.sample(range(1, 7), 3))
    names = chance.sample(NAMES, 4)
    homes = [*nodes, chance.choice(nodes)]
    pods = {node: [name for name, home in zip(names, homes, strict=True) if home == node] for node in nodes}
    return made(pods, of, chance.choice(("host-gw", "vxlan")), port=30080, behind=names[0]), of


def received(cluster: Cluster, chance: Random, of: int) -> Sick:
    """A firewall on one node drops what is for one of its pods, whoever sent it."""
    pod = chance.choice([pod for pod in cluster.placed.pods.values() if not pod.spec.host_network])
    node, _name = pod.spec.node_name, pod.metadata.name
    address = next(ip for ip in cluster.placed.addresses(pod) if family(ip).number == of)
    text = f"FORWARD -d {prefix(address)} -j DROP"
    mends = f"ip netns exec {node} {IPTABLES[of]} -t filter -D {text}"
    return Sick(1, node, f"filter: -A {text}", mends, ruled(cluster.world(), node, "filter", f"-I {text}", of))


def sick(cluster: Cluster, fault: str, chance: Random, of: int) -> Sick:
    """A fault of `FAULTS`, or "received"."""
    return received(cluster, chance, of) if fault == "received" else broken(cluster, fault, chance, of)


# What people notice of each fault, and what the three rules say of it.
NOTICED = {
    "dropped": "Some pods do not reach some others, although all of them are Running.",
    "received": "One pod gets no packets from other pods, although it is Running.",
    "unrouted": "Pods of one node do not reach the pods of one other node.",
    "masqueraded": "Every ping is answered, but servers on other nodes write a node's address into their logs.",
    "disguised": "Every ping is answered, but the servers of one node write their own node's address into their logs, "
    "whoever asks.",
    "renamed": "Every ping is answered, but a pod gives an address that nobody knows when it introduces itself.",
}


class Looks(Struct, frozen=True):
    """Several things to look at, one below the other."""

    parts: tuple[Any, ...]

    def __str__(self) -> str:
        return "\n\n".join(map(str, self.parts))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return "".join(part._repr_html_() for part in self.parts)


def rows_of(world: Mapping[str, Netns], nodes: Iterable[str], name: str, chain: str, of: int) -> Table:
    """The rules of one chain, as `iptables -t TABLE -S CHAIN` prints them in order; those that stand on all nodes alike once."""
    on: dict[str, list[str]] = {}
    chains = {at: world[at].ruleset(of).tables[name].chains[chain] for at in nodes}
    for at, one in chains.items():
        for rule in one.rules:
            on.setdefault(rule_text(chain, rule), []).append(at)
    order = sorted(on.items(), key=lambda row: len(row[1]) == len(chains))
    lines = [("every node" if len(nodes) == len(chains) else ", ".join(nodes), line) for line, nodes in order]
    command = f"{'iptables' if of == 4 else 'ip6tables'} -t {name} -S {chain}"
    return table(f"{command}; rules of a single node stand before the others", ("node", "rule"), lines, code=(1,))


def proof(found: Mapping[Pair, Reached], rule: int) -> Table:
    """What one of the rules says of a cluster: the pings that break it, or, where none does, some that keep it."""
    pairs = [pair for pair in found if rule in found[pair].broken] or list(found)
    count = sum(rule in ping.broken for ping in found.values())
    names = labels(end for pair in found for end in pair)
    chosen = sorted(pairs, key=lambda pair: pair[0].startswith("node/"))[:4]
    lines = [(f"{names[who]} to {names[to]}", *_ends(found[who, to])) for who, to in chosen]
    said = (
        f"Rule {rule}: {count} of {len(found)} pings break it"
        if count
        else f"Rule {rule}: all {len(found)} pings keep it"
    )
    heads = ("ping", "sent from", "seen from", "asked for", "arrived as")
    return table(f"{said}; {len(lines)} of them", heads, lines, code=(1, 2, 3, 4))


def _ends(ping: Reached) -> tuple[str, ...]:
    return ping.sent_from, ping.seen_from or ping.verdict, ping.dialled, ping.received_as or "nowhere"
