"""Isolated, flat, island: who reaches whom, by the rules of each layout, and cell by cell as packets walk."""

import itertools

import pytest
from layout_worlds import AROUND, OFFICE, around, cluster_in, layout, west

from kubenet_course.kube.layout.asked.reach import End, ends, reach, reachability
from kubenet_course.kube.manifest.read import read_text
from kubenet_course.kube.model.cluster import Cluster, checked
from kubenet_course.linux.namespace.choices import every
from kubenet_course.linux.netfilter.rules import rule_text

KINDS = ("isolated", "flat", "island")
BORDER = "198.51.100.1"
PODS = {"pod": "10.244.1.2", "pod on the same node": "10.244.1.3", "pod on another node": "10.244.2.2"}
NODES = {"its node": "192.168.1.11", "another node": "192.168.1.12"}
OTHERS = {"pod of west": "10.245.1.2", "node of west": "192.168.2.11"}
OUTSIDE = {"office": "10.20.0.9", "internet": "203.0.113.5"}
ADDRESSES = PODS | NODES | OTHERS | OUTSIDE
HOME = {"pod": 1, "pod on the same node": 1, "pod on another node": 2, "its node": 1, "another node": 2}
HOME |= {"pod of west": 3, "node of west": 3}


def is_pod(role):
    return role in PODS or role == "pod of west"


def together(one, other):
    """Whether two ends belong to one cluster."""
    east = PODS | NODES
    return (one in east and other in east) or (one in OTHERS and other in OTHERS)


def expected(kind, source, target):
    """What the definition of a layout says: whether the answer comes, and which source address is seen. None: lost."""
    if target == "internet":
        return None if is_pod(source) and kind == "isolated" else BORDER
    if source == "internet":
        return None  # every range here is private, and the internet has no route to it
    if not together(source, target):
        if is_pod(target) and kind != "flat":
            return None  # nobody outside has a route to its pods
        if is_pod(source) and kind == "isolated":
            return None  # the way there is open, but nobody has a route for the answer
        if is_pod(source) and kind == "island":
            return {1: "192.168.1.11", 2: "192.168.1.12", 3: "192.168.2.11"}[HOME[source]]
        return ADDRESSES[source]
    if not is_pod(source) and is_pod(target) and HOME[source] == HOME[target]:
        return {1: "10.244.1.1", 2: "10.244.2.1", 3: "10.245.1.1"}[
            HOME[source]
        ]  # a node speaks to its own pods with its bridge's address
    if kind == "island" and is_pod(source) and not is_pod(target) and HOME[source] != HOME[target]:
        return {1: "192.168.1.11", 2: "192.168.1.12"}[HOME[source]]  # flanneld masquerades what leaves for another node
    return ADDRESSES[source]


@pytest.mark.parametrize("kind", KINDS)
def test_every_cell_of_the_table_is_what_the_layout_promises(kind) -> None:
    found = reachability(cluster_in(around(kind)))
    assert set(found) == set(itertools.permutations(ADDRESSES, 2))
    for (source, target), cell in found.items():
        seen = cell.seen_from if cell.reached else None
        assert seen == expected(kind, source, target), f"{source} -> {target}: {cell}"


def test_in_an_isolated_cluster_a_pods_question_arrives_and_the_answer_has_no_way_home() -> None:
    cell = reachability(cluster_in(around("isolated")))["pod", "office"]
    assert cell.arrived and not cell.answered
    assert (cell.seen_from, cell.lost_at, cell.because) == ("10.244.1.2", "border", "no route leads there")


def test_a_router_that_checks_sources_stops_an_isolated_pods_packet_on_the_way_out() -> None:
    cell = reachability(cluster_in(around("isolated", "sourceCheck: true")))["pod", "office"]
    assert not cell.arrived and cell.lost_at == "router" and "rp_filter" in cell.because


def test_an_island_pod_is_translated_twice_on_its_way_to_the_internet() -> None:
    cell = reachability(cluster_in(around("island")))["pod", "internet"]
    assert [str(one) for one in cell.translations] == [
        "node-1: 10.244.1.2 becomes 192.168.1.11",
        "border: 192.168.1.11 becomes 198.51.100.1",
    ]
    assert cell.path == ("pod/default/client", "node-1", "router", "border", "internet", "host/203.0.113.5")


