"""Where a packet goes next: longest prefix, then metric, first among the machine's own addresses."""

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubenet_course.errors import BadInput
from kubenet_course.linux.namespace.choices import Seeded
from kubenet_course.linux.namespace.device import Device, ifaddr
from kubenet_course.linux.namespace.fib import NO_ROUTE, Route, address_types
from kubenet_course.linux.namespace.kernel import Kernel
from kubenet_course.linux.namespace.memory import Memory
from kubenet_course.linux.namespace.netns import Netns, netns
from kubenet_course.linux.namespace.skb import Skb
from kubenet_course.linux.namespace.switches import check_switch
from kubenet_course.linux.packet.address import prefix
from kubenet_course.linux.packet.packet import Arp, Frame, ping, udp
from kubenet_course.linux.stack.arp import arp_rcv
from kubenet_course.linux.stack.neighbour import Neighbours, neighbour_of
from kubenet_course.linux.walk import send, wait

ETH0 = Device("eth0", mac="02:42:c0:a8:01:0b", addresses=(ifaddr("192.168.1.11/24"), ifaddr("fd00:192:168:1::11/64")))
ETH1 = Device("eth1", addresses=(ifaddr("10.244.1.1/24"),))


def machine(*routes: Route, **more) -> Netns:
    return netns("node-1", (ETH0, ETH1), routes=routes, **more)


def row(to: str, dev: str = "eth0", via: str = "", **more) -> Route:
    return Route(prefix(to), dev, via, **more)


@pytest.mark.parametrize(
    "story, to, expected",
    [
        ("an address of its own, whichever device has it", "10.244.1.1", "local 10.244.1.1/32 dev eth1 src 10.244.1.1"),
        ("every loopback address", "127.9.9.9", "local 127.0.0.0/8 dev lo src 127.0.0.1"),
        (
            "the last address of a block is its broadcast",
            "192.168.1.255",
            "broadcast 192.168.1.255/32 dev eth0 src 192.168.1.11",
        ),
        ("a neighbour", "192.168.1.12", "192.168.1.0/24 dev eth0 src 192.168.1.11"),
        ("another node's pods, behind that node", "10.244.2.9", "10.244.2.0/24 via 192.168.1.12 dev eth0"),
        ("the rest of the pods: a shorter prefix", "10.244.3.9", "10.244.0.0/16 via 192.168.1.1 dev eth0"),
        ("everything else", "203.0.113.5", "default via 192.168.1.254 dev eth0"),
        ("a forbidden block", "10.245.0.1", "unreachable 10.245.0.0/16"),
        ("an IPv6 neighbour", "fd00:192:168:1::12", "fd00:192:168:1::/64 dev eth0 metric 256"),
    ],
)
def test_the_longest_prefix_decides(story, to, expected):
    ns = machine(
        row("0.0.0.0/0", via="192.168.1.254"),
        row("10.244.0.0/16", via="192.168.1.1"),
        row("10.244.2.0/24", via="192.168.1.12"),
        row("10.245.0.0/16", dev="", type="unreachable"),
    )
    assert str(ns.fib.lookup(to)) == expected


def test_of_two_rows_for_one_block_the_smaller_metric_decides():
    ns = machine(row("10.0.0.0/8", via="192.168.1.1", metric=200), row("10.0.0.0/8", via="192.168.1.2", metric=100))
    assert ns.fib.lookup("10.1.1.1").via == "192.168.1.2"


def test_where_no_row_leads_there_is_a_value_for_it():
    assert machine().fib.lookup("203.0.113.5") is NO_ROUTE
    assert machine().fib.lookup("2001:db8::1") is NO_ROUTE


BLOCKS = st.builds(
    lambda bits, length: ipaddress.ip_network((bits << 16 & 0xFFFFFFFF, length), strict=False),
    st.integers(0, 7),
    st.integers(0, 32),
)


@given(st.lists(st.tuples(BLOCKS, st.integers(0, 2)), max_size=12), st.integers(0, 7), st.integers(0, 65535))
def test_the_dictionaries_find_what_reading_every_row_finds(blocks, high, low):
    to = str(ipaddress.ip_address(high << 16 | low))
    rows = [row(str(block), via="192.168.1.1", metric=metric) for block, metric in blocks]
    ns = netns("r", (Device("eth0", addresses=(ifaddr("192.168.1.11/32"),)),), routes=tuple(rows))
    fitting = [one for one in rows if to in one.prefix]
    best = min(fitting, key=lambda one: (-one.prefix.length, one.metric), default=NO_ROUTE)
    found = ns.fib.lookup(to)
    assert (found.prefix, found.metric, found.type) == (best.prefix, best.metric, best.type)


