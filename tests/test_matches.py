"""What a rule can ask of a packet: every match, and its `!`."""

import pytest
from msgspec.structs import replace
from netfilter_parts import PACKET, held, kernel, router, rules

from kubenet_course.linux.namespace.choices import Scripted, Seeded
from kubenet_course.linux.namespace.memory import Memory
from kubenet_course.linux.namespace.skb import UNTRACKED, Connection
from kubenet_course.linux.netfilter.evaluate import asked as said_at
from kubenet_course.linux.netfilter.statement import NotUnderstood, Place
from kubenet_course.linux.netfilter.xt.tcp import option_kinds
from kubenet_course.linux.packet.packet import Flow, Frame, Icmp, Tcp, ping, tcp, udp
from kubenet_course.linux.packet.packet import Packet as AnyPacket

FLOW = PACKET.flow
SYN = tcp("10.244.1.10", 40000, "10.96.0.10", 80)
SYN_ACK = tcp("10.96.0.10", 80, "10.244.1.10", 40000, "SA")


def holds(options: str, skb=None, **more) -> bool:
    """Whether a rule with these options matches; all of its tests must hold."""
    (rule,) = rules(f"{options} -j ACCEPT").chain("filter", "FORWARD").rules
    asked = more.get("kernel") or kernel()
    return all(test.run(skb or held(), Place(asked, "filter", "FORWARD")) for test in rule.tests)


@pytest.mark.parametrize(
    "options, expected",
    [
        ("-s 10.244.0.0/16", True),
        ("-s 10.245.0.0/16", False),
        ("-d 10.96.0.10", True),
        ("-d 10.96.0.11", False),
        ("-i pods", True),
        ("-i pod", False),
        ("-i po+", True),
        ("-i +", True),
        ("-o eth0", True),
        ("-o eth1", False),
        ("-p udp", True),
        ("-p 17", True),
        ("-p tcp", False),
        ("-p all", True),
        ("-p udp -m udp --dport 53", True),
        ("-p udp -m udp --dport 54", False),
        ("-p udp -m udp --dport 1:53", True),
        ("-p udp -m udp --dport 54:", False),
        ("-p udp -m udp --dport :53", True),
        ("-p udp -m udp --sport 40000", True),
        ("-p udp --dport domain", True),
        ("-p udp -m multiport --dports 53,80", True),
        ("-p udp -m multiport --dports 80,443", False),
        ("-p udp -m multiport --dports 50:60", True),
        ("-p udp -m multiport --sports 53", False),
        ("-p udp -m multiport --ports 53", True),
        ("-p udp -m multiport --ports 40000", True),
        ("-m iprange --src-range 10.244.1.9-10.244.1.11", True),
        ("-m iprange --dst-range 10.96.0.11-10.96.0.12", False),
        ("-m length --length 36", True),
        ("-m length --length 37:", False),
        ("-m length --length :36", True),
        ("-m ttl --ttl-eq 64", True),
        ("-m ttl --ttl-lt 64", False),
        ("-m ttl --ttl-gt 63", True),
        ("-m mark --mark 0x0", True),
        ("-m mark --mark 0x4000/0x4000", False),
        ('-m comment --comment "-j DROP"', True),
        ("-m addrtype --src-type UNICAST", True),
        ("-m addrtype --dst-type LOCAL", False),
        ("-m addrtype --dst-type UNICAST,LOCAL", True),
        ("-m nfacct --nfacct-name seen", True),
        ("-m udp", True),
    ],
)
def test_a_rule_asks_and_its_negation_asks_the_contrary(options, expected):
    assert holds(options) is expected
    *module, option, value = options.rsplit(maxsplit=2) if not options.startswith("-m udp") else ("", "", "")
    negatable = option not in ("", "--comment", "--nfacct-name", "-j") and "comment" not in options and value != "all"
    if negatable:
        assert holds(f"{' '.join(module)} ! {option} {value}".strip()) is not expected


