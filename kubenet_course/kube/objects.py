"""All kinds that are read, by name. A kind counts only under its own apiVersion: others have the same word for other
things.
"""

from .objects_base import HEADLESS, PROXY_NAME, SERVICE_NAME, ZONE, Labels, Metadata, Object, PodMetadata, Read
from .objects_config import ClusterConfiguration, Configuration, Conflist, KubeProxyConfiguration
from .objects_core import Container, ContainerPort, Namespace, Node, Pod, PodCondition
from .objects_policy import NetworkPolicy
from .objects_service import (
    Endpoint,
    EndpointConditions,
    EndpointHints,
    EndpointPort,
    EndpointSlice,
    Named,
    ObjectReference,
    Service,
    ServiceCIDR,
    ServicePort,
)
from .policy.written.api import AdminNetworkPolicy, BaselineAdminNetworkPolicy, ClusterNetworkPolicy

KINDS: dict[str, type[Object] | type[Configuration]] = {
    kind.__name__: kind
    for kind in (
        Node, Pod, Service, EndpointSlice, NetworkPolicy, Namespace, ServiceCIDR,
        ClusterNetworkPolicy, AdminNetworkPolicy, BaselineAdminNetworkPolicy,
        ClusterConfiguration, KubeProxyConfiguration,
    )
}  # fmt: skip
CLUSTER_WIDE = (
    Node, Namespace, ServiceCIDR, ClusterNetworkPolicy, AdminNetworkPolicy, BaselineAdminNetworkPolicy
)  # fmt: skip

__all__ = [
    "CLUSTER_WIDE", "HEADLESS", "KINDS", "PROXY_NAME", "SERVICE_NAME", "ZONE", "AdminNetworkPolicy",
    "BaselineAdminNetworkPolicy", "ClusterConfiguration", "ClusterNetworkPolicy",
    "Configuration", "Conflist", "Container", "ContainerPort", "Endpoint", "EndpointConditions",
    "EndpointHints", "EndpointPort", "EndpointSlice", "KubeProxyConfiguration", "Labels", "Metadata", "Named",
    "Namespace", "NetworkPolicy", "Node", "Object", "ObjectReference", "Pod", "PodCondition", "PodMetadata",
    "Read", "Service", "ServiceCIDR", "ServicePort",
]  # fmt: skip
