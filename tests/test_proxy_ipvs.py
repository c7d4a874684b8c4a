"""kube-proxy in IPVS mode: the recorded cases, and what they do not show."""

import json
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from kubenet_course.kube.objects import EndpointSlice, KubeProxyConfiguration, Service
from kubenet_course.kube.proxy.ipvs.tables import tables_of
from kubenet_course.kube.proxy.node import NodeFacts

RECORDED = Path("data/reference/ipvs")
SLICE = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice"}
CASES = sorted(path.stem for path in RECORDED.glob("*.json"))


def given(case: dict):
    """Objects as the recorder gave them to kube-proxy: what the API server would add or refuse is left as it is."""
    services = [_service(one) for one in case["services"]]
    slices = [msgspec.convert(SLICE | one, EndpointSlice) for one in case["endpointSlices"]]
    said, result = case["config"], case["result"]
    own = tuple(ip for ip in said["nodeLocalAddresses"] if ip not in result["dummyAddrs"])
    ranges = tuple(said["nodePortAddresses"].strip("[]").split())
    configuration = msgspec.convert(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "ipvs",
            "ipvs": {"scheduler": said["ipvsScheduler"]},
            "iptables": {"masqueradeAll": said["masqueradeAll"]},
            "nodePortAddresses": ranges,
        },
        KubeProxyConfiguration,
    )
    return services, slices, NodeFacts(said["nodeName"], others=own), configuration, int(said["ipFamily"][-1])


def _service(one: dict) -> Service:
    """Some of the recorder's ports are 0, which the API server would refuse."""
    one = json.loads(json.dumps(one))
    numbers = [port["port"] for port in one["spec"]["ports"]]
    for port in one["spec"]["ports"]:
        port["port"] = port["port"] or 1
    made = msgspec.convert({"kind": "Service", "apiVersion": "v1", **one}, Service)
    ports = tuple(replace(port, port=number) for port, number in zip(made.spec.ports, numbers, strict=True))
    return replace(made, spec=replace(made.spec, ports=ports))


def with_its_mark(text: str) -> str:
    """The recorder left the masquerade mark empty."""
    return (
        text.replace("--mark / ", "--mark 0x4000/0x4000 ")
        .replace("--xor-mark \n", "--xor-mark 0x4000\n")
        .replace("--or-mark \n", "--or-mark 0x4000\n")
    )


@pytest.mark.parametrize("name", CASES)
def test_everything_is_as_recorded(name):
    case = json.loads((RECORDED / f"{name}.json").read_text())
    found, result = tables_of(*given(case)), case["result"]
    servers = [
        {**server, "reals": sorted(server["reals"] or (), key=lambda real: (real["address"], real["port"]))}
        for server in result["virtualServers"]
    ]
    assert [json.loads(msgspec.json.encode(one)) for one in found.servers] == servers
    assert {one.name: list(one.members) for one in found.ipsets if one.members} == result["ipsets"]
    assert set(found.addresses) == set(result["dummyAddrs"])
    assert found.iptables == with_its_mark(result["iptables_restore_input"])
