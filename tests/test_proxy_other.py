"""Userspace mode, Windows, eBPF: what each leaves on a node, and what becomes of a request. Expected values are from the
sources that each module names, and by hand; of Maglev its promises are tested."""

from collections import Counter

import pytest
from msgspec.structs import replace

from kubenet_course.kube.model.cluster import cluster
from kubenet_course.kube.proxy.node import NodeFacts
from kubenet_course.kube.proxy.other import ebpf, kernelspace, userspace
from kubenet_course.kube.proxy.other.ebpf import Backend
from kubenet_course.kube.proxy.other.userspace import Turn, portals, tries
from kubenet_course.kube.proxy.services import Services, by_service
from kubenet_course.kube.questions.other import by_ebpf, through_the_process
from kubenet_course.linux.netfilter.iptables.save import read, write
from kubenet_course.linux.packet.address import IPV4
from tests.proxy_objects import NODE_1, endpoint_slice, ingress, service

ENDS = ["10.244.1.10@node-1", "10.244.2.10@node-2", "10.244.2.11@node-2"]
NODE_PORT = {"type": "NodePort", "ports": [{"name": "http", "port": 80, "targetPort": 8080, "nodePort": 30080}]}


def services(ends=ENDS, **spec) -> Services:
    return Services([service(**spec)], by_service([endpoint_slice(ends)]), IPV4)


@pytest.fixture(scope="module")
def made():
    return cluster(["data/clusters/node-port.yaml"])


# -- userspace ----------------------------------------------------------------------------------------------------------


def test_rules_lead_to_the_process_only_and_iptables_can_read_them():
    watched = services(**NODE_PORT)
    (portal,) = portals(watched)
    text = write(userspace.userspace_rules([portal], NODE_1, watched, {}))
    head = '-p tcp -m comment --comment "default/web:http" -m tcp'
    to = portal.proxy_port
    assert f"-A KUBE-PORTALS-CONTAINER -d 10.96.10.1/32 {head} --dport 80 -j REDIRECT --to-ports {to}\n" in text
    assert (
        f"-A KUBE-PORTALS-HOST -d 10.96.10.1/32 {head} --dport 80 -j DNAT --to-destination 192.168.1.11:{to}\n" in text
    )
    assert f"-A KUBE-NODEPORT-CONTAINER {head} --dport 30080 -j REDIRECT --to-ports {to}\n" in text
    assert "10.244" not in text
    assert write(read(text).rules) == text


def test_endpoints_come_in_turn_and_who_does_not_answer_is_passed_over_with_longer_and_longer_waits():
    (portal,) = portals(services())
    order = [str(one) for one in portal.endpoints]
    assert sorted(order) == ["10.244.1.10:8080", "10.244.2.10:8080", "10.244.2.11:8080"]
    turn, found = Turn(), []
    for _ in range(4):
        tried, turn = tries(portal, turn, "10.244.1.99", lambda one: True)
        found += [str(one.endpoint) for one in tried]
    assert found == [*order, order[0]]
    dead, _ = tries(portal, Turn(), "10.244.1.99", lambda one: str(one) == order[2])
    assert [(str(one.endpoint), one.answers, one.waits) for one in dead] == [
        (order[0], False, 0.25),
        (order[1], False, 0.5),
        (order[2], True, 1.0),
    ]
    nobody, _ = tries(portal, Turn(), "10.244.1.99", lambda one: False)
    assert [one.waits for one in nobody] == [0.25, 0.5, 1.0, 2.0]


def test_affinity_keeps_an_endpoint_until_it_does_not_answer():
    (portal,) = portals(services(sessionAffinity="ClientIP"))
    first, turn = tries(portal, Turn(), "10.244.1.99", lambda one: True)
    again, turn = tries(portal, turn, "10.244.1.99", lambda one: True)
    other, turn = tries(portal, turn, "10.244.1.98", lambda one: True)
    assert first == again and other[0].endpoint != first[0].endpoint
    moved, turn = tries(portal, turn, "10.244.1.99", lambda one: one != first[0].endpoint)
    assert [one.answers for one in moved] == [False, True]
    stays, _ = tries(portal, turn, "10.244.1.99", lambda one: True)
    assert stays[0].endpoint == moved[1].endpoint


@pytest.mark.parametrize("who", ["pod/default/client", "node/node-1", "host/203.0.113.5"])
def test_there_are_two_connections_and_the_server_sees_the_node(made, who):
    found = through_the_process(made, who, "192.168.1.11:30080")
    assert found.first.steps and found.second is not None
    assert (found.verdict.name, found.verdict.delivered_to, found.verdict.seen_from) == (
        "delivered",
        "pod/default/web-1",
        "192.168.1.11",
    )


def test_a_client_of_dead_endpoints_is_accepted_and_then_closed(made):
    found = through_the_process(made, "pod/default/client", "service/default/web:80", dead=frozenset({"10.244.2.2"}))
    assert (found.second, found.verdict.name, len(found.tried)) == (None, "refused", 4)


