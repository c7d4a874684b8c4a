"""The address planner: its sums, its picture, its widget. What is expected is counted by hand, or seen on the real controller."""

from __future__ import annotations

from ipaddress import ip_network
from random import Random

import pytest
from msgspec.structs import replace

from kubenet_course.errors import BadInput
from kubenet_course.kube.nodeipam.kcm_flags import parse_flags
from kubenet_course.views.drawing.drawing import NO_MARK
from kubenet_course.views.drawing.svg import svg
from kubenet_course.views.drawing.theme import WIDTH, width_of
from kubenet_course.views.planner.desk import Desk
from kubenet_course.views.planner.picture import mark_of, scene_of
from kubenet_course.views.planner.planner import Planner
from kubenet_course.views.planner.sums import Wishes, flags_for, planned
from kubenet_course.views.planner.words import headline, many, sentences


def plan(**wishes):
    return planned(replace(Wishes(), **wishes))


def colliding(of) -> list[tuple[str, str, str]]:
    return [(check.one, check.other, check.shared) for check in of.checks if check.shared]


def test_the_courses_own_plan_holds():
    of = plan()
    assert (of.served, of.first_without, of.is_good) == (100, "", True)
    assert (of.room.nodes, of.room.addresses_per_node, of.room.pods_per_node) == (256, 256, 110)


@pytest.mark.parametrize("story, wishes, served, first", [
    ("256 blocks of /24 in a /16", {"nodes": 300}, 256, "node-257"),
    ("a range as long as the mask serves one node", {"cluster_cidr": "10.244.7.0/24", "nodes": 2}, 1, "node-2"),
    ("Services in the range cost blocks", {"service_range": "10.244.0.0/22", "nodes": 253}, 252, "node-253"),
    ("Services all over it cost everything", {"cluster_cidr": "10.96.0.0/16", "nodes": 1}, 0, "node-1"),
    ("the shorter of two ranges decides", {"second": True, "second_cidr": "fd00::/60", "nodes": 20}, 16, "node-17"),
    ("host bits are cut off", {"cluster_cidr": "10.244.9.9/16", "nodes": 256}, 256, ""),
])  # fmt: skip
def test_who_gets_a_block(story, wishes, served, first):
    of = plan(**wishes)
    assert (of.refusal, of.served, of.first_without) == ("", served, first), story


@pytest.mark.parametrize("wishes, said", [
    ({"node_mask": 15}, "mask size of cluster CIDR must be less than or equal to --node-cidr-mask-size"),
    ({"cluster_cidr": "10.0.0.0/8,10.1.0.0/16"}, "len of ClusterCIDRs==2 and they are not configured as dual stack"),
    ({"cluster_cidr": "10.0.0.0/8,fd00::/56", "second": True}, "length of clusterCIDRs is:3 more than max allowed of 2"),
    ({"cluster_cidr": "10.0.0.0/8,fd00::/56"}, "usage of --node-cidr-mask-size is not allowed with dual-stack clusters"),
    ({"second": True, "second_cidr": "fd00::/44"}, "New CIDR set failed; the node CIDR size is too big"),
    ({"cluster_cidr": ""}, "invalid CIDR[0]: <nil> (invalid CIDR address: )"),
    ({"service_range": "10.96.0.0/16,fd00::/112,fd01::/112"}, "can not contain more than two entries"),
])  # fmt: skip
def test_a_plan_that_cannot_be_is_answered_by_the_controllers_own_sentence(wishes, said):
    of = plan(**wishes)
    assert said in of.refusal
    assert said in headline(of)
    assert "\n" not in headline(of)
    assert (of.served, of.pools, of.is_good) == (0, (), False)


@pytest.mark.parametrize("wishes, shared", [
    ({"cluster_cidr": "10.96.0.0/12"}, [("pods", "Services", "10.96.0.0/16")]),
    ({"cluster_cidr": "192.168.0.0/16"}, [("pods", "nodes", "192.168.1.0/24")]),
    ({"company": "10.244.64.0/18"}, [("pods", "company", "10.244.64.0/18")]),
    ({"company": "10.0.0.0/8"}, [("pods", "company", "10.244.0.0/16"), ("Services", "company", "10.96.0.0/16")]),
    ({"service_range": "192.168.0.0/20"}, [("Services", "nodes", "192.168.1.0/24")]),
    ({"company": "fd00::/8"}, []),  # the second family is not planned yet
    ({"company": "fd00::/8", "second": True},
     [("pods", "company", "fd00:10:244::/56"), ("Services", "company", "fd00:10:96::/112")]),
    ({"company": "10.0.0.0/16, 10.244.1.0/24"}, [("pods", "company", "10.244.1.0/24")]),
    ({"company": ""}, []),
])  # fmt: skip
def test_which_ranges_collide(wishes, shared):
    assert colliding(plan(**wishes)) == shared
    assert plan(**wishes).is_good == (not shared)


