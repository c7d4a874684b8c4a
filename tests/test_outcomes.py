"""Everything that may become of a packet, with the chance of each."""

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from netfilter_parts import router
from realkernel.rulesets import a_ruleset
from realkernel.styles import RICH

from kubenet_course.linux.namespace.choices import every
from kubenet_course.linux.outcome import outcomes, rounded
from kubenet_course.linux.packet.packet import tcp, udp
from kubenet_course.linux.walk import send

ASKED = udp("10.244.1.10", 40000, "10.96.0.10", 53)


def balanced(count: int) -> str:
    """A Service with so many endpoints, as kube-proxy writes it: 1/n, 1/(n-1), ..., the last without a chance."""
    lines = ["*nat", ":SVC - [0:0]", "-A PREROUTING -d 10.96.0.10 -j SVC"]
    for n in range(count):
        share = f"-m statistic --mode random --probability {1 / (count - n):.11f} " if n < count - 1 else ""
        lines.append(f"-A SVC -p udp {share}-j DNAT --to-destination 10.244.2.{n + 1}:5353")
    return "\n".join([*lines, "COMMIT", ""])


@pytest.mark.parametrize("count", [1, 2, 3, 10, 50])
def test_conditional_chances_are_fair(count):
    """Not unfair at all: 1/n of all, then 1/(n-1) of the rest (misconception 2)."""
    found = outcomes(router(balanced(count)), ASKED, "pods")
    assert len(found) == count
    assert [one.skb.packet.flow.dst for one in found] == [f"10.244.2.{n + 1}" for n in range(count)]
    assert all(abs(one.probability - 1 / count) < 1e-7 for one in found), "as far as 31 bits can tell"


def test_chances_of_rules_in_a_row_are_multiplied():
    text = (
        "*mangle\n"
        + "-A FORWARD -m statistic --mode random --probability 0.5 -j MARK --or-mark {}\n".format("1")
        + ("-A FORWARD -m statistic --mode random --probability 0.25 -j MARK --or-mark 2\nCOMMIT\n")
    )
    shares = {one.skb.mark: one.probability for one in outcomes(router(text), ASKED, "pods")}
    assert shares == {3: 0.125, 1: 0.375, 2: 0.125, 0: 0.375}


def test_ways_that_lead_to_the_same_are_one_outcome():
    text = "*mangle\n-A FORWARD -m statistic --mode random --probability 0.5 -j ACCEPT\n-A FORWARD -j ACCEPT\nCOMMIT\n"
    found = outcomes(router(text), ASKED, "pods")
    assert [(one.end, one.probability, [row.number for row in one.rules]) for one in found] == [
        ("forwarded", 0.5, [1]),
        ("forwarded", 0.5, [2]),
    ], "other rules on the way: another outcome"
    twice = "*mangle\n-A FORWARD -m statistic --mode random --probability 0.5 -m mark --mark 1\nCOMMIT\n"
    assert [one.probability for one in outcomes(router(twice), ASKED, "pods")] == [1.0]


@settings(max_examples=100)
@given(st.lists(st.integers(0, 2**31), max_size=6), st.integers(0, 2**32))
def test_chances_sum_to_one(shares, seed):
    lines = [
        f"-A FORWARD -m statistic --mode random --probability {share / 2**31:.11f} -j {target}"
        for share, target in zip(
            shares, Random(seed).choices(["ACCEPT", "DROP", "MARK --or-mark 1", "RETURN"], k=6), strict=False
        )
    ]
    found = outcomes(router("*mangle\n" + "\n".join(lines) + "\nCOMMIT\n"), ASKED, "pods")
    assert math.isclose(sum(one.probability for one in found), 1, abs_tol=1e-12)
    assert sum(round(share * 10**9) for share in rounded([one.probability for one in found])) == 10**9


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_chances_of_random_rule_sets_sum_to_one(seed):
    text = a_ruleset(Random(seed), RICH).replace("--mode nth --every 2 --packet 0", "--mode random --probability 0.5")
    found = outcomes(router(text), udp("10.0.1.2", 6001, "10.0.2.2", 5001), "eth0")
    assert math.isclose(sum(one.probability for one in found), 1, abs_tol=1e-12)


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=30))
def test_rounded_chances_still_sum_to_one(weights):
    shares = [weight / sum(weights) for weight in weights]
    nine = rounded(shares)
    assert sum(round(share * 10**9) for share in nine) == 10**9
    assert all(abs(one - other) < 1e-9 for one, other in zip(shares, nine, strict=True))


