"""The picture of a world: who stands where, that nothing lies upon anything else, and that the text says the same."""

from collections.abc import Iterator, Mapping
from itertools import combinations

import pytest
from view_worlds import cluster, machine, pod, pod_name

from kubenet_course.linux.namespace.netns import Netns
from kubenet_course.linux.packet.packet import tcp
from kubenet_course.linux.walk import send
from kubenet_course.views.drawing import theme
from kubenet_course.views.drawing.drawing import Box, Mark
from kubenet_course.views.drawing.scene import Scene, scene
from kubenet_course.views.drawing.svg import svg
from kubenet_course.views.topology.roles import MACHINE, POD, SWITCH, role_of

SIZES = [(nodes, pods, overlay) for nodes in (1, 2, 3, 4) for pods in (1, 2, 3, 4) for overlay in (False, True)]
SYN = tcp("10.244.1.10", 40000, "10.96.0.80", 80)


def overlaps(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def written(of: Scene) -> list[Box]:
    """The rectangle that each label fills."""
    found = []
    for label in of.drawing.labels:
        wide = theme.width_of(label.text, label.size)
        left = label.x if label.anchor == "start" else label.x - wide / 2
        found.append(
            Box(f"{label.of}: {label.text}", "text", left, label.y - label.size * 0.75, wide, label.size * 0.95)
        )
    return found


@pytest.mark.parametrize("nodes, pods, overlay", SIZES)
def test_no_text_lies_upon_another(nodes, pods, overlay):
    texts = written(scene(cluster(nodes, pods, overlay)))
    assert [(a.key, b.key) for a, b in combinations(texts, 2) if overlaps(a, b)] == []


@pytest.mark.parametrize("nodes, pods, overlay", SIZES)
def test_no_box_lies_upon_another_but_ports_and_devices_on_their_frame(nodes, pods, overlay):
    boxes = [
        box
        for box in scene(cluster(nodes, pods, overlay)).drawing.boxes
        if box.kind not in ("machine", "port", "title")
    ]
    assert [(a.key, b.key) for a, b in combinations(boxes, 2) if overlaps(a, b)] == []


@pytest.mark.parametrize("nodes, pods, overlay", SIZES)
def test_every_text_stays_in_its_box_and_every_box_in_the_picture(nodes, pods, overlay):
    drawing = scene(cluster(nodes, pods, overlay)).drawing
    for text in written(Scene(drawing, ())):
        box = drawing.keys[text.key.partition(": ")[0]]
        assert box.x <= text.x and text.x + text.width <= box.x + box.width
    assert all(box.x >= 0 and box.x + box.width <= drawing.width for box in drawing.boxes)
    assert all(box.y >= 0 and box.y + box.height <= drawing.height for box in drawing.boxes)


def test_text_has_at_least_11_pixels_in_a_window_of_700():
    narrowest = 540  # px, the least that the stepper's style sheet lets the picture be
    drawing = scene(cluster(4, 4)).drawing
    assert min(label.size for label in drawing.labels) * narrowest / drawing.width >= 11


@pytest.mark.parametrize(
    "name, role",
    [("node-1", MACHINE), ("default/client", POD), ("lan", SWITCH), ("router", MACHINE), ("browser", MACHINE)],
)
def test_a_namespace_plays_the_part_that_its_devices_show(name, role):
    world = cluster()
    assert role_of(world, world[name]) == role


def test_pods_stand_inside_their_node_and_the_host_outside_stands_in_none():
    boxes = scene(cluster()).drawing.keys
    assert overlaps(boxes["default/client"], boxes["node-1"])
    assert not any(overlaps(boxes["browser"], boxes[name]) for name in ("node-1", "node-2", "router"))


def test_every_thing_in_the_picture_is_said_in_words():
    said = str(scene(cluster(is_overlay=True)))
    for word in ("node-1", "default/client 10.244.1.10", "cni0", "flannel.1", "router", "browser", "192.168.1.0/24"):
        assert word in said


def test_one_machine_is_drawn_with_what_its_devices_lead_to():
    boxes = scene(machine()).drawing.keys
    assert {
        "node-1:kernel",
        "node-1/veth0",
        "node-1/eth0",
        "block 10.244.1.0/24",
        "block 192.168.1.0/24",
    } <= boxes.keys()


def test_a_picture_is_the_same_each_time():
    assert scene(cluster()) == scene(cluster())


def test_a_step_has_its_place():
    world = cluster()
    trace = send(world, SYN, at="default/client")
    drawn = scene(world, trace)
    places = {(step.namespace, step.stage): drawn.place(step) for step in trace.steps}
    assert places["default/client", "route_output"] == "default/client"
    assert places["default/client", "dev_queue_xmit"] == "default/client/eth0"
    assert places["node-1", "br_handle_frame"] == "node-1/cni0"
    assert places["node-1", "nat PREROUTING"] == "node-1:kernel"
    assert places["lan", "br_handle_frame_finish"] == "lan"


def test_between_two_places_the_picture_has_a_way():
    drawn = scene(cluster())
    assert drawn.crossed("default/client", "node-1/cni0") == [
        "default/client -- default/client/eth0",
        "default/client/eth0 -- node-1/veth10",
        "node-1/veth10 -- node-1/cni0",
    ]
    assert drawn.crossed("default/client", "nowhere") == []


class FiveThousand(Mapping):
    """A cluster of five thousand nodes whose namespaces are made when they are looked up."""

    def __init__(self) -> None:
        self.small, self.asked = cluster(2, 2, has_outside=False), set[str]()

    def __len__(self) -> int:
        return 155_001

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("nobody may walk through all of it")

    def __contains__(self, name: object) -> bool:
        return name in self.small or str(name).startswith("default/web-")

    def __getitem__(self, name: str) -> Netns:
        self.asked.add(name)
        return self.small[name] if name in self.small else pod(3, 1)


def test_of_five_thousand_nodes_only_what_the_trace_touches_is_looked_at():
    world = FiveThousand()
    trace = send(world.small, SYN, at="default/client")
    drawn = scene(world, trace)
    assert {"node-1", "node-2"} <= drawn.drawing.keys.keys()
    assert world.asked <= world.small.keys()
    assert "154994 more namespaces are not drawn." in str(drawn)


def test_of_many_pods_those_are_drawn_that_the_packet_met():
    world = cluster(1, 9, has_outside=False)
    name = pod_name(1, 8)
    trace = send(world, tcp("10.244.1.18", 40000, "10.244.1.1", 80), at=name)
    drawn = scene(world, trace).drawing
    assert name in drawn.keys
    assert sum(box.kind == "pod" for box in drawn.boxes) == 4
    assert any("more pods not drawn" in label.text for label in drawn.labels)


def test_the_svg_marks_the_place_with_more_than_a_colour():
    drawn = scene(cluster())
    text = svg(drawn, Mark("node-1:kernel", ("node-1/cni0 -- node-1:kernel",), "nat PREROUTING"))
    assert text.count("kn-here") > 1 and "kn-letter" in text
    assert ">nat PREROUTING</text>" in text
    assert 'role="img" aria-label="browser' in text


def test_names_that_look_like_markup_stay_text():
    world = {"<b>&": Netns("<b>&", machine().devices)}
    assert "<b>&" not in svg(scene(world)) and "&lt;b&gt;&amp;" in svg(scene(world))