def test_in_a_cloud_the_providers_router_stands_between_two_nodes_pods() -> None:
    announced, cloud = (
        reachability(cluster_in(around("flat", f"routes: {routes}")))["pod", "pod on another node"]
        for routes in ("bgp", "cloud")
    )
    assert announced.path == ("pod/default/client", "node-1", "node-2", "pod/default/web-2")
    assert cloud.path == ("pod/default/client", "node-1", "router", "node-2", "pod/default/web-2")
    assert announced.reached and cloud.reached and cloud.seen_from == "10.244.1.2"


def test_a_tunnel_adds_fifty_bytes_between_nodes_and_none_elsewhere() -> None:
    found = reachability(cluster_in(around("island"), "vxlan"))
    assert found["pod", "pod on another node"].extra == 50
    assert found["pod", "pod on the same node"].extra == found["pod", "office"].extra == 0


def test_a_pod_on_the_hosts_network_is_routable_even_in_an_isolated_cluster() -> None:
    found = reachability(cluster_in(f"{{layout: isolated, {AROUND}}}", "host-network"))
    assert found["office", "pod with hostNetwork"].reached
    assert found["pod with hostNetwork", "internet"].reached


# -- ranges that are not masqueraded -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "story, ranges, seen",
    [
        ("the private ranges, the agent's default: the office is private too, and its answer is lost", "[10.0.0.0/8]", None),
        ("only the pods' range: the office sees the node", "[10.244.0.0/16]", "192.168.1.11"),
        ("the list asks for the destination, so the pods' range does not keep a pod's own address", "[10.244.0.0/16]",
         "192.168.1.11"),
        ("an empty list", "[]", "192.168.1.11"),
    ],
)  # fmt: skip
def test_non_masquerade_ranges_ask_for_the_destination(story, ranges, seen) -> None:
    cell = reachability(cluster_in(around("island", f"nonMasqueradeCIDRs: {ranges}")))["pod", "office"]
    assert (cell.seen_from if cell.reached else None) == seen, story


def test_an_empty_list_masquerades_even_what_comes_in() -> None:
    """kubernetes-sigs/ip-masq-agent#65: the agent's last rule asks for no source, so a pod sees its gateway for everybody."""
    listed, empty = (
        reachability(cluster_in(around("island", f"nonMasqueradeCIDRs: {ranges}")))["pod on another node", "pod"]
        for ranges in ("[10.244.0.0/16]", "[]")
    )
    assert listed.seen_from == "10.244.2.2"
    assert empty.seen_from == "10.244.1.1"


def test_the_agents_chain_is_what_the_agent_writes() -> None:
    """The lines of syncMasqRules in cmd/ip-masq-agent/ip-masq-agent.go, written down by hand."""
    rules = cluster_in(around("island", "nonMasqueradeCIDRs: [10.244.0.0/16]")).rules("node-1", 4)
    stays = '-m comment --comment "ip-masq-agent: local traffic is not subject to MASQUERADE"'
    leaves = '-m comment --comment "ip-masq-agent: outbound traffic is subject to MASQUERADE (must be last in chain)"'
    assert [rule_text("IP-MASQ-AGENT", rule) for rule in rules.chain("nat", "IP-MASQ-AGENT").rules] == [
        f"-A IP-MASQ-AGENT {stays} -d 169.254.0.0/16 -j RETURN",
        f"-A IP-MASQ-AGENT {stays} -d 10.244.0.0/16 -j RETURN",
        f"-A IP-MASQ-AGENT {leaves} -j MASQUERADE",
    ]


# -- the same addresses twice ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["isolated", "island"])
def test_two_clusters_with_the_same_pod_range_live_side_by_side(kind) -> None:
    found = reachability(cluster_in(f"{{layout: {kind}, {AROUND}, {west(kind, '10.244.0.0/16')}}}"))
    assert found["pod", "pod on another node"].reached
    assert found["pod of west", "node of west"].reached
    if kind == "island":
        assert found["pod", "office"].seen_from == "192.168.1.11"
        assert found["pod of west", "office"].seen_from == "192.168.2.11"
        assert found["pod", "office"].reached and found["pod of west", "office"].reached


