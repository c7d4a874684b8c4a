"""Who is there for policies to judge, and which policies there are: everything that a verdict can hang on."""

import re
from collections.abc import Iterable
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from ....linux.packet.address import Address, address, number
from ...api.objects import AdminNetworkPolicy, BaselineAdminNetworkPolicy, Node, Pod
from ...manifest.collection import Objects
from ..written.normalise import cluster_policy, network_policy
from .selector import NAME_LABEL
from .values import Policy, Tier

FOREIGN = re.compile(r"kind (\S*Network\S*Policy \([^)]*\)) is not understood")
FAIL_CLOSED = (".from[", ".to[", ".protocols[", ".ports[")  # fields of a version to come, within a cluster-wide rule


class Who(Struct, frozen=True, gc=False):
    """An end of a connection: a pod, a node, or a host outside the cluster."""

    kind: str
    name: str  # "namespace/name", a node's name, an address
    namespace: str = ""
    labels: dict[str, str] = {}
    addresses: tuple[Address, ...] = ()
    ports: frozenset[tuple[str, str, int]] = frozenset()  # what its containers declare: name, protocol, number
    node: str = ""
    host_network: bool = False

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


def as_pod(pod: Pod, nodes: dict[str, "Who"]) -> Who:
    """A pod of the host's network has its node's addresses."""
    told = tuple(address(text) for text in pod.addresses)
    if not told and pod.spec.host_network and pod.spec.node_name in nodes:
        told = nodes[pod.spec.node_name].addresses
    return Who(
        "pod",
        "/".join(pod.key),
        pod.metadata.namespace,
        pod.metadata.labels,
        told,
        frozenset((port.name, port.protocol, port.container_port) for port in pod.listens),
        pod.spec.node_name,
        pod.spec.host_network,
    )


def as_node(node: Node) -> Who:
    found = [one.address for one in node.status.addresses if one.type in ("InternalIP", "ExternalIP")]
    name = node.metadata.name
    return Who("node", name, "", node.metadata.labels, tuple(address(text) for text in found), node=name)


class PolicyWorld:
    """Pods that run, by name; nodes; what is known of namespaces; all policies as values."""

    def __init__(self, objects: Objects, policies: Iterable[Policy] | None = None):
        self.objects = objects
        self.nodes = {node.metadata.name: as_node(node) for node in objects.nodes}
        running = sorted((pod for pod in objects.pods if not pod.is_over), key=lambda pod: pod.key)
        self.pods = {"/".join(pod.key): as_pod(pod, self.nodes) for pod in running}
        self.namespaces = {
            one.metadata.name: {**one.metadata.labels, NAME_LABEL: one.metadata.name} for one in objects.namespaces
        }
        self.policies = tuple(of_objects(objects) if policies is None else policies)

    def under(self, policies: Iterable[Policy]) -> "PolicyWorld":
        """The same pods under other policies."""
        made = PolicyWorld.__new__(PolicyWorld)
        made.objects, made.nodes, made.pods, made.namespaces = self.objects, self.nodes, self.pods, self.namespaces
        made.policies = tuple(policies)
        return made

    @cached_property
    def by_namespace(self) -> dict[str, tuple[Policy, ...]]:
        found: dict[str, list[Policy]] = {}
        for policy in self.policies:
            if policy.tier == "NetworkPolicy":
                found.setdefault(policy.subject.namespace or "", []).append(policy)
        return {name: tuple(rows) for name, rows in found.items()}

    def groups(self, tier: Tier) -> tuple[tuple[Policy, ...], ...]:
        """A tier's policies by priority; those that share one stand in one group."""
        return self._groups[tier]

    @cached_property
    def _groups(self) -> dict[str, tuple[tuple[Policy, ...], ...]]:
        found: dict[str, dict[int, list[Policy]]] = {"Admin": {}, "Baseline": {}}
        for policy in self.policies:
            if policy.tier in found:
                found[policy.tier].setdefault(policy.priority, []).append(policy)
        return {tier: tuple(tuple(rows[at]) for at in sorted(rows)) for tier, rows in found.items()}

    @cached_property
    def by_address(self) -> dict[int, Who]:
        """Nodes by their addresses."""
        return {number(ip) << (":" in ip): node for node in self.nodes.values() for ip in node.addresses}

    def node_at(self, ip: Address) -> Who | None:
        return self.by_address.get(number(ip) << (":" in ip))

    @cached_property
    def foreign(self) -> tuple[str, ...]:
        """Kinds of policies among the files that only some plugin knows: what they say is not known here."""
        found = (FOREIGN.search(notice) for notice in self.objects.notices)
        return tuple(dict.fromkeys(one[1] for one in found if one))

    @cached_property
    def half_read(self) -> dict[str, tuple[str, ...]]:
        """Policies that have fields which nobody here understands, with those that may change what they mean."""
        found = {}
        for policy in self.policies:
            paths = self.objects.half_read.get(str(policy), ())
            fatal = [path for path in paths if path.startswith("spec")]
            if policy.tier != "NetworkPolicy":
                fatal = [path for path in fatal if not any(part in path for part in FAIL_CLOSED)]
            if fatal:
                found[str(policy)] = tuple(fatal)
        return found


def of_objects(objects: Objects) -> list[Policy]:
    """All policies of a set of files, in their order."""
    named = [network_policy(one) for one in objects.policies]
    return named + [cluster_policy(one) for one in objects.cluster_policies]


def notices(world: PolicyWorld) -> list[str]:
    """What was read, and is not what its author will have thought."""
    said = list(world.objects.notices)
    homes = {pod.namespace for pod in world.pods.values()}
    for policy in world.policies:
        home = policy.subject.namespace
        if home is not None and home not in homes:
            said.append(f"{policy}: namespace {home} has no pods that run; the policy selects nothing")
    for written in world.objects.cluster_policies:
        if isinstance(written, AdminNetworkPolicy | BaselineAdminNetworkPolicy):
            tier = "Admin" if isinstance(written, AdminNetworkPolicy) else "Baseline"
            said.append(
                f"{written}: ClusterNetworkPolicy (tier {tier}) replaced this kind; it is read as one, Allow as Accept"
            )
    unknown = sorted(homes - set(world.namespaces))
    asked = any(
        demand.key != NAME_LABEL
        for policy in world.policies
        for one in _pod_peers(policy)
        for demand in one.namespaces.demands
    )
    if unknown and asked:
        more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
        said.append(
            f"the labels of namespaces {', '.join(unknown[:3])}{more} are not known; add `kubectl get namespaces`"
        )
    return said


def _pod_peers(policy: Policy) -> Iterable:
    rules = (*(policy.ingress or ()), *(policy.egress or ()))
    peers = [peer for rule in rules for peer in rule.peers or ()]
    return [policy.subject, *(peer for peer in peers if hasattr(peer, "pods"))]


def without_host_network(one: Who) -> Who:
    """The same pod as a plugin sees it that can tell pods of the host's network from their node."""
    return replace(one, host_network=False)