@pytest.mark.parametrize(
    "story, to, source",
    [
        ("towards a neighbour: the address in its block", "192.168.1.12", "192.168.1.11"),
        ("towards pods here: the gateway's", "10.244.1.10", "10.244.1.1"),
        ("behind a router: the address in the router's block", "203.0.113.5", "192.168.1.11"),
        ("to itself: that very address", "10.244.1.1", "10.244.1.1"),
    ],
)
def test_the_source_is_chosen_by_the_route(story, to, source):
    ns = machine(row("0.0.0.0/0", via="192.168.1.254"))
    assert send(ns, udp("0.0.0.0", 1, to, 2)).steps[0].skb.packet.flow.src == source


def test_a_row_may_name_the_source():
    ns = machine(row("203.0.113.0/24", via="192.168.1.254", src="10.244.1.1"))
    assert send(ns, udp("0.0.0.0", 1, "203.0.113.5", 2)).steps[0].skb.packet.flow.src == "10.244.1.1"


@pytest.mark.parametrize(
    "story, to, source",
    [
        ("itself (RFC 6724 section 5, rule 1)", "fd00:10::5", "fd00:10::5"),
        ("the outgoing device's (rule 5)", "fd00:20::9", "fd00:20::1"),
        ("the longest common prefix (rule 8)", "2001:db8:1::9", "2001:db8:1::1"),
        ("a link-local one for a link-local destination (rule 2)", "fe80::9", "fe80::1"),
    ],
)
def test_an_ipv6_source_is_chosen_by_rfc_6724(story, to, source):
    eth0 = Device(
        "eth0", addresses=tuple(map(ifaddr, ("fd00:20::1/64", "2001:db8:1::1/64", "2001:db8:2::1/64", "fe80::1/64")))
    )
    lan = Device("lan", addresses=(ifaddr("fd00:10::5/64"),))
    assert send(netns("r", (eth0, lan)), udp("::", 1, to, 2)).steps[0].skb.packet.flow.src == source


@pytest.mark.parametrize(
    "subject, types",
    [
        ("192.168.1.11", {"LOCAL"}),
        ("127.0.0.1", {"LOCAL"}),
        ("192.168.1.255", {"BROADCAST"}),
        ("255.255.255.255", {"BROADCAST"}),
        ("0.0.0.0", {"BROADCAST"}),
        ("224.0.0.1", {"MULTICAST"}),
        ("203.0.113.5", {"UNICAST"}),
        ("192.168.1.12", {"UNICAST"}),
        ("ff02::1", {"MULTICAST"}),
        ("fd00:192:168:1::11", {"UNICAST", "LOCAL"}),
        ("2001:db8::1", {"UNICAST", "UNREACHABLE"}),
    ],
)
def test_a_machine_knows_what_kind_an_address_is(subject, types):
    assert address_types(machine().fib, subject) == types


def test_only_a_devices_own_addresses_are_local_to_it():
    assert address_types(machine().fib, "192.168.1.11", "eth1") == {"UNICAST"}


@settings(max_examples=50)
@given(st.ip_addresses(v=4))
def test_every_destination_ends_somewhere(to):
    """Nothing that a machine sends is lost without a word: local, sent on, or no route."""
    trace = send(machine(row("128.0.0.0/1", via="192.168.1.1")), udp("0.0.0.0", 1, str(to), 2))
    assert trace.last.end in ("local", "forwarded", "no-route", "refused", "unreachable", "dropped")


@pytest.mark.parametrize(
    "story, src, dst, dev, end",
    [
        ("a packet for a pod is sent on", "192.168.1.12", "10.244.1.10", "eth0", "forwarded"),
        ("nobody sends from 127.0.0.1 over a wire", "127.0.0.1", "10.244.1.10", "eth0", "dropped"),
        ("nor to it", "192.168.1.12", "127.0.0.1", "eth0", "dropped"),
        ("nor from one of our own addresses", "10.244.1.1", "10.244.1.10", "eth0", "dropped"),
        ("nor from many", "224.0.0.1", "10.244.1.10", "eth0", "dropped"),
        ("nor from nobody", "0.0.0.0", "10.244.1.10", "eth0", "dropped"),
        ("without a route the sender is told", "192.168.1.12", "203.0.113.5", "eth0", "no-route"),
    ],
)
def test_what_cannot_be_true_is_dropped(story, src, dst, dev, end):
    ns = machine(sysctls={"net.ipv4.ip_forward": 1})
    ns = netns("node-1", (ETH0, Device("pods", addresses=(ifaddr("10.244.1.1/24"),))), sysctls=ns.sysctls)
    assert send(ns, udp(src, 1, dst, 2), dev=dev).last.end == end


@pytest.mark.parametrize(
    "strict, src, end",
    [
        (0, "10.9.9.9", "forwarded"),
        (1, "10.9.9.9", "dropped"),
        (2, "10.9.9.9", "forwarded"),
        (2, "172.16.0.1", "dropped"),
    ],
)
def test_rp_filter_asks_whether_the_answer_would_leave_where_the_packet_came_in(strict, src, end):
    pods = Device("pods", addresses=(ifaddr("10.244.1.1/24"),))
    switches = {"net.ipv4.ip_forward": 1, "net.ipv4.conf.eth0.rp_filter": strict}
    ns = netns("node-1", (ETH0, pods), routes=(row("10.9.0.0/16", dev="pods"),), sysctls=switches)
    assert send(ns, udp(src, 1, "10.244.1.10", 2), dev="eth0").last.end == end


