"""The walk through chains: jump, goto, return, policy; and an index that changes nothing but the time it takes."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from netfilter_parts import held, kernel, router, rules
from realkernel.rulesets import a_ruleset
from realkernel.styles import RICH, SIX

from kubenet_course.linux.namespace.choices import Scripted, Seeded
from kubenet_course.linux.namespace.skb import Connection, Skb
from kubenet_course.linux.netfilter.evaluate import INDEXED_FROM, Counters, walk
from kubenet_course.linux.netfilter.evaluate import asked as said_at
from kubenet_course.linux.packet.packet import ping, tcp, udp

FRAME = "*filter\n:FORWARD {policy} [0:0]\n:A - [0:0]\n:B - [0:0]\n{rules}COMMIT\n"


def walked(lines: str, policy: str = "ACCEPT", skb: Skb | None = None):
    """The walk through filter FORWARD, and the places it matched as chain/number (0: the policy)."""
    text = FRAME.format(policy=policy, rules="".join(f"-A {line.strip()}\n" for line in lines.strip().splitlines()))
    ns = router(text)
    said = said_at(kernel(ns), "filter", "FORWARD", skb or held())
    return said.verdict.name, " ".join(f"{row.chain}/{row.number}" for row in said.matched), said.compared


@pytest.mark.parametrize(
    "story, lines, policy, expected",
    [
        ("no rule: the policy", "A -j DROP", "DROP", ("DROP", "FORWARD/0", 0)),
        ("the first that matches ends it", "FORWARD -j DROP\nFORWARD -j ACCEPT", "ACCEPT", ("DROP", "FORWARD/1", 1)),
        (
            "what does not match is passed",
            "FORWARD -p tcp -j DROP\nFORWARD -p udp -j ACCEPT",
            "DROP",
            ("ACCEPT", "FORWARD/2", 2),
        ),
        (
            "a jump comes back behind itself",
            "FORWARD -j A\nFORWARD -j DROP\nA -p tcp -j ACCEPT",
            "ACCEPT",
            ("DROP", "FORWARD/1 FORWARD/2", 3),
        ),
        (
            "RETURN comes back at once",
            "FORWARD -j A\nFORWARD -j DROP\nA -j RETURN\nA -j ACCEPT",
            "ACCEPT",
            ("DROP", "FORWARD/1 A/1 FORWARD/2", 3),
        ),
        (
            "RETURN from a base chain is its policy",
            "FORWARD -j RETURN\nFORWARD -j ACCEPT",
            "DROP",
            ("DROP", "FORWARD/1 FORWARD/0", 1),
        ),
        (
            "a goto does not come back",
            "FORWARD -g A\nFORWARD -j ACCEPT\nA -p tcp",
            "DROP",
            ("DROP", "FORWARD/1 FORWARD/0", 2),
        ),
        (
            "a goto comes back where the jump before it would have",
            "FORWARD -j A\nFORWARD -j ACCEPT\nA -g B\nA -j DROP\nB -p tcp",
            "DROP",
            ("ACCEPT", "FORWARD/1 A/1 FORWARD/2", 4),
        ),
        (
            "a rule without a target counts and goes on",
            "FORWARD -p udp\nFORWARD -j ACCEPT",
            "DROP",
            ("ACCEPT", "FORWARD/1 FORWARD/2", 2),
        ),
        (
            "a chain may be walked twice",
            "FORWARD -j A\nFORWARD -j A\nA -p udp",
            "ACCEPT",
            ("ACCEPT", "FORWARD/1 A/1 FORWARD/2 A/1 FORWARD/0", 4),
        ),
    ],
)
def test_a_packet_takes_its_way_through_chains(story, lines, policy, expected):
    assert walked(lines, policy) == expected


def test_matching_rules_are_counted_with_their_bytes():
    ns = router("-p udp\n-p tcp\n-j ACCEPT")
    asked = kernel(ns)
    for _ in range(3):
        said_at(asked, "filter", "FORWARD", held())
    remembered = asked.remembers[Counters]
    assert remembered.packets == Counter({(4, "filter", "FORWARD", 1): 3, (4, "filter", "FORWARD", 3): 3})
    assert remembered.bytes[4, "filter", "FORWARD", 1] == 3 * 36


SERVICES = "".join(f"-A S -d 10.96.{n // 250}.{n % 250}/32 -p udp -m udp --dport 53 -j ACCEPT\n" for n in range(1000))
MANY = f"*filter\n:S - [0:0]\n-A FORWARD -j S\n{SERVICES}COMMIT\n"


def test_a_long_chain_counts_the_rules_that_a_kernel_would_have_looked_at():
    ns = router(MANY)
    said = said_at(kernel(ns), "filter", "FORWARD", held(udp("10.244.1.10", 1, "10.96.3.9", 53)))
    assert (said.verdict.name, said.compared) == ("ACCEPT", 1 + 760)
    missed = said_at(kernel(ns), "filter", "FORWARD", held(udp("10.244.1.10", 1, "10.97.0.1", 53)))
    assert missed.compared == 1 + 1000


def compare(ns, table: str, hook: str, skb: Skb, seed: int):
    """The same packet by the index and plainly: what was said, and what was remembered."""
    told = []
    for plainly in (False, True):
        of = 6 if ":" in skb.packet.flow.dst else 4
        asked = kernel(ns, choices=Seeded(seed))
        loaded = ns.ruleset(of).tables[table]
        said = walk(loaded.chains[hook], skb, asked, loaded, hook, plainly=plainly)
        told.append((said, dict(asked.remembers)))
    return told


HOSTS = ["10.96.0.1", "10.96.0.2", "10.96.0.3", "10.97.0.1"]
MATCHES = st.lists(
    st.sampled_from(
        [
            "-m statistic --mode nth --every 2 --packet 0",
            "-m recent --set --name A",
            "-m recent --rcheck --name A",
            "-m limit --limit 1/sec --limit-burst 2",
            "-m nfacct --nfacct-name seen",
            "-m statistic --mode random --probability 0.5",
            "-m udp --dport 53",
            "-m udp --dport 80",
            "-m udp --dport 53:80",
            "-m udp ! --dport 53",
            "-m udp --sport 40000",
            "-m multiport --dports 53,80",
            "-m comment --comment x",
        ]
    ),
    max_size=3,
)
RULES = st.builds(
    lambda to, matches, target: f"-A S {to} -p udp {' '.join(matches)} -j {target}",
    st.sampled_from(["", "-d 10.96.0.1", "-d 10.96.0.2/32", "! -d 10.96.0.3", "-d 10.96.0.0/30", "-s 10.244.1.10"]),
    MATCHES,
    st.sampled_from(["RETURN", "MARK --or-mark 1", "MARK --or-mark 2", "LOG", "LOG", "T", "ACCEPT"]),
)


@settings(max_examples=200)
@given(
    st.lists(RULES, min_size=INDEXED_FROM, max_size=INDEXED_FROM + 8),
    st.sampled_from(HOSTS),
    st.sampled_from([53, 80, 99]),
    st.integers(0, 99),
)
def test_the_index_and_the_plain_walk_agree(lines, dst, dport, seed):
    """What matched, in which order, with which marks; what counted, and how many rules a kernel would have compared."""
    text = (
        "*mangle\n:S - [0:0]\n:T - [0:0]\n-A FORWARD -j S\n"
        + "\n".join(lines)
        + "\n-A T -m mark --mark 1/1 -j RETURN\nCOMMIT\n"
    )
    by_index, plainly = compare(router(text), "mangle", "FORWARD", held(udp("10.244.1.10", 40000, dst, dport)), seed)
    assert by_index == plainly


@settings(max_examples=100)
@given(st.integers(0, 2**32), st.sampled_from([4, 6]), st.data())
def test_they_agree_on_random_rule_sets_of_every_match_and_target(seed, of, data):
    text = a_ruleset(Random(seed), RICH if of == 4 else SIX, of)
    ns = router(text if of == 4 else "", text if of == 6 else "")
    src, dst = ("10.0.1.2", "10.0.2.2") if of == 4 else ("fd00:10:0:1::2", "fd00:10:0:2::2")
    packet = data.draw(st.sampled_from([udp(src, 6001, dst, 5001), tcp(src, 6001, dst, 5001), ping(src, dst)]))
    known = Connection(packet.flow, packet.flow.reverse)
    skb = held(packet, dev_in="eth1", dev_out="eth2", connection=known, ctinfo="NEW", mark=data.draw(st.integers(0, 3)))
    for table, hook in (("mangle", "FORWARD"), ("filter", "FORWARD"), ("mangle", "POSTROUTING")):
        if ns.ruleset(of).chain(table, hook):
            by_index, plainly = compare(ns, table, hook, skb, seed)
            assert by_index == plainly


def test_a_question_of_chance_that_an_index_skips_is_asked_of_nobody():
    """The index may spare a question that could not matter; it never asks another."""
    ns = router(MANY)
    asked = kernel(ns, choices=Scripted())
    said_at(asked, "filter", "FORWARD", held())
    assert asked.choices.answers == []


def test_a_chain_that_is_absent_lets_everything_pass():
    assert said_at(kernel(router()), "raw", "PREROUTING", held()).verdict.name == "ACCEPT"


def test_rules_tell_where_they_stand():
    said = said_at(kernel(router("-p udp -j DROP")), "filter", "FORWARD", held())
    assert str(said.matched[0]) == "filter FORWARD 1: -A FORWARD -p udp -j DROP"


def test_a_rule_set_knows_whether_it_needs_connections():
    assert not rules("-p udp -j DROP").tracks
    assert rules("-m conntrack --ctstate NEW").tracks
    assert rules("*nat\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n").tracks
    assert not rules("*nat\n-A POSTROUTING -p udp\nCOMMIT\n").tracks
    assert not rules("*raw\n-A OUTPUT -j CT --notrack\nCOMMIT\n").tracks
