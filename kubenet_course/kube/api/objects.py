"""All kinds that are read, by name. A kind counts only under its own apiVersion: others have the same word for other
things.
"""

from .base import HEADLESS, PROXY_NAME, SERVICE_NAME, ZONE, Labels, Metadata, Object, PodMetadata, Read
from .cluster_policy import AdminNetworkPolicy, BaselineAdminNetworkPolicy, ClusterNetworkPolicy
from .config import ClusterConfiguration, Configuration, Conflist, KubeProxyConfiguration
from .core import Container, ContainerPort, Namespace, Node, Pod, PodCondition
from .gateway import Gateway, GatewayClass, ListenerSet, ReferenceGrant
from .ingress import Ingress, IngressClass
from .layout import Layout
from .policy import NetworkPolicy
from .routes import GRPCRoute, HTTPRoute, TCPRoute, TLSRoute, UDPRoute
from .service import (
    Endpoint,
    EndpointAddress,
    EndpointConditions,
    EndpointHints,
    EndpointPort,
    Endpoints,
    EndpointSlice,
    Named,
    ObjectReference,
    Service,
    ServiceCIDR,
    ServicePort,
)

KINDS: dict[str, type[Object] | type[Configuration]] = {
    kind.__name__: kind
    for kind in (
        Node, Pod, Service, EndpointSlice, Endpoints, NetworkPolicy, Namespace, ServiceCIDR,
        ClusterNetworkPolicy, AdminNetworkPolicy, BaselineAdminNetworkPolicy,
        ClusterConfiguration, KubeProxyConfiguration, Layout, Ingress, IngressClass, GatewayClass,
        Gateway, ListenerSet, ReferenceGrant,
        HTTPRoute, GRPCRoute, TLSRoute, TCPRoute, UDPRoute,
    )
}  # fmt: skip
CLUSTER_WIDE = (
    Node, Namespace, ServiceCIDR, ClusterNetworkPolicy, AdminNetworkPolicy, BaselineAdminNetworkPolicy,
    GatewayClass, IngressClass, Layout,
)  # fmt: skip

__all__ = [
    "CLUSTER_WIDE", "HEADLESS", "KINDS", "PROXY_NAME", "SERVICE_NAME", "ZONE", "AdminNetworkPolicy",
    "BaselineAdminNetworkPolicy", "ClusterConfiguration", "ClusterNetworkPolicy",
    "Configuration", "Conflist", "Container", "ContainerPort", "Endpoint", "EndpointAddress",
    "EndpointConditions", "EndpointHints", "EndpointPort", "EndpointSlice", "Endpoints",
    "GRPCRoute", "Gateway", "GatewayClass", "HTTPRoute", "Ingress", "IngressClass",
    "KubeProxyConfiguration", "Labels", "Layout", "ListenerSet", "Metadata", "Named",
    "Namespace", "NetworkPolicy", "Node", "Object", "ObjectReference", "Pod", "PodCondition", "PodMetadata",
    "Read", "ReferenceGrant", "Service", "ServiceCIDR", "ServicePort", "TCPRoute", "TLSRoute", "UDPRoute",
]  # fmt: skip
