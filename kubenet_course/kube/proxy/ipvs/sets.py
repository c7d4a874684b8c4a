"""The ipsets of IPVS mode: name, type, and the comment of the rule that asks it (pkg/proxy/ipvs/ipset.go)."""

from typing import NamedTuple

from ....linux.netfilter.ipset.sets import BITMAP_PORT
from ....linux.packet.address import IPV6, Family

LONGEST = 31  # of a set's name
IP_PORT, IP_PORT_IP, IP_PORT_NET = "hash:ip,port", "hash:ip,port,ip", "hash:ip,port,net"
LOOP_BACK, CLUSTER_IP, IPVS_IPS = "KUBE-LOOP-BACK", "KUBE-CLUSTER-IP", "KUBE-IPVS-IPS"
EXTERNAL, EXTERNAL_LOCAL = "KUBE-EXTERNAL-IP", "KUBE-EXTERNAL-IP-LOCAL"
BALANCER, BALANCER_FIREWALL = "KUBE-LOAD-BALANCER", "KUBE-LOAD-BALANCER-FW"
BALANCER_LOCAL = "KUBE-LOAD-BALANCER-LOCAL"
BALANCER_SOURCE_IP, BALANCER_SOURCE_CIDR = "KUBE-LOAD-BALANCER-SOURCE-IP", "KUBE-LOAD-BALANCER-SOURCE-CIDR"
HEALTH_CHECK = "KUBE-HEALTH-CHECK-NODE-PORT"
# By protocol: the set of NodePorts, and that of those under externalTrafficPolicy Local.
NODE_PORTS = {
    "tcp": ("KUBE-NODE-PORT-TCP", "KUBE-NODE-PORT-LOCAL-TCP"),
    "udp": ("KUBE-NODE-PORT-UDP", "KUBE-NODE-PORT-LOCAL-UDP"),
    "sctp": ("KUBE-NODE-PORT-SCTP-HASH", "KUBE-NODE-PORT-LOCAL-SCTP-HASH"),
}


class Kind(NamedTuple):
    """What is fixed of a set."""

    type: str
    comment: str


_LOCAL = "with externalTrafficPolicy=local"
_SCTP = "with type 'hash ip:port'"
KINDS = {
    LOOP_BACK: Kind(IP_PORT_IP, "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose"),
    CLUSTER_IP: Kind(IP_PORT, "Kubernetes service cluster ip + port for masquerade purpose"),
    EXTERNAL: Kind(IP_PORT, "Kubernetes service external ip + port for masquerade and filter purpose"),
    EXTERNAL_LOCAL: Kind(IP_PORT, f"Kubernetes service external ip + port {_LOCAL}"),
    BALANCER: Kind(IP_PORT, "Kubernetes service lb portal"),
    BALANCER_FIREWALL: Kind(IP_PORT, "Kubernetes service load balancer ip + port for load balancer with sourceRange"),
    BALANCER_LOCAL: Kind(IP_PORT, f"Kubernetes service load balancer ip + port {_LOCAL}"),
    BALANCER_SOURCE_IP: Kind(
        IP_PORT_IP, "Kubernetes service load balancer ip + port + source IP for packet filter purpose"
    ),
    BALANCER_SOURCE_CIDR: Kind(
        IP_PORT_NET, "Kubernetes service load balancer ip + port + source cidr for packet filter purpose"
    ),
    NODE_PORTS["tcp"][0]: Kind(BITMAP_PORT, "Kubernetes nodeport TCP port for masquerade purpose"),
    NODE_PORTS["tcp"][1]: Kind(BITMAP_PORT, f"Kubernetes nodeport TCP port {_LOCAL}"),
    NODE_PORTS["udp"][0]: Kind(BITMAP_PORT, "Kubernetes nodeport UDP port for masquerade purpose"),
    NODE_PORTS["udp"][1]: Kind(BITMAP_PORT, f"Kubernetes nodeport UDP port {_LOCAL}"),
    NODE_PORTS["sctp"][0]: Kind(IP_PORT, f"Kubernetes nodeport SCTP port for masquerade purpose {_SCTP}"),
    NODE_PORTS["sctp"][1]: Kind(IP_PORT, f"Kubernetes nodeport SCTP port {_LOCAL} {_SCTP}"),
    HEALTH_CHECK: Kind(BITMAP_PORT, "Kubernetes health check node port"),
    IPVS_IPS: Kind("hash:ip", "Kubernetes service and load balancer ips"),
}


def set_name(name: str, of: Family) -> str:
    """Both families' sets live in one place, so IPv6 has names of its own; a name that grows too long is cut."""
    return name.replace("KUBE-", "KUBE-6-", 1)[:LONGEST] if of is IPV6 else name
