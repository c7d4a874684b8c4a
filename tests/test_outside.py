"""The table of all ways into a Service: what the model says of each, against what was observed of the real kube-proxy, and against
this machine's kernel, frame by frame."""

import json
import time

import pytest

from kubenet_course.kube.outside import health, ways
from kubenet_course.kube.outside.ways import (
    MODES,
    PLACES,
    POLICIES,
    WAYS,
    Case,
    Line,
    cases,
    cluster_of,
    way_in,
    ways_in,
)
from kubenet_course.kube.outside.world import BALANCER, Fronted
from kubenet_course.lab.outside import beside_the_kernel
from kubenet_course.lab.real.run import missing
from kubenet_course.linux.packet.address import prefix


@pytest.fixture(scope="module")
def lines() -> dict[Case, Line]:
    return {one.case: one for one in ways_in()}


def said(lines, mode="iptables", policy="Cluster", way="NodePort", place="here", of=4) -> tuple[str, str]:
    """What the one who asks notices, and whom the pod sees."""
    one = lines[Case(mode, policy, way, place, of)]
    return one.told, one.seen_as


FROM_OUTSIDE = [way.name for way in WAYS if way.who == "stranger" and way.name != "ClusterIP from outside"]
BRIDGE = "node-1's bridge"


def test_the_table_has_all_combinations_and_is_computed_in_under_three_seconds(lines):
    assert len(lines) == len(MODES) * len(POLICIES) * len(WAYS) * len(PLACES) * 2 == 780
    before = time.process_time()
    ways_in()
    assert time.process_time() - before < 3


@pytest.mark.parametrize("of", [4, 6])
@pytest.mark.parametrize("mode", ["iptables", "nftables"])
@pytest.mark.parametrize("policy, way, place, expected", [
    # OBSERVED 1: outside sources are masqueraded with the address of the outgoing device.
    ("Cluster", "NodePort", "here", ("answered", BRIDGE)),
    ("Cluster", "NodePort", "elsewhere", ("answered", "node-1")),
    ("Cluster", "balancer that passes on", "elsewhere", ("answered", "node-1")),
    ("Cluster", "announced address", "here", ("answered", BRIDGE)),
    ("Cluster", "externalIP", "elsewhere", ("answered", "node-1")),
    # A pod that asks a ClusterIP keeps its address (OBSERVED 1).
    ("Cluster", "ClusterIP from a pod", "here", ("answered", "the client")),
    ("Cluster", "ClusterIP from a pod", "elsewhere", ("answered", "the client")),
    # MISCONCEPTIONS 11, 12: Local keeps the client's address, and drops where no endpoint is local.
    ("Local", "NodePort", "here", ("answered", "the client")),
    ("Local", "NodePort", "elsewhere", ("timeout", "")),
    ("Local", "externalIP", "elsewhere", ("timeout", "")),
    ("Local", "ClusterIP from a pod", "elsewhere", ("timeout", "")),
    # A balancer asks the health port, and so finds the other node.
    ("Local", "balancer that passes on", "elsewhere", ("answered", "the client")),
    ("Local", "balancer that proxies", "elsewhere", ("answered", "the balancer")),
    # OBSERVED 3: pods and the node reach all endpoints, pods unmasqueraded, the node masqueraded.
    ("Local", "NodePort from a pod", "elsewhere", ("answered", "the client")),
    ("Local", "balancer's address from a pod", "elsewhere", ("answered", "the client")),
    ("Local", "NodePort from the node", "elsewhere", ("answered", "node-1")),
    ("Local", "NodePort from the node", "here", ("answered", BRIDGE)),
    # OBSERVED 9: ipMode Proxy has no rules, so the pod's packet goes out to the balancer and comes back.
    ("Local", "ipMode Proxy, from a pod", "here", ("answered", "the balancer")),
    # OBSERVED 4 and MISCONCEPTIONS 13: nobody at all is refused.
    ("Cluster", "NodePort", "nowhere", ("refused", "")),
    ("Local", "NodePort", "nowhere", ("refused", "")),
    ("Cluster", "ClusterIP from a pod", "nowhere", ("refused", "")),
    # OBSERVED 10: a local endpoint that goes is used from outside if it is the only local one; inside goes to the ready one.
    ("Local", "NodePort", "leaving here, ready elsewhere", ("answered", "the client")),
    ("Cluster", "NodePort", "leaving here, ready elsewhere", ("answered", "node-1")),
    ("Cluster", "NodePort", "leaving here", ("answered", BRIDGE)),
    ("Local", "NodePort from a pod", "leaving here, ready elsewhere", ("answered", "the client")),
    # No route outside leads to a ClusterIP (MISCONCEPTIONS 16).
    ("Cluster", "ClusterIP from outside", "here", ("unreachable", "")),
])  # fmt: skip
def test_what_was_observed_of_the_real_kube_proxy(lines, mode, of, policy, way, place, expected):
    assert said(lines, mode, policy, way, place, of) == expected


