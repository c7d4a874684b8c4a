"""The three rules of the Kubernetes network model, as tests of a cluster: who reaches whom, and under which addresses.

Every pod reaches every other without translation, nodes reach pods alike, and a pod's address is the same from inside and from
outside (https://kubernetes.io/docs/concepts/services-networking/).
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from ..linux.address import Address, family
from ..linux.kernel import ask
from ..linux.packet import ping
from ..linux.tables import Netns
from ..linux.verdict import arrival, verdict
from .cluster import Cluster

RULES = {
    1: "everybody reaches every pod",
    2: "nobody's address is translated on the way",
    3: "a pod sees itself under the address that others use",
}


class Reached(Struct, frozen=True):
    """One ping from a pod or node to a pod: what came of it, and the addresses at both ends.

    `dialled` is whom the sender asked for, `sent_from` the source that it put in the packet. `seen_from` and `received_as` are the
    source and the destination as they arrived, empty where nothing did.
    """

    verdict: str
    dialled: Address
    sent_from: Address
    seen_from: Address = ""
    received_as: Address = ""

    @property
    def broken(self) -> tuple[int, ...]:
        """The numbers of the rules that this ping breaks."""
        if self.verdict != "delivered":
            return (1,)
        checks = {2: self.seen_from == self.sent_from, 3: self.received_as == self.dialled}
        return tuple(rule for rule, holds in checks.items() if not holds)


def connectivity(
    cluster: Cluster, world: Mapping[str, Netns] | None = None, of: int = 4
) -> dict[tuple[str, str], Reached]:
    """A ping from every pod and every node to every pod, each in a world whose kernels have just started.

    Senders are named `pod/default/client` or `node/node-1`. Another world may stand in for the cluster's own, such as a broken one.
    """
    world = cluster.world() if world is None else world
    pods = {
        f"pod/{ns}/{name}": next(ip for ip in cluster.placed.addresses(pod) if family(ip).number == of)
        for (ns, name), pod in cluster.placed.pods.items()
        if not pod.spec.host_network
    }
    senders = {**{who: who for who in pods}, **{f"node/{name}": name for name in cluster.machines}}
    return {
        (who, to): reached(world, at, address)
        for who, at in senders.items()
        for to, address in pods.items()
        if who != to
    }


def reached(world: Mapping[str, Netns], at: str, to: Address) -> Reached:
    """One ping, and the addresses at both of its ends."""
    trace = ask(world, ping(family(to).any, to), at)
    first, said = trace.steps[0].skb.packet.flow, verdict(trace)
    if said.name != "delivered":
        return Reached(said.name, to, first.src)
    arrived = trace.steps[arrival(trace)].skb.packet.flow
    return Reached(said.name, to, first.src, arrived.src, arrived.dst)


def broken_rules(found: Mapping[tuple[str, str], Reached]) -> dict[int, list[tuple[str, str]]]:
    """For each of RULES the pairs that break it."""
    return {rule: [pair for pair, ping_ in found.items() if rule in ping_.broken] for rule in RULES}