def test_two_flat_clusters_with_the_same_pod_range_hear_each_others_answers() -> None:
    spec = f"{{layout: flat, routes: cloud, overlap: allowed, {AROUND}, {west('flat', '10.244.0.0/16')}}}"
    found = reachability(cluster_in(spec))
    assert found["pod", "pod of west"].taken_by == "pod/default/client"
    assert found["office", "pod of west"].taken_by == "pod/default/client"
    lost = found["pod of west", "office"]
    assert lost.arrived and not lost.answered and lost.lost_at == "node-1"


def test_equal_announcements_part_the_conversations_among_both_clusters() -> None:
    """A router with two equal routes takes each for half of all pairs of addresses: both clusters lose half of their answers."""
    cluster = cluster_in(f"{{layout: flat, overlap: allowed, {AROUND}, {west('flat', '10.244.0.0/16')}}}")
    world = cluster.world()
    (row,) = (row for row in world["router"].routes if str(row.prefix) == "10.244.1.0/24")
    assert [(hop.dev, hop.via) for hop in row.hops] == [("eth0", "192.168.1.11"), ("eth1", "192.168.2.11")]
    known = ends(cluster, world)
    for source, target in (("office", "pod"), ("office", "pod of west")):
        taken = {}
        for share, cell in every(lambda choices, s=source, t=target: reach(world, known[s], known[t], choices)):
            taken[cell.taken_by] = taken.get(cell.taken_by, 0) + share
        assert taken == pytest.approx({"pod/default/client": 0.5, "west/pod/default/web-1": 0.5})
    for asker in ("pod", "pod of west"):
        shares = [
            (share, cell.reached)
            for share, cell in every(lambda choices, who=asker: reach(world, known[who], known["office"], choices))
        ]
        assert sum(share for share, came in shares if came) == pytest.approx(0.5)


# -- ways out ----------------------------------------------------------------------------------------------------------

GATEWAY = "egressGateways: [{name: partner, pods: [default/client], node: node-2, to: [203.0.113.0/24], address: 192.168.1.50}]"
OWN = "internet: {hosts: [{address: 203.0.113.5}], translations: [{from: 192.168.1.50/32, to: 198.51.100.3}]}"


@pytest.mark.parametrize("name", ["two-nodes", "vxlan"])
def test_one_pod_leaves_by_the_gateway_under_an_address_that_no_other_pod_has(name) -> None:
    found = reachability(cluster_in(f"{{layout: island, {OFFICE}, {OWN}, {GATEWAY}}}", name))
    out = found["pod", "internet"]
    assert out.reached and out.seen_from == "198.51.100.3"
    assert out.path[:4] == ("pod/default/client", "node-1", "node-2", "router")
    assert [str(one) for one in out.translations] == [
        "node-2: 10.244.1.2 becomes 192.168.1.50",
        "border: 192.168.1.50 becomes 198.51.100.3",
    ]
    for other in ("pod on the same node", "pod on another node", "its node"):
        assert found[other, "internet"].seen_from == BORDER
    assert found["pod", "office"].seen_from == "192.168.1.11"  # the gateway is for the partner alone


@pytest.mark.parametrize("rules, comes", [("true", True), ("false", False)])
def test_an_answer_that_leaves_by_the_other_interface_is_stopped_by_a_router_that_checks_sources(rules, comes) -> None:
    """node-1 is asked at eth1 by a host of a third network. Without a rule its answer would leave by eth0, under eth1's address.
    The router does not even tell node-1 its MAC address: questions for those obey rp_filter too (arp_process)."""
    third = "networks: [{name: office, ranges: [10.20.0.0/24]}, {name: lab, ranges: [10.30.0.0/24], hosts: [{address: 10.30.0.9}]}]"
    second = f"secondInterfaces: [{{node: node-1, network: office, address: 10.20.0.50, rules: {rules}}}]"
    cluster = cluster_in(f"{{layout: island, sourceCheck: true, {third}, {second}}}")
    source, target = End("lab", "host/10.30.0.9", "10.30.0.9"), End("eth1", "node-1", "10.20.0.50")
    cell = reach(cluster.world(), source, target)
    assert cell.arrived and cell.answered is comes
    assert comes or (cell.lost_at == "node-1" and "which MAC 192.168.1.1 has" in cell.because)