def test_which_pod_answers_while_one_is_leaving(lines):
    place = "leaving here, ready elsewhere"
    pods = {
        way: lines[Case("iptables", "Local", way, place, 4)].pod
        for way in ("NodePort", "NodePort from a pod", FROM_OUTSIDE[1])
    }
    assert pods == {
        "NodePort": "pod/default/web-1",
        "NodePort from a pod": "pod/default/web-2",
        FROM_OUTSIDE[1]: "pod/default/web-2",
    }


def test_the_node_that_asks_a_balancers_address_without_endpoints_times_out_in_iptables_mode_only(lines):
    way = "balancer's address from the node"
    assert {mode: said(lines, mode, "Cluster", way, "nowhere")[0] for mode in MODES} == {
        "iptables": "timeout", "nftables": "refused", "ipvs": "refused"}  # fmt: skip


def test_a_client_from_outside_is_seen_by_its_own_address_only_under_policy_local(lines):
    own = {
        (one.case.policy, one.case.way)
        for one in lines.values()
        if one.seen_as == "the client" and one.case.way in FROM_OUTSIDE
    }
    assert {policy for policy, _ in own} == {"Local"}
    assert {way for _, way in own} == set(FROM_OUTSIDE) - {"balancer that proxies"}


def test_whatever_is_delivered_is_answered(lines):
    assert [
        one for one in lines.values() if one.verdict == "delivered" and not one.answered and one.case.mode != "ipvs"
    ] == []


# -- health checks ---------------------------------------------------------------------------------------------------------

BODY = (
    '{\n\t"service": {\n\t\t"namespace": "default",\n\t\t"name": "web"\n\t},\n\t"localEndpoints": %d,\n\t'
    '"serviceProxyHealthy": true\n}'
)


@pytest.mark.parametrize("of", [4, 6])
@pytest.mark.parametrize("place, counts", [
    ("here", (1, 0)), ("elsewhere", (0, 1)), ("nowhere", (0, 0)), ("leaving here, ready elsewhere", (0, 1)),
    ("leaving here", (0, 0)),
])  # fmt: skip
def test_a_balancer_hears_from_each_node_what_kube_proxy_writes(place, counts, of):
    cluster = cluster_of("iptables", "Local", place, "VIP")
    world = Fronted(cluster)
    for node, count in zip(("node-1", "node-2"), counts, strict=True):
        status, body = health.check(world, cluster, ("default", "web"), node, BALANCER, of)
        assert (status, body.decode()) == (200 if count else 503, BODY % count)
        assert json.loads(body)["localEndpoints"] == count


def test_the_nodes_that_a_balancer_leads_to_are_those_that_said_200():
    cluster = cluster_of("iptables", "Local", "elsewhere", "VIP")
    world = Fronted(cluster)
    said_yes = [
        name for name in cluster.machines if health.check(world, cluster, ("default", "web"), name, BALANCER)[0] == 200
    ]
    assert (
        [cluster.machines[name].ips[4] for name in said_yes] == [cluster.entrances[ways.VIP[4]][0]] == ["192.168.1.12"]
    )


def test_under_policy_cluster_there_is_no_health_port():
    assert health.asked_ports(cluster_of("iptables", "Cluster", "here", "VIP")) == {}


# -- source ranges ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ip_mode, kind", [("VIP", "direct"), ("Proxy", "proxy")])
@pytest.mark.parametrize("block, told", [("203.0.113.0/25", "delivered"), ("203.0.113.128/25", "timeout")])
def test_source_ranges_are_kept_by_the_nodes_or_by_the_balancer(ip_mode, kind, block, told):
    from kubenet_course.kube.manifest.read import read_text
    from kubenet_course.kube.model.cluster import Cluster
    from kubenet_course.kube.questions.ask import asker, question
    from kubenet_course.linux.verdicts import verdict
    from kubenet_course.linux.walk import ask

    text = ways.manifests("Cluster", "here", ip_mode).replace(
        "  type: LoadBalancer", f"  type: LoadBalancer\n  loadBalancerSourceRanges: [{block}]"
    )
    world = Fronted(Cluster(read_text(text), "iptables"), kind)
    trace = ask(world, question(world.cluster, "198.51.100.10:80"), asker(world, "host/203.0.113.5"))
    assert verdict(trace).name == told
    assert "203.0.113.5" in prefix("203.0.113.0/25")


# -- the real kernel -------------------------------------------------------------------------------------------------------

IN_THE_KERNEL = list(cases(("iptables", "nftables")))


@pytest.mark.skipif(missing() is not None, reason=missing() or "")
@pytest.mark.parametrize(
    "case", IN_THE_KERNEL[::29], ids=lambda case: f"{case.mode}-{case.policy}-{case.way}-{case.place}-{case.family}"
)
def test_verdict_and_every_frame_equal_the_real_kernels(case):
    """Every 29th line: all 520 take eight minutes, and were equal on Linux 6.18."""
    found = beside_the_kernel(case)
    assert found.differences == ()


def test_a_line_by_itself_says_what_the_table_says(lines):
    case = Case("iptables", "Local", "balancer that proxies", "leaving here", 6)
    assert way_in(case) == lines[case]
