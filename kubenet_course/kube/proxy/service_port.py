"""A Service's port as one kube-proxy of one family sees it (pkg/proxy/serviceport.go, servicechangetracker.go)."""

from functools import cached_property

from msgspec import Struct

from ...linux.packet.address import Address, Family, Prefix, address, family, prefix
from ..api.objects import HEADLESS, PROXY_NAME, Service
from ..api.objects import ServicePort as Port
from . import chain_names as names


class ServicePort(Struct, frozen=True, dict=True):
    """One port of one Service in one family. `sticky` is the seconds of ClientIP affinity, 0 for none.

    `vips` are the load balancer's addresses that the node itself must answer for; `port.node_port` and `health_check`
    are 0 where there is none.
    """

    service: Service
    port: Port
    cluster_ip: Address
    external_ips: tuple[Address, ...] = ()
    vips: tuple[Address, ...] = ()
    source_ranges: tuple[Prefix, ...] = ()
    sticky: int = 0
    health_check: int = 0
    external_local: bool = False
    internal_local: bool = False

    @cached_property
    def text(self) -> str:
        """default/web:http, or default/web for a port without a name."""
        namespace, name = self.service.key
        return f"{namespace}/{name}:{self.port.name}" if self.port.name else f"{namespace}/{name}"

    @property
    def protocol(self) -> str:
        return self.port.protocol.lower()

    @cached_property
    def letters(self) -> str:
        return names.letters(self.text, self.protocol)

    @property
    def is_external(self) -> bool:
        """Whether it can be reached by anything other than its ClusterIP."""
        return bool(self.port.node_port or self.vips or self.external_ips)

    @property
    def uses_cluster(self) -> bool:
        """External traffic needs all endpoints even under a Local policy: pods and the node itself are not restricted
        by it.
        """
        return not self.internal_local or self.is_external

    @property
    def uses_local(self) -> bool:
        return self.internal_local or (self.external_local and self.is_external)

    @property
    def keys(self) -> tuple[Address | int, ...]:
        """The addresses and the node's ports that lead to it."""
        ports = (port for port in (self.port.node_port, self.health_check) if port)
        return (self.cluster_ip, *self.external_ips, *self.vips, *ports)


def is_proxied(service: Service) -> bool:
    """Headless and external names are left to DNS; a label gives a Service to some other proxy."""
    labels = service.metadata.labels
    has_address = bool(service.cluster_ips) and service.spec.type != "ExternalName"
    return has_address and HEADLESS not in labels and PROXY_NAME not in labels


def service_ports(service: Service, of: Family) -> tuple[ServicePort, ...]:
    """The ports of a Service that has an address of this family; () otherwise."""
    if not is_proxied(service):
        return ()
    mine = [ip for ip in map(address, service.cluster_ips) if family(ip) is of]
    if not mine:
        return ()
    spec, status = service.spec, service.status.load_balancer
    opened = spec.type in ("NodePort", "LoadBalancer") or (spec.type == "ClusterIP" and bool(spec.external_ips))
    external_local = opened and spec.external_traffic_policy == "Local"
    shared = (
        tuple(ip for ip in map(address, spec.external_ips) if family(ip) is of),
        tuple(address(one.ip) for one in status.ingress if one.ip and one.ip_mode == "VIP" and family(one.ip) is of),
        _source_ranges(spec.load_balancer_source_ranges, of),
        spec.session_affinity_config.client_ip.timeout_seconds if spec.session_affinity == "ClientIP" else 0,
        spec.health_check_node_port if external_local and spec.type == "LoadBalancer" else 0,
        external_local,
        spec.internal_traffic_policy == "Local",
    )
    return tuple(ServicePort(service, port, mine[0], *shared) for port in spec.ports)


def _source_ranges(texts: tuple[str, ...], of: Family) -> tuple[Prefix, ...]:
    """Those of a family. One that holds every address stands for no list at all (k/k#132722)."""
    found = tuple(block for block in (prefix(text.strip()) for text in texts) if block.family is of)
    return () if any(block.length == 0 for block in found) else found
