"""Chapter 07: its exercises, against addresses and sums written down by hand; its network, and what one may type."""

from __future__ import annotations

import pytest

from kubenet_course.learn.bank import find
from kubenet_course.learn.bank.ch07.crafted import crafted
from kubenet_course.learn.bank.ch07.mend import CURES
from kubenet_course.learn.bank.ch07.sizes import STACKS
from kubenet_course.learn.questions.feedback import judged
from kubenet_course.learn.questions.reading import Unreadable
from kubenet_course.learn.worlds.overlay import fetch, hardened, overlay, tunnelled
from kubenet_course.linux.packet.wire import frame_bytes
from kubenet_course.shell.console import Console
from kubenet_course.views.story.beside import differing

VARIANTS = range(12)
# By hand: 20 or 40 for the outer IP header, 8 UDP, 8 VXLAN, 14 for the inner frame's header; 16 + 16 of WireGuard.
ADDED = {"vxlan4": 20 + 8 + 8 + 14, "vxlan6": 40 + 8 + 8 + 14, "ipip4": 20, "wireguard4": 20 + 8 + 32,
         "wireguard6": 40 + 8 + 32}  # fmt: skip


def addresses(table) -> dict[tuple[str, str], tuple[str, str]]:
    return {(name, dev): (mac, ip) for name, dev, mac, ip in table.rows}


@pytest.mark.parametrize("variant", VARIANTS)
def test_nodes_stand_outside_and_pods_inside(variant):
    instance = find("07-open").instance(variant)
    known, back = addresses(instance.look), variant % 4 == 1
    ends = [known["client", "eth0"], known["web", "eth0"]]
    nodes = [row for (name, dev), row in known.items() if name.startswith("node") and dev == "eth0"]
    tunnels = [row for (_, dev), row in known.items() if dev == "flannel.1"]
    ends, nodes, tunnels = ([*reversed(rows)] if back else rows for rows in (ends, nodes, tunnels))
    right = {
        "IPv4 source": nodes[0][1], "IPv4 destination": nodes[1][1], "inner IPv4 source": ends[0][1],
        "inner IPv4 destination": ends[1][1], "Ethernet destination": nodes[1][0],
        "inner Ethernet source": tunnels[0][0], "inner Ethernet destination": tunnels[1][0],
        "UDP destination port": "8472", "VXLAN VNI": "1",
    }  # fmt: skip
    for name, value in instance.solution.items():
        assert value == right.get(name, value)
    assert set(instance.solution) - set(right) <= {"inner TCP destination port"}


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_envelope_may_be_written_in_other_orders_and_words(variant):
    """Fields in any order, on one line or several, with a comment; what a kernel fills in may be left out or given."""
    instance = find("07-build").instance(variant)
    lines = instance.solution.splitlines()
    for answer in (instance.solution, " ".join(lines), "# mine\n" + instance.solution.replace("ttl=63, flags", "flags")
                   .replace('flags="DF")', 'flags="DF", ttl=63)')):  # fmt: skip
        assert judged("07-build", answer, variant).right, answer
    told = judged("07-build", lines[0], variant)
    assert not told.right


@pytest.mark.parametrize("text, said", [
    ("IP()", "begins with Ether"), ("Ether() / Foo()", "is no header here"),
    ('Ether(src="x")', "MAC"), ("Ether() / IP() / VXLAN()", "cannot come"), ("Ether() / IP(sport=1)", "has no field"),
    ("Ether() / IP(dst=open('x'))", "Write the value"), ("Ether() /", "cannot be read"),
    ("Ether() / IP() / UDP(dport=70000)", "from 0 to"),
    ("Ether() / IP() / UDP() / VXLAN() / IP()", "another Ether"), ("__import__('os')", "one after the other"),
])  # fmt: skip
def test_a_text_that_is_no_frame_is_refused_in_a_sentence_and_never_run(text, said):
    with pytest.raises(Unreadable, match=said):
        crafted(text)


def test_a_crafted_frame_is_the_one_that_scapy_makes():
    from scapy.layers.inet import ICMP, IP, UDP
    from scapy.layers.l2 import Ether
    from scapy.layers.vxlan import VXLAN

    one, two = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}, {"src": "10.0.0.1", "dst": "10.0.0.2"}
    text = (
        'Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(dport=8472)'
        ' / VXLAN(vni=5) / Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="10.0.0.1", dst="10.0.0.2",'
        ' ttl=9, flags="DF") / ICMP(id=3, seq=4)'
    )
    inner = Ether(**one, type=0x0800) / IP(**two, ttl=9, flags="DF", id=0) / ICMP(id=3, seq=4) / bytes(56)
    outer = Ether(**one, type=0x0800) / IP(**two, id=0, flags=0) / UDP(sport=40000, dport=8472, chksum=0)
    assert frame_bytes(crafted(text)) == bytes(outer / VXLAN(vni=5, flags=8) / inner)


