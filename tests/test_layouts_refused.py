"""What a Layout cannot be: each refusal is one sentence with the reason, and the change that makes it work does."""

import pytest
from layout_worlds import AROUND, around, cluster_in, layout, west

from kubenet_course.data import data
from kubenet_course.errors import BadInput
from kubenet_course.kube.manifest.read import read_text

SPLIT = {"192.168.1.12": "192.168.3.12"}
SUBNETS = "nodeSubnets: [192.168.1.0/24, 192.168.3.0/24]"
# The story, the spec, the cluster, what the refusal says, and what mends it: words, and what stands there instead.
STORIES = [
    ("two flat clusters with one range of pods", f"{{layout: flat, {west('flat', '10.244.0.0/16')}}}", "two-nodes",
     "write 10.245.0.0/16 for the pods of west", ("10.244.0.0/16", "10.245.0.0/16")),
    ("the same, and the other way to mend it", f"{{layout: flat, {west('flat', '10.244.0.0/16')}}}", "two-nodes",
     "let east or west be an island", ("west, layout: flat", "west, layout: island")),
    ("an office whose range is the pods' own", f"{{layout: island, {AROUND}}}".replace("10.20.0", "10.244.9"),
     "two-nodes", "write 10.245.0.0/24 for network office", ("10.244.9", "10.245.0")),
    ("two clusters whose nodes have the same range", around("island").replace("192.168.2", "192.168.1"), "two-nodes",
     "write 192.168.2.0/24 for the nodes of west", ("192.168.1", "192.168.2")),
    ("host routes across a router", f"{{layout: island, {SUBNETS}}}", "two-nodes",
     "a router lies between node-1 and node-2, and host routes need one link", ("island", "flat")),
    ("an MTU that leaves IPv4 less than 68 bytes", "{layout: island, mtu: 117}", "vxlan", "write mtu: 118 or more",
     ("117", "118")),
    ("an MTU that leaves IPv6 less than 1280 bytes", "{layout: island, mtu: 1279}", "dual-stack",
     "write mtu: 1280 or more", ("1279", "1280")),
    ("ranges without translation in a layout that translates nothing", "{layout: flat, nonMasqueradeCIDRs: [10.0.0.0/8]}",
     "two-nodes", "or write layout: island", ("flat", "island")),
    ("a range with bits behind its mask", "{layout: island, nonMasqueradeCIDRs: [10.0.0.1/8]}", "two-nodes",
     "write 10.0.0.0/8", ("10.0.0.1/8", "10.0.0.0/8")),
    ("a field that the kind does not have", "{laiout: island}", "two-nodes",
     "spec.laiout: a Layout has no such field", ("laiout", "layout")),
    ("a layout that there is not", "{layout: archipelago}", "two-nodes", "write one of isolated, flat, island",
     ("archipelago", "island")),
    ("a host with the router's own address", f"{{{AROUND}}}".replace("10.20.0.9", "10.20.0.1"), "two-nodes",
     "10.20.0.1 is the router's own address in office; write 10.20.0.9", ("10.20.0.1}", "10.20.0.9}")),
    ("a host outside its network", f"{{{AROUND}}}".replace("address: 10.20.0.9", "address: 10.21.0.9"), "two-nodes",
     "10.21.0.9 lies outside the network's ranges", ("10.21.0.9", "10.20.0.9")),
    ("a network whose name means something else", f"{{{AROUND}}}".replace("office", "router"), "two-nodes",
     "'router' already means something else here", ("router", "office")),
    ("an egress gateway for a pod that is not there", "{egressGateways: [{name: g, pods: [default/cliemt], node: node-1}]}",
     "two-nodes", "there is no running pod default/cliemt", ("cliemt", "client")),
    ("an egress gateway on a node that is not there", "{egressGateways: [{name: g, pods: [default/client], node: node-9}]}",
     "two-nodes", "there is no node 'node-9'; name one of node-1, node-2", ("node-9", "node-2")),
    ("an address that the gateway's node cannot have",
     "{egressGateways: [{name: g, pods: [default/client], node: node-2, address: 192.168.7.50}]}", "two-nodes",
     "write an address in 192.168.1.0/24, the network of node-2", ("192.168.7.50", "192.168.1.50")),
    ("a second interface in a network that is not there",
     f"{{{AROUND}, secondInterfaces: [{{node: node-1, network: office, address: 10.21.0.50}}]}}", "two-nodes",
     "write an address of one of the networks: office 10.20.0.0/24", ("10.21.0.50", "10.20.0.50")),
]  # fmt: skip


@pytest.mark.parametrize("story, spec, name, says, mend", STORIES, ids=[story for story, *_ in STORIES])
def test_a_layout_is_refused_with_its_reason_and_the_smallest_change_mends_it(story, spec, name, says, mend) -> None:
    changed = SPLIT if "nodeSubnets" in spec else {}
    with pytest.raises(BadInput) as refused:
        cluster_in(spec, name, changed)
    said = str(refused.value)
    assert says in said and "\n" not in said, said
    assert cluster_in(spec.replace(*mend), name, changed).world()


def test_a_second_layout_is_one_too_many() -> None:
    with pytest.raises(BadInput, match="there is a second Layout; leave one of them out"):
        read_text(layout("{}") + "\n---\n" + layout("{}").replace("east", "other"))


def test_overlap_can_be_allowed_to_see_what_breaks() -> None:
    assert cluster_in(f"{{layout: flat, overlap: allowed, {west('flat', '10.244.0.0/16')}}}").world()


def test_the_examples_in_the_repository_are_understood_whole() -> None:
    for path in data("layouts").glob("*.yaml"):
        cluster = cluster_in("{}")
        assert read_text(path.read_text(), path.name).notices == cluster.notices == ()
