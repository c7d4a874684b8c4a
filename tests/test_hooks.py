"""The hooks as lists: who is asked in which order, and a second sort of rules that the same evaluator runs."""

from itertools import pairwise

import pytest
from msgspec.structs import replace
from netfilter_parts import held, kernel, router, rules

from kubenet_course.linux.namespace.memory import SECOND, Memory
from kubenet_course.linux.netfilter.evaluate import INDEXED_FROM, Matched, walk
from kubenet_course.linux.netfilter.hooks import entries
from kubenet_course.linux.netfilter.nat import Range
from kubenet_course.linux.netfilter.nft.readings import Field, Joined, Members
from kubenet_course.linux.netfilter.nft.statements import (
    Compare,
    Count,
    InSet,
    Sets,
    Tallies,
    Update,
    VerdictMap,
)
from kubenet_course.linux.netfilter.rules import Base, Chain, Rule, Ruleset, Table
from kubenet_course.linux.netfilter.statement import Jump
from kubenet_course.linux.netfilter.xt.limit import Limit
from kubenet_course.linux.netfilter.xt.mark import Mark, SetMark
from kubenet_course.linux.netfilter.xt.nat import Dnat, Masquerade
from kubenet_course.linux.netfilter.xt.standard import Accept, Continue, Drop, Return
from kubenet_course.linux.packet.packet import udp
from kubenet_course.linux.walk import send

ASKED = udp("10.244.1.10", 40000, "203.0.113.5", 53, b"question")


def compare(name: str, *values) -> Compare:
    """The field has one of these values."""
    return Compare(reading=Field(name), members=Members(dict.fromkeys(values, True)))


DNS = compare("dport", 53)


def base(name: str, hook: str, priority: int, *lines, kind: str = "filter", policy: str = "ACCEPT") -> Chain:
    """A base chain of nftables; a line is its statements, the last of which is its verdict."""
    return Chain(name, tuple(Rule(line[:-1], line[-1]) for line in lines), policy, Base(hook, priority, kind))


def nft(*chains: Chain, name: str = "inet own", before: str = "") -> Ruleset:
    """The tables of iptables, if any, and behind them one of nftables."""
    tables = dict(rules(before).tables) if before else {}
    return Ruleset({**tables, name: Table(name, {chain.name: chain for chain in chains})})


def way(loaded: Ruleset, packet=ASKED, memory: Memory | None = None):
    """The way of a pod's packet through a node with these rules."""
    return send(replace(router(), rules={4: loaded}), packet, dev="pods", memory=memory)


MASQUERADE = "*nat\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n"


def test_the_tables_of_iptables_stand_in_the_order_of_their_priorities():
    text = "".join(f"*{name}\n-A {hook} -j LOG\nCOMMIT\n" for name, hook in (
        ("filter", "OUTPUT"), ("nat", "OUTPUT"), ("mangle", "OUTPUT"), ("raw", "OUTPUT"), ("security", "OUTPUT"),
    )) + MASQUERADE  # fmt: skip
    found = {hook: [entry.stage.split()[0] for entry in asked] for hook, asked in entries(rules(text)).items()}
    assert found["OUTPUT"] == ["raw", "conntrack", "mangle", "nat", "filter", "security"]
    assert (found["INPUT"], found["FORWARD"]) == (["nat", "confirm"], [])
    assert (found["PREROUTING"], found["POSTROUTING"]) == (["conntrack", "nat"], ["nat", "confirm"])


@pytest.mark.parametrize(
    "story, priority, expected",
    [
        ("before all tables", -400, ["inet own first", "raw FORWARD", "mangle FORWARD", "filter FORWARD"]),
        ("between two of them", -100, ["raw FORWARD", "mangle FORWARD", "inet own first", "filter FORWARD"]),
        (
            "among equals, who came last is asked first",
            0,
            ["raw FORWARD", "mangle FORWARD", "inet own first", "filter FORWARD"],
        ),
        ("behind them", 1, ["raw FORWARD", "mangle FORWARD", "filter FORWARD", "inet own first"]),
    ],
)
def test_a_base_chain_stands_where_its_priority_says(story, priority, expected):
    both = nft(
        base("first", "FORWARD", priority, (DNS, Drop())),
        before="*filter\n-A FORWARD -j LOG\nCOMMIT\n*mangle\n-A FORWARD -j LOG\nCOMMIT\n",
    )
    assert [one.stage for one in entries(both)["FORWARD"]] == [name for name in expected if name != "raw FORWARD"]


def test_of_two_chains_with_one_priority_the_one_registered_last_is_asked_first():
    both = nft(base("a", "FORWARD", 0, (Continue(),)), base("b", "FORWARD", 0, (Continue(),)))
    assert [one.stage for one in entries(both)["FORWARD"]] == ["inet own b", "inet own a"]


def test_what_one_table_accepts_the_next_may_still_drop():
    both = nft(base("late", "FORWARD", 10, (DNS, Drop())), before="*filter\n-A FORWARD -j ACCEPT\nCOMMIT\n")
    trace = way(both)
    assert [row.chain for step in trace.steps for row in step.why if isinstance(row, Matched)] == ["FORWARD", "late"]
    assert (trace.last.stage, trace.last.end, trace.last.said) == (
        "inet own late",
        "dropped",
        "dropped by rule 1 of late",
    )


