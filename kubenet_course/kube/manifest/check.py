"""What the types of an object cannot say: that an address is one, that a block is one, that two fields agree.

Raises decode.Wrong with the field, the value and what would be right. The API server checks the same
(pkg/apis/core/validation/validation.go, pkg/apis/discovery/validation/validation.go).
"""

from collections.abc import Callable, Iterable
from typing import Any

from ...errors import BadInput
from ...linux.packet.address import Prefix, address, family, prefix
from ..api.config import IPVS_SCHEDULERS
from ..api.objects import (
    AdminNetworkPolicy,
    BaselineAdminNetworkPolicy,
    ClusterConfiguration,
    ClusterNetworkPolicy,
    Conflist,
    Endpoints,
    EndpointSlice,
    Gateway,
    GatewayClass,
    GRPCRoute,
    HTTPRoute,
    Ingress,
    IngressClass,
    KubeProxyConfiguration,
    Layout,
    ListenerSet,
    NetworkPolicy,
    Node,
    Pod,
    Read,
    ReferenceGrant,
    Service,
    ServiceCIDR,
    TCPRoute,
    TLSRoute,
    UDPRoute,
)
from ..gateway.written import gateways, ingresses, routes
from ..layout import written
from ..policy.written.cluster_validation import cluster_policy
from ..policy.written.validation import network_policy
from .decode import Wrong, shown


def an_address(text: str, path: str) -> None:
    try:
        address(text)
    except BadInput as error:
        raise Wrong(path, f"it is {shown(text)}, which is no address", error.right) from None


def a_block(text: str, path: str, strict: bool = True) -> Prefix:
    if "/" not in text:
        raise Wrong(
            path, f"it is {shown(text)}, which is no range", "write an address and a length, such as 10.244.0.0/16"
        )
    try:
        return prefix(text.strip(), strict=strict)
    except BadInput as error:
        raise Wrong(path, f"it is {shown(text)}, which is no range", error.right) from None


def blocks(texts: Iterable[str], path: str) -> None:
    """One range, or one of each family."""
    found = [a_block(text, f"{path}[{index}]") for index, text in enumerate(texts)]
    if len(found) > 2 or len({block.family.number for block in found}) < len(found):
        raise Wrong(path, f"it has {', '.join(map(str, found))}", "write one range, or one of each family")


def one_of_each(texts: Iterable[str], path: str) -> None:
    """One address, or one of each family."""
    listed = list(texts)
    for index, text in enumerate(listed):
        an_address(text, f"{path}[{index}]")
    if len({family(text).number for text in listed}) < len(listed):
        raise Wrong(path, f"it has {', '.join(listed)}", "write one address of each family")


def _pod(pod: Pod) -> None:
    ip, ips = pod.status.pod_ip, pod.status.pod_ips
    if ip:
        an_address(ip, "status.podIP")
    if ips and (len(ips) > 1 or ips[0].ip != ip):
        one_of_each([one.ip for one in ips], "status.podIPs")
        if ip and address(ip) != address(ips[0].ip):
            raise Wrong("status.podIPs[0]", f"it is {ips[0].ip}", f"write status.podIP again: {ip}")


def _node(node: Node) -> None:
    blocks(node.pod_cidrs, "spec.podCIDRs")
    if node.spec.pod_cidr and node.spec.pod_cidrs and node.spec.pod_cidr != node.spec.pod_cidrs[0]:
        raise Wrong(
            "spec.podCIDR", f"it is {node.spec.pod_cidr}", f"write the first of podCIDRs: {node.spec.pod_cidrs[0]}"
        )
    for index, one in enumerate(node.status.addresses):
        if one.type in ("InternalIP", "ExternalIP"):
            an_address(one.address, f"status.addresses[{index}].address")


def _service(service: Service) -> None:
    spec = service.spec
    if not service.is_headless:
        one_of_each(spec.cluster_ips, "spec.clusterIPs")
        if spec.cluster_ip:
            an_address(spec.cluster_ip, "spec.clusterIP")
        if spec.cluster_ip and spec.cluster_ips and spec.cluster_ip != spec.cluster_ips[0]:
            raise Wrong(
                "spec.clusterIP", f"it is {spec.cluster_ip}", f"write the first of clusterIPs: {spec.cluster_ips[0]}"
            )
    for index, text in enumerate(spec.external_ips):
        an_address(text, f"spec.externalIPs[{index}]")
    for index, text in enumerate(spec.load_balancer_source_ranges):
        a_block(text, f"spec.loadBalancerSourceRanges[{index}]", strict=False)
    for index, ingress in enumerate(service.status.load_balancer.ingress):
        if ingress.ip:
            an_address(ingress.ip, f"status.loadBalancer.ingress[{index}].ip")
    _ports(service)


