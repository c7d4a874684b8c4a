"""Routing rules, tables and several next hops: as rules say, and as the real kernel does."""

import json
from random import Random

import pytest
from kernel_cases import differences
from kernel_lab import Player, routing
from msgspec.structs import replace
from realkernel import RealKernel, RefusedRules, missing
from realkernel.styles import ROUTED_STYLES

from kubenet_course.linux.namespace.choices import Seeded
from kubenet_course.linux.namespace.device import Device, ifaddr
from kubenet_course.linux.namespace.kernel import Hashes
from kubenet_course.linux.namespace.memory import Memory
from kubenet_course.linux.namespace.netns import netns
from kubenet_course.linux.namespace.policy import EVERYONES, Asked, RouteRule
from kubenet_course.linux.namespace.route import Hop, Route
from kubenet_course.linux.netfilter.iptables.save import read
from kubenet_course.linux.outcome import outcomes
from kubenet_course.linux.packet.address import prefix
from kubenet_course.linux.packet.packet import udp
from kubenet_course.linux.walk import send


@pytest.fixture(scope="module")
def kernel():
    if reason := missing():
        pytest.skip(f"cannot ask the real kernel: {reason}")
    with RealKernel() as standing:
        yield standing


def test_random_rules_tables_and_next_hops_do_the_same_in_the_kernel(kernel, seed, rounds, pytestconfig, note):
    packets = refused = 0
    for number in range(pytestconfig.option.live * rounds):
        rng = Random(f"routed {seed} {number}")
        try:
            case = kernel.ask({"id": number} | ROUTED_STYLES["routed"](rng, number))
        except RefusedRules:
            refused += 1
            continue
        if not case["packets"]:
            continue
        assert routing(case["router_shows"]) == routing(case["router_shows"], "json")
        player = Player(case)
        for at, row in enumerate(case["packets"]):
            packets += 1
            found = differences(player, row)
            if found:  # a hop that left no trace before may have been the other one
                player.memory.of("router")[Hashes].known.clear()
                found = differences(player, row)
            if found:
                shown = "".join(case["router_shows"][f"{what} text"] for what in ("rule", "route"))
                rules = case.get("restore_input") or case.get("ip6_restore_input")
                pytest.fail(f"--seed {seed}, {number}, packet {at}: {json.dumps(row)}\n{found}\n{shown}\n{rules}")
    note(f"policy routing: {packets} packets, seed {seed}")


ETH1 = Device("eth1", addresses=(ifaddr("10.0.1.1/24"),))
ETH2 = Device("eth2", addresses=(ifaddr("10.0.2.1/24"),))
ROWS = (
    Route(prefix("0.0.0.0/0"), "eth1", "10.0.1.9"),
    Route(prefix("0.0.0.0/0"), "eth2", "10.0.2.9", table="100"),
    Route(prefix("10.9.0.0/16"), type="throw", table="100"),
    Route(prefix("10.8.0.0/16"), type="unreachable", table="100"),
)


def router(*rules: RouteRule, rows=ROWS, **more):
    policy = {4: tuple(sorted((*EVERYONES[4], *rules), key=lambda rule: rule.priority))}
    return netns("router", (ETH1, ETH2), routes=rows, policy=policy, sysctls={"net.ipv4.ip_forward": 1}, **more)


SOME = {"src": "10.0.1.7", "proto": "udp", "sport": 6000, "dport": 53, "iif": "eth1", "mark": 1}


@pytest.mark.parametrize(
    "story, rule, dev",
    [
        ("no rule suits: main", {"src": prefix("10.0.2.0/24")}, "eth1"),
        ("by the sender", {"src": prefix("10.0.1.0/24")}, "eth2"),
        ("by the destination", {"dst": prefix("192.0.2.0/24")}, "eth2"),
        ("by the device", {"iif": "eth1"}, "eth2"),
        ("not what this machine sends", {"iif": "lo"}, "eth1"),
        ("by some bits of the mark", {"mark": 0x1, "mask": 0x3}, "eth2"),
        ("by all bits of another mark", {"mark": 0x3, "mask": 0xFFFFFFFF}, "eth1"),
        ("by the protocol and a port", {"proto": "udp", "dport": (53, 53)}, "eth2"),
        ("by ports that it does not have", {"sport": (1, 100)}, "eth1"),
        ("everybody but those", {"src": prefix("10.0.1.0/24"), "negated": True}, "eth1"),
        ("nothing at all", {"type": "nop"}, "eth1"),
        ("a row that is too short is turned away", {"suppress": 0}, "eth1"),
        ("a jump over the other rules", {"type": "goto", "to": 32767}, ""),
    ],
)
def test_a_rule_leads_those_whom_it_suits_to_its_table(story, rule, dev):
    ns = router(RouteRule(10, "100", **rule))
    assert ns.fib.lookup("192.0.2.1", "", Asked(**SOME)).dev == dev


