"""Clusters by lot, for kube-proxy's modes: all types of Services, policies, protocols, conditions, both families."""

import random
from typing import NamedTuple

import msgspec

from kubenet_course.kube.api.objects import EndpointSlice, KubeProxyConfiguration, Service
from tests.proxy_objects import configuration, endpoint_slice, ingress, service

RANGES = {
    4: ["203.0.113.0/24", "10.0.0.0/8", "10.1.0.0/16", "192.168.1.0/24", "192.168.0.0/24", "1.2.3.4/32", "1.2.3.5/32"],
    6: ["2001:db8::/32", "fd00::/8", "fd00:192:168:1::/64", "2001:db8:1::1/128"],
}
SETTINGS = [
    {},
    {"clusterCIDR": ""},
    {"nodePortAddresses": ["0.0.0.0/0", "::/0"]},
    {"nodePortAddresses": ["192.168.0.0/16"]},
    {"nftables": {"masqueradeAll": True, "masqueradeBit": 5}},
    {"detectLocalMode": "BridgeInterface", "detectLocal": {"bridgeInterface": "cni0"}},
    {"detectLocalMode": "InterfaceNamePrefix", "detectLocal": {"interfaceNamePrefix": "veth"}},
    {"detectLocalMode": "NodeCIDR"},
]


class Drawn(NamedTuple):
    """A cluster by lot; `again` are other slices for its first Service."""

    services: list[Service]
    slices: list[EndpointSlice]
    configuration: KubeProxyConfiguration
    family: int
    again: list[EndpointSlice]


def drawn(seed: int) -> Drawn:
    chance = random.Random(seed)
    family = chance.choice([4, 4, 6])
    services, slices, again = [], [], []
    for number in range(chance.randrange(1, 8)):
        one = _service(chance, family, number)
        services.append(one)
        slices += _slices(chance, family, number, one)
        again += _slices(chance, family, number, one) if number == 0 else []
    return Drawn(services, slices, configuration(**chance.choice(SETTINGS)), family, again)


def _service(chance: random.Random, family: int, number: int) -> Service:
    ip = f"10.96.{chance.randrange(5)}.{number + 1}" if family == 4 else f"fd00:10:96::{number + 1:x}"
    kind = chance.choice(["ClusterIP", "NodePort", "LoadBalancer"])
    ports = [
        {
            "name": f"p{at}",
            "port": chance.choice([53, 80, 443, 9090]) + at * 1000,
            "protocol": chance.choice(["TCP", "UDP", "SCTP"]),
            **({} if kind == "ClusterIP" else {"nodePort": 30000 + number * 10 + at}),
        }
        for at in range(chance.randrange(1, 4))
    ]
    spec = {"ports": ports, "type": kind}
    if kind != "ClusterIP":
        spec["externalTrafficPolicy"] = chance.choice(["Local", "Cluster"])
    if chance.random() < 0.3:
        spec["internalTrafficPolicy"] = "Local"
    if chance.random() < 0.4:
        spec["externalIPs"] = [f"192.0.2.{number}" if family == 4 else f"2001:db8::{number}"]
    if chance.random() < 0.3:
        spec["sessionAffinity"] = "ClientIP"
        spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": chance.choice([60, 90, 3661, 10800, 86400])}}
    if kind == "LoadBalancer":
        ips = [
            f"198.51.100.{number + at * 100}" if family == 4 else f"2001:db8:1::{number + at * 100}" for at in (0, 1)
        ]
        spec["status"] = ingress(*ips[: chance.randrange(3)])
        spec["loadBalancerSourceRanges"] = chance.sample(RANGES[family], chance.randrange(4))
    return service(f"s{number}", ip, **spec)


def _slices(chance: random.Random, family: int, number: int, of: Service) -> list[EndpointSlice]:
    rows = []
    for at in range(chance.randrange(5)):
        node, host = chance.choice([1, 2, 3]), number * 5 + at + 2
        ip = f"10.244.{node}.{host}" if family == 4 else f"fd00:10:244:{node}::{host:x}"
        going = {"ready": False, "serving": True, "terminating": True}
        said = chance.choice([{}, {}, {}, {"ready": False}, going, {"zones": ["zone-a"]}, {"zones": ["zone-b"]}])
        rows.append({"at": f"{ip}@node-{node}", **said})
    found = []
    for at, port in enumerate(of.spec.ports if rows else ()):
        made = endpoint_slice(rows, of.metadata.name, name=f"s{number}-{at}", port=8000 + at)
        said = msgspec.structs.replace(made.ports[0], name=port.name, protocol=port.protocol)
        found.append(msgspec.structs.replace(made, ports=(said,)))
    return found
