"""kube-proxy in IPVS mode: the recorded cases, and what they do not show."""

import json
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from kubenet_course.kube.api.objects import EndpointSlice, KubeProxyConfiguration, Service
from kubenet_course.kube.proxy.ipvs.tables import tables_of
from kubenet_course.kube.proxy.node import NodeFacts
from kubenet_course.linux.stack.ipvs.servers import ipvsadm
from tests.proxy_objects import NODE_1, configuration, endpoint_slice, ingress, service

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


# -- stories that the recorded cases do not tell ----------------------------------------------------------------------

GOING = {"ready": False, "serving": True, "terminating": True}
HERE = [endpoint_slice(["10.244.1.10@node-1", "10.244.2.10@node-2"])]
ELSEWHERE = [endpoint_slice(["10.244.2.10@node-2"])]
NODE_PORT = {"type": "NodePort", "ports": [{"name": "http", "port": 80, "targetPort": 8080, "nodePort": 30080}]}


def tables(slices, spec=None, **said):
    return tables_of([service(**(spec or {}))], slices, NODE_1, configuration(**said))


def held(found) -> dict[str, tuple[str, ...]]:
    return {one.name: one.members for one in found.ipsets if one.members}


def reals(found) -> dict[str, list[str]]:
    return {str(one): [str(real) for real in one.reals] for one in found.servers}


def test_node_ports_answer_on_every_address_of_the_node_but_loopback():
    assert set(reals(tables(HERE, NODE_PORT))) == {"10.96.10.1:80", "192.168.1.11:30080", "10.244.1.1:30080"}
    narrow = tables(HERE, NODE_PORT, nodePortAddresses=["192.168.0.0/16", "127.0.0.0/8"])
    assert set(reals(narrow)) == {"10.96.10.1:80", "192.168.1.11:30080"}


def test_without_a_local_endpoint_a_local_policy_leads_to_all_endpoints_all_the_same():
    local = {**NODE_PORT, "externalTrafficPolicy": "Local"}
    assert reals(tables(HERE, local))["192.168.1.11:30080"] == ["10.244.1.10:8080"]
    assert reals(tables(HERE, local))["10.96.10.1:80"] == ["10.244.1.10:8080", "10.244.2.10:8080"]
    assert reals(tables(ELSEWHERE, local))["192.168.1.11:30080"] == ["10.244.2.10:8080"]
    assert held(tables(HERE, local))["KUBE-NODE-PORT-LOCAL-TCP"] == ("30080",)


def test_hairpins_are_those_of_all_local_endpoints_ready_or_not():
    slices = [
        endpoint_slice([{"at": "10.244.1.10@node-1", "ready": False}, "10.244.1.11@node-1", "10.244.2.10@node-2"])
    ]
    assert held(tables(slices))["KUBE-LOOP-BACK"] == (
        "10.244.1.10,tcp:8080,10.244.1.10",
        "10.244.1.11,tcp:8080,10.244.1.11",
    )
    assert reals(tables(slices))["10.96.10.1:80"] == ["10.244.1.11:8080", "10.244.2.10:8080"]


def test_who_is_going_serves_where_nobody_is_ready():
    assert reals(tables([endpoint_slice([{"at": "10.244.2.10@node-2", **GOING}])]))["10.96.10.1:80"] == [
        "10.244.2.10:8080"
    ]


@pytest.mark.parametrize(
    "story, ranges, lets_in",
    [
        ("its own address is in a range", ["192.168.1.0/24"], True),
        ("its own address is in none", ["10.0.0.0/8"], False),
    ],
)
def test_source_ranges_concern_the_node_too(story, ranges, lets_in):
    spec = {"type": "LoadBalancer", "status": ingress("198.51.100.12"), "loadBalancerSourceRanges": ranges}
    found = tables(HERE, spec)
    assert held(found)["KUBE-LOAD-BALANCER-SOURCE-CIDR"] == (f"198.51.100.12,tcp:80,{ranges[0]}",)
    assert ("KUBE-LOAD-BALANCER-SOURCE-IP" in held(found)) is lets_in
    refused = "-A KUBE-IPVS-OUT-FILTER -s 198.51.100.12 -m ipvs --vaddr 198.51.100.12 --vproto tcp --vport 80 -j DROP\n"
    assert (refused in found.iptables) is not lets_in