def test_ranges_collide_exactly_where_ipaddress_says_so(seed):
    chance = Random(seed)
    for _ in range(200):
        one, other = (ip_network((chance.randrange(1 << 32), chance.randrange(2, 20)), strict=False) for _ in range(2))
        found = ("pods", "company") in [
            check[:2] for check in colliding(plan(cluster_cidr=str(one), company=str(other)))
        ]
        assert found == one.overlaps(other), (one, other)


def test_as_many_nodes_are_served_as_there_is_room(seed):
    chance = Random(seed)
    for _ in range(50):
        length = chance.randrange(12, 22)
        wishes = Wishes(
            f"10.{chance.randrange(256)}.0.0/{length}", chance.randrange(length, 29), chance.randrange(1, 600)
        )
        of = planned(wishes)
        assert of.served == min(of.room.nodes, wishes.nodes), wishes


def test_text_that_is_no_range_is_said_to_be_none():
    of = plan(company="the office")
    assert [check.said for check in of.checks if check.said] == [
        "company: 'the office' is no range; write one like 10.0.0.0/16"
    ]
    assert not of.is_good


def test_an_ipv6_service_range_that_the_api_server_refuses_is_said_to_be_one():
    [said] = [check.said for check in plan(second=True, second_services="fd00:10:96::/60").checks if check.said]
    assert said.endswith("shortest allowed prefix length for service CIDR is 64, got 60")


def test_blocks_leak_where_the_second_family_is_used_up():
    of = plan(second=True, second_cidr="fd00::/62", nodes=7)
    assert (of.served, of.leaked) == (4, 3)
    assert any("3 blocks leaked" in said for said in sentences(of))
    assert plan(second=True, service_range="10.244.0.0/20").leaked == 0


def test_leaked_blocks_are_not_drawn_as_free():
    scene = scene_of(plan(second=True, second_cidr="fd00::/62", nodes=7))
    kinds = [box.kind for box in scene.drawing.boxes if box.key.startswith("range0/")]
    assert kinds[:8] == ["pod"] * 4 + ["port"] * 3 + ["kernel"]
    assert "leaked" in [label.text for label in scene.drawing.labels]


def test_the_flags_are_those_that_the_manager_takes():
    assert flags_for(Wishes())[2] == "--node-cidr-mask-size=24"
    both = flags_for(Wishes(second=True))
    assert both[1:4] == (
        "--cluster-cidr=10.244.0.0/16,fd00:10:244::/56", "--node-cidr-mask-size-ipv4=24", "--node-cidr-mask-size-ipv6=64",
    )  # fmt: skip
    turned = Wishes("fd00:10:244::/56", 64, second=True, second_cidr="10.244.0.0/16", second_mask=24)
    assert flags_for(turned)[2:4] == ("--node-cidr-mask-size-ipv6=64", "--node-cidr-mask-size-ipv4=24")


def test_capacity_and_waste_are_told_in_numbers():
    said = " ".join(sentences(plan()))
    assert "2^(32-24) = 256 addresses, 253 of them for pods; 110 pods, 143 to spare" in said
    assert "11,000 carry a pod, 14,600 are waste (57%)" in said
    assert "64 addresses, 61 of them for pods; 110 pods are wanted, 49 get none" in " ".join(
        sentences(plan(node_mask=26))
    )


@pytest.mark.parametrize(
    "count, text", [(0, "0"), (65536, "65,536"), (1 << 64, "2^64"), ((1 << 64) - 112, "about 2^64")]
)
def test_large_counts_are_powers_of_two(count, text):
    assert many(count) == text


WORLDS = [
    {}, {"nodes": 300, "second": True}, {"cluster_cidr": "10.96.0.0/12", "company": "10.100.0.0/16"}, {"node_mask": 16},
    {"node_mask": 32},
    {"cluster_cidr": "10.0.0.0/8", "node_mask": 30, "nodes": 5000}, {"node_mask": 8}, {"pods": 1000, "nodes": 5000},
    {"cluster_cidr": "fd00:10:244:ff00::/56", "node_mask": 72, "nodes": 40},
]  # fmt: skip


@pytest.mark.parametrize("wishes", WORLDS, ids=str)
def test_the_picture_stays_in_its_frame_and_says_everything_in_words_too(wishes):
    of = plan(**wishes)
    scene = scene_of(of)
    drawing = scene.drawing
    for box in drawing.boxes:
        assert box.x >= 0
        assert box.x + box.width <= WIDTH + 0.01, box
        assert box.y + box.height <= drawing.height, box
    for label in drawing.labels:
        begin = label.x - (width_of(label.text, label.size) / 2 if label.anchor == "middle" else 0)
        assert begin >= -1, label
        assert label.y <= drawing.height, label
        assert begin + 0.9 * width_of(label.text, label.size) <= WIDTH, label
    assert headline(of) in str(scene)
    assert len({box.key for box in drawing.boxes}) == len(drawing.boxes)