# -- Windows ------------------------------------------------------------------------------------------------------------


def test_a_service_is_a_policy_for_each_entrance():
    spec = {**NODE_PORT, "type": "LoadBalancer", "status": ingress("198.51.100.12"), "externalTrafficPolicy": "Local"}
    found = kernelspace.kernelspace(services(**spec), NODE_1, dsr=True, source_vip="10.244.1.2")
    rows = {one.vip: one for one in found.load_balancers}
    assert list(rows) == ["10.96.10.1", "", "198.51.100.12"]
    assert rows["10.96.10.1"].endpoints == ("10.244.1.10", "10.244.2.10", "10.244.2.11")
    assert {rows[vip].endpoints for vip in ("", "198.51.100.12")} == {("10.244.1.10",)}  # policy Local
    assert {one.dsr for one in found.load_balancers} == {True}
    assert {one.source_vip for one in found.load_balancers} == {""}  # direct return: nobody's source is changed


def test_endpoints_of_other_nodes_get_a_mac_that_is_made_of_their_address():
    found = {one.ip: one for one in kernelspace.kernelspace(services(), NODE_1).endpoints}
    assert not found["10.244.1.10"].is_remote
    assert found["10.244.2.10"].mac == "02:11:0a:f4:02:0a"  # 10.244.2.10 in hexadecimal


def test_without_endpoints_there_is_no_policy_and_so_no_refusal():
    assert kernelspace.kernelspace(services([]), NODE_1).load_balancers == ()


# -- eBPF ---------------------------------------------------------------------------------------------------------------


def test_an_endpoint_stands_in_the_maps_once_for_all_entrances():
    found = ebpf.maps(services(**NODE_PORT), NODE_1)
    assert len(found.backends) == 3
    assert set(found.frontends) == {
        ("10.96.10.1", 80, "tcp"),
        *((ip, 30080, "tcp") for ip in ("127.0.0.1", "192.168.1.11", "10.244.1.1")),
    }
    assert "1 => 10.244.1.10:8080, 2 => 10.244.2.10:8080, 3 => 10.244.2.11:8080" in ebpf.listed(found).splitlines()[0]


def test_policy_local_concerns_what_comes_from_outside():
    found = ebpf.maps(services(ENDS[1:], **{**NODE_PORT, "externalTrafficPolicy": "Local"}), NODE_1)
    row = found.frontends["192.168.1.11", 30080, "tcp"]
    assert (row.slots, len(row.inner)) == ((), 2)
    assert ebpf.at_device(found, "203.0.113.5", 1, "192.168.1.11", 30080, "tcp") == row
    assert isinstance(ebpf.at_connect(found, "192.168.1.11", 30080, "tcp", 0), Backend)


def test_an_address_of_no_service_stays_and_one_without_backends_fails_at_connect():
    assert ebpf.at_connect(ebpf.maps(services(), NODE_1), "203.0.113.5", 80, "tcp", 0) is None
    empty = ebpf.maps(services([]), NODE_1)
    assert ebpf.at_connect(empty, "10.96.10.1", 80, "tcp", 0) == empty.frontends["10.96.10.1", 80, "tcp"]


def test_a_pods_packet_never_bears_the_cluster_ip_and_no_rule_is_asked(made):
    found = by_ebpf(made, "pod/default/client", "service/default/web:80")
    assert found.verdict.name == "delivered"
    addresses = {step.skb.packet.flow.dst for step in found.trace.steps if hasattr(step.skb.packet, "flow")}
    assert found.asked.flow.dst == "10.96.1.1" and "10.96.1.1" not in addresses
    assert not any("KUBE" in str(why) for step in found.trace.steps for why in step.why)


def test_a_strangers_packet_is_a_programs_affair(made):
    found = by_ebpf(made, "host/203.0.113.5", "192.168.1.11:30080")
    assert (found.trace, found.verdict.name, str(found.became)) == (None, "handed-over", "10.244.2.2:8080")


def backends(count: int) -> list[Backend]:
    return [Backend(n, f"10.244.{n}.10", 8080) for n in range(1, count + 1)]


def test_maglev_shares_evenly_and_moves_few_when_one_goes():
    ten = backends(10)
    before, after = ebpf.maglev(ten), ebpf.maglev(ten[:9])
    places = Counter(before)
    assert max(places.values()) - min(places.values()) <= 1
    moved = sum(old != new for old, new in zip(before, after, strict=True) if old != 9)
    assert moved / len(before) < 0.10


def test_every_node_chooses_alike_at_its_device():
    clients = [(f"203.0.113.{n}", 1000 + n) for n in range(50)]
    chosen = []
    for facts in (NODE_1, replace(NODE_1, name="node-2", ips=("192.168.1.12",))):
        found = ebpf.maps(services(**NODE_PORT), NodeFacts(facts.name, ips=("192.168.1.11",)))
        chosen.append([str(ebpf.at_device(found, *client, "192.168.1.11", 30080, "tcp")) for client in clients])
    assert chosen[0] == chosen[1] and len(set(chosen[0])) == 3
