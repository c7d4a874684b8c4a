"""What the API server refuses in a cluster-wide policy (the kubebuilder markers of sigs.k8s.io/network-policy-api).

A peer without any known field is not refused: it may be of a version to come, and then its rule fails closed.
"""

import re
from typing import Any

from ...api.cluster_policy import (
    BaselineAdminNetworkPolicy,
    EgressPeer,
    IngressPeer,
    NamespacedPod,
    OlderPort,
    ProtocolEntry,
)
from ...manifest.decode import Wrong, shown
from .normalise import ClusterWide
from .validation import a_block, label_selector, port_name

MOST = 25  # networks, names, protocols, peers, and rules of ClusterNetworkPolicy
MOST_OLDER = 100  # rules, peers and ports of the older kinds
_DOMAIN_NAME = re.compile(
    r"(\*\.)?([a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\.)+[a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\.?"
)


def cluster_policy(policy: ClusterWide) -> None:
    spec = policy.spec
    most = MOST if policy.api[0].endswith("v1alpha2") else MOST_OLDER
    if isinstance(policy, BaselineAdminNetworkPolicy) and policy.metadata.name != "default":
        raise Wrong("metadata.name", f"it is {policy.metadata.name}", "write default: a cluster has only one of them")
    _exactly_one(spec.subject, ("namespaces", "pods"), "spec.subject")
    _pods(spec.subject, "spec.subject")
    for direction, word, rules, end in (
        ("ingress", "from", spec.ingress, "sources"),
        ("egress", "to", spec.egress, "destinations"),
    ):
        _at_most(rules, most, f"spec.{direction}")
        listed: Any = rules
        for index, rule in enumerate(listed):
            _rule(rule, getattr(rule, end), f"spec.{direction}[{index}]", word, most)
            if isinstance(policy, BaselineAdminNetworkPolicy) and rule.action == "Pass":
                raise Wrong(f"spec.{direction}[{index}].action", 'it is "Pass"', "write one of Allow, Deny")


def _rule(rule: Any, peers: tuple[IngressPeer, ...], path: str, word: str, most: int) -> None:
    if not peers:
        raise Wrong(f"{path}.{word}", "it is empty", "write at least one peer")
    _at_most(peers, most, f"{path}.{word}")
    for index, peer in enumerate(peers):
        _peer(peer, rule.action, f"{path}.{word}[{index}]")
    by_name = _ports(rule, path, most)
    for peer in peers:
        if by_name and isinstance(peer, EgressPeer) and (peer.nodes or peer.networks or peer.domain_names):
            right = "write its number: nodes, networks and domains have no named ports"
            raise Wrong(by_name, "it is a named port beside nodes, networks or domainNames", right)


def _peer(peer: IngressPeer, action: str, path: str) -> None:
    names = [name for name in peer.__struct_fields__ if getattr(peer, name) is not None]
    if len(names) > 1:
        raise Wrong(path, f"it has {len(names)} fields", "write each of them as a peer of its own")
    _pods(peer, path)
    if not isinstance(peer, EgressPeer):
        return
    if peer.nodes is not None:
        label_selector(peer.nodes, f"{path}.nodes")
    for name, listed in (("networks", peer.networks), ("domainNames", peer.domain_names)):
        if listed is not None:
            _a_set(listed, f"{path}.{name}")
    for index, text in enumerate(peer.networks or ()):
        a_block(text, f"{path}.networks[{index}]")
    for index, text in enumerate(peer.domain_names or ()):
        if not _DOMAIN_NAME.fullmatch(text):
            right = "write one like www.example.com or *.example.com"
            raise Wrong(f"{path}.domainNames[{index}]", f"it is {shown(text)}", right)
    if peer.domain_names and action not in ("Accept", "Allow"):
        raise Wrong(
            f"{path}.domainNames", f"the rule's action is {action}", "use names of domains in Accept rules only"
        )


def _a_set(listed: tuple[str, ...], path: str) -> None:
    if not listed:
        raise Wrong(path, "it is empty", "write at least one")
    _at_most(listed, MOST, path)
    if len(set(listed)) < len(listed):
        raise Wrong(path, "it has one of them twice", "write each once")


def _pods(holder: Any, path: str) -> None:
    if holder.namespaces is not None:
        label_selector(holder.namespaces, f"{path}.namespaces")
    pods: NamespacedPod | None = holder.pods
    if pods is not None:
        label_selector(pods.namespace_selector, f"{path}.pods.namespaceSelector")
        label_selector(pods.pod_selector, f"{path}.pods.podSelector")


def _ports(rule: Any, path: str, most: int) -> str:
    """Checks what a rule says of ports; the path of a port by name, if there is one."""
    by_name = ""
    for word in ("protocols", "ports"):
        listed = getattr(rule, word, None)
        if listed is None:
            continue
        if not listed:
            raise Wrong(f"{path}.{word}", "it is empty", "write at least one, or leave it out")
        _at_most(listed, most, f"{path}.{word}")
        for index, one in enumerate(listed):
            at = f"{path}.{word}[{index}]"
            name = _entry(one, at) if isinstance(one, ProtocolEntry) else _older(one, at)
            by_name = by_name or (at if name else "")
    return by_name


def _entry(entry: ProtocolEntry, path: str) -> str:
    said = [name for name in ("tcp", "udp", "sctp") if getattr(entry, name) is not None]
    if len(said) + bool(entry.destination_named_port) > 1:
        raise Wrong(path, "it has more than one field", "write each protocol as an entry of its own")
    for name in said:
        port = getattr(entry, name).destination_port
        if port is not None:
            at = f"{path}.{name}.destinationPort"
            _exactly_one(port, ("number", "range"), at)
            _range(port.range, f"{at}.range", equal=False)
    return entry.destination_named_port


def _older(port: OlderPort, path: str) -> str:
    said = [name for name in ("port_number", "named_port", "port_range") if getattr(port, name)]
    if len(said) > 1:
        raise Wrong(path, "it has more than one field", "write each port as an entry of its own")
    if port.named_port:
        port_name(port.named_port, f"{path}.namedPort")
    _range(port.port_range, f"{path}.portRange", equal=True)
    return port.named_port


def _range(found: Any, path: str, equal: bool) -> None:
    if found is not None and not (found.start < found.end or (equal and found.start == found.end)):
        raise Wrong(f"{path}.end", f"it is {found.end}, not above start {found.start}", "write a larger number")


def _exactly_one(holder: Any, names: tuple[str, ...], path: str) -> None:
    if sum(getattr(holder, name) is not None for name in names) != 1:
        raise Wrong(path, "it has none or several of its fields", f"write exactly one of {', '.join(names)}")


def _at_most(listed: Any, most: int, path: str) -> None:
    if len(listed) > most:
        raise Wrong(path, f"it has {len(listed)} entries", f"write at most {most}")
