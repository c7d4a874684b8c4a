"""The picture of a cluster in its surroundings: few nodes by name, some dozens with dots, thousands as groups; always readable."""

from itertools import combinations
from time import process_time

import pytest
from layout_worlds import around, cluster_in, layout

from kubenet_course.kube.layout.asked.reach import reachability
from kubenet_course.kube.manifest.read import read_text
from kubenet_course.kube.model.cluster import Cluster
from kubenet_course.views.drawing.around import surroundings
from kubenet_course.views.drawing.theme import width_of
from kubenet_course.views.topology.nodes import MOST_GROUPS
from kubenet_course.views.topology.wide import wide

OUTSIDE = "networks: [{name: office, ranges: [10.20.0.0/24], hosts: [{address: 10.20.0.9}]}], internet: {}"


def many(nodes: int, pods: int, zones: int = 0) -> Cluster:
    """A cluster of so many nodes and pods, in so many zones, as an island."""
    zone = "{{topology.kubernetes.io/zone: zone-{}}}"
    listed = [
        f"apiVersion: v1\nkind: Node\nmetadata: {{name: node-{n}, labels: {zone.format(n % zones) if zones else '{}'}}}\n"
        for n in range(nodes)
    ]
    listed += [f"apiVersion: v1\nkind: Pod\nmetadata: {{name: web-{n}}}\n" for n in range(pods)]
    return Cluster(read_text("---\n".join([*listed, layout(f"{{layout: island, {OUTSIDE}}}")]), "many"))


def overlapping(drawing) -> list[tuple[str, str]]:
    """Pairs of labels whose rectangles share a point."""
    boxes = []
    for label in drawing.labels:
        wide_ = width_of(label.text, label.size) * 0.9
        left = label.x - (wide_ / 2 if label.anchor == "middle" else 0)
        boxes.append((label.text, left, label.y - label.size * 0.8, left + wide_, label.y + label.size * 0.2))
    return [
        (one[0], other[0])
        for one, other in combinations(boxes, 2)
        if one[1] < other[3] and other[1] < one[3] and one[2] < other[4] and other[2] < one[4]
    ]


def outside_of_the_picture(drawing) -> list[str]:
    return [
        b.key
        for b in drawing.boxes
        if b.x < 0 or b.y < 0 or b.x + b.width > drawing.width or b.y + b.height > drawing.height
    ]


@pytest.mark.parametrize("kind", ["isolated", "flat", "island"])
def test_the_three_layouts_differ_in_what_routers_and_nodes_say(kind) -> None:
    drawing, said = wide(cluster_in(around(kind)))
    texts = [label.text for label in drawing.labels]
    assert ("masquerade" in texts) is (kind == "island")
    assert ("10.244.1.0/24 via 192.168.1.11" in texts) is (kind == "flat")
    assert ("no route to the pods of east, 10.244.0.0/16" in texts) is (kind != "flat")
    assert any(("masquerades what leaves" in one) is (kind == "island") for one in said if one.startswith("east"))
    assert not overlapping(drawing) and not outside_of_the_picture(drawing)


def test_every_pod_of_a_small_cluster_is_drawn_inside_its_node_with_its_address() -> None:
    cluster = cluster_in(around("island"))
    keys = wide(cluster)[0].keys
    for name, pods in cluster.placed.on.items():
        for pod in pods:
            inner, outer = keys[f"pod/default/{pod.metadata.name}"], keys[name]
            assert outer.x < inner.x and inner.x + inner.width < outer.x + outer.width
            assert outer.y < inner.y and inner.y + inner.height <= outer.y + outer.height
            assert cluster.placed.addresses(pod)[0] in inner.title


def test_forty_nodes_and_four_hundred_pods_are_readable_and_quickly_drawn() -> None:
    cluster = many(40, 400)
    surroundings(cluster)  # what is imported once
    start = process_time()
    picture = surroundings(cluster)
    assert picture.svg and process_time() - start < 0.3
    drawing = picture.scene.drawing
    assert {f"node-{n}" for n in range(40)} <= set(drawing.keys)
    assert {f"pod/default/web-{n}" for n in range(400)} <= set(drawing.keys)
    assert {f"node-{n}" for n in range(40)} <= {label.text for label in drawing.labels}
    assert not overlapping(drawing) and not outside_of_the_picture(drawing)


def test_five_thousand_nodes_are_groups() -> None:
    cluster = many(5000, 5000)
    drawing, said = wide(cluster)
    groups = [box for box in drawing.boxes if " group " in f" {box.key}"]
    assert 0 < len(groups) <= MOST_GROUPS and not overlapping(drawing) and not outside_of_the_picture(drawing)
    assert "5000 nodes with 5000 pods" in said[-1]
    counted = [int(label.text.split()[0].replace(",", "")) for label in drawing.labels if label.text.endswith(" nodes")]
    assert sum(counted) == 5000


def test_groups_keep_zones_apart() -> None:
    drawing, _ = wide(many(90, 0, zones=3))
    groups = [box for box in drawing.boxes if box.key.startswith("group ")]
    assert 3 <= len(groups) <= MOST_GROUPS and all("zone-" in box.title for box in groups)


def test_the_way_of_a_packet_is_marked_from_the_pod_to_the_far_host() -> None:
    cluster = cluster_in(around("island"))
    been = surroundings(cluster, reachability(cluster)["pod", "internet"].trace).mark.been
    places = [key for key in been if " -- " not in key]
    assert places == ["pod/default/client", "node-1", "lan", "router", "border", "internet", "host/203.0.113.5"]
    assert any(" -- " in key for key in been)