@pytest.mark.parametrize(
    "to, found",
    [("10.9.0.1", "unicast"), ("10.8.0.1", "unreachable"), ("10.0.1.1", "local"), ("192.0.2.1", "unicast")],
)
def test_throw_leaves_a_table_and_unreachable_ends_the_search(to, found):
    row = router(RouteRule(10, "100")).fib.lookup(to)
    assert (row.type, row.table) == (found, "main" if to in ("10.9.0.1", "10.0.1.1") else "100")


MANY = Route(
    prefix("10.50.0.0/16"), "eth1", "10.0.1.5",
    hops=(Hop("eth1", "10.0.1.5", 3), Hop("eth2", "10.0.2.5", 1)),
)  # fmt: skip


def shares(ns, packet, dev="") -> dict[str, float]:
    found: dict[str, float] = {}
    for one in outcomes(ns, packet, dev):
        found[one.skb.dev_out] = found.get(one.skb.dev_out, 0) + one.probability
    return {name: round(share, 6) for name, share in found.items()}


def test_next_hops_share_the_flows_by_their_weights():
    assert shares(router(rows=(MANY,), sockets_known=False), udp("10.0.1.7", 1, "10.50.0.1", 2), "eth1") == {
        "eth1": 0.75,
        "eth2": 0.25,
    }


def test_what_is_sent_from_an_address_prefers_the_hop_that_has_it():
    ns = router(rows=(MANY,), sockets_known=False)
    assert shares(ns, udp("10.0.2.1", 1, "10.50.0.1", 2)) == {"eth2": 1.0}
    assert shares(ns, udp("0.0.0.0", 1, "10.50.0.1", 2)) == {"eth1": 0.75, "eth2": 0.25}


def test_a_hop_whose_device_is_down_is_dead():
    ns = netns(
        "router",
        (ETH1, replace(ETH2, up=False)),
        routes=(MANY,),
        sysctls={"net.ipv4.ip_forward": 1},
        sockets_known=False,
    )
    assert shares(ns, udp("10.0.1.7", 1, "10.50.0.1", 2), "eth1") == {"eth1": 1.0}
    both = netns("router", (replace(ETH1, up=False), replace(ETH2, up=False)), routes=(MANY,))
    assert both.fib.lookup("10.50.0.1").type == "none"


def test_the_same_two_addresses_keep_their_hop_and_ports_matter_only_by_another_policy():
    ways = {}
    for policy in (0, 1):
        switches = {"net.ipv4.ip_forward": 1, "net.ipv4.fib_multipath_hash_policy": policy}
        ns = netns("router", (ETH1, ETH2), routes=(MANY,), sysctls=switches, sockets_known=False)
        memory, choices = Memory(), Seeded(3)
        sent = [
            send(ns, udp("10.0.1.7", port, "10.50.0.1", 2), dev="eth1", memory=memory, choices=choices)
            for port in range(40)
        ]
        ways[policy] = {trace.last.skb.dev_out for trace in sent}
    assert (len(ways[0]), len(ways[1])) == (1, 2)


def test_a_mark_that_a_rule_sets_leads_a_packet_of_our_own_to_another_table():
    rules = read("*mangle\n-A OUTPUT -p udp -m udp --dport 53 -j MARK --set-mark 7\nCOMMIT\n").rules
    ns = router(RouteRule(10, "100", mark=7, mask=0xFFFFFFFF), rules={4: rules}, sockets_known=False)
    assert shares(ns, udp("10.0.1.1", 1, "192.0.2.1", 53)) == {"eth2": 1.0}
    assert shares(ns, udp("10.0.1.1", 1, "192.0.2.1", 54)) == {"eth1": 1.0}
