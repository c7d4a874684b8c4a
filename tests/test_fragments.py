"""Packets in pieces: how they are cut, how they are put together, who remembers what a way takes."""

import json
from itertools import pairwise

import pytest
from fragment_worlds import in_a_row, masquerade, through_a_tunnel
from msgspec.structs import replace
from scapy.layers.inet import ICMP, IP, fragment
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrFragment, fragment6

from kubenet_course.errors import BadInput
from kubenet_course.lab.comparison import compare
from kubenet_course.lab.real.run import missing, run
from kubenet_course.lab.scenario.scenario import read
from kubenet_course.lab.scenario.write import write
from kubenet_course.linux.namespace.choices import Seeded
from kubenet_course.linux.namespace.device import Device, ifaddr
from kubenet_course.linux.namespace.fib import Route
from kubenet_course.linux.namespace.kernel import Kernel
from kubenet_course.linux.namespace.memory import Memory
from kubenet_course.linux.namespace.netns import netns
from kubenet_course.linux.netfilter.iptables.save import read as rules_of
from kubenet_course.linux.packet.address import IPV4, IPV6, prefix
from kubenet_course.linux.packet.packet import Fragment, ping, udp
from kubenet_course.linux.packet.wire import packet_bytes, packet_from
from kubenet_course.linux.stack.fragments import cut
from kubenet_course.linux.stack.path_mtu import path_mtu
from kubenet_course.linux.verdicts import verdict
from kubenet_course.linux.walk import ask, send, wait

CLIENT, ROUTER, FAR, SERVER = "10.0.1.2", "10.0.1.1", "10.0.2.1", "10.0.2.2"
BIG = ping(CLIENT, SERVER, payload=bytes(3000), df=False, id=7)


def world(narrow=1500, rules="", server_rules="", **switches):
    """A client, a router whose second wire is narrower, a server."""
    client = Device("eth0", "veth", "02:00:00:00:01:02", (ifaddr("10.0.1.2/24"),), peer=("router", "eth1"))
    left = Device("eth1", "veth", "02:00:00:00:01:01", (ifaddr("10.0.1.1/24"),), peer=("client", "eth0"))
    right = Device("eth2", "veth", "02:00:00:00:02:01", (ifaddr("10.0.2.1/24"),), narrow, peer=("server", "eth0"))
    server = Device("eth0", "veth", "02:00:00:00:02:02", (ifaddr("10.0.2.2/24"),), narrow, peer=("router", "eth2"))
    anywhere, forwards = prefix("0.0.0.0/0"), {"net.ipv4.ip_forward": 1}
    return {
        "client": netns("client", (client,), routes=(Route(anywhere, "eth0", ROUTER),), sysctls=switches),
        "router": netns("router", (left, right), sysctls=forwards, rules={4: rules_of(rules).rules}),
        "server": netns(
            "server", (server,), routes=(Route(anywhere, "eth0", FAR),), rules={4: rules_of(server_rules).rules}
        ),
    }


def pieces_on(trace, place, direction="out"):
    """(first byte, size, more) of the pieces that passed a device."""
    rows = [row[3].payload for row in trace.frames if row[:3] == (*place, direction)]
    found = [one.payload for one in rows if isinstance(getattr(one, "payload", None), Fragment)]
    return [(piece.at, piece.size, piece.more) for piece in found]


def piece(first, last):
    whole = ping(CLIENT, SERVER, payload=bytes(1592), df=False, id=9)
    part = replace(whole, payload=Fragment(whole, first, last + 1 - first, last + 1 < 1600))
    return part if first == 0 else replace(part, flow=replace(part.flow, sport=0, dport=0))


@pytest.mark.parametrize("size, mtu, sizes", [
    (3000, 1500, [1480, 1480, 48]), (1472, 1500, [1480]), (1473, 1500, [1480, 1]), (100, 68, [48, 48, 12]),
    (2000, 1450, [1424, 584]),
])  # fmt: skip
def test_all_pieces_but_the_last_are_whole_eights_of_bytes(size, mtu, sizes):
    parts = list(cut(ping(CLIENT, SERVER, payload=bytes(size), df=False), mtu, 7))
    assert [part.payload.size for part in parts] == sizes
    assert [part.payload.at for part in parts] == [sum(sizes[:number]) for number in range(len(sizes))]
    assert [part.payload.more for part in parts] == [True] * (len(sizes) - 1) + [False]


def test_pieces_are_those_that_scapy_makes():
    payload = bytes(number % 251 for number in range(3000))
    ours = [packet_bytes(one) for one in cut(ping(CLIENT, SERVER, 5, 1, payload, df=False), 1500, 7)]
    whole = IP(src=CLIENT, dst=SERVER, id=7, ttl=64) / ICMP(id=5, seq=1) / payload
    assert ours == [bytes(one) for one in fragment(whole, fragsize=1480)]


