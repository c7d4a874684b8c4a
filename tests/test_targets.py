"""What a rule does with a packet that matched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from netfilter_parts import held, kernel, router

from kubenet_course.linux.namespace.memory import Memory
from kubenet_course.linux.namespace.skb import ACCEPT, DROP
from kubenet_course.linux.namespace.trace import Trace
from kubenet_course.linux.netfilter.connections import Connections
from kubenet_course.linux.netfilter.evaluate import asked as said_at
from kubenet_course.linux.packet.packet import ping, tcp, udp
from kubenet_course.linux.walk import send

MARKS = st.integers(0, 0xFFFFFFFF)


def after(target: str, skb=None, table: str = "mangle"):
    """The packet as a rule leaves it, in mangle FORWARD."""
    ns = router(f"*{table}\n-A FORWARD {target}\nCOMMIT\n")
    return said_at(kernel(ns), table, "FORWARD", skb or held())


@given(MARKS, MARKS, MARKS)
def test_marks_are_set_as_the_manual_says(old, value, mask):
    """man iptables-extensions: --set-xmark zeroes the mask's bits and flips the value's; the others are made of it."""
    skb = held(mark=old)
    said = {
        f"--set-xmark {value}/{mask}": (old & ~mask) ^ value,
        f"--set-mark {value}/{mask}": (old & ~(mask | value)) ^ value,
        f"--and-mark {value}": old & value,
        f"--or-mark {value}": old | value,
        f"--xor-mark {value}": old ^ value,
        f"--set-mark {value}": value,
    }
    assert {option: after(f"-j MARK {option}", skb).skb.mark for option in said} == said


def test_a_mark_goes_on_to_the_next_rule():
    walked = after(
        "-j MARK --set-mark 1\n-A FORWARD -m mark --mark 1 -j MARK --or-mark 2\n-A FORWARD -m mark --mark 3 -j DROP"
    )
    assert (walked.verdict, [row.number for row in walked.matched]) == (DROP, [1, 2, 3])


@given(MARKS, MARKS, MARKS, MARKS)
def test_a_connections_mark_is_saved_and_restored_through_masks(ours, theirs, nfmask, ctmask):
    """xt_connmark.c: save: ct = (ct & ~ctmask) ^ (mark & nfmask); restore: mark = (mark & ~nfmask) ^ (ct & ctmask)."""
    ns, memory = router("*mangle\n-A FORWARD -j CONNMARK --set-mark 1\nCOMMIT\n"), Memory()
    connection = send(ns, udp("10.244.1.10", 1, "203.0.113.5", 2), dev="pods", memory=memory).last.skb.connection
    assert connection.mark == 1
    known = replace(connection, mark=theirs)
    skb = held(connection=known, ctinfo="NEW", mark=ours)
    masks = f"--nfmask {nfmask} --ctmask {ctmask}"
    assert after(f"-j CONNMARK --save-mark {masks}", skb).skb.connection.mark == (theirs & ~ctmask) ^ (ours & nfmask)
    assert after(f"-j CONNMARK --restore-mark {masks}", skb).skb.mark == (ours & ~nfmask) ^ (theirs & ctmask)


@pytest.mark.parametrize(
    "option, hops",
    [("--ttl-set 5", 5), ("--ttl-dec 3", 61), ("--ttl-inc 3", 67), ("--ttl-dec 100", 0), ("--ttl-inc 250", 255)],
)
def test_hops_are_set_within_a_byte(option, hops):
    assert after(f"-j TTL {option}").skb.packet.ttl == hops


@pytest.mark.parametrize(
    "target", ['LOG --log-prefix "seen: "', "NFLOG --nflog-group 1", "TRACE", "AUDIT --type accept"]
)
def test_who_only_tells_somebody_lets_the_packet_go_on(target):
    walked = after(f"-j {target}\n-A FORWARD -j DROP")
    assert (walked.verdict, len(walked.matched)) == (DROP, 2)


def test_a_rule_without_a_target_only_counts():
    walked = after("-p udp")
    assert (walked.verdict, [row.number for row in walked.matched]) == (ACCEPT, [1, 0])


def told(trace: Trace) -> list[str]:
    """What goes back to a sender: the packets that this machine itself sends."""
    return [str(step.skb.packet) for step in trace.steps if step.stage == "route_output"]


@pytest.mark.parametrize(
    "kind, said",
    [
        ("", "type 3 code 3"),
        ("icmp-net-unreachable", "type 3 code 0"),
        ("icmp-host-unreachable", "type 3 code 1"),
        ("icmp-proto-unreachable", "type 3 code 2"),
        ("icmp-port-unreachable", "type 3 code 3"),
        ("icmp-net-prohibited", "type 3 code 9"),
        ("icmp-host-prohibited", "type 3 code 10"),
        ("icmp-admin-prohibited", "type 3 code 13"),
        ("port-unreach", "type 3 code 3"),
    ],
)
def test_a_rejected_datagram_is_answered_with_the_named_error(kind, said):
    """The codes are those of RFC 792, RFC 1122 section 3.2.2.1 and RFC 1812 section 5.2.7.1."""
    ns = router(f"-j REJECT {f'--reject-with {kind}' if kind else ''}")
    trace = send(ns, udp("10.244.1.10", 40000, "203.0.113.5", 53), dev="pods")
    assert told(trace) == [f"icmp 10.244.1.1 -> 10.244.1.10 {said} id 0 ttl 64"]
    assert trace.last.end == "rejected"


@pytest.mark.parametrize(
    "kind, said",
    [
        ("icmp6-no-route", "code 0"),
        ("icmp6-adm-prohibited", "code 1"),
        ("icmp6-addr-unreachable", "code 3"),
        ("icmp6-port-unreachable", "code 4"),
        ("icmp6-policy-fail", "code 5"),
        ("icmp6-reject-route", "code 6"),
        ("", "code 4"),
    ],
)
def test_the_same_in_ipv6(kind, said):
    """RFC 4443 section 3.1."""
    ns = router(six=f"-j REJECT {f'--reject-with {kind}' if kind else ''}")
    trace = send(ns, udp("fd00:10:244:1::10", 40000, "2001:db8::5", 53), dev="pods")
    assert told(trace) == [f"ipv6-icmp fd00:10:244:1::1 -> fd00:10:244:1::10 type 1 {said} id 0 ttl 64"]


def test_a_rejected_syn_may_be_answered_with_a_reset():
    ns = router("-p tcp -j REJECT --reject-with tcp-reset")
    trace = send(ns, tcp("10.244.1.10", 40000, "203.0.113.5", 80), dev="pods")
    assert told(trace) == ["tcp 203.0.113.5:80 -> 10.244.1.10:40000 [RA] ttl 64"]
    answer = next(step.skb.packet.header for step in trace.steps if step.stage == "route_output")
    assert (answer.seq, answer.ack, answer.window) == (0, 1, 0)  # RFC 9293 section 3.5.2: the SYN counts one


@pytest.mark.parametrize(
    "story, packet",
    [
        ("a reset is not answered with a reset", tcp("10.244.1.10", 40000, "203.0.113.5", 80, "R")),
        ("nor is what came from nobody", udp("224.0.0.9", 1, "203.0.113.5", 80)),
        ("nor is what goes to many", udp("10.244.1.10", 1, "10.244.1.255", 80)),
    ],
)
def test_some_packets_are_never_answered(story, packet):
    ns = router("*filter\n-A FORWARD -j REJECT --reject-with tcp-reset\n-A INPUT -j REJECT\nCOMMIT\n")
    assert told(send(ns, packet, dev="pods")) == []


def test_dropped_is_silent():
    trace = send(router("-j DROP"), ping("10.244.1.10", "203.0.113.5"), dev="pods")
    assert (trace.last.end, told(trace)) == ("dropped", [])


def test_the_senders_own_rules_refuse_it_permission():
    trace = send(router("*filter\n:OUTPUT DROP [0:0]\nCOMMIT\n"), udp("0.0.0.0", 1, "203.0.113.5", 53))
    assert trace.last.end == "not-permitted"


def test_what_is_not_tracked_is_not_translated():
    text = "*raw\n-A PREROUTING -p udp -j CT --notrack\nCOMMIT\n"
    text += "*nat\n-A PREROUTING -j DNAT --to-destination 10.244.1.20\nCOMMIT\n"
    memory = Memory()
    kept = send(router(text), udp("203.0.113.5", 1, "192.168.1.11", 2), dev="eth0", memory=memory)
    moved = send(router(text), tcp("203.0.113.5", 1, "192.168.1.11", 2), dev="eth0", memory=memory)
    assert (kept.last.end, moved.last.skb.packet.flow.dst) == ("local", "10.244.1.20")
    assert len(set(memory.of("node-1")[Connections].by_flow.values())) == 1


def test_a_reset_by_rule_closes_the_connection():
    """nf_conntrack_tcp_set_closing; seen on the real kernel in tcp_icmp.json."""
    ns, memory = (
        router(
            "*filter\n-A FORWARD -p tcp -m tcp --tcp-flags PSH PSH -j REJECT --reject-with tcp-reset\n"
            "-A FORWARD -m conntrack --ctstate NEW\nCOMMIT\n"
        ),
        Memory(),
    )
    pod, world = ("10.244.1.10", 40000), ("203.0.113.5", 80)
    for packet, dev in (
        (tcp(*pod, *world), "pods"),
        (tcp(*world, *pod, "SA"), "eth0"),
        (tcp(*pod, *world, "A"), "pods"),
    ):
        send(ns, packet, dev=dev, memory=memory)
    (known,) = set(memory.of("node-1")[Connections].by_flow.values())
    assert known.state == "ESTABLISHED"
    send(ns, tcp(*pod, *world, "PA", b"GET /"), dev="pods", memory=memory)
    (known,) = set(memory.of("node-1")[Connections].by_flow.values())
    assert (known.state, known.expires - memory.now) == ("CLOSE", 10_000_000_000)