def test_a_story_is_told_once_for_each_way():
    told = list(every(lambda choices: (choices.happens(("a",), 0.5), choices.happens(("b",), 0.25))))
    assert sorted(told, reverse=True) == [
        (0.375, (True, False)),
        (0.375, (False, False)),
        (0.125, (True, True)),
        (0.125, (False, True)),
    ]


def test_what_is_certain_does_not_branch():
    assert list(every(lambda choices: (choices.happens(("a",), 0.0), choices.happens(("b",), 1.0)))) == [
        (1.0, (False, True))
    ]


def test_a_seed_draws_the_ports_and_nothing_else():
    text = balanced(3) + "*mangle\nCOMMIT\n"
    text = text.replace("COMMIT\n", "-A POSTROUTING -p udp -j MASQUERADE --random-fully\nCOMMIT\n", 1)
    one, other = (outcomes(router(text), ASKED, "pods", seed=seed) for seed in (1, 2))
    assert [row.probability for row in one] == [row.probability for row in other]
    assert {row.skb.packet.flow.sport for row in one} != {row.skb.packet.flow.sport for row in other}


UNKNOWN = "-m bpf --bytecode 1,6"
SYN = tcp("10.244.1.10", 40000, "203.0.113.5", 80)


def ends(rules: str, packet=SYN, dev: str = "pods") -> list[tuple[str, bool]]:
    """How a packet of a pod may end, and whether that is certain."""
    return [(one.end, one.certain) for one in outcomes(router(rules), packet, dev)]


@pytest.mark.parametrize(
    "story, rules, expected",
    [
        ("what nobody understood holds or not", f"{UNKNOWN} -j DROP", [("forwarded", False), ("dropped", False)]),
        ("an understood test fails before it", f"-p udp {UNKNOWN} -j DROP", [("forwarded", True)]),
        ("an understood test fails behind it", f"{UNKNOWN} -m mark --mark 1 -j DROP", [("forwarded", True)]),
        ("the packet never meets it", f"-p tcp -j ACCEPT\n{UNKNOWN} -j DROP", [("forwarded", True)]),
        ("an option of a known module", "-m conntrack --ctwho x -j DROP", [("forwarded", False), ("dropped", False)]),
        ("an option of no module", "-p tcp --who 1 -j DROP", [("forwarded", False), ("dropped", False)]),
        ("of no module, of another protocol", "-p udp --who 1 -j DROP", [("forwarded", True)]),
        ("two unknown tests are one doubt", f"{UNKNOWN} -m set --match-set a src -j DROP",
         [("forwarded", False), ("dropped", False)]),
        ("a target that changes goes on", "-p tcp -j TEE --gateway 10.0.0.1\n-j DROP", [("dropped", False)]),
        ("a program decides alone", "-p tcp -j NFQUEUE --queue-num 0\n-j DROP", [("handed-over", True)]),
        ("perhaps a program decides", f"{UNKNOWN} -j NFQUEUE --queue-num 0\n-j DROP",
         [("dropped", False), ("handed-over", False)]),
    ],
)  # fmt: skip
def test_what_was_not_understood_never_ends_in_a_certain_answer(story, rules, expected):
    assert ends(rules) == expected