@pytest.mark.parametrize("variant", range(20))
def test_what_is_left_is_what_a_person_computes(variant):
    instance, stack = find("07-mtu").instance(variant), STACKS[variant % len(STACKS)]
    lan = int(instance.asks.partition("MTU is ")[2].partition(")")[0])
    assert instance.answer == lan - sum(ADDED[f"{kind}{of}"] for kind, of in stack.around)


@pytest.mark.parametrize("variant", VARIANTS)
def test_sizes_on_the_terminal_are_added_by_hand(variant):
    instance, what = find("07-path").instance(variant), variant % 4
    shown = " ".join(row[0] for row in instance.look.rows)
    if what == 0:
        size = int(shown.partition("-s ")[2].partition(" ")[0])
        assert instance.answer == size + 28
    elif what == 2:
        assert instance.answer == int(shown.partition("mss ")[2].partition("]")[0]) + 40
    else:
        told = int(shown.rpartition("=")[2].strip(" )"))
        assert instance.answer == told - (48 if what == 3 else 28)


@pytest.mark.parametrize("cure", CURES)
def test_each_cure_is_taken_where_everything_is_allowed(cure):
    assert judged("07-cure", CURES[cure], 0).right


@pytest.mark.parametrize(
    "variant, cure", [(1, "icmp"), (1, "pods"), (2, "icmp"), (2, "clamp"), (3, "clamp"), (3, "pods")]
)
def test_a_cure_that_is_forbidden_is_not_taken(variant, cure):
    assert not judged("07-cure", CURES[cure], variant).right


@pytest.mark.parametrize("line", [
    "ip netns exec node-2 iptables -F OUTPUT", "ip netns exec node-2 iptables -D OUTPUT -p icmp -j DROP",
    "ip netns exec node-2 iptables -I OUTPUT -p icmp -j ACCEPT",
    "ip netns exec node-2 iptables -t mangle -I FORWARD -p tcp --syn -j TCPMSS --set-mss 1400",
    "ip -n web link set dev eth0 mtu 1400", "iptables -t mangle -A FORWARD -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu",
])  # fmt: skip
def test_other_spellings_of_a_cure_are_taken(line):
    assert judged("07-cure", line, 0).right, judged("07-cure", line, 0)


@pytest.mark.parametrize("variant", range(4))
def test_an_entry_is_mended_by_replacing_it_too(variant):
    """What the real programs offer beside `del` and `append`."""
    instance = find("07-stale").instance(variant)
    assert judged("07-stale", instance.solution, variant).right
    replaced = {
        0: "bridge fdb replace 02:00:0a:f4:02:00 dev flannel.1 dst 192.168.1.12 self permanent",
        1: "ip neigh change 10.244.2.0 lladdr 02:00:0a:f4:02:00 dev flannel.1 nud permanent",
        2: "ip route replace 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink",
        3: "bridge -n node-2 fdb replace 02:00:0a:f4:01:00 dev flannel.1 dst 192.168.1.11 self permanent",
    }[variant]
    told = judged("07-stale", replaced, variant)
    assert told.right or "knows" in str(told), told


@pytest.mark.parametrize("mtu, icmp, clamped, comes", [
    (1450, True, False, True), (1500, True, False, True), (1500, False, False, False), (1500, False, True, True),
    (1450, False, False, True),
])  # fmt: skip
def test_a_page_comes_unless_the_mtu_is_wrong_and_nobody_may_say_so(mtu, icmp, clamped, comes):
    told = fetch(tunnelled(mtu, icmp, clamped), 20_000)
    assert (len(told.got) == 20_000, told.state == "closed") == (comes, comes)
    assert len(fetch(tunnelled(mtu, icmp, clamped), 200).got) == 200


def test_the_hardened_network_has_the_rule_on_both_nodes():
    console = Console("node-1")
    assert not console(hardened(overlay(1500))).refused
    for name in ("node-1", "node-2"):
        rules = console.world[name].ruleset(4).chain("filter", "OUTPUT").rules
        assert [rule.target.written() for rule in rules] == ["-j DROP"]


def test_fields_that_are_off_are_named_once_and_in_order():
    one = crafted(
        'Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(dport=53)'
    )
    two = crafted(
        'Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:03") / IP(src="10.0.0.1", dst="10.0.0.9") / UDP(dport=54)'
    )
    assert differing(one, two) == [
        ("Ethernet", "destination", "02:00:00:00:00:02", "02:00:00:00:00:03"),
        ("IPv4", "destination", "10.0.0.2", "10.0.0.9"), ("UDP", "destination port", "53", "54"),
    ]  # fmt: skip
    assert differing(one, one) == []