def _ports(service: Service) -> None:
    ports = service.spec.ports
    if not ports and not service.is_headless and service.spec.type != "ExternalName":
        raise Wrong("spec.ports", "there are none", "write at least one port")
    names: set[str] = set()
    for index, port in enumerate(ports):
        if not port.name and len(ports) > 1:
            raise Wrong(f"spec.ports[{index}].name", "it is missing", "name every port where there are several")
        if port.name in names:
            raise Wrong(f"spec.ports[{index}].name", f"{shown(port.name)} stands twice", "give each port its own name")
        names.add(port.name)
        if isinstance(port.target_port, int) and not 0 <= port.target_port <= 65535:
            raise Wrong(
                f"spec.ports[{index}].targetPort",
                f"it is {port.target_port}",
                "write a number from 1 to 65535, or a name",
            )


def _slice(found: EndpointSlice) -> None:
    if found.address_type == "FQDN":
        return
    for index, endpoint in enumerate(found.endpoints):
        for place, text in enumerate(endpoint.addresses):
            path = f"endpoints[{index}].addresses[{place}]"
            an_address(text, path)
            if family(text).name != found.address_type:
                raise Wrong(path, f"it is {text}", f"write an address of the slice's addressType, {found.address_type}")


def _endpoints(found: Endpoints) -> None:
    for index, subset in enumerate(found.subsets):
        for place, one in enumerate(subset.addresses):
            an_address(one.ip, f"subsets[{index}].addresses[{place}].ip")
        for place, one in enumerate(subset.not_ready_addresses):
            an_address(one.ip, f"subsets[{index}].notReadyAddresses[{place}].ip")


def _listed(text: str, path: str) -> None:
    if text:
        blocks([part.strip() for part in text.split(",")], path)


def _cluster(configuration: ClusterConfiguration) -> None:
    _listed(configuration.networking.pod_subnet, "networking.podSubnet")
    _listed(configuration.networking.service_subnet, "networking.serviceSubnet")


def _proxy(configuration: KubeProxyConfiguration) -> None:
    _listed(configuration.cluster_cidr, "clusterCIDR")
    if configuration.node_port_addresses != ("primary",):
        for index, text in enumerate(configuration.node_port_addresses):
            a_block(text, f"nodePortAddresses[{index}]", strict=False)
    if configuration.detect_local_mode == "BridgeInterface" and not configuration.detect_local.bridge_interface:
        raise Wrong("detectLocal.bridgeInterface", "it is missing", "name the bridge of the pods, such as cni0")
    scheduler = configuration.ipvs.scheduler
    if configuration.mode == "ipvs" and scheduler and scheduler not in IPVS_SCHEDULERS:
        right = f"write one of {', '.join(IPVS_SCHEDULERS)}"
        raise Wrong("ipvs.scheduler", f"it is {shown(scheduler)}, which kube-proxy has not", right)
    if (
        configuration.detect_local_mode == "InterfaceNamePrefix"
        and not configuration.detect_local.interface_name_prefix
    ):
        raise Wrong(
            "detectLocal.interfaceNamePrefix", "it is missing", "write how the pods' devices begin, such as veth"
        )


def _conflist(found: Conflist) -> None:
    for index, plugin in enumerate(found.plugins):
        if not isinstance(plugin.get("type"), str):
            raise Wrong(f"plugins[{index}].type", "it is missing", "name the plugin, such as bridge")


CHECKS: dict[type, Callable[[Any], None]] = {
    Pod: _pod, Node: _node, Service: _service, EndpointSlice: _slice, Endpoints: _endpoints,
    NetworkPolicy: network_policy, Conflist: _conflist,
    ServiceCIDR: lambda found: blocks(found.spec.cidrs, "spec.cidrs"),
    ClusterNetworkPolicy: cluster_policy, AdminNetworkPolicy: cluster_policy,
    BaselineAdminNetworkPolicy: cluster_policy,
    ClusterConfiguration: _cluster, KubeProxyConfiguration: _proxy, Layout: written.written,
    GatewayClass: gateways.gateway_class, Gateway: gateways.gateway, ListenerSet: gateways.listener_set,
    ReferenceGrant: gateways.reference_grant, HTTPRoute: routes.http_route, GRPCRoute: routes.grpc_route,
    TLSRoute: routes.tls_route, TCPRoute: routes.stream_route, UDPRoute: routes.stream_route,
    Ingress: ingresses.ingress, IngressClass: ingresses.ingress_class,
}  # fmt: skip


def check(one: Read) -> None:
    """Raises Wrong for the first thing that cannot be."""
    known = CHECKS.get(type(one))
    if known is not None:
        known(one)