@pytest.mark.parametrize(
    "story, options, packet, expected",
    [
        ("--syn is SYN alone among four flags", "-p tcp -m tcp --syn", SYN, True),
        ("so an answer is none", "-p tcp -m tcp --syn", SYN_ACK, False),
        ("what is not in the mask does not matter", "-p tcp -m tcp --tcp-flags SYN,ACK SYN,ACK", SYN_ACK, True),
        ("what is in the mask and not in the set must be off", "-p tcp -m tcp --tcp-flags SYN,ACK SYN", SYN_ACK, False),
        ("NONE: no flag at all", "-p tcp -m tcp --tcp-flags ALL NONE", tcp("10.0.0.1", 1, "10.0.0.2", 2, ""), True),
        (
            "an option is found by its number",
            "-p tcp -m tcp --tcp-option 2",
            AnyPacket(SYN.flow, Tcp("S", options=bytes.fromhex("01 01 020405b4"))),
            True,
        ),
        (
            "and is not found where it is not",
            "-p tcp -m tcp --tcp-option 8",
            AnyPacket(SYN.flow, Tcp("S", options=bytes.fromhex("020405b4"))),
            False,
        ),
        ("an echo request by name", "-p icmp -m icmp --icmp-type echo-request", ping("10.0.0.1", "10.0.0.2"), True),
        ("any ICMP", "-p icmp -m icmp --icmp-type any", ping("10.0.0.1", "10.0.0.2"), True),
        (
            "a type with any code",
            "-p icmp -m icmp --icmp-type 3",
            AnyPacket(Flow("icmp", "10.0.0.1", 0, "10.0.0.2", 0x0301), Icmp()),
            True,
        ),
        (
            "a type with another code",
            "-p icmp -m icmp --icmp-type 3/3",
            AnyPacket(Flow("icmp", "10.0.0.1", 0, "10.0.0.2", 0x0301), Icmp()),
            False,
        ),
        ("an IPv6 echo request", "-p ipv6-icmp -m icmp6 --icmpv6-type 128", ping("fd00::1", "fd00::2"), True),
    ],
)
def test_what_only_some_protocols_have(story, options, packet, expected):
    assert holds(options, held(packet)) is expected


@pytest.mark.parametrize(
    "octets, kinds",
    [
        ("", set()),
        ("020405b4", {2}),
        ("0101080a0000000100000002", {1, 8}),
        ("020405b4 00 0303", {2}),
        ("02", {2}),
        ("0200", {2}),
    ],
)
def test_tcp_options_are_read_to_their_end_and_no_further(octets, kinds):
    assert option_kinds(bytes.fromhex(octets)) == kinds


def test_the_senders_mac_is_known_of_what_came_in_a_frame():
    framed = held(frame=Frame("02:42:0a:f4:01:0a", "02:42:0a:f4:01:01", PACKET))
    assert holds("-m mac --mac-source 02:42:0A:F4:01:0A", framed)
    assert not holds("-m mac --mac-source 02:42:0A:F4:01:0A", held())


KNOWN = Connection(
    FLOW,
    Flow("udp", "10.244.2.20", 5353, "192.168.1.11", 1024),
    seen_reply=True,
    confirmed=True,
    snat=True,
    dnat=True,
    mark=5,
)


@pytest.mark.parametrize(
    "options, expected",
    [
        ("--ctstate NEW", False),
        ("--ctstate ESTABLISHED", True),
        ("--ctstate NEW,ESTABLISHED", True),
        ("! --ctstate INVALID", True),
        ("--ctstate DNAT", True),
        ("--ctstate SNAT", True),
        ("! --ctstate DNAT", False),
        ("--ctstate UNTRACKED", False),
        ("--ctstatus SEEN_REPLY", True),
        ("--ctstatus CONFIRMED,ASSURED", True),
        ("--ctstatus ASSURED", False),
        ("--ctstatus NONE", False),
        ("--ctproto 17", True),
        ("! --ctproto udp", False),
        ("--ctdir ORIGINAL", True),
        ("--ctdir REPLY", False),
        ("--ctorigsrc 10.244.0.0/16", True),
        ("--ctorigdst 10.96.0.10", True),
        ("--ctreplsrc 10.244.2.20", True),
        ("--ctrepldst 10.244.1.10", False),
        ("--ctorigsrcport 40000", True),
        ("--ctorigdstport 53", True),
        ("--ctreplsrcport 5353", True),
        ("--ctrepldstport 1000:1023", False),
        ("--ctstate ESTABLISHED --ctdir REPLY", False),
        ("! --ctorigsrc 10.0.0.1 --ctproto 17", True),
    ],
)
def test_a_rule_asks_the_connection_of_a_packet(options, expected):
    skb = held(connection=KNOWN, ctinfo="ESTABLISHED")
    assert holds(f"-m conntrack {options}", skb) is expected


