"""The map of a cluster, and the world as a graph."""

from __future__ import annotations

import networkx as nx
import pytest
from view_worlds import cluster as by_hand

from kubenet_course.data import data
from kubenet_course.kube import cluster, request
from kubenet_course.learn import small_world
from kubenet_course.linux.namespace.device import Device
from kubenet_course.linux.namespace.netns import netns
from kubenet_course.views import Map, bridge_loops, graph, hearing
from kubenet_course.views.drawing.sight import VIEW


@pytest.fixture(scope="module")
def two_nodes():
    return cluster([data("clusters/two-nodes.yaml")])


def test_a_map_has_every_node_with_its_pods_in_it_and_their_addresses(two_nodes):
    drawn = Map(two_nodes.world())
    nodes = {node["name"]: [pod["name"] for pod in node["pods"]] for node in drawn.map["machines"] if node["pods"]}
    assert nodes["node-1"] == ["client", "web-1"] and nodes["node-2"] == ["web-2"]
    assert "node-1 192.168.1.11 has client 10.244.1.2, web-1 10.244.1.3" in repr(drawn)


def test_the_pair_in_question_is_marked_in_the_picture_and_in_words(two_nodes):
    drawn = Map(two_nodes.world(), pair=("pod/default/client", "pod/default/web-2"))
    marked = [pod["name"] for node in drawn.map["machines"] for pod in node["pods"] if pod["marked"]]
    assert marked == ["client", "web-2"] and "Marked: client → web-2" in repr(drawn)


def test_the_path_of_a_trace_is_marked_machine_by_machine(two_nodes):
    trace = request(two_nodes, "pod/default/client", "pod/default/web-2:8080")
    assert Map(two_nodes.world(), trace).map["path"] == "client → node-1 → node-2 → web-2"


def test_a_map_is_stored_with_words_and_a_table_for_pages_without_scripts(two_nodes):
    bundle = Map(two_nodes.world(), title="Two <nodes>")._repr_mimebundle_()
    assert bundle.keys() == {"text/plain", "text/html", VIEW}
    assert "aria-label='Two &lt;nodes&gt;'" in bundle["text/html"]


def test_a_world_as_a_graph_knows_the_way_between_two_pods():
    made = graph(by_hand())
    way = nx.shortest_path(made, "default/client", "node-2")
    assert made.nodes["node-1/cni0"]["kind"] == "bridge" and made.nodes["node-1"]["kind"] == "machine"
    assert way[0] == "default/client" and any("node-1/" in name for name in way)
    assert all(made.edges[edge]["kind"] in ("has", "port", "cable", "link") for edge in made.edges)


def test_pods_of_one_node_hear_each_other_and_the_lan_hears_the_nodes_only():
    world = small_world({1: ["client", "web-1"], 2: ["web-2"]})
    groups = hearing(world)
    [near] = [group for group in groups if "client/eth0" in group]
    assert near == {"client/eth0", "web-1/eth0", "node-1/cni0"} | {
        name for name in near if name.startswith("node-1/veth")
    }
    [lan] = [group for group in groups if "lan/br0" in group]
    assert {"node-1/eth0", "node-2/eth0", "router/eth0"} < lan and not lan & near


def test_two_bridges_with_two_cables_between_them_are_a_loop_and_with_one_they_are_none():
    def node(count: int):
        devices = [Device("br0", "bridge"), Device("br1", "bridge")]
        for number in range(count):
            devices.append(Device(f"a{number}", "veth", master="br0", peer=("node", f"b{number}")))
            devices.append(Device(f"b{number}", "veth", master="br1", peer=("node", f"a{number}")))
        return {"node": netns("node", devices=tuple(devices))}

    assert bridge_loops(node(1)) == []
    [ring] = bridge_loops(node(2))
    assert {"node/br0", "node/br1"} < set(ring)
