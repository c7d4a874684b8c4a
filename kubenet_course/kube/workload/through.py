"""A new connection's first packet through the rules of a node: where kube-proxy's own tables lead it.

Without it a client draws one of the endpoints that its node's kube-proxy knows. Here the same kube-proxy
writes its rules for what it knows (kube/proxy), and the kernel's walk reads them, packet by packet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from ...linux.namespace.choices import Seeded
from ...linux.namespace.device import Device, ifaddr
from ...linux.namespace.fib import Route
from ...linux.namespace.memory import Memory
from ...linux.namespace.netns import Netns, netns
from ...linux.packet.address import IPV4, Address, address, prefix
from ...linux.packet.packet import tcp
from ...linux.walk import send
from ..api.objects import (
    SERVICE_NAME,
    Endpoint,
    EndpointConditions,
    EndpointPort,
    EndpointSlice,
    Metadata,
    Service,
    ServicePort,
)
from ..api.service import ServiceSpec
from ..kubelet.life import Pod
from ..proxy.iptables.rows import IptablesServices
from ..proxy.modes import rules_in
from ..proxy.node import DEFAULTS, NodeFacts
from .listening import Listed

PODS, SERVICES = prefix("10.244.0.0/16"), prefix("10.96.0.0/16")
CLUSTER_IP, PORT, NODE_PORT, TARGET = "10.96.0.10", 80, 30080, 8080
CLIENT, OUTSIDE = "10.244.200.2", "203.0.113.5"  # a pod of the node, and somebody outside
Known = Mapping[Pod, tuple[Listed, int]]


@dataclass(eq=False)
class Rules:
    """The tables of every node, written anew when its kube-proxy hears of a change. `is_local`: the Service's
    externalTrafficPolicy is Local, and the clients are outside.
    """

    mode: str
    nodes: list[str]
    is_local: bool = False
    addresses: dict[Pod, Address] = field(default_factory=dict)
    written: dict[str, tuple[object, Netns]] = field(default_factory=dict)

    def chosen(self, node: str, known: Known, chance: Random) -> Pod | None:
        """Where a new connection is led; None where it is refused or dropped."""
        sport, seed = 32768 + chance.randrange(28232), chance.randrange(1 << 32)
        host = self._ip(node)
        src, dst, dport, dev = CLIENT, CLUSTER_IP, PORT, "veth0"
        if self.is_local:
            src, dst, dport, dev = OUTSIDE, host, NODE_PORT, "eth0"
        trace = send(
            self._node(node, known), tcp(src, sport, dst, dport), dev=dev, memory=Memory(), choices=Seeded(seed)
        )
        led_to = trace.last.skb.packet.flow.dst
        return next((pod for pod in known if self._address(pod) == led_to), None)

    def _node(self, node: str, known: Known) -> Netns:
        state = tuple((pod, listed) for pod, (listed, _) in known.items())
        if node not in self.written or self.written[node][0] != state:
            self.written[node] = state, self._made(node, known)
        return self.written[node][1]

    def _made(self, node: str, known: Known) -> Netns:
        service = _service(self.is_local)
        slices = {service.key: (self._slice(known),)}
        facts = NodeFacts(node, ips=(self._ip(node),))
        watched = IptablesServices([service], slices, IPV4)
        rules = rules_in(self.mode, watched, facts, DEFAULTS, (SERVICES,), {})
        eth0 = Device("eth0", addresses=(ifaddr(f"{self._ip(node)}/24", node),))
        veth0 = Device("veth0", addresses=(ifaddr("10.244.200.1/24", node),))
        routes = (Route(PODS, "eth0"), Route(prefix("0.0.0.0/0"), "eth0"))
        return netns(node, (eth0, veth0), routes=routes, rules={4: rules}, sysctls={"net.ipv4.ip_forward": 1})

    def _slice(self, known: Known) -> EndpointSlice:
        endpoints = tuple(
            Endpoint(
                addresses=(self._address(pod),),
                conditions=EndpointConditions(listed.ready, listed.serving, listed.terminating),
                node_name=pod.node,
            )
            for pod, (listed, _) in known.items()
        )
        metadata = Metadata(name="web-1", namespace="default", labels={SERVICE_NAME: "web"})
        return EndpointSlice(
            api_version="discovery.k8s.io/v1",
            metadata=metadata,
            address_type="IPv4",
            endpoints=endpoints,
            ports=(EndpointPort(name="", port=TARGET),),
        )

    def _address(self, pod: Pod) -> Address:
        """The pods' addresses, in the order in which they are first heard of."""
        if pod not in self.addresses:
            number = len(self.addresses)
            self.addresses[pod] = address(f"10.244.{number // 250 % 200}.{number % 250 + 2}")
        return self.addresses[pod]

    def _ip(self, node: str) -> Address:
        number = self.nodes.index(node)
        return address(f"192.168.{1 + number // 200}.{number % 200 + 11}")


def _service(is_local: bool) -> Service:
    """The Service of the run: a ClusterIP for clients inside, a NodePort with policy Local for a load balancer."""
    port = ServicePort(port=PORT, target_port=TARGET, node_port=NODE_PORT if is_local else 0)
    spec = ServiceSpec(
        cluster_ip=CLUSTER_IP,
        cluster_ips=(CLUSTER_IP,),
        type="NodePort" if is_local else "ClusterIP",
        ports=(port,),
        external_traffic_policy="Local" if is_local else "Cluster",
    )
    return Service(api_version="v1", metadata=Metadata(name="web", namespace="default"), spec=spec)