@pytest.mark.parametrize(
    "story, skb, options, expected",
    [
        ("no connection: the state is INVALID", held(), "--ctstate INVALID", True),
        ("no connection: the rest is not asked, only the state", held(), "--ctstate INVALID --ctproto 6", True),
        ("no connection and no state asked: no match", held(), "--ctproto 17", False),
        ("not even a negated one", held(), "! --ctproto 6", False),
        ("untracked", held(connection=UNTRACKED, ctinfo="UNTRACKED"), "--ctstate UNTRACKED", True),
    ],
)
def test_a_packet_without_a_connection_has_only_a_state(story, skb, options, expected):
    assert holds(f"-m conntrack {options}", skb) is expected


def test_the_older_state_match_asks_the_same():
    skb = held(connection=KNOWN, ctinfo="ESTABLISHED")
    assert holds("-m state --state RELATED,ESTABLISHED", skb)
    assert not holds("-m state ! --state ESTABLISHED", skb)


def test_a_connection_keeps_a_mark_of_its_own():
    skb = held(connection=KNOWN, ctinfo="ESTABLISHED", mark=1)
    assert holds("-m connmark --mark 0x5", skb)
    assert holds("-m connmark --mark 0x1/0x1", skb)
    assert not holds("-m connmark ! --mark 0x5", skb)
    assert not holds("-m connmark --mark 0x0")


@pytest.mark.parametrize(
    "options, packet, expected",
    [
        ("--dst-type LOCAL", udp("10.0.0.9", 1, "192.168.1.11", 2), True),
        ("--dst-type LOCAL --limit-iface-in", udp("10.0.0.9", 1, "192.168.1.11", 2), False),
        ("--dst-type LOCAL --limit-iface-out", udp("10.0.0.9", 1, "192.168.1.11", 2), True),
        ("--src-type LOCAL ! --dst-type LOCAL", udp("10.244.1.1", 1, "10.0.0.9", 2), True),
        ("--dst-type BROADCAST", udp("10.0.0.9", 1, "192.168.1.255", 2), True),
        ("--dst-type UNICAST,LOCAL", udp("fd00:1::9", 1, "fd00:192:168:1::11", 2), True),
        ("--dst-type UNICAST,LOCAL", udp("fd00:1::9", 1, "fd00:192:168:1::12", 2), False),
    ],
)
def test_addrtype_asks_what_an_address_is_to_this_machine(options, packet, expected):
    """IPv6 wants all of UNSPEC, UNICAST, MULTICAST, and any of the others (match_type6); recorded in ipv6.json."""
    assert holds(f"-m addrtype {options}", held(packet)) is expected


def test_every_third_packet_from_the_second_on():
    asked, options = kernel(), "-m statistic --mode nth --every 3 --packet 1"
    assert [holds(options, kernel=asked) for _ in range(7)] == [False, True, False, False, True, False, False]


def test_a_share_of_packets_is_kept_as_the_kernel_keeps_it():
    (rule,) = rules("-m statistic --mode random --probability 0.33333333349 -j ACCEPT").chain("filter", "FORWARD").rules
    assert rule.tests[-1].of_2_31 == 715827883  # a third of 2^31, rounded
    draws = Seeded(1)
    share = (
        sum(holds("-m statistic --mode random --probability 0.25", kernel=kernel(choices=draws)) for _ in range(4000))
        / 4000
    )
    assert 0.22 < share < 0.28
    assert not holds("-m statistic --mode random ! --probability 0.25", kernel=kernel(choices=Scripted([False])))


def test_a_list_forgets_after_its_seconds():
    memory = Memory()
    asked = kernel(memory=memory)
    affine = "-m recent --rcheck --seconds 10800 --reap --name KUBE-SEP-A --mask 255.255.255.255 --rsource"
    assert not holds(affine, kernel=asked)
    assert holds("-m recent --set --name KUBE-SEP-A --mask 255.255.255.255 --rsource", kernel=asked)
    assert holds(affine, kernel=asked)
    memory.wait(10800)
    assert holds(affine, kernel=asked)
    memory.wait(1)
    assert not holds(affine, kernel=asked)
    assert not holds("-m recent --rcheck --name KUBE-SEP-A", kernel=asked), "it was reaped"


