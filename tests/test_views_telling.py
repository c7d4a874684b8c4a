"""The story level of the stepper, on every recorded scenario: plain, short enough, and true to the steps that it covers."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace
from test_fragments import BIG, CLIENT, SERVER
from test_fragments import world as fragment_world
from test_tunnels import GENEVE_WORLD, IPIP, NODES, QUESTION
from test_tunnels import world as tunnels

from kubenet_course.data import data
from kubenet_course.learn import story as of_scenario
from kubenet_course.linux.namespace.device import WireGuard
from kubenet_course.linux.packet.packet import ping
from kubenet_course.linux.walk import STAGES, ask
from kubenet_course.views.story.moments import moments
from kubenet_course.views.story.telling import spoken, tellings

FILES = [path.stem for path in sorted(data("scenarios").glob("*.json"))]
SCENARIOS = pytest.mark.parametrize("name", FILES)
ADDRESS = re.compile(r"\b\d+(?:\.\d+){3}\b|\b[0-9a-f]{1,4}(?:::?[0-9a-f]{0,4})+\b")
DEVICE = re.compile(r"\bby ([\w.-]+?)[ .](?:to|straight|out|as|$)")
PLACE = re.compile(r"port (\d+)")


def told(name: str):
    return moments(of_scenario(name)[1])


@SCENARIOS
def test_no_kernel_function_is_named_and_every_item_is_whole_sentences(name):
    functions = {word for stage in STAGES for word in stage.split() if "_" in word}
    for said in spoken(told(name)):
        assert not functions & set(re.findall(r"\w+", said)), said
        assert said[0].isalnum() and said.endswith(".") and "  " not in said and ".." not in said


@SCENARIOS
def test_every_address_port_and_device_in_a_sentence_is_its_own_steps(name):
    story = told(name)
    first = story[0]
    for one in tellings(story):
        own = " ".join(repr((story[at].step, story[at].before)) for at in one.covers) + repr(first.step.skb)
        for word in (*ADDRESS.findall(one.said), *DEVICE.findall(one.said), *PLACE.findall(one.said)):
            assert word in own, (word, one.said)


@SCENARIOS
def test_a_verdict_in_a_sentence_is_the_steps_own(name):
    words = {"drops it, and tells nobody": "dropped", "refuses it": "refused", "A program listens": "local"}
    story = told(name)
    for one in tellings(story):
        for said, end in words.items():
            assert said not in one.said or end in [story[at].step.end for at in one.covers], one.said


def is_between_two_nodes(story) -> bool:
    """A request that went over both nodes to a pod, and whose answer came back to the asker."""
    there = {one.step.namespace for one in story if one.turn == 0 and not one.is_look_up}
    back = [one for one in story if one.turn == 1 and one.step.end == "local" and not one.is_look_up]
    came = any(one.step.namespace == story[0].step.namespace for one in back)
    ended = {one.step.namespace for one in story if one.turn == 0 and one.step.end == "local"}
    return came and {"client", "node-1", "node-2"} <= there and bool(ended - {"node-1", "node-2", "client"})


def test_a_request_and_its_answer_between_two_nodes_take_eight_to_ten_items():
    counts = {name: len(spoken(told(name))) for name in FILES if is_between_two_nodes(told(name))}
    assert len(counts) > 15
    assert set(counts.values()) <= {8, 9, 10}, counts


def test_a_service_on_another_node_told_by_hand():
    said = spoken(told("host-gw-service-other-node"))
    assert said[1] == (
        "node-1 receives the packet. Its rules replace the destination 10.96.0.11, port 80 by 10.244.2.10, port 80. "
        "Its route leads by eth0 to the gateway 192.168.1.12."
    )
    assert said[2] == "node-1 remembers this connection, so that it can translate the answer back."
    assert (
        said[-1] == "client receives the answer. It comes from 10.96.0.11, port 80. That is the address that it asked."
    )


def test_an_answer_from_an_address_that_nobody_asked_is_said_to_be_one():
    said = spoken(told("host-gw-service-same-node-no-br-netfilter"))
    assert said[-1].endswith("It had asked 10.96.0.10, so it does not know this connection, and refuses it.")


def test_all_recorded_scenarios_are_told():
    assert len(FILES) > 90 and all(spoken(told(name)) for name in FILES)


def test_pieces_and_envelopes_are_told_of():
    """A packet that is cut, put together and wrapped: each machine says what it did."""
    big = ask(fragment_world(), replace(BIG, df=True), "client", discovers="want")
    said = [one.said for one in tellings(moments(big))]
    assert "The packet is too long, so it is cut into 3 pieces." in said[0]
    assert "It puts the pieces together again." in said[2]
    for there in (IPIP, GENEVE_WORLD, tunnels("wireguard", lambda number: WireGuard(NODES[3 - number]))):
        said = [one.said for one in tellings(moments(ask(there, QUESTION, "node-1")))]
        assert said[0].endswith("It wraps the packet in a packet of its own to 192.168.1.12.")
        assert "It comes from 10.244.1.10. It takes the packet out of the one around it." in said[1]


def test_a_packet_that_is_too_big_is_not_dropped_in_silence():
    told = ask(fragment_world(1400), ping(CLIENT, SERVER, payload=bytes(1400)), "client", discovers="do")
    assert [one.said for one in tellings(moments(told))][1].endswith("It drops it, and tells the sender.")
