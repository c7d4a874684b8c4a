"""Chapter 05's exercises: flags in every spelling, another right answer, and the story behind each."""

from __future__ import annotations

import pytest

from kubenet_course.kube.nodeipam.kcm_flags import parse_flags
from kubenet_course.kube.nodeipam.node_world import NodeWorld
from kubenet_course.learn.bank import find
from kubenet_course.learn.bank.ch05.plans import tried, words_of
from kubenet_course.learn.questions.feedback import RIGHT, UNREADABLE, WRONG, judged
from kubenet_course.learn.questions.reading import Unreadable
from kubenet_course.views.planner.world import WAITS, blocks, deeds

FLAGS = ["--allocate-node-cidrs=true", "--cluster-cidr=10.244.0.0/16"]


@pytest.mark.parametrize("text", [
    "--allocate-node-cidrs=true\n--cluster-cidr=10.244.0.0/16",
    "kube-controller-manager --allocate-node-cidrs=true --cluster-cidr=10.244.0.0/16",
    "kube-controller-manager \\\n  --allocate-node-cidrs=true \\\n  --cluster-cidr=10.244.0.0/16",
    "- --allocate-node-cidrs=true\n- --cluster-cidr=10.244.0.0/16",
    "# my plan\n--allocate-node-cidrs=true\n--cluster-cidr 10.244.0.0/16",
    '"--allocate-node-cidrs=true", "--cluster-cidr=10.244.0.0/16"',
])  # fmt: skip
def test_flags_are_read_as_people_write_them(text):
    assert words_of(text) == FLAGS


@pytest.mark.parametrize("text", ["10.244.0.0/16", "--allocate-node-cidrs true", "nodes: 3"])
def test_what_is_no_flag_is_said_to_be_none(text):
    with pytest.raises(Unreadable):
        words_of(text)


@pytest.mark.parametrize("id", ["05-flags", "05-repair"])
@pytest.mark.parametrize("text", ["--cluster-range=10.244.0.0/16", "what?", "--node-cidr-mask-size=big"])
def test_a_flag_that_there_is_not_is_no_attempt(id, text):
    assert judged(id, text).state == UNREADABLE


def test_a_controller_started_in_the_bank_serves_as_many_nodes_as_there_are_blocks():
    assert tried("\n".join(FLAGS), 256).failed is None
    trial = tried("\n".join(FLAGS), 257)
    assert (trial.served, trial.failed.reason) == (256, "CIDRNotAvailable")


def test_another_plan_that_keeps_the_constraints_is_right_as_well():
    for variant in range(30):
        instance = find("05-flags").instance(variant)
        bare = "\n".join(line for line in instance.solution.splitlines() if "service" not in line)
        assert judged("05-flags", bare, variant).state == RIGHT, variant


def test_each_wrong_plan_is_told_what_is_wrong_with_it_and_no_two_alike():
    met = set()
    for variant in range(20):
        instance = find("05-flags").instance(variant)
        told = {judged("05-flags", answer, variant).findings[0].said for answer, _ in instance.wrong_answers}
        assert len(told) == len(list(instance.wrong_answers))
        met |= {belief for _, belief in instance.wrong_answers}
    assert {25, 26, 27, 28, 86, 91, 93} <= met


def test_the_default_mask_never_happens_to_be_right():
    for variant in range(40):
        solution = find("05-flags").instance(variant).solution
        text = "\n".join(line for line in solution.splitlines() if "mask" not in line)
        assert judged("05-flags", text, variant).state == WRONG, variant


def test_every_fault_of_the_repair_is_drawn_and_the_untouched_flags_do_not_pass():
    faults = set()
    for variant in range(40):
        instance = find("05-repair").instance(variant)
        assert judged("05-repair", instance.starts, variant).state != RIGHT
        faults.add(instance.because)
    assert len(faults) == 4


def test_both_stories_of_the_controller_are_told():
    assert {len(find("05-order").instance(variant).events) for variant in range(20)} == {4, 6}


def test_the_tables_of_a_story_say_who_waits_and_what_was_heard():
    world = NodeWorld(parse_flags(["--allocate-node-cidrs", "--cluster-cidr=10.244.0.0/24"]))
    world.start()
    world.create("node-1")
    world.create("node-2")
    assert [row[1] for row in blocks(world).rows] == ["10.244.0.0/24", WAITS]
    assert blocks(world).marked == (1,)
    assert deeds(world, last=1).rows[0][1] == "retry"
    world.stop()
    assert "is stopped" in blocks(world).caption


def test_the_first_variants_ask_different_things():
    assert len({find("05-size").instance(number).asks.partition(". ")[2][:20] for number in range(4)}) == 4
    assert len({find("05-next").instance(number).because for number in range(4)}) == 4
    assert len({find("05-repair").instance(number).because for number in range(4)}) == 4


def test_a_block_that_a_node_brought_along_is_stepped_over():
    instance = find("05-next").instance(3)
    assert "guest" in str(instance.look)
    taken = [row[1] for row in instance.look.rows]
    assert instance.answer not in taken
