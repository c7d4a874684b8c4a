"""Small Services, slices and nodes for stories about kube-proxy."""

from collections.abc import Iterable

import msgspec

from kubenet_course.kube.api.objects import EndpointSlice, KubeProxyConfiguration, Service
from kubenet_course.kube.proxy.iptables.rules import rules_of
from kubenet_course.kube.proxy.node import NodeFacts
from kubenet_course.linux.netfilter.rules import rule_text

PODS = "10.244.0.0/16,fd00:10:244::/56"
NODE_1 = NodeFacts(
    "node-1", "zone-a", ("10.244.1.0/24", "fd00:10:244:1::/64"), ("192.168.1.11", "fd00:192:168:1::11"), ("10.244.1.1",)
)


def configuration(**said) -> KubeProxyConfiguration:
    """A KubeProxyConfiguration by the names of its fields in YAML; the cluster's range is the course's unless said."""
    given = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clusterCIDR": PODS,
        **said,
    }
    return msgspec.convert(given, KubeProxyConfiguration)


def service(
    name: str = "web", ip: str = "10.96.10.1", status: dict | None = None, labels: dict | None = None, **spec
) -> Service:
    """A Service in default with one port http 80, unless its spec says otherwise."""
    spec = {"clusterIP": ip, "clusterIPs": [ip], "ports": [{"name": "http", "port": 80, "targetPort": 8080}], **spec}
    given = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": spec,
        "status": status or {},
    }
    return msgspec.convert(given, Service)


def ingress(*ips: str, **more) -> dict:
    return {"loadBalancer": {"ingress": [{"ip": ip, **more} for ip in ips]}}


def endpoint_slice(
    endpoints: Iterable[dict | str], of: str = "web", name: str = "", labels: dict | None = None, port: int = 8080
) -> EndpointSlice:
    """A slice of a Service; an endpoint is its address "10.244.1.10@node-1", or the whole of it."""
    rows = [_endpoint(one) for one in endpoints]
    kind = "IPv6" if any(":" in row["addresses"][0] for row in rows) else "IPv4"
    given = {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": kind, "endpoints": rows,
        "metadata": {"name": name or f"{of}-abc", "labels": {"kubernetes.io/service-name": of, **(labels or {})}},
        "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
    }  # fmt: skip
    return msgspec.convert(given, EndpointSlice)


def _endpoint(one: dict | str) -> dict:
    given = {"at": one} if isinstance(one, str) else dict(one)
    ip, _, node = given.pop("at").partition("@")
    hints = {
        f"for{kind}": [{"name": name} for name in given.pop(kind.lower())]
        for kind in ("Zones", "Nodes")
        if kind.lower() in given
    }
    row = {"addresses": [ip], "conditions": given}
    return row | ({"nodeName": node} if node else {}) | ({"hints": hints} if hints else {})


def lines(rules, table: str, chain: str) -> list[str]:
    """A chain's rules as iptables-save prints them, without `-A CHAIN`."""
    found = rules.chain(table, chain)
    return [rule_text(chain, rule).removeprefix(f"-A {chain} ") for rule in found.rules] if found else []


def rules(services, slices, family: int = 4, node: NodeFacts = NODE_1, **said):
    return rules_of(services, slices, node, configuration(**said), family)
