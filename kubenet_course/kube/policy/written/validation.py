"""What the API server refuses in a policy, with the path of the field.

pkg/apis/networking/validation/validation.go; apimachinery/pkg/apis/meta/v1/validation/validation.go (selectors);
for the cluster-wide kinds the kubebuilder markers of sigs.k8s.io/network-policy-api.
"""

import re
from collections.abc import Iterable, Iterator

from ....errors import BadInput
from ....linux.packet.address import Prefix, prefix
from ...api.policy import IPBlock, LabelSelector, NetworkPolicy, PolicyPeer, PolicyPort
from ...manifest.decode import Wrong, shown

_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_DOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_PORT_NAME = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")
LETTERS = "at most 63 letters, digits, -, _ or ., beginning and ending with a letter or a digit"


def label_selector(written: LabelSelector, path: str) -> None:
    for key, value in (written.match_labels or {}).items():
        label_key(key, f"{path}.matchLabels")
        label_value(value, f"{path}.matchLabels.{key}")
    for index, one in enumerate(written.match_expressions):
        at = f"{path}.matchExpressions[{index}]"
        label_key(one.key, f"{at}.key")
        if one.operator in ("In", "NotIn") and not one.values:
            raise Wrong(f"{at}.values", "it is empty", f"write at least one value, for the operator is {one.operator}")
        if one.operator in ("Exists", "DoesNotExist") and one.values:
            raise Wrong(f"{at}.values", f"it is {shown(list(one.values))}", f"leave it out beside {one.operator}")
        for place, value in enumerate(one.values):
            label_value(value, f"{at}.values[{place}]")


def label_key(key: str, path: str) -> None:
    domain, slash, name = key.rpartition("/")
    if slash and (not _DOMAIN.fullmatch(domain) or len(domain) > 253):
        raise Wrong(path, f"the label {shown(key)} begins with no domain", "write one like app.kubernetes.io/name")
    if not _NAME.fullmatch(name):
        raise Wrong(path, f"{shown(key)} cannot be the name of a label", f"write {LETTERS}")


def label_value(value: str, path: str) -> None:
    if not _VALUE.fullmatch(value):
        raise Wrong(path, f"{shown(value)} cannot be the value of a label", f"write nothing, or {LETTERS}")


def network_policy(policy: NetworkPolicy) -> None:
    """Everything that the API server checks, in its order."""
    spec = policy.spec
    label_selector(spec.pod_selector, "spec.podSelector")
    for index, incoming in enumerate(spec.ingress or ()):
        _rule(incoming.sources, incoming.ports, f"spec.ingress[{index}]", "from")
    for index, outgoing in enumerate(spec.egress or ()):
        _rule(outgoing.destinations, outgoing.ports, f"spec.egress[{index}]", "to")


def _rule(peers: Iterable[PolicyPeer] | None, ports: Iterable[PolicyPort] | None, path: str, word: str) -> None:
    for index, port in enumerate(ports or ()):
        _port(port, f"{path}.ports[{index}]")
    for index, peer in enumerate(peers or ()):
        _peer(peer, f"{path}.{word}[{index}]")


def _port(port: PolicyPort, path: str) -> None:
    if port.end_port is not None:
        if port.port is None:
            raise Wrong(f"{path}.endPort", "port is missing", "write a number as port beside endPort")
        if isinstance(port.port, str):
            said = f"port is no number but {shown(port.port)}"
            raise Wrong(f"{path}.endPort", said, "write a number as port beside endPort")
        if port.end_port < port.port:
            said = f"it is {port.end_port}, below port {port.port}"
            raise Wrong(f"{path}.endPort", said, f"write a number from {port.port} to 65535")
    if isinstance(port.port, int) and not 1 <= port.port <= 65535:
        raise Wrong(f"{path}.port", f"it is {port.port}", "write a number from 1 to 65535, or a name")
    if isinstance(port.port, str):
        port_name(port.port, f"{path}.port")


def port_name(name: str, path: str) -> None:
    """IsValidPortName: what a container's port may be called."""
    if not _PORT_NAME.fullmatch(name):
        right = "write a number, or at most 15 lower-case letters, digits and single hyphens, with at least one letter"
        raise Wrong(path, f"{shown(name)} cannot be the name of a port", right)


def _peer(peer: PolicyPeer, path: str) -> None:
    selectors = [peer.pod_selector, peer.namespace_selector]
    if peer.ip_block is None and selectors == [None, None]:
        raise Wrong(path, "it names no peer", "write podSelector, namespaceSelector or ipBlock")
    if peer.ip_block is not None:
        if selectors != [None, None]:
            raise Wrong(path, "ipBlock stands beside a selector", "write each of them as a peer of its own")
        ip_block(peer.ip_block, f"{path}.ipBlock")
    for written, name in zip(selectors, ("podSelector", "namespaceSelector"), strict=True):
        if written is not None:
            label_selector(written, f"{path}.{name}")


def a_block(text: str, path: str) -> Prefix:
    if "/" not in text:
        right = "write an address and a length, such as 10.244.0.0/16"
        raise Wrong(path, f"it is {shown(text)}, which is no range", right)
    try:
        found = prefix(text, strict=True)
    except BadInput as error:
        raise Wrong(path, f"it is {shown(text)}, which is no range", error.right) from None
    if text != text.strip() or not text.partition("/")[2].isdigit():
        raise Wrong(path, f"it is {shown(text)}, which is no range", f"write {found}")
    return found


def ip_block(block: IPBlock, path: str) -> None:
    """Host bits are refused. That an exception lies within is asked apart (`outside`)."""
    a_block(block.cidr, f"{path}.cidr")
    for index, text in enumerate(block.excluded):
        a_block(text, f"{path}.except[{index}]")


def outside(policy: NetworkPolicy) -> Iterator[Wrong]:
    """Exceptions that do not lie strictly within their block. The API server refuses them; what they would mean is
    clear nevertheless, and recorded truth tables have them: so whoever reads a policy chooses (`border`).
    """
    spec = policy.spec
    incoming = [(f"spec.ingress[{at}].from", rule.sources) for at, rule in enumerate(spec.ingress or ())]
    outgoing = [(f"spec.egress[{at}].to", rule.destinations) for at, rule in enumerate(spec.egress or ())]
    for path, peers in incoming + outgoing:
        for at, peer in enumerate(peers or ()):
            block = peer.ip_block
            for index, text in enumerate(block.excluded if block else ()):
                outer, inner = prefix(block.cidr), prefix(text)  # type: ignore[union-attr]
                if inner.family != outer.family or inner.first not in outer or inner.length <= outer.length:
                    where = f"{path}[{at}].ipBlock.except[{index}]"
                    yield Wrong(where, f"it is {text}", f"write a range strictly within {outer}")
