"""kube-proxy's nftables mode through the walk: what was observed of the real one is possible, what was not is explained.

The machine and the words are those of test_kube_proxy_observed: node1 of the captures' lab. The rules are the model's own,
which test_proxy_nftables holds equal to the recorded ones.
"""

import json

import pytest
from msgspec.structs import replace
from proxy_cases import recorded
from test_kube_proxy_observed import FOLDER, PODS, first_packet, in_the_words_of_the_record, node1

from kubenet_course.kube.proxy.nftables.rules import rules_of
from kubenet_course.linux.namespace.choices import Seeded
from kubenet_course.linux.namespace.memory import Memory
from kubenet_course.linux.namespace.netns import Netns
from kubenet_course.linux.netfilter.nft.load import loaded
from kubenet_course.linux.netfilter.rules import Ruleset
from kubenet_course.linux.outcome import outcomes
from kubenet_course.linux.packet.address import prefix
from kubenet_course.linux.packet.packet import Flow, Icmp, Packet, answer, tcp
from kubenet_course.linux.walk import send

FLOWS = [
    pytest.param(path.parent.name, flow, id="-".join([path.parent.name[:2], *map(str, list(flow.values())[:5])]))
    for path in sorted(FOLDER.glob("*/nftables.observed.json"))
    for flow in json.loads(path.read_text()).get("flows", ())
]
ECHO_REQUEST = Packet(Flow("icmp", "10.244.1.10", 1, "10.96.10.3", 8 << 8), Icmp(1))
RANGES = tuple(map(prefix, ("10.96.0.0/12", "fd00:10:96::/112")))
# Twice tried, twice a time-out, though the ruleset rejects this packet as it does in IPv4: the client gave up in less than the
# second after which IPv6 refuses a program of the same machine (test_late_refusal asks the kernel). The model says "refused".
LOST = ("12_dual_stack", "fd00:10:96::12", 81)


def node1_nft(name: str) -> Netns:
    """node1 in nftables mode; NodePorts are not opened on 127.0.0.1."""
    services, slices, facts, configuration = recorded(name)
    rules = {}
    for of in (4, 6):
        written = rules_of(services, slices, facts, configuration, of, RANGES)
        rules[of] = Ruleset(loaded(written, of))
    return replace(node1(name), rules=rules)


@pytest.mark.parametrize("name, flow", FLOWS)
def test_what_was_observed_is_among_the_models_outcomes(name, flow):
    packet, dev = first_packet(flow)
    found = outcomes(node1_nft(name), packet, dev)
    possible = {in_the_words_of_the_record(one) for one in found}
    if (name, flow["dst"], flow["port"]) == LOST:
        assert possible == {"refused"}
    else:
        assert set(flow["outcomes"]) <= possible
    assert all(one.certain for one in found)
    assert sum(one.probability for one in found) == pytest.approx(1)


def test_all_flows_of_the_captures_are_asked():
    assert len(FLOWS) == 96


@pytest.mark.parametrize("name, flow", [param for param in FLOWS if "ok server" in str(param.values[1]["outcomes"])])
def test_an_answer_finds_its_way_back_to_whoever_asked(name, flow):
    packet, dev = first_packet(flow)
    ns, memory = node1_nft(name), Memory()
    asked = send(ns, packet, dev=dev, memory=memory)
    arrived = asked.last.skb
    back = send(ns, answer(arrived.packet), dev=arrived.dev_out, memory=memory).last
    sent = next(step.skb.packet.flow for step in asked.steps)
    sent = sent if sent.src not in ("0.0.0.0", "::") else asked.steps[1].skb.packet.flow
    assert back.skb.packet.flow == sent.reverse
    assert (back.end, back.skb.dev_out) == (("forwarded", dev) if dev else ("local", ""))


def test_a_client_with_affinity_stays_with_its_endpoint_until_its_time_is_over():
    ns, memory, chance = node1_nft("09_affinity"), Memory(), Seeded(1)

    def servers(wait: int) -> set[str]:
        found = set()
        for port in range(40000, 40020):
            trace = send(ns, tcp(PODS["podA"][0], port, "10.96.10.9", 80), dev="vethA", memory=memory, choices=chance)
            found.add(trace.last.skb.packet.flow.dst)
            memory.wait(wait)
        return found

    assert len(servers(59)) == 1
    memory.wait(60)
    assert len(servers(61)) > 1


def test_a_portless_packet_meets_no_service():
    """`th dport` of an ICMP packet is no port: the look-up fails, and an allocated address refuses it."""
    possible = outcomes(node1_nft("03_multiport_udp"), ECHO_REQUEST, "vethA")
    assert [(one.end, one.rules[-1].chain) for one in possible] == [("rejected", "cluster-ips-check")]
