"""Policies as written made into values: the one place that knows defaults, absence, and what replaced what."""

from collections.abc import Iterable

from ....linux.packet.address import prefix
from ...api.cluster_policy import (
    AdminNetworkPolicy,
    BaselineAdminNetworkPolicy,
    ClusterNetworkPolicy,
    EgressPeer,
    IngressPeer,
    OlderPort,
    PortMatch,
    ProtocolEntry,
    Subject,
)
from ...api.policy import NetworkPolicy, PolicyPeer, PolicyPort
from ..judge.selector import ALL, selector
from ..judge.values import (
    PROTOCOLS,
    Action,
    BlockPeer,
    DomainPeer,
    NodePeer,
    Peer,
    PodPeer,
    Policy,
    PolicyRule,
    Ports,
    Tier,
)

ClusterWide = ClusterNetworkPolicy | AdminNetworkPolicy | BaselineAdminNetworkPolicy
BASELINE_PRIORITY = 1000  # a BaselineAdminNetworkPolicy has none: there is one of it, and it comes last


def network_policy(written: NetworkPolicy) -> Policy:
    """policyTypes say what is isolated; rules of a direction that is not isolated say nothing."""
    spec, namespace = written.spec, written.metadata.namespace
    ingress = [(rule.sources, rule.ports) for rule in spec.ingress or ()]
    egress = [(rule.destinations, rule.ports) for rule in spec.egress or ()]
    return Policy(
        f"{namespace}/{written.metadata.name}",
        "NetworkPolicy",
        "NetworkPolicy",
        PodPeer(selector(spec.pod_selector), namespace=namespace),
        _allowing(ingress, "ingress", "from", namespace) if "Ingress" in spec.types else None,
        _allowing(egress, "egress", "to", namespace) if "Egress" in spec.types else None,
    )


def _allowing(rules: Iterable[tuple], direction: str, word: str, namespace: str) -> tuple[PolicyRule, ...]:
    made = []
    for index, (peers, ports) in enumerate(rules):
        path = f"spec.{direction}[{index}]"
        made.append(
            PolicyRule(
                path,
                tuple(_peer(one, namespace) for one in peers) if peers else None,
                tuple(_ports(one) for one in ports) if ports else None,
                peer_paths=tuple(f"{path}.{word}[{at}]" for at in range(len(peers or ()))),
            )
        )
    return tuple(made)


def _peer(written: PolicyPeer, namespace: str) -> Peer:
    """podSelector alone: pods of the policy's own namespace. With namespaceSelector: both must hold."""
    if written.ip_block is not None:
        return BlockPeer(prefix(written.ip_block.cidr), tuple(prefix(text) for text in written.ip_block.excluded))
    pods = selector(written.pod_selector) if written.pod_selector is not None else ALL
    if written.namespace_selector is None:
        return PodPeer(pods, namespace=namespace)
    return PodPeer(pods, selector(written.namespace_selector))


def _ports(written: PolicyPort) -> Ports:
    if written.port is None:
        return Ports(written.protocol)
    if isinstance(written.port, str):
        return Ports(written.protocol, name=written.port)
    return Ports(written.protocol, written.port, written.end_port or written.port)


def cluster_policy(written: ClusterWide) -> Policy:
    """Allow, of the older kinds, is Accept."""
    spec = written.spec
    tier: Tier = "Admin"
    priority = getattr(spec, "priority", BASELINE_PRIORITY)
    if isinstance(written, BaselineAdminNetworkPolicy) or getattr(spec, "tier", "") == "Baseline":
        tier = "Baseline"
    rules: dict[str, tuple[PolicyRule, ...]] = {}
    for direction, word, written_rules, end in (
        ("ingress", "from", spec.ingress, "sources"),
        ("egress", "to", spec.egress, "destinations"),
    ):
        rules[direction] = tuple(
            _acting(rule, getattr(rule, end), f"spec.{direction}[{at}]", word) for at, rule in enumerate(written_rules)
        )
    name, kind = written.metadata.name, type(written).__name__
    return Policy(name, kind, tier, _subject(spec.subject), rules["ingress"], rules["egress"], priority)


def _acting(rule, written: tuple[IngressPeer, ...], path: str, word: str) -> PolicyRule:
    """A rule with a peer of an unknown kind fails closed: Accept fits nothing, Deny and Pass deny everything."""
    action: Action = "Accept" if rule.action == "Allow" else rule.action
    peers = [_cluster_peers(one) for one in written]
    ports = _cluster_ports(rule)
    if any(not made for made in peers) or (ports is not None and any(one is None for one in ports)):
        if action == "Accept":
            return PolicyRule(path, (), None, action, rule.name, unknown=True)
        return PolicyRule(path, None, None, "Deny", rule.name, unknown=True)
    flat = tuple(one for made in peers for one in made)
    paths = tuple(f"{path}.{word}[{at}]" for at, made in enumerate(peers) for _ in made)
    return PolicyRule(path, flat, ports, action, rule.name, paths)  # type: ignore[arg-type]


def _subject(written: Subject) -> PodPeer:
    return _pods(written) or PodPeer(ALL)


def _pods(written: Subject | IngressPeer) -> PodPeer | None:
    if written.pods is not None:
        return PodPeer(selector(written.pods.pod_selector), selector(written.pods.namespace_selector))
    return PodPeer(ALL, selector(written.namespaces)) if written.namespaces is not None else None


def _cluster_peers(written: IngressPeer) -> tuple[Peer, ...]:
    """One peer, or a block for each network; () where no known field is set."""
    pods = _pods(written)
    if pods is not None:
        return (pods,)
    if isinstance(written, EgressPeer):
        if written.nodes is not None:
            return (NodePeer(selector(written.nodes)),)
        if written.networks:
            return tuple(BlockPeer(prefix(text)) for text in written.networks)
        if written.domain_names:
            return (DomainPeer(written.domain_names),)
    return ()


def _cluster_ports(rule) -> tuple[Ports | None, ...] | None:
    """None where there is no restriction; within it, None for an entry of an unknown kind."""
    entries: list[Ports | None] = [_entry(one) for one in getattr(rule, "protocols", None) or ()]
    entries += [_older(one) for one in rule.ports or ()]
    return tuple(entries) or None


def _entry(written: ProtocolEntry) -> Ports | None:
    if written.destination_named_port:
        return Ports("", name=written.destination_named_port)
    for protocol in PROTOCOLS:
        found = getattr(written, protocol.lower())
        if found is not None:
            return _numbers(protocol, found.destination_port)
    return None


def _numbers(protocol: str, port: PortMatch | None) -> Ports:
    if port is None:
        return Ports(protocol)
    if port.range is not None:
        return Ports(protocol, port.range.start, port.range.end)
    return Ports(protocol, port.number or 0, port.number or 65535)


def _older(written: OlderPort) -> Ports | None:
    if written.port_number is not None:
        return Ports(written.port_number.protocol, written.port_number.port, written.port_number.port)
    if written.port_range is not None:
        return Ports(written.port_range.protocol, written.port_range.start, written.port_range.end)
    return Ports("", name=written.named_port) if written.named_port else None
