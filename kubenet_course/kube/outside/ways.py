"""All ways into a Service, asked in the model: who asks, by which way, where the pod is, under which policy, in which mode.

The table is computed, not written: a small cluster is made for each line, and one packet is sent in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import product

from msgspec import Struct

from ...linux.namespace.memory import Memory
from ...linux.namespace.trace import Trace
from ...linux.packet.packet import endpoint
from ...linux.stack.bridge import Fdb
from ...linux.stack.neighbour import Neighbours
from ...linux.verdicts import arrival, verdict, way_back
from ...linux.walk import ask
from ..manifest.collection import Objects
from ..manifest.read import read_text
from ..model.cluster import Cluster
from ..proxy.modes import FOLLOWED as MODES
from ..questions.ask import asker, question
from .world import Fronted, Kind

POLICIES = ("Cluster", "Local")
STRANGER = {4: "203.0.113.5", 6: "2001:db8::5"}
NODE = {4: "192.168.1.11", 6: "fd00:192:168:1::11"}  # node-1, which is the one that is asked
CLUSTER_IP = {4: "10.96.0.80", 6: "fd00:10:96::80"}
VIP = {4: "198.51.100.10", 6: "fd00:198:51:100::10"}
EXTERNAL_IP = {4: "198.51.100.20", 6: "fd00:198:51:100::20"}
NODE_PORT, PORT, HEALTH = 30080, 80, 32080


class Way(Struct, frozen=True):
    """A way in: who asks, at which address and port, and what stands in front."""

    name: str
    who: str  # stranger, pod, node
    to: str  # node port, balancer, externalIP, clusterIP
    kind: Kind = "announced"
    ip_mode: str = "VIP"


WAYS = (
    Way("NodePort", "stranger", "node port"),
    Way("balancer that passes on", "stranger", "balancer", "direct"),
    Way("balancer that proxies", "stranger", "balancer", "proxy", "Proxy"),
    Way("announced address", "stranger", "balancer", "announced"),
    Way("externalIP", "stranger", "externalIP"),
    Way("ClusterIP from outside", "stranger", "clusterIP"),
    Way("ClusterIP from a pod", "pod", "clusterIP"),
    Way("NodePort from a pod", "pod", "node port"),
    Way("balancer's address from a pod", "pod", "balancer", "direct"),
    Way("ipMode Proxy, from a pod", "pod", "balancer", "proxy", "Proxy"),
    Way("ClusterIP from the node", "node", "clusterIP"),
    Way("NodePort from the node", "node", "node port"),
    Way("balancer's address from the node", "node", "balancer", "direct"),
)
# Where the pods are: (on node-1, on node-2), each "" for none, "ready" or "leaving".
PLACES = {
    "here": ("ready", ""),
    "elsewhere": ("", "ready"),
    "nowhere": ("", ""),
    "leaving here, ready elsewhere": ("leaving", "ready"),
    "leaving here": ("leaving", ""),
}


class Case(Struct, frozen=True):
    """One line of the table before it is asked. `policy` is externalTrafficPolicy and internalTrafficPolicy alike."""

    mode: str
    policy: str
    way: str
    place: str
    family: int = 4


class Line(Struct, frozen=True):
    """What came of it: the verdict, where it was delivered, whom the pod saw, and who that is in a word. `answered`: whether the
    pod's answer came back to who asked; where it did not, that one waits in vain.
    """

    case: Case
    verdict: str
    pod: str = ""
    seen: str = ""
    seen_as: str = ""
    answered: bool = False

    @property
    def told(self) -> str:
        """What the one who asks notices."""
        return "answered" if self.answered else "timeout" if self.verdict == "delivered" else self.verdict


def cases(modes: Iterable[str] = MODES, families: Iterable[int] = (4, 6)) -> Iterator[Case]:
    """All combinations."""
    for mode, policy, way, place, of in product(modes, POLICIES, WAYS, PLACES, families):
        yield Case(mode, policy, way.name, place, of)


def manifests(policy: str, place: str, ip_mode: str) -> str:
    """The cluster of a line: two nodes, a client on each, the pods of the Service where they shall be."""
    here, there = PLACES[place]
    parts = [_node(1), _node(2), _pod("client", 1, ""), _pod("client-2", 2, "")]
    parts += [_pod("web-1", 1, here)] if here else []
    parts += [_pod("web-2", 2, there)] if there else []
    return "\n---\n".join([*parts, _service(policy, ip_mode), PROXY])


PROXY = """apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clusterCIDR: 10.244.0.0/16,fd00:10:244::/56"""


def _node(number: int) -> str:
    return f"""apiVersion: v1
kind: Node
metadata: {{name: node-{number}}}
spec: {{podCIDR: 10.244.{number}.0/24, podCIDRs: [10.244.{number}.0/24, "fd00:10:244:{number}::/64"]}}
status:
  addresses:
  - {{type: InternalIP, address: 192.168.1.1{number}}}
  - {{type: InternalIP, address: "fd00:192:168:1::1{number}"}}"""


def _pod(name: str, node: int, state: str) -> str:
    gone = ", deletionTimestamp: 2026-11-28T12:00:00Z" if state == "leaving" else ""
    labels = ", labels: {app: web}" if state else ""
    ports = ", ports: [{containerPort: 8080}]" if state else ""
    return f"""apiVersion: v1
