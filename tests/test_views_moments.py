"""A trace as a story: which packet a step is about, where it came from, and what a first look needs."""

import pytest
from view_worlds import cluster, machine

from kubenet_course.linux.packet.packet import tcp
from kubenet_course.linux.walk import send
from kubenet_course.views.story.moments import (
    EVERY,
    MAIN,
    connections,
    moments,
    shown,
    trail,
    way,
)

SYN = tcp("10.244.1.10", 40000, "10.96.0.80", 80)


@pytest.fixture(scope="module", params=[False, True], ids=["routes", "vxlan"])
def story(request):
    return moments(send(cluster(is_overlay=request.param), SYN, at="default/client"))


def test_each_level_of_detail_has_all_of_the_one_before(story):
    main, every = shown(story, MAIN), shown(story, EVERY)
    assert set(main) < set(every) == set(range(len(story)))


def test_steps_that_say_nothing_are_folded_away(story):
    assert all(story[at].step.said for at in shown(story, MAIN))


def test_questions_for_mac_addresses_are_folded_away_and_named(story):
    asked = [moment for moment in story if moment.is_look_up]
    assert asked and all(moment.detail != MAIN for moment in asked)
    assert {moment.about for moment in asked} == {"neighbour question"}


def test_the_request_comes_before_its_answer(story):
    turns = [story[at].turn for at in shown(story, MAIN)]
    assert turns == sorted(turns) and set(turns) == {0, 1}


def test_the_answer_of_the_asker_s_own_kernel_is_folded_away(story):
    assert all(moment.detail != MAIN for moment in story if moment.turn == 2)


def test_a_packet_that_waited_for_a_mac_goes_on_from_where_it_waited(story):
    sent = next(at for at, one in enumerate(story) if one.step.stage == "dev_queue_xmit" and not one.is_look_up)
    assert story[story[sent].parent].step.said.startswith("it waits")


def test_the_trail_leads_from_the_sender_to_the_place(story):
    delivered = next(at for at, one in enumerate(story) if one.step.end == "local" and not one.is_look_up)
    steps = [story[at].step for at in trail(story, delivered)]
    assert steps[0].stage == "route_output" and steps[0].namespace == "default/client"
    assert steps[-1].namespace == "default/web-22"


def test_the_way_is_one_sentence(story):
    assert way(story) == "default/client → node-1 → lan → node-2 → default/web-22: delivered to web on tcp 8080."


def test_before_a_translation_the_packet_still_has_its_old_address(story):
    nat = next(one for one in story if one.step.stage == "nat PREROUTING")
    assert (nat.before.packet.flow.dst, nat.step.skb.packet.flow.dst) == ("10.96.0.80", "10.244.2.11")


def test_a_kernel_s_connections_are_those_up_to_this_step(story):
    known = list(connections(story))
    first = next(at for at, one in enumerate(story) if one.step.stage == "conntrack PREROUTING")
    assert known[first - 1] == {}
    assert [str(one.original) for one in known[first]["node-1"]] == ["tcp 10.244.1.10:40000 -> 10.96.0.80:80"]
    assert not known[first]["node-1"][0].confirmed
    assert "node-2" in known[-1] and any(one.confirmed for one in known[-1]["node-1"])


def test_two_traces_make_one_story():
    ns = machine()
    one = send(ns, tcp("10.244.1.10", 40000, "10.96.0.80", 80), dev="veth0")
    two = send(ns, tcp("10.244.1.10", 40001, "10.96.0.80", 80), dev="veth0")
    story = moments(one, two)
    assert [moment.step for moment in story] == [*one.steps, *two.steps]
    second = len(one.steps)
    assert story[second].parent == -1 and story[second + 1].parent == second


def test_a_trace_of_one_machine_is_shown_from_the_device_on():
    story = moments(send(machine(), tcp("10.244.1.10", 40000, "10.96.0.80", 80), dev="veth0"))
    assert next(story[at].step.stage for at in shown(story, MAIN)) == "ip_rcv"
    assert shown(story, EVERY) == list(range(len(story)))
