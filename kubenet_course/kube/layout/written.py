"""What a Layout cannot be, whatever the cluster: the document alone. Each refusal says what would be right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from ...errors import BadInput
from ...linux.packet.address import Address, Prefix, address, prefix
from ..api.layout import Beyond, Host, Layout, LayoutSpec, Part
from ..manifest.decode import Wrong, shown

RESERVED = ("host", "pod", "node", "service", "svc", "lan", "router", "border", "internet", "cluster")
MOST_RANGES = 64  # that ip-masq-agent takes
SMALLEST_NETWORK = 2  # bits: a network has its own address, the router's and a host's


def holds(one: Beyond, ip: Address) -> bool:
    """Whether an address lies in a network behind the router."""
    return any(ip in prefix(text) for text in one.ranges)


def written(layout: Layout) -> None:
    """Raises Wrong for the first thing that cannot be, whatever the cluster."""
    spec = layout.spec
    for path, part in _parts(spec):
        _part(part, path)
    _distinct([one.name for one in spec.networks] + [one.name for one in spec.clusters], "spec")
    for at, network in enumerate(spec.networks):
        path = f"spec.networks[{at}]"
        if not network.ranges:
            raise Wrong(f"{path}.ranges", "it is empty", "write a range, such as 10.20.0.0/24")
        for index, text in enumerate(network.ranges):
            _roomy(_block(text, f"{path}.ranges[{index}]"), f"{path}.ranges[{index}]")
        _hosts(network.hosts, f"{path}.hosts", partial(holds, network), f"an address in {network.ranges[0]}")
    if spec.internet:
        _hosts(spec.internet.hosts, "spec.internet.hosts", lambda ip: True, "")
    for at, rule in enumerate(spec.firewall):
        for name, text in (("from", rule.source), ("to", rule.destination)):
            if text:
                _block(text, f"spec.firewall[{at}].{name}")
    for at, gateway in enumerate(spec.egress_gateways):
        for index, text in enumerate(gateway.to):
            _block(text, f"spec.egressGateways[{at}].to[{index}]")
        for index, name in enumerate(gateway.pods):
            if name.count("/") != 1:
                right = "write namespace/name, such as default/client"
                raise Wrong(f"spec.egressGateways[{at}].pods[{index}]", f"it is {shown(name)}", right)
    for at, one in enumerate(spec.internet.translations if spec.internet else ()):
        _block(one.source, f"spec.internet.translations[{at}].from")
    for at, text in enumerate(spec.node_subnets):
        _block(text, f"spec.nodeSubnets[{at}]")
    for at, other in enumerate(spec.clusters):
        _block(other.node_subnet, f"spec.clusters[{at}].nodeSubnet")
        _block(other.pod_subnet, f"spec.clusters[{at}].podSubnet")


def _parts(spec: LayoutSpec) -> Iterator[tuple[str, Part]]:
    yield "spec", spec
    yield from ((f"spec.clusters[{at}]", one) for at, one in enumerate(spec.clusters))


def _part(part: Part, path: str) -> None:
    said = part.non_masquerade_cidrs
    if said is None:
        return
    if part.layout != "island":
        right = "leave it out, or write layout: island"
        raise Wrong(f"{path}.nonMasqueradeCIDRs", f"nothing is masqueraded in layout {part.layout}", right)
    if len(said) > MOST_RANGES:
        raise Wrong(f"{path}.nonMasqueradeCIDRs", f"it has {len(said)} ranges", f"write at most {MOST_RANGES}")
    for at, text in enumerate(said):
        _block(text, f"{path}.nonMasqueradeCIDRs[{at}]")


def _block(text: str, path: str) -> Prefix:
    try:
        if "/" not in text:
            raise BadInput("", "", "write an address and a length, such as 10.20.0.0/24")
        return prefix(text, strict=True)
    except BadInput as error:
        raise Wrong(path, f"it is {shown(text)}, which is no range", error.right) from None


def _roomy(block: Prefix, path: str) -> None:
    if block.family.bits - block.length < SMALLEST_NETWORK:
        raise Wrong(
            path, f"{block} has no room for a router and a host", f"write one of at most /{block.family.bits - 2}"
        )


def _distinct(said: list[str], path: str) -> None:
    for name in said:
        if said.count(name) > 1:
            raise Wrong(path, f"{name!r} is the name of two things", "give each network and each cluster its own name")
        if name in RESERVED:
            raise Wrong(
                path, f"{name!r} already means something else here", "write another name, such as office or west"
            )


def _hosts(hosts: Iterable[Host], path: str, fits: Callable[[Address], bool], right: str) -> None:
    seen: set[Address] = set()
    for at, host in enumerate(hosts):
        try:
            ip = address(host.address)
        except BadInput as error:
            raise Wrong(
                f"{path}[{at}].address", f"it is {shown(host.address)}, which is no address", error.right
            ) from None
        if not fits(ip):
            raise Wrong(f"{path}[{at}].address", f"{ip} lies outside the network's ranges", f"write {right}")
        if ip in seen:
            raise Wrong(f"{path}[{at}].address", f"{ip} stands twice", "give each host its own address")
        seen.add(ip)
