"""A line of the table of ways in (kube/outside/ways) on the real kernel: the stranger and the balancer are namespaces too.

In nftables mode kube-proxy's table is loaded with the real nft, after the other rules of the node, as in the model.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from ..kube.model.cluster import Cluster
from ..kube.outside.ways import Case, sender_and_target, world_for
from ..kube.proxy.nftables.rules import nftables_rules
from ..kube.proxy.nftables.settings import service_ranges
from ..kube.questions.ask import asker, question
from ..linux.namespace.netns import Netns
from ..linux.netfilter.nft.write import write
from ..linux.netfilter.rules import Ruleset
from ..linux.packet.address import FAMILIES, family
from ..shell.command import Command
from .comparison import Comparison, compare
from .real.run import run
from .scenario.capture import Capture
from .scenario.of_cluster import plain, renamed
from .scenario.packets import Sending
from .scenario.scenario import Scenario

REDIRECT = 137  # RFC 4861 section 4.5
IPTABLES = ("raw", "mangle", "nat", "filter")


def scenario_of(case: Case) -> Scenario:
    """The namespaces of a line and its one packet, as the model has them."""
    world, (who, to) = world_for(case), sender_and_target(case)
    at, packet = asker(world, who), question(world.cluster, to)
    ns = world[at]
    source = ns.fib.source(ns.fib.lookup(packet.flow.dst), packet.flow.dst) or family(packet.flow.dst).any
    packet = replace(packet, flow=replace(packet.flow, src=source))
    name = f"{case.mode}, policy {case.policy}, {case.way}, {case.place}, IPv{case.family}"
    return Scenario(name, "", renamed(world), (Sending(plain(at), packet),))


def beside_the_kernel(case: Case) -> Comparison:
    """The line in the model and on this machine's kernel, frame by frame."""
    modelled = scenario_of(case)
    if case.mode != "nftables":
        return compare(modelled, _without_redirects(run(modelled)))
    bare = replace(modelled, world={name: _without_nft(ns) for name, ns in modelled.world.items()})
    heard = run(bare, more=tuple(_nft(world_for(case).cluster)))
    return compare(modelled, _without_redirects(heard))


def _without_redirects(heard: Capture) -> Capture:
    """ICMPv6 redirects, which cannot be switched off: a node sends a pod one where an answer leads to a neighbour (DEV-50)."""
    kept = tuple(row for row in heard.frames if not _is_redirect(bytes.fromhex(row.hex)))
    return replace(heard, frames=kept)


def _is_redirect(frame: bytes) -> bool:
    return frame[12:14] == b"\x86\xdd" and frame[20] == 58 and frame[54] == REDIRECT


def _without_nft(ns: Netns) -> Netns:
    rules = {
        of: Ruleset({name: table for name, table in one.tables.items() if name in IPTABLES})
        for of, one in ns.rules.items()
    }
    return replace(ns, rules=rules)


def _nft(cluster: Cluster) -> Iterator[Command]:
    """What loads kube-proxy's tables on every node."""
    free = service_ranges(cluster.ranges)
    for name in cluster.machines:
        for of in FAMILIES:
            text = write(nftables_rules(cluster.watched[of], cluster.facts(name), cluster.proxy, free))
            yield Command(("ip", "netns", "exec", plain(name), "nft", "-f", "-"), text, f"{name}: kube-proxy's table.")