def test_pieces_of_ipv6_are_those_that_scapy_makes():
    payload = bytes(number % 251 for number in range(3000))
    ours = [packet_bytes(one) for one in cut(ping("fd00::1", "fd00::2", 5, 1, payload), 1500, 77)]
    echo = ICMPv6EchoRequest(id=5, seq=1, data=payload)
    whole = IPv6(src="fd00::1", dst="fd00::2") / IPv6ExtHdrFragment(id=77) / echo
    assert ours == [bytes(one) for one in fragment6(whole, 1500)]


@pytest.mark.parametrize("packet, of", [(BIG, IPV4), (ping("fd00::1", "fd00::2", payload=bytes(3000)), IPV6)])
def test_a_piece_read_from_its_bytes_gives_the_same_bytes(packet, of):
    for one in cut(packet, 1500, 7):
        again = packet_from(packet_bytes(one), of)
        assert packet_bytes(again) == packet_bytes(one)
        assert (again.flow, again.id, again.payload.at) == (one.flow, one.id, one.payload.at)


def test_a_sender_cuts_and_the_receiver_puts_together():
    trace = ask(world(), replace(BIG, df=True), "client", discovers="want")
    assert pieces_on(trace, ("client", "eth0")) == [(0, 1480, True), (1480, 1480, True), (2960, 48, False)]
    assert verdict(trace).name == "delivered"
    assert pieces_on(trace, ("client", "eth0"), "in")[-1] == (2960, 48, False)  # and so is the answer


def test_a_router_cuts_what_may_be_cut_and_pieces_further():
    trace = send(world(1400), replace(BIG, df=True), "client", discovers="dont")
    here = [(0, 1376, True), (1376, 104, True), (1480, 1376, True), (2856, 104, True), (2960, 48, False)]
    assert pieces_on(trace, ("router", "eth2")) == here


def test_a_program_that_forbids_cutting_is_told_at_once():
    trace = ask(world(), replace(BIG, df=True), "client", discovers="do")
    assert (verdict(trace).name, trace.frames) == ("too-big", [])


def test_tracking_puts_together_in_front_of_the_rules():
    """Of three pieces two are behind the first; where connections are tracked no rule sees any."""
    seen = "*filter\n-A FORWARD -s 10.0.1.2 -f -j ACCEPT\nCOMMIT\n"
    tracked = (
        "*filter\n-A FORWARD -m conntrack --ctstate INVALID -j DROP\n-A FORWARD -s 10.0.1.2 -f -j ACCEPT\nCOMMIT\n"
    )
    for rules, times in ((seen, 2), (tracked, 0)):
        trace = send(world(rules=rules), replace(BIG, df=True), "client", discovers="dont")
        steps = [step for step in trace.steps if (step.namespace, step.stage) == ("router", "filter FORWARD")]
        assert sum(any(row.number for row in step.why) for step in steps) == times
        assert verdict(trace).name == "delivered"


@pytest.mark.parametrize("negated", ["", "! "])
def test_a_later_piece_has_no_port_that_a_rule_could_ask_for(negated):
    rules = f"*filter\n-A FORWARD -p udp -m udp {negated}--dport 53 -j DROP\nCOMMIT\n"
    packet = udp(CLIENT, 1, SERVER, 54 if negated else 53, bytes(3000))
    trace = send(world(rules=rules), packet, "client", discovers="dont")
    assert pieces_on(trace, ("router", "eth2")) == [(1480, 1480, True), (2960, 48, False)]


def test_a_translated_packet_is_put_together_and_cut_again():
    rules = "\n".join([*masquerade("eth2"), ""])
    trace = send(world(rules=rules), udp(CLIENT, 1, SERVER, 53, bytes(3000)), "client", discovers="dont")
    assert pieces_on(trace, ("router", "eth2")) == [(0, 1480, True), (1480, 1480, True), (2960, 48, False)]
    arrived = [step for step in trace.steps if (step.namespace, step.stage) == ("server", "local_deliver")]
    assert arrived[0].skb.packet.flow.src == FAR


@pytest.mark.parametrize("story, parts, comes", [
    ("in order", [(0, 799), (800, 1599)], True), ("the last one first", [(800, 1599), (0, 799)], True),
    ("one twice", [(0, 799), (0, 799), (800, 1599)], True), ("a gap", [(0, 791), (800, 1599)], False),
    ("overlapping", [(0, 799), (792, 1599)], False),
    ("overlapping, then all again", [(0, 799), (792, 1599), (0, 799), (800, 1599)], True),
])  # fmt: skip
def test_what_pieces_make_a_packet(story, parts, comes):
    memory, there = Memory(), world()
    traces = [send(there, piece(*one), "client", memory=memory) for one in parts]
    assert any(verdict(trace).name == "delivered" for trace in traces) is comes