# -- a border, a firewall, a table that is full ------------------------------------------------------------------------


def test_without_translation_at_the_border_the_internet_cannot_answer_a_private_address() -> None:
    spec = around("flat").replace("internet: {", "internet: {nat: false, ")
    cell = reachability(cluster_in(spec))["pod", "internet"]
    assert cell.arrived and not cell.answered
    assert (cell.seen_from, cell.lost_at) == ("10.244.1.2", "internet")


def test_a_flat_cluster_with_public_pods_is_reached_from_the_internet_itself() -> None:
    public = {"10.244.1": "198.18.1", "10.244.2": "198.18.2"}
    found = reachability(cluster_in(f"{{layout: flat, {AROUND}}}", changed=public))
    assert found["internet", "pod"].reached and found["internet", "pod"].seen_from == "203.0.113.5"
    assert found["pod", "internet"].seen_from == "198.18.1.2"


def test_an_allow_list_by_address_lets_every_pod_of_an_island_in_or_none() -> None:
    """A firewall that knows one pod's address stops nobody: it only ever sees the node's."""
    rule = "firewall: [{action: drop, from: 10.244.1.2/32, to: 10.20.0.0/24}]"
    assert reachability(cluster_in(around("island", rule)))["pod", "office"].reached
    assert not reachability(cluster_in(around("flat", rule)))["pod", "office"].reached
    node = "firewall: [{action: drop, from: 192.168.1.11/32, to: 10.20.0.0/24}]"
    found = reachability(cluster_in(around("island", node)))
    assert not found["pod", "office"].reached and not found["pod on the same node", "office"].reached
    assert found["pod on another node", "office"].reached


def test_nodes_behind_a_router_need_a_tunnel_or_routers_that_know_the_blocks() -> None:
    moved = {"192.168.1.12": "192.168.3.12"}
    for kind, name in (("island", "vxlan"), ("flat", "two-nodes")):
        spec = around(kind, "nodeSubnets: [192.168.1.0/24, 192.168.3.0/24]")
        cell = reachability(cluster_in(spec, name, moved))["pod", "pod on another node"]
        assert cell.reached and cell.seen_from == "10.244.1.2"
        assert cell.path == ("pod/default/client", "node-1", "router", "node-2", "pod/default/web-2")
        assert cell.extra == (50 if kind == "island" else 0)  # the router sees a tunnel's packet, or the pod's own


def test_a_providers_table_has_no_row_for_the_nodes_that_came_last() -> None:
    """Azure's table holds 400 routes; the 401st node's pods can be reached by nobody beyond their node."""
    nodes = "---\n".join(f"apiVersion: v1\nkind: Node\nmetadata: {{name: n{number}}}\n" for number in range(1, 402))
    pods = "".join(
        f"---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p{number}}}\nspec: {{nodeName: n{number}}}\n"
        for number in (1, 401)
    )
    spec = f"{{layout: flat, routes: cloud, provider: Azure, {AROUND}}}"
    made = checked(Cluster(read_text(f"{nodes}---\n{layout(spec)}{pods}", "many.yaml")))
    assert made.notices == ("the route table of Azure is full: no row leads to 10.129.144.0/24 of n401",)
    found = reachability(made)
    assert found["office", "pod"].reached and not found["office", "pod on another node"].arrived


def test_a_narrower_network_between_the_nodes_makes_pods_narrower_by_as_much() -> None:
    """1400 bytes between the nodes, less 50 for VXLAN (RFC 7348 section 4.3 and the headers below it): 1350 for a pod."""
    world = cluster_in(f"{{layout: island, mtu: 1400, {AROUND}}}", "vxlan").world()
    assert world["pod/default/client"].devices["eth0"].mtu == world["node-1"].devices["flannel.1"].mtu == 1350
    assert world["node-1"].devices["eth0"].mtu == world["router"].devices["eth0"].mtu == 1400
    assert world["router"].devices["wan0"].mtu == 1500
