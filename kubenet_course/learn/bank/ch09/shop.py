"""The small clusters that chapter 09 asks about: a Service `web` on two nodes, with addresses and ports drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from msgspec import Struct

from ....kube.model.cluster import Cluster
from ....kube.questions.ask import asker, question
from ....linux.namespace.choices import Choices, Seeded, every
from ....linux.namespace.memory import Memory
from ....linux.namespace.netns import Netns
from ....linux.namespace.trace import Step, Trace
from ....linux.netfilter.rules import Chain, rule_text
from ....linux.verdicts import verdict
from ....linux.walk import ask
from ...worlds.service_cluster import service_cluster

World = Mapping[str, Netns]
STRANGER = "host/203.0.113.5"
CLIENT = "pod/default/client"
SERVICE = "service/default/web"


def turn(chance: Random, kinds: Sequence[str], skip: int) -> str:
    """One of an exercise's questions. So many numbers are skipped that its first variants all ask something else."""
    for _ in range(skip):
        chance.random()
    return kinds[int(chance.random() * len(kinds))]


class Shop(Struct, frozen=True):
    """A cluster with the Service `web`: `client` is on the node `here`, the other node is `there`."""

    cluster: Cluster
    world: World
    here: str
    there: str
    address: str  # of the Service
    port: int
    target: int
    node_port: int
    sport: int

    @property
    def node_ip(self) -> str:
        return self.cluster.machines[self.here].ips[4]

    @property
    def gateway(self) -> str:
        return self.cluster.machines[self.here].gateway(4)

    def ip(self, pod: str) -> str:
        return self.cluster.placed.addresses(self.cluster.pod("default", pod))[0]

    def asked(
        self,
        who: str = CLIENT,
        where: str = "",
        world: World | None = None,
        memory: Memory | None = None,
        choices: Choices | None = None,
        sport: int = 0,
    ) -> Trace:
        """Somebody asks the Service, or another destination, and waits for the answer."""
        packet = question(self.cluster, where or f"{SERVICE}:{self.port}", sport or self.sport)
        return ask(world or self.world, packet, asker(self.cluster.world(), who), memory, choices or Seeded())

    @property
    def outside(self) -> str:
        """Where a stranger asks: the NodePort of the client's node."""
        return f"{self.node_ip}:{self.node_port}"

    def met(self, who: str = CLIENT, where: str = "", world: World | None = None) -> dict[str, float]:
        """Which pod takes a new connection, with its chance; where none does, the verdict."""
        found: dict[str, float] = {}
        for share, trace in every(lambda choices: self.asked(who, where, world, Memory(), choices)):
            said = verdict(trace)
            name = said.delivered_to.rpartition("/")[2] or said.name
            found[name] = found.get(name, 0.0) + share
        return found

    def chain(self, begins: str, of: str = "nat", leads: str = "") -> Chain:
        """The chain of the client's node whose name begins so; with `leads` the one with a rule that says it."""
        chains = self.world[self.here].ruleset(4).tables[of].chains
        return next(one for name, one in chains.items() if name.startswith(begins) and _says(one, leads))


def _says(chain: Chain, word: str) -> bool:
    return any(word in rule_text(chain.name, rule) for rule in chain.rules)


def shop(chance: Random, endpoints: int = 2, homes: str = "spread", policy: str = "Cluster", affinity: int = 0) -> Shop:
    """`homes` is "spread", "here" (all pods on the client's node) or "there" (all on the other)."""
    one, other = chance.sample(range(1, 8), 2)
    where = {"spread": (one, other, other, one, other), "here": (one,) * 5, "there": (other,) * 5}[homes]
    port, target = chance.choice((80, 443, 5432, 6379)), chance.choice((8080, 8443, 9090, 3000))
    node_port, address = chance.randrange(30001, 32767), f"10.96.{chance.randrange(1, 255)}.{chance.randrange(1, 255)}"
    cluster = service_cluster(
        endpoints,
        affinity,
        policy,
        where,
        node_port=node_port,
        port=port,
        target=target,
        address=address,
        nodes=(one, other),
    )
    world = cluster.world((STRANGER.partition("/")[2],))
    return Shop(
        cluster, world, f"node-{one}", f"node-{other}", address, port, target, node_port, chance.randrange(32768, 61000)
    )


def answered(trace: Trace) -> bool:
    """Whether the asker has an answer that it accepts."""
    asked = trace.steps[0].skb.packet.flow
    taken = [step.skb.packet for step in trace.steps[1:] if _is_taken(step, trace.steps[0].namespace)]
    return any(packet.flow.dport == asked.sport and packet.flow.src == asked.dst for packet in taken)


def _is_taken(step: Step, by: str) -> bool:
    return (step.namespace, step.stage, step.end) == (by, "local_deliver", "local")
