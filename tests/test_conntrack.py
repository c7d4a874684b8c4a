"""Connection tracking: whose packet is this, how far has the conversation come, when is it forgotten."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from netfilter_parts import kernel, router

from kubenet_course.linux.namespace.memory import SECOND, Memory
from kubenet_course.linux.namespace.skb import NO_CONNECTION, UNTRACKED, Connection, Skb
from kubenet_course.linux.netfilter.connections import Connections
from kubenet_course.linux.netfilter.conntrack import conntrack_in
from kubenet_course.linux.netfilter.evaluate import Matched
from kubenet_course.linux.packet.packet import Flow, Icmp, Packet, Quote, ping, tcp, udp
from kubenet_course.linux.walk import send

TRACKING = "*filter\n-A FORWARD -m conntrack --ctstate NEW\nCOMMIT\n"
POD, WORLD = ("10.244.1.10", 40000), ("203.0.113.5", 80)
THERE, BACK = (*POD, *WORLD), (*WORLD, *POD)

# The table of net/netfilter/nf_conntrack_proto_tcp.c (Linux 6.18), by direction and kind of segment, its columns in the
# kernel's order. iv: the packet is INVALID; ig: it is let through and moves nothing.
COLUMNS = [
    "NONE",
    "SYN_SENT",
    "SYN_RECV",
    "ESTABLISHED",
    "FIN_WAIT",
    "CLOSE_WAIT",
    "LAST_ACK",
    "TIME_WAIT",
    "CLOSE",
    "SYN_SENT2",
]
CODES = dict(zip(["no", "ss", "sr", "es", "fw", "cw", "la", "tw", "cl", "s2"], COLUMNS, strict=True))
KERNEL_TABLE = {
    ("original", "S"): "ss ss ig ig ig ig ig ss ss s2",
    ("original", "SA"): "iv iv sr iv iv iv iv iv iv sr",
    ("original", "FA"): "iv iv fw fw la la la tw cl iv",
    ("original", "A"): "es iv es es cw cw tw tw cl iv",
    ("original", "R"): "iv cl cl cl cl cl cl cl cl cl",
    ("reply", "S"): "iv s2 iv iv iv iv iv ss iv s2",
    ("reply", "SA"): "iv sr ig ig ig ig ig ig ig sr",
    ("reply", "FA"): "iv iv fw fw la la la tw cl iv",
    ("reply", "A"): "iv ig sr es cw cw tw tw cl ig",
    ("reply", "R"): "iv cl cl cl cl cl cl cl cl cl",
}
CELLS = [
    (who, flags, state, code)
    for (who, flags), row in KERNEL_TABLE.items()
    for state, code in zip(COLUMNS, row.split(), strict=True)
    if state != "NONE"
]
SECONDS = {
    "SYN_SENT": 120,
    "SYN_RECV": 60,
    "ESTABLISHED": 432000,
    "FIN_WAIT": 120,
    "CLOSE_WAIT": 60,
    "LAST_ACK": 30,
    "TIME_WAIT": 120,
    "CLOSE": 10,
    "SYN_SENT2": 120,
}


def tracked(state: str, answered: bool = True, proto: str = "tcp"):
    """A kernel that remembers one connection from the pod to the world."""
    asked = kernel(router(TRACKING))
    flow = Flow(proto, *THERE)
    known = Connection(flow, flow.reverse, state, seen_reply=answered, confirmed=True, expires=1000 * SECOND)
    asked.remembers[Connections].update(known)
    return asked


@pytest.mark.parametrize("who, flags, state, code", CELLS, ids=lambda value: str(value))
def test_a_segment_moves_a_connection_as_the_kernels_table_says(who, flags, state, code):
    asked = tracked(state)
    packet = tcp(*(THERE if who == "original" else BACK), flags)
    skb = conntrack_in(Skb(packet), asked)
    if code == "iv":
        assert (skb.connection, skb.ctinfo) == (NO_CONNECTION, "INVALID")
        assert asked.remembers[Connections].lookup(Flow("tcp", *THERE), asked.now).state == state
    elif code == "ig":
        assert (skb.connection.state, skb.connection.expires) == (state, 1000 * SECOND), "it belongs, and moves nothing"
    elif code == "ss" and state in ("TIME_WAIT", "CLOSE"):
        # The kernel looks back first: after a RST it wants a FIN, or a RST from the same side (DEV-2).
        assert (skb.ctinfo, skb.connection.state, skb.connection.confirmed) == ("NEW", "SYN_SENT", False), "opened anew"
        assert skb.connection.original == packet.flow
    else:
        assert skb.connection.state == CODES[code]
        assert skb.connection.expires == SECONDS[CODES[code]] * SECOND
        assert (skb.ctinfo, skb.reply) == ("ESTABLISHED", who == "reply")


@pytest.mark.parametrize("flags, state", [("S", "SYN_SENT"), ("A", "ESTABLISHED"), ("SA", ""), ("FA", ""), ("R", "")])
def test_what_may_open_a_connection(flags, state):
    """The first column of the table: a SYN; and an ACK, as nf_conntrack_tcp_loose lets a conversation be picked up."""
    skb = conntrack_in(Skb(tcp(*THERE, flags)), kernel(router(TRACKING)))
    assert (skb.connection.state if skb.connection is not NO_CONNECTION else "") == state


def test_without_loose_a_conversation_is_not_picked_up():
    strict = router(TRACKING, sysctls={"net.netfilter.nf_conntrack_tcp_loose": 0})
    assert conntrack_in(Skb(tcp(*THERE, "A")), kernel(strict)).connection is NO_CONNECTION
    assert conntrack_in(Skb(tcp(*THERE, "S")), kernel(strict)).connection is not NO_CONNECTION


@pytest.mark.parametrize("flags", ["", "SF", "SR", "SFA", "F", "FSRPAU", "U", "P"])
def test_flags_that_no_sender_uses_belong_to_no_connection(flags):
    """nf_conntrack_proto_tcp.c, tcp_valid_flags."""
    assert conntrack_in(Skb(tcp(*THERE, flags)), tracked("ESTABLISHED")).ctinfo == "INVALID"


@pytest.mark.parametrize("flags", ["S", "SU", "SA", "R", "RA", "FA", "FAU", "A", "AU", "SPEC", "APE", "AC"])
def test_flags_that_senders_use_may_be_read(flags):
    asked = tracked("SYN_SENT" if "S" in flags and "A" not in flags else "ESTABLISHED")
    packet = tcp(*(BACK if "SA" in flags else THERE), flags)
    assert conntrack_in(Skb(packet), asked).ctinfo != "INVALID"


def passing(memory: Memory, *packets, ns=None):
    """Sends packets through one router in turn; the connection as it is after each (None: forgotten, or never kept)."""
    ns, seen = ns or router(TRACKING), []
    for packet in packets:
        from_pod = packet.flow.src.startswith(("10.244.1.", "fd00:10:244:1:"))
        send(ns, packet, dev="pods" if from_pod else "eth0", memory=memory)
        known = set(memory.of("node-1")[Connections].by_flow.values())
        seen.append(next(iter(known)) if known else None)
    return seen


def test_a_handshake_an_exchange_and_a_farewell():
    memory = Memory()
    story = [("S", 0), ("SA", 1), ("A", 0), ("PA", 0), ("A", 1), ("FA", 0), ("A", 1), ("FA", 1), ("A", 0)]
    states = [
        known.state for known in passing(memory, *(tcp(*(BACK if reply else THERE), flags) for flags, reply in story))
    ]
    assert states == ["SYN_SENT", "SYN_RECV", *["ESTABLISHED"] * 3, "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT"]


def test_a_connection_is_assured_when_it_is_established_from_both_sides():
    seen = passing(Memory(), tcp(*THERE), tcp(*BACK, "SA"), tcp(*THERE, "A"))
    assert [known.assured for known in seen] == [False, False, True]


def test_a_refused_connection_is_forgotten_at_once():
    seen = passing(Memory(), tcp(*THERE), tcp(*BACK, "RA"))
    assert (seen[0].state, seen[1]) == ("SYN_SENT", None)


def test_a_connection_that_was_picked_up_is_kept_five_minutes_until_it_is_answered():
    """nf_conntrack_tcp_timeout_unacknowledged. The first answer does not know yet that it is one; the next does."""
    seen = passing(Memory(), tcp(*THERE, "A"), tcp(*BACK, "A"), tcp(*THERE, "A"))
    assert [known.expires // SECOND for known in seen] == [300, 300, 432000]


@pytest.mark.parametrize(
    "story, packets, seconds",
    [
        ("a datagram", [udp(*THERE)], 30),
        ("a datagram and its answer", [udp(*THERE), udp(*BACK)], 30),
        ("an echo", [ping(POD[0], WORLD[0])], 30),
        ("IPv6 echo", [ping("fd00:10:244:1::10", "2001:db8::5")], 30),
        ("a SYN", [tcp(*THERE)], 120),
        ("a SYN-ACK", [tcp(*THERE), tcp(*BACK, "SA")], 60),
        ("a handshake: five days", [tcp(*THERE), tcp(*BACK, "SA"), tcp(*THERE, "A")], 432000),
    ],
)
def test_a_connection_is_forgotten_when_its_time_is_over(story, packets, seconds):
    """net.netfilter.nf_conntrack_*_timeout, as a fresh namespace has them."""
    six = "*filter\n-A FORWARD -m conntrack --ctstate NEW\nCOMMIT\n"
    memory, ns = Memory(), router(TRACKING, six)
    known = passing(memory, *packets, ns=ns)[-1]
    assert known.expires == seconds * SECOND
    asked = kernel(ns, memory)
    memory.wait(seconds - 1e-9)
    assert asked.remembers[Connections].lookup(known.original, asked.now) == known
    memory.wait(1e-9)
    assert asked.remembers[Connections].lookup(known.original, asked.now) is None
    assert asked.remembers[Connections].lookup(known.reply, asked.now) is None
    assert not memory.of("node-1")[Connections].by_flow


def test_a_udp_conversation_that_lasts_is_a_stream():
    """Two minutes instead of half a one, from the first packet after two seconds that knows of an answer."""
    memory, ns = Memory(), router(TRACKING)
    seen = passing(memory, udp(*THERE), ns=ns)
    memory.wait(3)
    for packet in (udp(*BACK), udp(*THERE)):
        seen += passing(memory, packet, ns=ns)
    assert [(known.expires - known.since) // SECOND for known in seen] == [30, 33, 123]
    assert [known.assured for known in seen] == [False, False, True]


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from(["S", "SA", "A", "PA", "FA", "R", "RA", "SF", ""]), st.floats(0, 200)),
        max_size=12,
    )
)
def test_no_sequence_of_segments_confuses_the_table(story):
    """Whatever comes: at most one connection, in a known state, under both of its flows, with time left."""
    memory, ns = Memory(), router(TRACKING)
    for reply, flags, pause in story:
        passing(memory, tcp(*(BACK if reply else THERE), flags), ns=ns)
        table = memory.of("node-1")[Connections].by_flow
        known = set(table.values())
        assert len(known) <= 1
        for one in known:
            assert set(table) == {one.original, one.reply}
            assert one.state in COLUMNS
            assert one.state != "NONE"
            assert one.expires > memory.now
        memory.wait(pause)
        memory.of(ns.name)[Connections].lookup(Flow("tcp", *THERE), memory.now)


def test_states_that_rules_see_through_a_conversation():
    states = ("NEW", "ESTABLISHED", "RELATED", "INVALID")
    text = "*filter\n" + "".join(f"-A FORWARD -m conntrack --ctstate {state}\n" for state in states) + "COMMIT\n"
    memory, ns = Memory(), router(text)
    error = Packet(Flow("icmp", "198.51.100.1", 0, POD[0], 0x0301), Icmp(), Quote(udp(*THERE), 28))
    stray = Packet(
        Flow("icmp", "198.51.100.1", 0, POD[0], 0x0301), Icmp(), Quote(udp("10.244.1.10", 9, "203.0.113.5", 9), 28)
    )
    met = []
    for packet in (udp(*THERE), udp(*THERE), udp(*BACK), udp(*THERE), error, stray):
        trace = send(ns, packet, dev="pods" if packet.flow.src == POD[0] else "eth0", memory=memory)
        rows = [row for step in trace.steps for row in step.why if isinstance(row, Matched) and row.chain == "FORWARD"]
        met.append("".join(states[row.number - 1] for row in rows if row.number))
    assert met == ["NEW", "NEW", "ESTABLISHED", "ESTABLISHED", "RELATED", "INVALID"]


def test_an_error_to_somebody_else_is_not_related():
    """The error must go to whoever sent the quoted packet (nf_conntrack_inet_error)."""
    memory, ns = Memory(), router(TRACKING)
    passing(memory, udp(*THERE), ns=ns)
    error = Packet(Flow("icmp", "198.51.100.1", 0, "10.244.1.99", 0x0301), Icmp(), Quote(udp(*THERE), 28))
    assert conntrack_in(Skb(error), kernel(ns, memory)).ctinfo == "INVALID"


@pytest.mark.parametrize("kind", [130, 131, 132, 133, 134, 135, 136, 137, 143])
def test_neighbour_discovery_is_never_tracked(kind):
    packet = Packet(Flow("ipv6-icmp", "fe80::1", 0, "ff02::1", kind << 8), Icmp())
    assert conntrack_in(Skb(packet), kernel(router(TRACKING))).connection is UNTRACKED


def test_an_answer_alone_opens_nothing():
    reply = Packet(Flow("icmp", WORLD[0], 7, POD[0], 0), Icmp(1))
    assert conntrack_in(Skb(reply), kernel(router(TRACKING))).connection is NO_CONNECTION


def test_without_a_rule_that_needs_it_nothing_is_tracked():
    """nf_ct_netns_get: the hooks exist while a rule wants them. Seen in stories.json."""
    memory = Memory()
    passing(
        memory,
        udp(*THERE),
        ns=router("*filter\n-A FORWARD -p udp -j ACCEPT\nCOMMIT\n*raw\n-A PREROUTING -j CT --notrack\nCOMMIT\n"),
    )
    assert not memory.of("node-1")[Connections].by_flow


def test_a_dropped_packet_leaves_no_connection():
    memory = Memory()
    passing(memory, udp(*THERE), ns=router(TRACKING + "*mangle\n-A POSTROUTING -j DROP\nCOMMIT\n"))
    assert not memory.of("node-1")[Connections].by_flow


def test_a_connection_known_in_one_direction_is_known_in_the_other():
    asked = tracked("ESTABLISHED")
    flow = Flow("tcp", *THERE)
    assert (
        asked.remembers[Connections].lookup(flow, asked.now)
        is asked.remembers[Connections].lookup(flow.reverse, asked.now)
        is not None
    )
    assert asked.remembers[Connections].lookup(replace(flow, sport=1), asked.now) is None


def test_whoever_connects_to_itself_has_answered_with_the_second_packet():
    """As Linux 6.18 lists it: the flow is its own reverse, and the answer's half is found first."""
    here, memory = router(TRACKING), Memory()
    itself = udp("127.0.0.1", 5353, "127.0.0.1", 5353)
    send(here, itself, memory=memory)
    send(here, itself, memory=memory)
    assert memory.of(here.name)[Connections].by_flow[itself.flow].seen_reply