def test_among_equal_ipv6_addresses_of_a_device_the_newest_is_used():
    """As Linux 6.18 answers `ip route get fd00::77` after `ip addr add` of ::5, ::9 and ::1."""
    dev = Device("d0", mac="02:00:00:00:00:01", addresses=tuple(ifaddr(f"fd00::{one}/64") for one in (5, 9, 1)))
    sent = send(netns("here", (dev,)), udp("::", 1, "fd00::77", 2))
    assert sent.steps[0].skb.packet.flow.src == "fd00::1"


# -- a MAC that nobody tells -------------------------------------------------------------------------------------------


def _wire(at: str, other: str, last: int) -> Netns:
    own = Device("eth0", "veth", f"02:00:0a:01:00:{last:02x}", (ifaddr(f"10.244.1.{last}/24"),), peer=(other, "eth0"))
    return netns(at, (own,))


def test_three_questions_a_second_apart_and_then_the_sender_is_told():
    world, memory = {"a": _wire("a", "b", 10), "b": _wire("b", "a", 11)}, Memory()
    first = send(world, ping("10.244.1.10", "10.244.1.99"), "a", memory=memory, gives_up=False)
    assert len([1 for _, _, way, _ in first.frames if way == "out"]) == 1
    counts = []
    for seconds in (0.5, 0.5, 1, 0.5):
        trace = wait(world, seconds, memory)
        counts.append(len([1 for _, _, way, _ in trace.frames if way == "out"]))
        assert not any(step.end == "unreachable" for step in trace.steps)
    assert (counts, memory.now) == ([0, 1, 1, 0], 2_500_000_000)
    last = wait(world, 0.5, memory)
    assert [step.end for step in last.steps if step.stage == "neigh_timer_handler"] == ["unreachable"]
    assert last.steps[-1].skb.packet.flow.dport == 3 << 8 | 1  # host unreachable
    assert wait(world, 10, memory).steps == ()


def test_of_two_machines_with_one_address_arp_believes_the_first_and_a_second_later_the_other():
    memory = Memory()
    kernel = Kernel(_wire("a", "b", 10), memory, Seeded())
    one, two = "02:00:0a:01:00:0b", "02:00:0a:01:00:0c"

    def hears(mac: str) -> str:
        answer = Arp(2, mac, "10.244.1.11", "02:00:0a:01:00:0a", "10.244.1.10")
        arp_rcv(kernel, "arp_rcv", Skb(answer, dev_in="eth0", frame=Frame(mac, "02:00:0a:01:00:0a", answer)))
        return neighbour_of(kernel, "eth0", "10.244.1.11").mac

    kernel.remembers[Neighbours].asked["eth0", "10.244.1.11"] = 0, 1
    assert [hears(one), hears(two)] == [one, one]
    memory.wait(1.5)
    assert hears(two) == two


# -- switches ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [
    "net.ipv4.ip_forward", "net.ipv4.conf.eth0.forwarding", "net.ipv4.conf.flannel.1.rp_filter", "net.ipv4.conf.default.arp_ignore",
    "net.ipv6.conf.eth0.hop_limit", "net.netfilter.nf_conntrack_udp_timeout",
])  # fmt: skip
def test_a_switch_that_the_model_obeys_is_taken(name):
    check_switch(name)


@pytest.mark.parametrize("name", [
    "net.ipv4.tcp_syncookies", "net.ipv4.conf.all.arp_filter", "net.ipv6.conf.all.rp_filter", "net.core.somaxconn", "ip_forward",
])  # fmt: skip
def test_a_switch_that_the_model_does_not_act_on_is_refused_with_those_that_it_knows(name):
    with pytest.raises(BadInput) as refused:
        check_switch(name, "here")
    assert name in str(refused.value)
    assert "net.ipv4.conf.DEVICE.rp_filter" in str(refused.value)


@pytest.mark.parametrize("switches, dev, expected", [
    ({}, "eth0", False),
    ({"net.ipv4.ip_forward": 1}, "eth0", True),
    ({"net.ipv4.ip_forward": 1, "net.ipv4.conf.eth0.forwarding": 0}, "eth0", False),
    ({"net.ipv4.conf.eth0.forwarding": 1}, "eth0", True),
    ({"net.ipv4.conf.default.forwarding": 1}, "eth0", True),
    ({"net.ipv4.conf.default.forwarding": 1}, "lo", False),
])  # fmt: skip
def test_each_device_has_its_own_forwarding(switches, dev, expected):
    assert machine(sysctls=switches).forwards(4, dev) is expected