def test_a_missing_piece_is_waited_for_thirty_seconds_and_the_sender_is_told():
    """RFC 792: time exceeded, code 1, from the machine that puts together, and only if it has the first piece."""
    for first, told in (((0, 799), [(11 << 8) + 1]), ((800, 1599), [])):
        memory, there = Memory(), world()
        send(there, piece(*first), "client", memory=memory)
        assert not wait(there, 29, memory).steps
        heard = [step for step in wait(there, 2, memory).steps if step.namespace == "client" and step.end == "local"]
        assert [step.skb.packet.flow.dport for step in heard] == told


def test_the_way_is_remembered_and_forgotten_after_ten_minutes():
    memory, there, packet = Memory(), world(1400), ping(CLIENT, SERVER, payload=bytes(1400))
    kernel = None
    for discovers, name in (("do", "too-big"), ("do", "too-big")):
        trace = ask(there, packet, "client", memory, discovers=discovers)
        assert verdict(trace).name == name
        kernel = trace
    assert not kernel.frames  # the second one never left
    assert ask(there, packet, "client", memory, discovers="want").frames  # but may leave in pieces
    memory.wait(601)
    assert ask(there, packet, "client", memory, discovers="do").frames


def test_a_lie_about_the_way_makes_pieces_of_at_least_552_bytes():
    """min_pmtu: whoever says 68 is believed no further than that, and the packets may then be cut (ip_rt_lock)."""
    memory, there = Memory(), world(300)
    ask(there, ping(CLIENT, SERVER, payload=bytes(1400)), "client", memory, discovers="want")
    known = path_mtu(Kernel(there["client"], memory, Seeded()), SERVER)
    assert (known.mtu, known.locked) == (552, True)
    trace = ask(there, ping(CLIENT, SERVER, payload=bytes(1400)), "client", memory, discovers="want")
    assert [size for _, size, _ in pieces_on(trace, ("client", "eth0"))] == [528, 528, 352]
    assert verdict(trace).name == "delivered"


def test_no_piece_is_lost_and_none_comes_twice():
    for mtu in range(68, 1500, 61):
        parts = [one.payload for one in cut(BIG, mtu, 7)]
        assert all(one.end == two.at for one, two in pairwise(parts))
        assert (parts[0].at, parts[-1].end) == (0, 3008)


@pytest.mark.parametrize("make", [in_a_row, through_a_tunnel])
def test_random_pieces_do_the_same_in_the_kernel(make, seed, rounds, note):
    """Two hundred packets, fragment by fragment: of both families, through routers, tunnels, bridges and translation."""
    if missing():
        pytest.skip(missing() or "")
    packets, number = 0, 1000 * seed
    while packets < 100 * rounds:
        number += 1
        scenario = read(json.dumps(make(number)))
        comparison = compare(scenario, run(scenario))
        assert comparison.equal, (scenario.name, [str(one)[:300] for one in comparison.differences])
        packets += len(scenario.packets)
    note(f"fragments: {packets} packets as in the kernel ({make.__name__}), seed {seed}")


@pytest.mark.parametrize("send, more, said", [
    ({"fragment": "0-1000"}, {}, "no piece"), ({"fragment": "8-4"}, {}, "no piece"), ({"fragment": "all"}, {}, "no piece"),
    ({"fragment": "0-9999"}, {}, "no piece"), ({"fragment": "0-7", "id": 0}, {}, "belongs to nothing"),
    ({}, {"discovers": "never"}, "no way to discover"), ({"fragment": "0-7"}, {"discovers": "do"}, "its own header"),
    ({"proto": "tcp"}, {"discovers": "want"}, "its own header"),
])  # fmt: skip
def test_a_scenario_with_a_piece_that_cannot_be_is_refused_in_a_sentence(send, more, said):
    text = in_a_row(1)
    packet = {"proto": "udp", "src": CLIENT, "dst": "10.0.3.2", "payload": "zeros 2000", "id": 7} | send
    text["packets"] = [{"at": "client", "send": packet} | more]
    with pytest.raises(BadInput, match=said):
        read(json.dumps(text))


def test_a_scenario_with_pieces_read_and_written_is_the_same():
    scenario = read(json.dumps(in_a_row(5)))
    assert write(read(write(scenario))) == write(scenario)
    assert any(sent.discovers for sent in scenario.packets)
    assert any(isinstance(sent.packet.payload, Fragment) for sent in read(json.dumps(in_a_row(3))).packets)
