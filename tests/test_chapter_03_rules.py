"""The three rules as tests of a cluster: a healthy one keeps them, each sick one breaks exactly one, whatever its shape."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubenet_course.data import data
from kubenet_course.errors import BadInput
from kubenet_course.kube.model.cluster import Cluster, cluster
from kubenet_course.kube.questions.ask import request
from kubenet_course.kube.questions.connectivity import addresses, broken_rules, connectivity, reached
from kubenet_course.learn.bank.ch03.worlds import made
from kubenet_course.learn.worlds.broken import FAULTS, USUAL, broken, ruled
from kubenet_course.linux.netfilter.iptables.save import write
from kubenet_course.linux.verdicts import verdict
from kubenet_course.shell.lines import after as carried_out

FAMILIES = pytest.mark.parametrize("of", [4, 6])
FEW = settings(max_examples=6)  # clusters; each is asked with dozens of pings
BACKENDS = pytest.mark.parametrize("backend", ["host-gw", "vxlan"])


@st.composite
def clusters(draw) -> tuple[Cluster, int]:
    """Two to four nodes, up to three pods on each, on at least two of them; some pods on their hosts' network."""
    of, backend = draw(st.sampled_from((4, 6))), draw(st.sampled_from(("host-gw", "vxlan")))
    counts = draw(st.lists(st.integers(0, 3), min_size=2, max_size=4).filter(lambda one: sum(map(bool, one)) > 1))
    pods = {node: [f"pod-{node}-{n}" for n in range(count)] for node, count in enumerate(counts, 1)}
    host = [f"host-{node}" for node in pods if draw(st.booleans())]
    with_host = {node: [*names, *(name for name in host if name == f"host-{node}")] for node, names in pods.items()}
    return made(with_host, of, backend, host), of


def hit(cluster: Cluster, world, of: int) -> list[int]:
    """The rules that some ping breaks."""
    return [rule for rule, pairs in broken_rules(connectivity(cluster, world, of)).items() if pairs]


@FEW
@given(clusters())
def test_a_healthy_cluster_keeps_all_three_rules(drawn):
    cluster, of = drawn
    found = connectivity(cluster, of=of)
    assert hit(cluster, None, of) == []
    assert all(ping.seen_from in ping.known_as and ping.received_as == ping.dialled for ping in found.values())


@pytest.mark.parametrize("fault", FAULTS)
@FEW
@given(drawn=clusters(), seed=st.integers(0, 1 << 32))
def test_each_sick_cluster_breaks_exactly_one_rule(fault, drawn, seed):
    cluster, of = drawn
    sick = broken(cluster, fault, seed, of)
    assert hit(cluster, sick.world, of) == [sick.rule]
    assert sick.node in cluster.machines


@pytest.mark.parametrize("fault", ["dropped", "masqueraded", "disguised"])
@FEW
@given(drawn=clusters(), seed=st.integers(0, 1 << 32))
def test_the_line_that_mends_a_sick_cluster_leaves_the_healthy_one(fault, drawn, seed):
    cluster, of = drawn
    sick = broken(cluster, fault, seed, of)
    mended = carried_out(sick.world, sick.mends)
    assert hit(cluster, mended, of) == []
    assert write(mended[sick.node].ruleset(of)) == write(cluster.world()[sick.node].ruleset(of))


@pytest.mark.parametrize("fault", FAULTS)
def test_seeds_put_a_fault_in_different_places_and_the_same_seed_in_the_same(fault):
    ours = made({1: ["a", "b"], 2: ["c"], 3: ["d"]})
    assert broken(ours, fault, 3).row == broken(ours, fault, 3).row
    assert len({broken(ours, fault, seed).row for seed in range(12)}) > 2


def test_the_fault_of_a_number_breaks_the_rule_of_that_number():
    ours = made({1: ["a"], 2: ["b"]})
    assert [broken(ours, rule).rule for rule in USUAL] == [1, 2, 3]


@pytest.mark.parametrize(
    "story, pods, fault, of, said",
    [
        ("a fault that there is not", {1: ["a"], 2: ["b"]}, "dropt", 4, "write one of 1, 2, 3, dropped, unrouted"),
        ("all pods on one node", {1: ["a", "b"], 2: []}, "dropped", 4, "give it two nodes with pods"),
        ("a family that it has not", {1: ["a"], 2: ["b"]}, "dropped", 6, "write one of 4"),
    ],
)
def test_what_cannot_be_broken_is_refused(story, pods, fault, of, said):
    with pytest.raises(BadInput, match=said):
        broken(made(pods), fault, of=of)