def test_a_counter_between_two_comparisons_counts_what_came_to_it():
    counted = (compare("l4proto", "udp"), Count(), DNS, Count(number=1), Continue())
    memory = Memory()
    loaded = nft(base("c", "FORWARD", 0, counted))
    for port in (53, 80, 53):
        way(loaded, udp("10.244.1.10", 40000, "203.0.113.5", port), memory)
    found = memory.of("node-1")[Tallies].packets
    assert found == {(4, ("inet own", "c", 0), 0): 3, (4, ("inet own", "c", 0), 1): 2}


def test_a_mark_set_in_the_middle_of_a_rule_is_seen_behind_it():
    line = (SetMark(0x10), DNS, Mark(value=0x10), Drop())
    assert way(nft(base("m", "FORWARD", 0, line))).last.end == "dropped"
    other = way(nft(base("m", "FORWARD", 0, line)), udp("10.244.1.10", 1, "203.0.113.5", 80))
    assert (other.last.end, other.last.skb.mark) == ("forwarded", 0x10)


def test_a_limit_between_comparisons_lets_so_many_pass():
    loaded, memory = nft(base("l", "FORWARD", 0, (DNS, Limit(rate=1, burst=2), Accept()), (Drop(),))), Memory()
    assert [way(loaded, memory=memory).last.end for _ in range(3)] == ["forwarded", "forwarded", "dropped"]
    memory.wait(1)
    assert way(loaded, memory=memory).last.end == "forwarded"


def test_a_verdict_map_leads_to_the_chain_that_is_written_under_the_element():
    element = Joined((Field("daddr"), Field("dport")))
    portals = VerdictMap(
        element=element, verdicts=Members({("203.0.113.5", 53): Jump("dns"), ("203.0.113.6", 53): Drop()})
    )
    chain = base("portals", "PREROUTING", -100, (portals, Continue()), kind="nat")
    dns = Chain("dns", (Rule((), Dnat(Range("10.244.1.20", "10.244.1.20", 5353, 5353))),))
    masquerade = base("last", "POSTROUTING", 100, (Masquerade(),), kind="nat")
    loaded = nft(chain, dns, masquerade, name="ip kube-proxy")
    trace = way(loaded)
    flow = trace.last.skb.packet.flow
    assert (flow.dst, flow.dport) == ("10.244.1.20", 5353) and trace.last.end == "forwarded"
    assert [row.chain for step in trace.steps if step.stage == "nat PREROUTING" for row in step.why[:2]] == [
        "portals",
        "dns",
    ]
    assert way(loaded, udp("10.244.1.10", 1, "203.0.113.6", 53)).last.said == "dropped by rule 1 of portals"
    assert way(loaded, udp("10.244.1.10", 1, "203.0.113.7", 53)).last.end == "forwarded"


def test_of_two_nat_chains_the_second_is_asked_only_while_nothing_is_bound():
    here = Range("10.244.1.20", "10.244.1.20")
    first = base("first", "PREROUTING", -100, (DNS, Dnat(here)), kind="nat")
    second = base("second", "PREROUTING", -90, (Dnat(Range("10.244.1.30", "10.244.1.30")),), kind="nat")
    loaded = nft(second, first)
    assert way(loaded).last.skb.packet.flow.dst == "10.244.1.20"
    assert way(loaded, udp("10.244.1.10", 1, "203.0.113.5", 80)).last.skb.packet.flow.dst == "10.244.1.30"


def test_an_element_that_a_rule_put_into_a_set_stays_for_its_time():
    who = Field("saddr")
    lines = ((InSet(set="seen", element=who), Drop()), (Update(set="seen", element=who, timeout=10 * SECOND), Accept()))
    loaded, memory = nft(base("s", "FORWARD", 0, *lines)), Memory()
    assert [way(loaded, memory=memory).last.end for _ in range(2)] == ["forwarded", "dropped"]
    memory.wait(10)
    assert way(loaded, memory=memory).last.end == "forwarded"
    assert list(memory.of("node-1")[Sets].elements["seen"]) == ["10.244.1.10"]


def test_a_set_of_many_addresses_is_found_by_each_of_them():
    hosts = [f"10.96.0.{n}" for n in range(1, 2 * INDEXED_FROM)]
    pairs = [Rule((compare("daddr", *two),), Return()) for two in pairwise(hosts)]
    long = Chain("long", tuple(pairs), "DROP", Base("FORWARD", 0))
    table = Table("ip own", {"long": long})
    for host in (*hosts, "10.97.0.1"):
        skb = held(udp("10.244.1.10", 1, host, 2))
        indexed, plain = (walk(long, skb, kernel(), table, "FORWARD", plainly=plainly) for plainly in (False, True))
        assert indexed == plain
    assert list(long.index.candidates(held(udp("10.244.1.10", 1, hosts[3], 2)), 0)) == [2, 3]


def test_a_question_about_connections_makes_the_kernel_track_them():
    """Conntrack is registered first: a chain of its own priority runs before it, and knows no connection yet."""
    new = (compare("ct state", "new"), Drop())
    loaded = nft(base("early", "PREROUTING", -200, new), base("late", "PREROUTING", -199, new))
    assert [one.stage for one in entries(loaded)["PREROUTING"]] == [
        "inet own early",
        "conntrack PREROUTING",
        "inet own late",
    ]
    assert (way(loaded).last.stage, way(loaded).last.end) == ("inet own late", "dropped")