def test_an_outcome_names_the_lines_that_it_hangs_on():
    found = outcomes(router(f"-p tcp\n{UNKNOWN} -j DROP"), SYN, "pods")
    assert [[(row.rule.line, row.rule.text) for row in one.hangs_on] for one in found] == [
        [(3, f"-A FORWARD {UNKNOWN} -j DROP")]
    ] * 2
    assert [one.probability for one in found] == [0.5, 0.5]


def test_many_lines_that_nobody_understood_are_followed_up_to_a_limit():
    lines = [f"{UNKNOWN} -m comment --comment {n} -j MARK --or-mark {1 << n}" for n in range(20)]
    found = outcomes(router("\n".join(lines)), SYN, "pods")
    assert len(found) == 256 and not any(one.certain for one in found)


def test_a_masquerade_that_may_not_be_reached_makes_the_kernel_track_connections():
    text = f"*nat\n-A POSTROUTING {UNKNOWN} -j MASQUERADE\nCOMMIT\n"
    found = outcomes(router(text), SYN, "pods")
    assert [one.skb.packet.flow.src for one in found] == ["10.244.1.10", "192.168.1.11"]
    lost = router("*nat\n-A POSTROUTING -p udp -j MASQUERADE --who 1\nCOMMIT\n")
    assert lost.ruleset(4).tracks


def test_a_single_walk_takes_the_likely_way_and_says_what_it_hangs_on():
    trace = send(router(f"{UNKNOWN} -j DROP"), SYN, dev="pods")
    assert trace.last.end == "forwarded" and [row.number for row in trace.hangs_on] == [1]
    assert send(router("-p tcp"), SYN, dev="pods").hangs_on == ()


def results(text: str, packet, dev: str) -> dict[tuple, bool]:
    """How a packet may end, as who and to whom, out of where; and whether each of that is certain."""
    found: dict[tuple, bool] = {}
    for one in outcomes(router(text), packet, dev):
        flow = one.skb.packet.flow
        key = (one.end, flow.src, flow.dst, flow.dport, one.skb.dev_out, one.skb.mark)
        found[key] = found.get(key, True) and one.certain
    return found


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_a_line_that_nobody_understood_hides_neither_what_it_may_do_nor_what_it_may_let_be(seed):
    """A match that nobody knows, put into any line: its holding is the line without it, its failing the line's absence."""
    rng = Random(seed)
    lines = a_ruleset(rng, RICH).splitlines()
    at = rng.choice([number for number, line in enumerate(lines) if line.startswith("-A")])
    before, jump, target = lines[at].partition(" -j ")
    packet, dev = rng.choice(
        [(udp("10.0.1.2", 6001, "10.0.2.2", 5001), "eth0"), (tcp("10.0.1.2", 6001, "192.168.1.11", 5000), "eth0")]
    )
    holds = results("\n".join([*lines, ""]), packet, dev)
    fails = results("\n".join([*lines[:at], *lines[at + 1 :], ""]), packet, dev)
    lines[at] = f"{before} {UNKNOWN}{jump}{target}"
    found = results("\n".join([*lines, ""]), packet, dev)
    assert holds.keys() | fails.keys() <= found.keys()
    assert {key for key, certain in found.items() if certain} <= holds.keys() & fails.keys()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_a_line_that_the_packet_cannot_meet_leaves_every_outcome_certain(seed):
    lines = a_ruleset(Random(seed), RICH).splitlines()
    packet = udp("10.0.1.2", 6001, "10.0.2.2", 5001)
    strange = [f"{line} -s 10.77.0.1 {UNKNOWN} -j DROP" for line in ("-A FORWARD", "-A INPUT")]
    filter_at = lines.index("*filter") + 4
    both = [
        results("\n".join([*text, ""]), packet, "eth0")
        for text in (lines, [*lines[:filter_at], *strange, *lines[filter_at:]])
    ]
    assert both[0] == both[1]
