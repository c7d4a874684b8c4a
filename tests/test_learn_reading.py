"""Answers are read kindly: any spelling of the same thing is the same answer, and what cannot be read is no wrong answer."""

from __future__ import annotations

import ipaddress

import pytest

from kubenet_course.learn.bank import find
from kubenet_course.learn.questions.feedback import judged
from kubenet_course.learn.questions.reading import (
    ADDRESS,
    BLOCK,
    MAC,
    NUMBER,
    PORT,
    Unanswered,
    Unreadable,
    is_blank,
    one_of,
    reader_for,
)

SAME = [
    ("spaces around it", ADDRESS, " 10.244.1.10\n", "10.244.1.10"),
    ("quotes typed along", ADDRESS, "'10.244.1.10'", "10.244.1.10"),
    ("a full stop behind it", ADDRESS, "10.244.1.10.", "10.244.1.10"),
    ("an address object", ADDRESS, ipaddress.ip_address("10.244.1.10"), "10.244.1.10"),
    ("a list of one", ADDRESS, ["10.244.1.10"], "10.244.1.10"),
    ("a set instead of a list", ADDRESS, {"10.244.1.10"}, "10.244.1.10"),
    ("capital letters", ADDRESS, "FD00:10:244::1", "fd00:10:244::1"),
    ("zeros written out", ADDRESS, "fd00:0010:0244:0000:0000:0000:0000:0001", "fd00:10:244::1"),
    ("brackets as in a URL", ADDRESS, "[fd00::1]", "fd00::1"),
    ("spaces around dots", ADDRESS, "10.244. 1 .10", "10.244.1.10"),
    ("as an IPv6 socket shows it", ADDRESS, "::FFFF:10.244.1.10", "10.244.1.10"),
    ("the same in hexadecimal", ADDRESS, "::ffff:0af4:010a", "10.244.1.10"),
    ("the last bits as an IPv4 address", ADDRESS, "fd00:10:244::10.244.1.10", "fd00:10:244::af4:10a"),
    ("zeros shortened elsewhere", ADDRESS, "fd00:10:244:0:0::1", "fd00:10:244::1"),
    ("the values of a dictionary", ADDRESS, {"address": "10.244.1.10"}.values(), "10.244.1.10"),
    ("the keys of a dictionary", ADDRESS, {"10.244.1.10": 1}.keys(), "10.244.1.10"),
    ("bytes", ADDRESS, b"10.244.1.10", "10.244.1.10"),
    ("a zone", ADDRESS, "fe80::1%eth0", "fe80::1"),
    ("full-width digits", NUMBER, "８０", 80),
    ("a number as text", PORT, " 8080 ", 8080),
    ("a leading zero", PORT, "010", 10),
    ("a whole float", PORT, 8080.0, 8080),
    ("with the protocol", PORT, "8080/TCP", 8080),
    ("with a colon", PORT, ":8080", 8080),
    ("thousands parted", NUMBER, "64,240", 64240),
    ("hexadecimal", NUMBER, "0x0800", 2048),
    ("a number of seconds", NUMBER, "20 s", 20),
    ("a MAC with dashes", MAC, "02-00-0A-F4-01-0A", "02:00:0a:f4:01:0a"),
    ("a MAC in three groups", MAC, "0200.0af4.010a", "02:00:0a:f4:01:0a"),
    ("a MAC in one piece", MAC, "02000AF4010A", "02:00:0a:f4:01:0a"),
    ("a MAC with spaces", MAC, "02 00 0a f4 01 0a", "02:00:0a:f4:01:0a"),
    ("a MAC without its zeros", MAC, "2:0:a:f4:1:a", "02:00:0a:f4:01:0a"),
    ("a block", BLOCK, " 10.244.1.0 / 24", "10.244.1.0/24"),
    ("a word in capitals", one_of(["delivered", "no-route"]), "No Route", "no-route"),
    ("a word with an underscore", one_of(["delivered", "no-route"]), "no_route", "no-route"),
]

UNREAD = [
    ("leading zeros may be octal", ADDRESS, "10.244.1.010", "write 10.244.1.10"),
    ("a block is no address", ADDRESS, "10.244.1.10/24", "without what follows the slash"),
    ("an address with a port", ADDRESS, "10.244.1.10:80", "with a port"),
    ("a number too large", ADDRESS, "10.244.1.256", "like 10.244.1.10"),
    ("two answers", ADDRESS, ["10.244.1.10", "10.244.1.11"], "these are 2"),
    ("a dictionary", ADDRESS, {"address": "10.244.1.10"}, "not a dict"),
    ("words for a number", PORT, "eighty", "in digits"),
    ("a number beyond ports", PORT, "65536", "from 0 to 65535"),
    ("a negative port", PORT, -1, "from 0 to 65535"),
    ("five bytes", MAC, "02:00:0a:f4:01", "like 02:00:0a:f4:01:0a"),
    ("a pod's name", ADDRESS, "web-1", "like 10.244.1.10"),
    ("host bits in a block", BLOCK, "10.244.1.5/24", "10.244.1.0/24"),
    ("a block without its length", BLOCK, "10.244.1.0", "no length"),
    ("a word from no list", one_of(["delivered", "timeout"]), "lost", "delivered, timeout"),
]


