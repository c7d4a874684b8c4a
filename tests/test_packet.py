"""Packets as values: conversations and their answers, and what a person may not type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubenet_course.errors import BadInput
from kubenet_course.linux.packet.packet import (
    ANSWERS,
    Flow,
    Frame,
    Quote,
    Udp,
    Vxlan,
    answer,
    frame_length,
    is_multicast,
    length,
    lowered,
    ping,
    tcp,
    udp,
)
from kubenet_course.linux.packet.packet import Packet as AnyPacket

HOSTS = st.sampled_from(["10.244.1.10", "10.96.0.10", "fd00:10:244::1", "fd00:10:96::a"])
PORTS = st.integers(0, 65535)


@given(st.sampled_from(["tcp", "udp", "sctp"]), HOSTS, PORTS, HOSTS, PORTS)
def test_the_answer_to_an_answer_is_the_question(proto, src, sport, dst, dport):
    flow = Flow(proto, src, sport, dst, dport)
    assert flow.reverse.reverse == flow
    assert flow.reverse == Flow(proto, dst, dport, src, sport)


@pytest.mark.parametrize("proto, kind", [(proto, kind) for proto in ANSWERS for kind in ANSWERS[proto]])
def test_a_query_keeps_its_identifier_in_the_answer_and_changes_its_type(proto, kind):
    flow = Flow(proto, "10.0.0.1", 77, "10.0.0.2", kind << 8)
    assert flow.reverse == Flow(proto, "10.0.0.2", 77, "10.0.0.1", ANSWERS[proto][kind] << 8)
    assert flow.reverse.reverse == flow


def test_an_error_has_no_answer():
    unreachable = Flow("icmp", "10.0.0.1", 0, "10.0.0.2", 0x0303)
    assert not unreachable.has_reverse
    with pytest.raises(KeyError):
        _ = unreachable.reverse


@pytest.mark.parametrize(
    "story, packet, octets",
    [
        ("IPv4 and UDP headers", udp("10.0.0.1", 1, "10.0.0.2", 2, b"12345"), 20 + 8 + 5),
        ("IPv6 and UDP headers", udp("fd00::1", 1, "fd00::2", 2, b"12345"), 40 + 8 + 5),
        ("TCP without options", tcp("10.0.0.1", 1, "10.0.0.2", 2), 20 + 20),
        ("an echo with 56 bytes, as ping sends it", ping("10.0.0.1", "10.0.0.2", payload=bytes(56)), 20 + 8 + 56),
    ],
)
def test_the_length_of_a_packet_is_what_its_header_would_say(story, packet, octets):
    assert length(packet) == octets


def test_a_tunnelled_frame_adds_fifty_bytes():
    inner = Frame("02:00:00:00:00:01", "02:00:00:00:00:02", udp("10.244.1.10", 1, "10.244.2.10", 2, bytes(100)))
    outer = AnyPacket(Flow("udp", "192.168.1.11", 40000, "192.168.1.12", 8472), Udp(False), Vxlan(1, inner))
    assert length(outer) - length(inner.payload) == 14 + 8 + 8 + 20
    assert frame_length(inner) == 14 + 128


def test_a_quote_counts_as_long_as_it_was_cut():
    about = udp("10.0.0.1", 1, "10.0.0.2", 2, bytes(1000))
    error = AnyPacket(
        Flow("icmp", "10.0.0.2", 0, "10.0.0.1", 0x0303), ping("10.0.0.1", "10.0.0.2").header, Quote(about, 548)
    )
    assert (length(error), error.is_error, about.is_error) == (576, True, False)


def test_a_hop_costs_one_of_the_hops_left():
    assert lowered(udp("10.0.0.1", 1, "10.0.0.2", 2)).ttl == 63


def test_an_answer_goes_back():
    assert answer(tcp("10.0.0.1", 1, "10.0.0.2", 80)).flow == Flow("tcp", "10.0.0.2", 80, "10.0.0.1", 1)


@pytest.mark.parametrize(
    "mac, many",
    [
        ("ff:ff:ff:ff:ff:ff", True),
        ("33:33:00:00:00:01", True),
        ("01:00:5e:00:00:01", True),
        ("02:42:0a:f4:01:0a", False),
    ],
)
def test_the_lowest_bit_of_the_first_byte_says_that_a_frame_is_for_many(mac, many):
    assert is_multicast(mac) is many


@pytest.mark.parametrize(
    "story, make, said",
    [
        ("a port too large", lambda: tcp("10.0.0.1", 1, "10.0.0.2", 65536), "dport: 65536 is not a port"),
        ("a port below zero", lambda: udp("10.0.0.1", -1, "10.0.0.2", 1), "sport: -1 is not a port"),
        ("a port as text", lambda: udp("10.0.0.1", "1", "10.0.0.2", 1), "sport: '1' is not a port"),
        ("no address", lambda: ping("10.0.0.1", "web"), "dst: 'web' is not an address"),
        ("two families", lambda: tcp("fd00::1", 1, "10.0.0.2", 1), "dst: fd00::1 and 10.0.0.2 are of two families"),
    ],
)
def test_what_no_packet_can_hold_is_refused_with_a_sentence(story, make, said):
    with pytest.raises(BadInput) as told:
        make()
    assert str(told.value).startswith(said)


@pytest.mark.parametrize(
    "packet, shown",
    [
        (tcp("10.0.0.1", 1, "10.0.0.2", 80), "tcp 10.0.0.1:1 -> 10.0.0.2:80 [S] ttl 64"),
        (udp("fd00::1", 1, "fd00::2", 53), "udp [fd00::1]:1 -> [fd00::2]:53 ttl 64"),
        (ping("10.0.0.1", "10.0.0.2", id=7), "icmp 10.0.0.1 -> 10.0.0.2 type 8 code 0 id 7 ttl 64"),
    ],
)
def test_a_packet_tells_itself_in_one_line(packet, shown):
    assert str(packet) == shown
