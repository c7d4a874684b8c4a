"""The names in kube-proxy's nftables table (pkg/proxy/nftables/proxier.go).

A chain of a Service port bears its whole name; eight letters of a hash stand before it, so that two names that differ
in one sign look different at once, and so that a name that had to be cut is still the only one of its kind.
"""

from hashlib import sha256

from ..chain_names import base32
from ..endpoint import Endpoint
from ..service_port import ServicePort

TABLE = "kube-proxy"
SERVICES, MASQUERADING, REJECT = "services", "masquerading", "reject-chain"
NODEPORT_CHECK, SERVICE_CHECK = "nodeport-endpoints-check", "service-endpoints-check"
FIREWALL_CHECK, CLUSTER_IPS_CHECK = "firewall-check", "cluster-ips-check"
HAIRPIN, CLUSTER_IPS, NODEPORT_IPS = "hairpin-connections", "cluster-ips", "nodeport-ips"
NOBODY_SERVICES, NOBODY_NODEPORTS = "no-endpoint-services", "no-endpoint-nodeports"
FIREWALL_IPS, SERVICE_IPS, SERVICE_NODEPORTS = "firewall-ips", "service-ips", "service-nodeports"
CLUSTER_POLICY, LOCAL_POLICY, EXTERNAL, FIREWALL = "service-", "local-", "external-", "firewall-"
ENDPOINT, AFFINITY = "endpoint-", "affinity-"
LONGEST = 240  # what nft allows for a name, 256, without the longest word before it


def base(port: ServicePort, endpoint: Endpoint | None = None) -> str:
    """B6XM2CKX-default/web/tcp/http, or BOYFNPTT-default/web/tcp/http__10.244.1.10/8080 for one endpoint of it.

    A colon may not stand in a name; an IPv6 address has dots instead.
    """
    namespace, service = port.service.key
    name = f"{namespace}/{service}/{port.protocol}/{port.port.name}"
    if endpoint is not None:
        name += f"__{endpoint.address.replace(':', '.')}/{endpoint.port}"
    whole = f"{base32(sha256(name.encode()).digest(), 8)}-{name}"
    return whole if len(whole) <= LONGEST else f"{whole[: LONGEST - 3]}..."