@pytest.mark.parametrize("story, reader, answer, meant", SAME, ids=[story for story, *_ in SAME])
def test_another_spelling_is_the_same_answer(story, reader, answer, meant):
    assert reader(answer) == meant


@pytest.mark.parametrize("story, reader, answer, told", UNREAD, ids=[story for story, *_ in UNREAD])
def test_what_cannot_be_read_is_said_in_a_sentence(story, reader, answer, told):
    with pytest.raises(Unreadable) as sentence:
        reader(answer)
    assert told in str(sentence.value)


@pytest.mark.parametrize("answer", [None, ..., "", "  ", "?", "...", [], [None], {"a": ""}], ids=repr)
def test_an_empty_answer_is_none(answer):
    assert is_blank(answer)
    with pytest.raises(Unanswered):
        ADDRESS(answer)


@pytest.mark.parametrize("answer", [0, False, "0", [0]], ids=repr)
def test_zero_is_an_answer(answer):
    assert not is_blank(answer)


@pytest.mark.parametrize(
    "value, reader", [("10.0.0.1", ADDRESS), ("02:00:0a:f4:01:0a", MAC), ("64", NUMBER), ("fd00::1", ADDRESS)]
)
def test_a_fields_value_tells_how_answers_to_it_are_read(value, reader):
    assert reader_for(value) is reader


def test_events_may_be_given_as_letters_or_texts_in_many_ways():
    exercise = find("00-way")
    instance = exercise.instance(0)
    letters = "".join("ABCDE"[instance.offered.index(event)] for event in instance.events)
    for answer in (
        letters,
        letters.lower(),
        " ".join(letters),
        ", ".join(letters),
        list(letters),
        tuple(instance.events),
    ):
        assert judged(exercise, answer).right, answer


def test_a_set_has_no_order_and_is_told_so():
    told = judged("00-way", set("ABCDE"))
    assert told.state == "unreadable"
    assert "has no order" in told.said


def test_an_order_with_an_event_missing_names_it():
    exercise = find("00-way")
    told = judged(exercise, exercise.instance(0).solution[:-1])
    assert exercise.instance(0).solution[-1] in told.said


def test_statements_may_be_chosen_as_a_set_of_letters():
    instance = find("00-two-layers").instance(0)
    letters = {"ABCDE"[at] for at, one in enumerate(instance.statements) if one.right}
    assert judged("00-two-layers", letters).right


def test_half_of_the_true_statements_is_true_as_far_as_it_goes():
    instance = find("00-two-layers").instance(0)
    told = judged("00-two-layers", instance.solution[:1])
    assert told.findings[0].said == "True as far as it goes; 2 more of them hold."


def test_own_words_are_kept_and_neither_right_nor_wrong():
    told = judged("00-bridge", "it asks the node's kernel")
    assert (told.state, told.right) == ("other", False)
    assert "it asks the node's kernel" in told.said


def test_the_fields_of_a_frame_may_be_named_in_short_or_listed():
    exercise = find("00-first-frame")
    right = exercise.instance(0).solution
    assert judged(exercise, list(right.values())).right
    short = {"ethernet DESTINATION": right["Ethernet destination"], "IPv4 destination": right["IPv4 destination"]}
    assert judged(exercise, short | {"destination port": right["TCP destination port"]}).right


def test_a_name_that_two_hidden_fields_share_is_asked_back():
    told = judged("00-first-frame", {"destination": "10.244.1.10"})
    assert (told.state, "names several" in told.said) == ("unreadable", True)


def test_each_field_of_a_frame_is_judged_by_itself():
    exercise = find("00-first-frame")
    answer = exercise.instance(0).solution | {"TCP destination port": "", "Ethernet destination": "ff:ff:ff:ff:ff:ff"}
    told = {one.part: one for one in judged(exercise, answer).findings}
    assert told["IPv4 destination"].right
    assert told["TCP destination port"].said == "Still empty."
    assert told["Ethernet destination"].belief == 64


def test_a_rule_that_no_iptables_takes_is_not_a_wrong_answer():
    told = judged("00-rule", "-A FORWARD -p tcp --dport eighty -j DROP")
    assert told.state == "unreadable"
    assert "does not count as an attempt" in told.said


@pytest.mark.parametrize(
    "text, number", [("2^7", 128), ("2**7", 128), ("2^(32-25)", 128), ("2 ^ (32 - 25)", 128), ("128", 128)]
)
def test_a_size_may_be_written_as_a_power(text, number):
    assert NUMBER(text) == number


@pytest.mark.parametrize(
    "text", ["443", ":443", "localhost:443", "10.0.0.1:443", "[fd00::1]:443", "443/tcp", "web:443"]
)
def test_a_port_may_stand_behind_its_address(text):
    assert PORT(text) == 443