def test_update_is_a_check_that_starts_the_clock_again():
    memory = Memory()
    asked = kernel(memory=memory)
    holds("-m recent --set --name A", kernel=asked)
    for _ in range(5):
        memory.wait(9)
        assert holds("-m recent --update --seconds 10 --name A", kernel=asked)


def test_a_bucket_of_five_is_filled_again_one_a_second():
    memory = Memory()
    asked, options = kernel(memory=memory), "-m limit --limit 1/sec --limit-burst 5"
    assert [holds(options, kernel=asked) for _ in range(7)] == [True] * 5 + [False] * 2
    memory.wait(2)
    assert [holds(options, kernel=asked) for _ in range(3)] == [True, True, False]


def test_what_the_model_cannot_ask_may_hold_or_not():
    (rule,) = rules("-m bpf --bytecode 1,6 -j ACCEPT").chain("filter", "FORWARD").rules
    assert rule.tests[-1].run(held(), Place(kernel(), "filter", "FORWARD")) == NotUnderstood((False, True))


def test_each_family_counts_for_itself():
    """The same place in iptables and in ip6tables is two rules."""
    text = "*filter\n-A FORWARD -m statistic --mode nth --every 2 --packet 0 -j ACCEPT\nCOMMIT\n"
    asked = kernel(router(text, text))
    first = [
        said_at(asked, "filter", "FORWARD", held(packet)).matched[0].number
        for packet in (PACKET, udp("fd00::1", 1, "fd00::2", 2))
    ]
    assert first == [1, 1]


def test_dscp_is_the_upper_six_bits_of_tos():
    skb = held(replace(PACKET, tos=0xB9))
    assert holds("-m dscp --dscp-class EF", skb) and not holds("-m dscp --dscp 0", skb)


@pytest.mark.parametrize(
    "mac, kind",
    [("02:00:00:00:00:01", "unicast"), ("ff:ff:ff:ff:ff:ff", "broadcast"), ("01:00:5e:00:00:01", "multicast")],
)
def test_pkttype_asks_to_whom_the_frame_was_addressed(mac, kind):
    skb = held(frame=Frame("02:00:00:00:00:02", mac, PACKET))
    assert [name for name in ("unicast", "broadcast", "multicast") if holds(f"-m pkttype --pkt-type {name}", skb)] == [
        kind
    ]
    assert holds("-m pkttype --pkt-type unicast", held(dev_in=""))


@pytest.mark.parametrize(
    "options, bridged, routed",
    [
        ("--physdev-is-in", True, False),
        ("! --physdev-is-in", False, True),
        ("--physdev-is-bridged", True, False),
        ("--physdev-is-out", True, False),
        ("--physdev-in vetha", True, False),
        ("--physdev-in veth+ --physdev-out vethb", True, False),
        ("! --physdev-out vethb", False, True),
    ],
)
def test_physdev_knows_the_ports_of_what_a_bridge_carries(options, bridged, routed):
    """Whatever br_netfilter did not see, only `!` holds of it (xt_physdev.c, no nf_bridge)."""
    assert holds(f"-m physdev {options}", held(came_by="vetha", port="vethb")) is bridged
    assert holds(f"-m physdev {options}") is routed


def test_of_a_machine_of_which_only_the_rules_are_known_nobody_can_tell_its_bridges():
    (rule,) = rules("-m physdev --physdev-is-in -j ACCEPT").chain("filter", "FORWARD").rules
    at = Place(kernel(router(bridges_known=False)), "filter", "FORWARD")
    assert rule.tests[0].run(held(), at) == NotUnderstood((False, True))
    assert rule.tests[0].run(held(dev_in=""), at) is False, "what it sends itself no bridge has brought"


def test_of_what_a_port_brought_and_the_machine_routes_it_is_known_that_no_port_sends_it_out():
    routed = held(came_by="vetha")
    assert holds("-m physdev --physdev-is-in", routed) and holds("-m physdev ! --physdev-is-bridged", routed)
    assert not holds("-m physdev ! --physdev-out vethb", routed)


def test_nobody_here_owns_what_came_in_and_nobody_knows_who_sends():
    assert not holds("-m owner --uid-owner 0") and not holds("-m owner --socket-exists")
    assert holds("-m owner ! --uid-owner 0")
    (rule,) = rules("-m owner --uid-owner 0 -j ACCEPT").chain("filter", "FORWARD").rules
    assert rule.tests[-1].run(held(dev_in=""), Place(kernel(), "filter", "OUTPUT")) == NotUnderstood((False, True))
