"""Translation: there and back again, and which port when the wanted one is taken."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from netfilter_parts import kernel, router

from kubenet_course.linux.namespace.choices import Seeded
from kubenet_course.linux.namespace.memory import Memory
from kubenet_course.linux.namespace.skb import Connection
from kubenet_course.linux.netfilter.connections import Connections
from kubenet_course.linux.netfilter.evaluate import Counters
from kubenet_course.linux.netfilter.jhash import jhash2
from kubenet_course.linux.netfilter.nat import Range, unique
from kubenet_course.linux.packet.address import number
from kubenet_course.linux.packet.packet import Flow, Icmp, Packet, Quote, answer, ping, tcp, udp
from kubenet_course.linux.walk import send

PODS = {4: ("10.244.1.10", "10.244.1.20"), 6: ("fd00:10:244:1::10", "fd00:10:244:1::20")}
FAR = {4: ("203.0.113.5", "198.51.100.9"), 6: ("2001:db8::5", "2001:db8:1::9")}
OWN = {4: ("192.168.1.11", "10.244.1.1"), 6: ("fd00:192:168:1::11", "fd00:10:244:1::1")}
VIP = {4: "10.96.0.10", 6: "fd00:10:96::a"}


@st.composite
def a_rule_set(draw, of):
    """Random translations in both directions, as iptables writes them."""
    fully = st.sampled_from(["", "", " --random", " --persistent"])
    hosts = st.sampled_from([*PODS[of], *FAR[of]])
    ranges = st.sampled_from(["", ":8080", ":8000-8003"])
    lines = ["*nat"]
    for chain in ("PREROUTING", "OUTPUT"):
        for proto in draw(st.lists(st.sampled_from(["tcp", "udp", ""]), max_size=3)):
            host, ports = draw(hosts), draw(ranges) if proto else ""
            to = f"[{host}]{ports}" if ports and of == 6 else f"{host}{ports}"
            target = draw(
                st.sampled_from([f"DNAT --to-destination {to}", "REDIRECT" + (" --to-ports 9000" if ports else "")])
            )
            lines.append(
                f"-A {chain}{f' -p {proto}' if proto else ''} -j {target}{draw(fully) if 'DNAT' in target else ''}"
            )
    for chain in ("POSTROUTING", "INPUT"):
        for proto in draw(st.lists(st.sampled_from(["tcp", "udp", ""]), max_size=3)):
            targets = [f"SNAT --to-source {draw(st.sampled_from(OWN[of]))}"]
            targets += ["MASQUERADE", "MASQUERADE --random-fully"] if chain == "POSTROUTING" else []
            targets += (
                [f"{targets[0]}:1024-1027".replace(OWN[of][0], f"[{OWN[of][0]}]" if of == 6 else OWN[of][0])]
                if proto and "1.1:" not in targets[0] and OWN[of][0] in targets[0]
                else []
            )
            lines.append(f"-A {chain}{f' -p {proto}' if proto else ''} -j {draw(st.sampled_from(targets))}")
    return "\n".join([*lines, "COMMIT", ""])


@st.composite
def a_first_packet(draw, of):
    """Somebody asks something: from a pod, from outside, or from this machine."""
    src, dev = draw(st.sampled_from([(PODS[of][0], "pods"), (FAR[of][0], "eth0"), (OWN[of][0], "")]))
    dst = draw(st.sampled_from([VIP[of], FAR[of][1], PODS[of][1], *OWN[of]]))
    sport, dport = draw(st.sampled_from([40000, 600, 53])), draw(st.sampled_from([53, 80]))
    kind = draw(st.sampled_from(["tcp", "udp", "icmp"]))
    return (
        ping(src, dst, id=sport) if kind == "icmp" else (tcp if kind == "tcp" else udp)(src, sport, dst, dport)
    ), dev


@settings(max_examples=150)
@given(st.sampled_from([4, 6]), st.data(), st.integers(0, 2**16))
def test_an_answer_undoes_the_translation_for_every_connection_and_seed(of, data, seed):
    text, (packet, dev) = data.draw(a_rule_set(of)), data.draw(a_first_packet(of))
    ns = router(text if of == 4 else "", text if of == 6 else "")
    memory, choices = Memory(), Seeded(seed)
    there = send(ns, packet, dev=dev, memory=memory, choices=choices)
    if there.last.end not in ("forwarded", "local"):
        return
    got = there.last.skb
    back_packet = answer(got.packet, None if got.packet.flow.proto != "tcp" else tcp(VIP[4], 1, VIP[4], 2, "SA").header)
    back = send(
        ns, back_packet, dev=got.dev_out if there.last.end == "forwarded" else "", memory=memory, choices=choices
    ).last
    assert back.skb.packet.flow == packet.flow.reverse, text
    assert back.end in ("forwarded", "local")
    if ns.rules and memory.of("node-1")[Connections].by_flow:
        (known,) = set(memory.of("node-1")[Connections].by_flow.values())
        assert known.seen_reply
        assert known.original == packet.flow


@settings(max_examples=60)
@given(st.sampled_from([4, 6]), st.data(), st.integers(0, 2**16))
def test_an_error_about_a_translated_packet_goes_to_whoever_sent_it(of, data, seed):
    """And what it quotes is what that sender sent (nf_nat_icmp_reply_translation)."""
    text = data.draw(a_rule_set(of))
    packet = udp(PODS[of][0], 40000, VIP[of], 53, b"question")
    ns, memory = router(text if of == 4 else "", text if of == 6 else ""), Memory()
    got = send(ns, packet, dev="pods", memory=memory, choices=Seeded(seed)).last
    if got.end != "forwarded":
        return
    kind, proto = (0x0303, "icmp") if of == 4 else (0x0104, "ipv6-icmp")
    flow = Flow(proto, got.skb.packet.flow.dst, 0, got.skb.packet.flow.src, kind)
    back = send(ns, Packet(flow, Icmp(), Quote(got.skb.packet, 100)), dev=got.skb.dev_out, memory=memory).last
    assert back.skb.packet.flow.dst == PODS[of][0]
    assert back.skb.packet.payload.packet.flow == packet.flow


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.sampled_from(PODS[4]), st.integers(1, 65535)), min_size=1, max_size=12, unique=True),
    st.integers(0, 999),
)
def test_no_two_connections_look_alike_from_outside(senders, seed):
    memory, ns = Memory(), router("*nat\n-A POSTROUTING -o eth0 -j MASQUERADE\nCOMMIT\n")
    out = [
        send(
            ns, udp(pod, port, "203.0.113.5", 53), dev="pods", memory=memory, choices=Seeded(seed)
        ).last.skb.packet.flow
        for pod, port in senders
    ]
    assert len(set(out)) == len(senders)
    assert {flow.src for flow in out} == {"192.168.1.11"}


def test_a_source_keeps_its_port_while_nobody_has_it():
    memory, ns = Memory(), router("*nat\n-A POSTROUTING -o eth0 -j MASQUERADE\nCOMMIT\n")
    first, second = (
        send(ns, udp(pod, 40000, "203.0.113.5", 53), dev="pods", memory=memory).last.skb.packet.flow for pod in PODS[4]
    )
    assert (first.sport, second.sport != 40000) == (40000, True)


def test_a_source_is_mapped_as_it_was_mapped_before():
    """find_appropriate_src: to another server, the same address and port again."""
    memory = Memory()
    ns = router("*nat\n-A POSTROUTING -o eth0 -p udp -j SNAT --to-source 192.168.1.11:20000-30000\nCOMMIT\n")
    ports = [
        send(
            ns, udp("10.244.1.10", 40000, server, 53), dev="pods", memory=memory, choices=Seeded(seed)
        ).last.skb.packet.flow.sport
        for seed, server in enumerate(FAR[4])
    ]
    assert 20000 <= ports[0] <= 30000
    assert ports[0] == ports[1]


@pytest.mark.parametrize(
    "story, port, least, most",
    [
        ("a low port stays low", 53, 1, 511),
        ("a middle one in the middle", 600, 600, 1023),
        ("just below a thousand", 1023, 600, 1023),
        ("any other above", 40000, 1024, 65535),
        ("the first of the others", 1024, 1024, 65535),
        ("the last of the low ones", 511, 1, 511),
        ("the first of the middle ones: from 600 on", 512, 600, 1023),
    ],
)
def test_a_new_port_is_looked_for_among_its_like(story, port, least, most):
    """nf_nat_l4proto_unique_tuple: 1-511, 600-1023, 1024-65535."""
    memory, ns = Memory(), router("*nat\n-A POSTROUTING -o eth0 -j MASQUERADE --random-fully\nCOMMIT\n")
    drawn = {
        send(
            ns, udp("10.244.1.10", port, f"203.0.113.{n}", 53), dev="pods", memory=memory, choices=Seeded(n)
        ).last.skb.packet.flow.sport
        for n in range(1, 120)
    }
    assert least <= min(drawn)
    assert max(drawn) <= most
    assert len(drawn) > 50


def test_a_range_that_is_used_up_drops_the_packet():
    """The search ends with a port that is taken; the connection clashes when it is confirmed (DEV-8)."""
    memory = Memory()
    ns = router("*nat\n-A POSTROUTING -p udp -j SNAT --to-source 192.168.1.11:7000-7003\nCOMMIT\n")
    ends = [send(ns, udp("10.244.1.10", port, "203.0.113.5", 53), dev="pods", memory=memory) for port in range(1, 6)]
    assert [trace.last.end for trace in ends] == ["forwarded"] * 4 + ["dropped"]
    assert {trace.last.skb.packet.flow.sport for trace in ends[:4]} == {7000, 7001, 7002, 7003}
    assert ends[4].last.stage == "confirm POSTROUTING"
    memory.wait(30)
    assert send(ns, udp("10.244.1.10", 6, "203.0.113.5", 53), dev="pods", memory=memory).last.end == "forwarded"


class Counting(Seeded):
    """Counts how often a random start was asked for."""

    asked = 0

    def pick(self, question, among):
        self.asked += 1
        return 0


def full(first: int, last: int):
    """A kernel in which every port of a range towards one server is taken, and how often each was looked at."""
    asked = kernel(router("*nat\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n"), choices=Counting())
    for port in range(first, last + 1):
        flow = Flow("udp", "192.168.1.11", port, "203.0.113.5", 53)
        asked.remembers[Connections].update(Connection(flow, flow.reverse, confirmed=True, expires=10**12))
    return asked


@pytest.mark.parametrize(
    "story, first, last, starts",
    [
        ("a small range is looked through once", 7000, 7015, 1),
        ("128 ports are too", 7000, 7127, 1),
        ("a larger one from five random starts: 128, 64, 32, 16 and 8 ports", 7000, 7999, 5),
    ],
)
def test_the_search_for_a_port_is_bounded(story, first, last, starts):
    """NF_NAT_MAX_ATTEMPTS is 128; each further round is half as long, and one of less than 16 is the last."""
    asked = full(first, last)
    wanted = Flow("udp", "10.244.1.10", 40000, "203.0.113.5", 53)
    got = unique(
        wanted, Range("192.168.1.11", "192.168.1.11", first, last), "src", asked, Connection(wanted, wanted.reverse)
    )
    assert asked.choices.asked == starts
    assert first <= got.sport <= last


@pytest.mark.parametrize(
    "port, expected",
    [(5000, 8000), (5001, 8001), (5009, 8009), (5010, 8000), (4999, 8005), (4990, 8006)],
)
def test_ports_are_shifted_by_their_distance_from_a_base(port, expected):
    """The distance is a 16-bit number: one below the base is 65535 above it, and 65535 % 10 = 5 (ranges.json)."""
    ns = router("*nat\n-A PREROUTING -p udp -j DNAT --to-destination 10.244.1.20:8000-8009/5000\nCOMMIT\n")
    assert send(ns, udp("203.0.113.5", 1, "192.168.1.11", port), dev="eth0").last.skb.packet.flow.dport == expected


def test_a_destination_port_within_the_range_stays():
    ns = router("*nat\n-A PREROUTING -p udp -j DNAT --to-destination 10.244.1.20:8000-8009\nCOMMIT\n")
    ports = [
        send(ns, udp("203.0.113.5", 1, "192.168.1.11", port), dev="eth0").last.skb.packet.flow.dport
        for port in (8005, 80)
    ]
    assert ports == [8005, 8000]


@given(st.ip_addresses(v=4).map(str), st.ip_addresses(v=4).map(str), st.integers(1, 200))
def test_an_address_of_a_range_is_in_the_range_and_always_the_same(src, dst, size):
    low, high = "10.0.0.10", f"10.0.0.{10 + size}"
    wanted = Flow("udp", src, 1, dst, 2)
    got = {unique(wanted, Range(low, high), "dst", kernel(), Connection(wanted, wanted.reverse)).dst for _ in range(3)}
    assert len(got) == 1
    assert number(low) <= number(got.pop()) <= number(high)


# Computed with include/linux/jhash.h's jhash2, compiled with gcc 12: of the first n words of WORDS, with four seeds.
WORDS = [0x0201000A, 0, 0, 0, 0xFFFFFFFF, 0x80000000, 1, 0xDEADBEEF]
SEEDS = (0, 0x0202000A, 0xFFFFFFFF, 0x9E3779B9)
GOLDEN = [
    (0xDEADBEEF, 0xE0AFBEF9, 0xDEADBEEE, 0x7CE538A8),
    (0x9536AF84, 0x04748904, 0x66C82EE4, 0xC02C5977),
    (0x7E58BAD5, 0x21E86A99, 0x85666961, 0x7D3D3492),
    (0x03E501D1, 0xF9864370, 0x29A6B18F, 0x4448F497),
    (0xF0FC7E54, 0x123E2AD2, 0xCC474F6D, 0xE099F228),
    (0x36A515AC, 0x7E8A062E, 0x616649DD, 0xC6DD4483),
    (0x124663EC, 0x4A9FEEB1, 0x152FCAAB, 0x47CDD329),
    (0x25E31008, 0x02AAABB4, 0x0CA2BCAD, 0x590120E1),
    (0xE9C7D8A5, 0x111E26DF, 0xCC0A2052, 0xF48C9174),
]


@pytest.mark.parametrize("count", range(9))
def test_the_hash_is_the_kernels(count):
    assert tuple(jhash2(WORDS[:count], seed) for seed in SEEDS) == GOLDEN[count]


@pytest.mark.parametrize(
    "story, way, expected",
    [
        (
            "a pod's packet gets the address of the device that it leaves by",
            ("10.244.1.10", "203.0.113.5", "pods"),
            "192.168.1.11",
        ),
        (
            "towards a pod the gateway's: one Service, two client addresses",
            ("203.0.113.5", "10.244.1.20", "eth0"),
            "10.244.1.1",
        ),
        ("IPv6 too", ("fd00:10:244:1::10", "2001:db8::5", "pods"), "fd00:192:168:1::11"),
    ],
)
def test_masquerade_takes_the_address_of_the_outgoing_device(story, way, expected):
    src, dst, dev = way
    text = "*nat\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n"
    assert send(router(text, text), udp(src, 1, dst, 2), dev=dev).last.skb.packet.flow.src == expected


@pytest.mark.parametrize(
    "story, src, dev, expected",
    [
        ("what comes in: to the device's own address", "10.244.1.10", "pods", "10.244.1.1"),
        ("by another device, to another", "203.0.113.5", "eth0", "192.168.1.11"),
        ("our own: to loopback", "0.0.0.0", "", "127.0.0.1"),
    ],
)
def test_redirect_is_to_this_machine(story, src, dev, expected):
    ns = router(
        "*nat\n-A PREROUTING -j REDIRECT --to-ports 9000\n-A OUTPUT -j REDIRECT --to-ports 9000\nCOMMIT\n".replace(
            "-j", "-p udp -j"
        )
    )
    end = send(ns, udp(src, 1, "198.51.100.9", 2), dev=dev).last
    assert (end.end, end.skb.packet.flow.dst, end.skb.packet.flow.dport) == ("local", expected, 9000)


def test_the_nat_table_is_asked_once_for_a_connection():
    memory, ns = Memory(), router("*nat\n-A PREROUTING -p udp -j DNAT --to-destination 10.244.1.20\nCOMMIT\n")
    for _ in range(3):
        send(ns, udp("203.0.113.5", 1, "192.168.1.11", 2), dev="eth0", memory=memory)
    assert memory.of("node-1")[Counters].packets[4, "nat", "PREROUTING", 1] == 1


def test_that_nothing_is_translated_is_remembered_too():
    """Rules that are loaded later do not touch a conversation that has begun."""
    memory = Memory()
    send(
        router("*nat\n-A PREROUTING -p tcp -j DNAT --to-destination 10.244.1.20\nCOMMIT\n"),
        udp("203.0.113.5", 1, "10.244.1.10", 2),
        dev="eth0",
        memory=memory,
    )
    after = router("*nat\n-A PREROUTING -p udp -j DNAT --to-destination 10.244.1.20\nCOMMIT\n")
    assert (
        send(after, udp("203.0.113.5", 1, "10.244.1.10", 2), dev="eth0", memory=memory).last.skb.packet.flow.dst
        == "10.244.1.10"
    )
