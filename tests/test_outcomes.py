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
from kubenet_course.linux.packet.packet import udp

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
