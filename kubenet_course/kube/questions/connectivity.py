"""The three rules of the Kubernetes network model, as tests of a cluster: who reaches whom, and under which addresses.

The rules are those of Kubernetes' design (design-proposals-archive, network/networking.md, "IP-per-pod"). Today's words ask
of a node only that it reaches its own pods (https://kubernetes.io/docs/concepts/services-networking/).
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from ...linux.namespace.fib import LINK_LOCAL
from ...linux.namespace.netns import Netns
from ...linux.namespace.trace import Step, Trace
from ...linux.packet.address import Address, family
from ...linux.packet.packet import Packet, ping
from ...linux.verdicts import arrival, verdict
from ...linux.walk import ask
from ..model.cluster import Cluster

RULES = {
    1: "everybody reaches every pod",
    2: "the receiver sees the address that the sender sent from",
    3: "a pod knows itself by the address that others use",
}
Pair = tuple[str, str]  # who sends, who is asked: `pod/default/client` or `node/node-1`


class Reached(Struct, frozen=True):
    """One ping from a pod or node to a pod: what came of it, and the addresses at both ends.

    `known_as` is every address by which the cluster knows the sender: one of a pod, several of a node. `dialled` is whom the
    sender asked for, `sent_from` the source that it put in the packet. `seen_from` and `received_as` are the source and
    the destination as they arrived, empty where nothing did.
    """

    verdict: str
    known_as: tuple[Address, ...]
    dialled: Address
    sent_from: Address
    seen_from: Address
    received_as: Address
    trace: Trace

    @property
    def broken(self) -> tuple[int, ...]:
        """The numbers of the rules that this ping breaks."""
        if self.verdict != "delivered":
            return (1,)
        is_known = self.sent_from in self.known_as and self.received_as == self.dialled
        checks = {2: self.seen_from == self.sent_from, 3: is_known}
        return tuple(rule for rule, holds in checks.items() if not holds)

    @property
    def way(self) -> tuple[Step, ...]:
        """The steps at which something was looked up for this ping, or became of it, until it arrived or was lost."""
        asked, end = self.trace.steps[0].skb.packet.flow, arrival(self.trace)
        found, before = [], asked
        for step in self.trace.steps[: end + 1 or None]:
            packet = step.skb.packet
            if isinstance(packet, Packet) and (packet.flow.proto, packet.flow.dport) == (asked.proto, asked.dport):
                if step.stage in ROUTED or step.end or packet.flow != before:
                    found.append(step)
                before = packet.flow
        return tuple(found)

    @property
    def guilty(self) -> int:
        """Which step of the way broke the rule: where it was lost, translated, or sent under a foreign name; -1 for none."""
        if not self.broken:
            return -1
        if self.broken == (1,):
            return len(self.way) - 1
        flows = [step.skb.packet.flow for step in self.way]
        return next((at for at, flow in enumerate(flows) if (flow.src, flow.dst) != (self.sent_from, self.dialled)), 0)

    def __str__(self) -> str:
        sent = f"sent from {self.sent_from} to {self.dialled}"
        if self.verdict != "delivered":
            return f"{sent}; {self.verdict}"
        return f"{sent}; arrived from {self.seen_from} to {self.received_as}"

    __repr__ = __str__


ROUTED = ("route_output", "route_input")


def connectivity(cluster: Cluster, world: Mapping[str, Netns] | None = None, of: int = 4) -> dict[Pair, Reached]:
    """A ping from every pod and every node to every pod, each in a world whose kernels have just started.

    Another world may stand in for the cluster's own, such as a broken one; the addresses that all are known by stay the cluster's.
    Pods on the host's network have no address of their own: their nodes stand for them.
    """
    healthy = cluster.world()
    world = healthy if world is None else world
    pods = {
        f"pod/{ns}/{name}": next(ip for ip in cluster.placed.addresses(pod) if family(ip).number == of)
        for (ns, name), pod in cluster.placed.pods.items()
        if not pod.spec.host_network
    }
    senders: dict[str, tuple[str, tuple[Address, ...]]] = {who: (who, (ip,)) for who, ip in pods.items()}
    senders |= {f"node/{name}": (name, addresses(healthy[name], of)) for name in cluster.machines}
    return {
        (who, to): reached(world, at, address, known)
        for who, (at, known) in senders.items()
        for to, address in pods.items()
        if who != to
    }


def addresses(ns: Netns, of: int) -> tuple[Address, ...]:
    """All addresses of a machine in one family, without those of loopback and of single links."""
    own = [one.address for device in ns.devices.values() if device.kind != "lo" for one in device.addresses]
    return tuple(ip for ip in own if family(ip).number == of and ip not in LINK_LOCAL)


def reached(world: Mapping[str, Netns], at: str, to: Address, known_as: tuple[Address, ...] = ()) -> Reached:
    """One ping from a namespace, and the addresses at both of its ends."""
    trace = ask(world, ping(family(to).any, to), at)
    first, said = trace.steps[0].skb.packet.flow, verdict(trace)
    flow = trace.steps[arrival(trace)].skb.packet.flow if said.name == "delivered" else None
    seen, received = (flow.src, flow.dst) if flow else ("", "")
    return Reached(said.name, known_as or (first.src,), to, first.src, seen, received, trace)


def broken_rules(found: Mapping[Pair, Reached]) -> dict[int, list[Pair]]:
    """For each of RULES the pairs that break it."""
    return {rule: [pair for pair, ping_ in found.items() if rule in ping_.broken] for rule in RULES}