def test_a_cell_is_a_block_and_says_whose():
    kinds = [box.kind for box in scene_of(plan(nodes=3, service_range="10.244.1.0/24")).drawing.boxes[:256]]
    assert kinds[:5] == ["pod", "device", "pod", "pod", "kernel"]
    assert set(kinds[4:]) == {"kernel"}


def test_a_cell_of_many_blocks_is_partly_given():
    scene = scene_of(
        plan(cluster_cidr="10.0.0.0/8", node_mask=24, nodes=300, company="", service_range="172.16.0.0/16")
    )
    cells = [box.kind for box in scene.drawing.boxes if box.key.startswith("range0/")]
    assert (len(cells), cells[:3]) == (256, ["pod", "bridge", "kernel"])
    assert mark_of(scene) != NO_MARK


def test_what_a_reader_typed_is_escaped_in_the_picture():
    scene = scene_of(plan(cluster_cidr="<script>"))
    assert "<script" not in svg(scene, label=str(scene))


def test_a_cell_turns_the_controls_and_the_answer_follows():
    made = Planner(nodes=300)
    assert made.answer.startswith("node-257 is the first node that gets nothing")
    made.choose(node_mask=25)
    assert (made.plan.served, made.wishes["node_mask"], made.plan.is_good) == (300, 25, True)
    assert "--node-cidr-mask-size=25" in made.flags.split()
    assert made.story["headline"] == made.answer


@pytest.mark.parametrize("wishes", [
    {"masks": 24}, {"nodes": 0}, {"nodes": 5001}, {"nodes": "3"}, {"nodes": True}, {"nodes": 3.0}, {"second": 1}, {"node_mask": 33},
    {"second_mask": 129}, {"pods": -1}, {"company": None}, {"company": "x" * 201},
], ids=str)  # fmt: skip
def test_a_control_refuses_what_it_does_not_have_and_nothing_changes(wishes):
    made = Planner()
    with pytest.raises(BadInput):
        made.choose(**wishes)
    assert made.wishes == Planner().wishes


def test_a_page_that_sends_nonsense_is_answered_and_the_next_change_counts():
    made = Planner()
    made.wishes = {**made.wishes, "node_mask": 64}
    assert "choose 0 to 32" in made.story["headline"]
    made.wishes = {**made.wishes, "node_mask": 26}
    assert made.plan.served == 100
    assert made.story["headline"] == made.answer


def test_what_is_stored_says_the_plan_in_words_and_in_a_picture():
    made = Planner(nodes=300)
    stored = made._repr_mimebundle_()
    assert stored["text/plain"] == repr(made)
    assert "0x" not in repr(made)
    assert len(repr(made).splitlines()) <= 40
    assert max(map(len, repr(made).splitlines())) <= 120
    assert stored["image/png"].startswith("iVBOR")


@pytest.fixture
def desk() -> Desk:
    return Desk(parse_flags(["--allocate-node-cidrs", "--cluster-cidr=10.244.0.0/22"]))


def test_while_the_controller_is_stopped_packets_flow_and_a_new_node_waits(desk):
    desk.buttons["stop"].click()
    assert desk.leaving.value == "node-1"
    desk.leaving.value = "node-3"
    desk.buttons["leave"].click()
    desk.buttons["join"].click()
    assert desk.leaving.value == "node-1"
    assert "the controller is stopped; node-4 waits for a block" in desk.answer
    assert "a packet from a pod on node-1 to one on node-2 is delivered" in desk.answer
    desk.buttons["start"].click()
    assert desk.world.nodes["node-4"] == ("10.244.2.0/24",)
    assert "the controller runs; nobody waits" in desk.answer
    assert desk.answer in desk._repr_mimebundle_()["text/plain"]


def test_only_buttons_that_can_do_something_can_be_pressed(desk):
    assert [act for act, button in desk.buttons.items() if button.disabled] == ["start"]
    for name in ("node-1", "node-2", "node-3"):
        desk.do("leave", name)
    desk.do("stop")
    assert [act for act, button in desk.buttons.items() if button.disabled] == ["stop", "leave"]
    assert "fewer than two nodes can run pods" in desk.answer


@pytest.mark.parametrize("act", [("leave", "node-9"), ("leave",), ("explode",)])
def test_the_desk_refuses_what_it_has_no_button_for(desk, act):
    with pytest.raises(BadInput):
        desk.do(*act)


def test_a_full_range_and_flags_that_cannot_be_are_told_at_the_desk(desk):
    desk.do("join")
    desk.do("join")
    assert "node-5 waits for a block" in desk.answer
    desk.do("leave", "node-1")
    assert desk.world.nodes["node-5"] == ("10.244.0.0/24",)
    assert "exited, invalid CIDR[0]" in Desk(parse_flags(["--allocate-node-cidrs"])).answer