@FAMILIES
@BACKENDS
def test_one_of_a_hundred_rows_on_one_of_the_nodes_is_enough_to_be_found(of, backend):
    ours = made({1: ["a"], 2: ["b"], 3: ["c"]}, of, backend)
    victim = ours.placed.addresses(ours.pod("default", "c"))[0]
    world = ours.world()
    for _ in range(99):
        world = ruled(world, "node-3", "filter", "-A FORWARD -p tcp --dport 9 -j DROP", of)
    world = ruled(world, "node-3", "filter", f"-I FORWARD -d {victim} -j DROP", of)
    pairs = broken_rules(connectivity(ours, world, of))
    assert {to for _, to in pairs[1]} == {"pod/default/c"}
    assert (pairs[2], pairs[3]) == ([], [])


@FAMILIES
@BACKENDS
def test_a_node_may_use_any_of_its_own_addresses_and_no_other(of, backend):
    ours = made({1: ["a"], 2: ["b"]}, of, backend)
    found = connectivity(ours, of=of)
    near, far = (found["node/node-1", f"pod/default/{name}"] for name in "ab")
    assert near.seen_from != far.seen_from
    assert {near.seen_from, far.seen_from} <= set(addresses(ours.world()["node-1"], of))
    stolen = ruled(
        ours.world(), "node-1", "nat", f"-I OUTPUT -d {far.dialled} -j DNAT --to-destination {near.dialled}", of
    )
    assert connectivity(ours, stolen, of)["node/node-1", "pod/default/b"].broken == (3,)


def test_a_source_put_in_place_of_a_pods_is_seen_though_the_ping_arrives():
    ours = made({1: ["a"], 2: ["b"]})
    world = ruled(ours.world(), "node-2", "nat", "-I POSTROUTING -s 10.244.1.2 -j SNAT --to-source 10.244.2.77")
    ping = connectivity(ours, world)["pod/default/a", "pod/default/b"]
    assert (ping.verdict, ping.sent_from, ping.seen_from, ping.broken) == (
        "delivered",
        "10.244.1.2",
        "10.244.2.77",
        (2,),
    )


@pytest.mark.parametrize("fault", FAULTS)
@FAMILIES
def test_the_way_of_a_ping_points_at_the_step_that_broke_the_rule(fault, of):
    ours = made({1: ["a", "b"], 2: ["c"]}, of)
    sick = broken(ours, fault, 5, of)
    found = connectivity(ours, sick.world, of)
    guilty = [ping.way[ping.guilty] for ping in found.values() if ping.broken]
    assert all(ping.guilty == -1 for ping in found.values() if not ping.broken)
    places = {step.namespace for step in guilty}
    if fault not in ("unrouted", "second-address", "renamed"):
        assert places == {sick.node}
    if fault == "second-address":
        assert places == {f"pod/default/{sick.row.split()[0]}"}
    if fault == "renamed":
        assert sick.node in places  # where its packets are translated; what it sends itself begins at the pod


def test_pods_on_the_hosts_network_are_left_out_and_are_their_node():
    ours = cluster([data("clusters/host-network.yaml")])
    assert not any("agent" in end for pair in connectivity(ours) for end in pair)
    seen = [
        verdict(request(ours, "pod/default/agent", f"pod/default/{name}:8080")).seen_from for name in ("web-1", "web-2")
    ]
    assert seen == ["192.168.1.12", "10.244.2.1"]
    client = reached(ours.world(), "pod/default/client", "192.168.1.12")
    assert (client.sent_from, client.seen_from) == ("10.244.1.2", "192.168.1.11")  # kubernetes-sigs/kind#3474


def test_a_broken_cluster_looks_healthy():
    ours = made({1: ["a"], 2: ["b"]})
    for fault in FAULTS:
        sick = broken(ours, fault, Random(1))
        assert set(sick.world) == set(ours.world())
        assert all(sick.world[name].sockets == ours.world()[name].sockets for name in ours.machines)