def test_sctp_node_ports_are_kept_with_their_addresses():
    ports = [{"name": "http", "port": 80, "protocol": "SCTP", "nodePort": 30080}]
    assert held(tables([], {"type": "NodePort", "ports": ports}))["KUBE-NODE-PORT-SCTP-HASH"] == (
        "10.244.1.1,sctp:30080",
        "192.168.1.11,sctp:30080",
    )


def test_mh_takes_the_port_into_its_hash():
    (server,) = tables(HERE, ipvs={"scheduler": "mh"}).servers
    assert (server.scheduler, server.flags) == ("mh", 0x10)
    assert ipvsadm([server]).splitlines()[0] == "-A -t 10.96.10.1:80 -s mh -b mh-port"


def test_affinity_is_persistence():
    sticky = {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}}}
    (server,) = tables(HERE, sticky).servers
    assert ipvsadm([server]).splitlines()[0] == "-A -t 10.96.10.1:80 -s rr -p 60"


def test_ipv6_has_sets_of_its_own_with_names_cut_to_31_letters():
    made = tables_of(
        [service(ip="fd00:10:96::1")], [endpoint_slice(["fd00:10:244:1::10@node-1"])], NODE_1, configuration(), 6
    )
    names = {one.name for one in made.ipsets}
    assert "KUBE-6-LOAD-BALANCER-SOURCE-CID" in names
    assert all(len(name) <= 31 for name in names)
    assert held(made)["KUBE-6-CLUSTER-IP"] == ("fd00:10:96::1,tcp:80",)
    assert ipvsadm(made.servers).splitlines() == [
        "-A -t [fd00:10:96::1]:80 -s rr",
        "-a -t [fd00:10:96::1]:80 -r [fd00:10:244:1::10]:8080 -m -w 1",
    ]
    assert "-A KUBE-SERVICES -s ::1/128 -j RETURN\n" in made.iptables


def test_an_address_that_the_node_has_is_not_put_on_the_dummy_device():
    found = tables(HERE, {"externalIPs": ["192.168.1.11", "192.0.2.7"]})
    assert found.addresses == ("10.96.10.1", "192.0.2.7")


@pytest.mark.parametrize("before, after", [(HERE, ELSEWHERE), (ELSEWHERE, HERE), (HERE, []), ([], HERE)])
def test_a_resync_is_what_a_fresh_start_would_be(before, after):
    old, new = tables(before, NODE_PORT), tables(after, NODE_PORT)
    resynced = old.resync(("default", "web"), after)
    assert (resynced.servers, resynced.ipsets, resynced.iptables) == (new.servers, new.ipsets, new.iptables)


def test_the_difference_names_the_servers_that_change():
    old = tables(HERE)
    change = old.resync(("default", "web"), ELSEWHERE).difference(old)
    assert [str(server) for server in change.servers] == ["10.96.10.1:80"]
    assert (change.gone, change.members) == ((), ())
    assert change.gone_members == (("KUBE-LOOP-BACK", "10.244.1.10,tcp:8080,10.244.1.10"),)


def test_strict_arp_silences_the_node_about_its_services_addresses():
    assert "net.ipv4.conf.all.arp_ignore" not in tables(HERE).sysctls
    strict = tables(HERE, ipvs={"strictARP": True}).sysctls
    assert (strict["net.ipv4.conf.all.arp_ignore"], strict["net.ipv4.conf.all.arp_announce"]) == (1, 2)
    assert strict["net.ipv4.vs.conntrack"] == 1