kind: Pod
metadata: {{name: {name}{labels}{gone}}}
spec: {{nodeName: node-{node}, containers: [{{name: main{ports}}}]}}"""


def _service(policy: str, ip_mode: str) -> str:
    health = f"\n  healthCheckNodePort: {HEALTH}" if policy == "Local" else ""
    ingress = "".join(f'\n    - {{ip: "{ip}", ipMode: {ip_mode}}}' for ip in VIP.values())
    return f"""apiVersion: v1
kind: Service
metadata: {{name: web}}
spec:
  type: LoadBalancer
  selector: {{app: web}}
  clusterIPs: ["{CLUSTER_IP[4]}", "{CLUSTER_IP[6]}"]
  ipFamilyPolicy: RequireDualStack
  ipFamilies: [IPv4, IPv6]
  externalTrafficPolicy: {policy}
  internalTrafficPolicy: {policy}
  externalIPs: ["{EXTERNAL_IP[4]}", "{EXTERNAL_IP[6]}"]
  ports: [{{port: {PORT}, targetPort: 8080, nodePort: {NODE_PORT}}}]{health}
status:
  loadBalancer:
    ingress:{ingress}"""


@cache
def objects_of(policy: str, place: str, ip_mode: str) -> Objects:
    return read_text(manifests(policy, place, ip_mode))


@cache
def cluster_of(mode: str, policy: str, place: str, ip_mode: str) -> Cluster:
    return Cluster(objects_of(policy, place, ip_mode), mode)


@cache
def world_of(mode: str, policy: str, place: str, ip_mode: str, kind: Kind) -> Fronted:
    return Fronted(cluster_of(mode, policy, place, ip_mode), kind)


def way_of(case: Case) -> Way:
    return next(way for way in WAYS if way.name == case.way)


def world_for(case: Case) -> Fronted:
    """The kernels of a line. Lines that differ in who asks share them: nothing in them changes."""
    way = way_of(case)
    return world_of(case.mode, case.policy, case.place, way.ip_mode, way.kind)


def sender_and_target(case: Case) -> tuple[str, str]:
    """Who asks and where, in the words of `kubenet trace`."""
    way, of = way_of(case), case.family
    who = {"stranger": f"host/{STRANGER[of]}", "pod": "pod/default/client", "node": "node/node-1"}[way.who]
    to = {
        "node port": endpoint(NODE[of], NODE_PORT), "balancer": endpoint(VIP[of], PORT),
        "externalIP": endpoint(EXTERNAL_IP[of], PORT), "clusterIP": endpoint(CLUSTER_IP[of], PORT),
    }[way.to]  # fmt: skip
    return who, to


def trace_of(case: Case, heard: Memory | None = None) -> Trace:
    """One packet on its way, and what comes back."""
    world, (who, to) = world_for(case), sender_and_target(case)
    memory = _acquainted(heard) if heard is not None else Memory()
    trace = ask(world, question(world.cluster, to), asker(world, who), memory)
    if heard is not None:
        for name, held in memory.namespaces.items():
            for part in (Neighbours, Fdb):
                heard.of(name).setdefault(part, held[part])
    return trace


def _acquainted(heard: Memory) -> Memory:
    """Kernels that know no connection, but the MAC addresses that were asked for before."""
    memory = Memory()
    for name, held in heard.namespaces.items():
        memory.of(name)[Neighbours] = Neighbours(rows=held[Neighbours].rows)
        memory.of(name)[Fdb] = held[Fdb]
    return memory


def way_in(case: Case, heard: Memory | None = None) -> Line:
    """One line of the table."""
    trace = trace_of(case, heard)
    said = verdict(trace)
    if said.name != "delivered":
        return Line(case, said.name)
    at, back = trace.steps[arrival(trace)], way_back(trace)
    answered = bool(back.steps) and verdict(back).name == "delivered"
    whom = seen_as(world_for(case), case, said.seen_from)
    return Line(case, said.name, at.namespace, said.seen_from, whom, answered)


def seen_as(world: Fronted, case: Case, ip: str) -> str:
    """Whose address that is: the client's own, a node's, the balancer's."""
    if ip in (STRANGER[case.family], *world.cluster.placed.addresses(world.cluster.pod("default", "client"))):
        return "the client"
    if ip in world.ips.values():
        return "the balancer"
    for name, machine in world.cluster.machines.items():
        if ip in machine.ips.values():
            return name
        if any(ip == machine.gateway(of) for of in machine.blocks):
            return f"{name}'s bridge"
    return ip


def ways_in(modes: Iterable[str] = MODES, families: Iterable[int] = (4, 6)) -> list[Line]:
    """The whole table."""
    heard: dict[Kind, Memory] = {}
    return [way_in(case, heard.setdefault(way_of(case).kind, Memory())) for case in cases(modes, families)]
