"""kube-proxy in nftables mode: the recorded clusters, rule by rule, and what they do not show."""

import json
import re

import pytest

from kubenet_course.kube.proxy.nftables.rules import rules_of, synced, transaction
from kubenet_course.kube.proxy.services import Services
from kubenet_course.linux.netfilter.nft.json_form import json_form
from kubenet_course.linux.netfilter.nft.ruleset import Ruleset
from kubenet_course.linux.netfilter.nft.write import write
from kubenet_course.linux.packet.address import IPV4, prefix
from tests.nft_cases import FAMILIES, blocks, named, own, recorded_json, recorded_table, without_handles
from tests.proxy_cases import CASES, recorded
from tests.proxy_objects import NODE_1, configuration, endpoint_slice, ingress, lines, rules, service

SERVICE_RANGES = (prefix("10.96.0.0/12"), prefix("fd00:10:96::/112"))


def generated(name: str, family: int):
    return rules_of(*recorded(name), family, SERVICE_RANGES)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("name", CASES)
def test_the_text_is_the_recorded_one(name, family):
    ours, theirs = blocks(write(generated(name, family))), blocks(recorded_table(name, family))
    assert ours == theirs
    assert [head for head in ours if not own(head)] == [head for head in theirs if not own(head)]


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("name", CASES)
def test_the_json_is_the_recorded_one(name, family):
    ours = without_handles(json_form(generated(name, family))["nftables"], family)
    theirs = recorded_json(name, family)

    def in_order(rows):
        return sorted(rows, key=lambda row: (own(named(row)), named(row) if own(named(row)) else "", next(iter(row))))

    assert in_order(ours) == in_order(theirs)
    assert json.dumps(ours)


def test_a_services_chains_stand_as_kube_proxy_makes_them():
    heads = [head for head in blocks(write(generated("09_affinity", 4))) if "default/aff" in head]
    assert heads == [head for head in blocks(recorded_table("09_affinity", 4)) if "default/aff" in head]
    assert FAMILIES[4] == "ip"


# -- stories that the recorded clusters do not tell ------------------------------------------------------------------------

NODE_PORT = {"type": "NodePort", "ports": [{"name": "http", "port": 80, "targetPort": 8080, "nodePort": 30080}]}
LOCAL = {**NODE_PORT, "externalTrafficPolicy": "Local"}
MARKED = 'meta mark set meta mark | 0x00004000 comment "masquerade clusterIP traffic from outside cluster"'
BALANCED = {"type": "LoadBalancer", "status": ingress("198.51.100.12")}
ELSEWHERE = [endpoint_slice(["10.244.2.10@node-2"])]
HERE = [endpoint_slice(["10.244.1.10@node-1", "10.244.2.10@node-2"])]


def told(slices, spec=None, **said) -> str:
    """The table without its indentation; the chain names' hashes left out."""
    made = rules_of([service(**(spec or {}))], slices, NODE_1, configuration(**said), 4, SERVICE_RANGES)
    text = "\n".join(line.strip() for line in write(made).splitlines())
    return re.sub(r"(service|local|external|firewall|endpoint|affinity)-[A-Z2-7]{8}-default/", r"\1-", text)


def chain(text: str, name: str) -> list[str]:
    """The lines of a chain or set; [] where it is not there."""
    found = re.search(rf"^(?:chain|set|map) {re.escape(name)} \{{\n(.*?)^\}}$", text, re.DOTALL | re.MULTILINE)
    return found[1].splitlines() if found else []


def test_nobody_here_under_a_local_policy_is_silence_for_strangers_and_all_endpoints_for_pods():
    text = told(ELSEWHERE, LOCAL)
    assert 'elements = { tcp . 30080 comment "default/web:http" : drop }' in chain(text, "no-endpoint-nodeports")
    assert "elements = { tcp . 30080 : goto external-web/tcp/http }" in chain(text, "service-nodeports")
    assert chain(text, "external-web/tcp/http") == [
        'ip saddr 10.244.0.0/16 goto service-web/tcp/http comment "short-circuit pod traffic"',
        'fib saddr type local meta mark set meta mark | 0x00004000 comment "masquerade local traffic"',
        'fib saddr type local goto service-web/tcp/http comment "short-circuit local traffic"',
    ]
    assert chain(text, "local-web/tcp/http") == []


def test_an_internal_local_policy_without_a_local_endpoint_drops_the_cluster_ip():
    text = told(ELSEWHERE, {"internalTrafficPolicy": "Local"})
    assert 'elements = { 10.96.10.1 . tcp . 80 comment "default/web:http" : drop }' in chain(
        text, "no-endpoint-services"
    )
    assert chain(text, "service-web/tcp/http") == []


def test_an_internal_local_policy_leads_to_the_local_endpoint_only():
    text = told(HERE, {"internalTrafficPolicy": "Local"})
    assert "elements = { 10.96.10.1 . tcp . 80 : goto local-web/tcp/http }" in chain(text, "service-ips")
    assert chain(text, "local-web/tcp/http") == [
        "meta l4proto tcp dnat ip to numgen random mod 1 map { 0 : 10.244.1.10 . 8080 }"
    ]


@pytest.mark.parametrize(
    "story, ranges, expected",
    [
        ("one range stands bare", ["203.0.113.0/24"], "ip saddr != 203.0.113.0/24 drop"),
        ("several are sorted", ["203.0.113.0/24", "10.0.0.0/8"], "ip saddr != { 10.0.0.0/8, 203.0.113.0/24 } drop"),
        ("neighbours become one", ["10.0.0.0/25", "10.0.0.128/25"], "ip saddr != { 10.0.0.0/24 } drop"),
        (
            "a whole that is no block is a range",
            ["10.0.0.0/8", "11.0.0.0/16"],
            "ip saddr != { 10.0.0.0-11.0.255.255 } drop",
        ),
        (
            "where the node is let in, so is the balancer's own address",
            ["192.168.1.0/24"],
            "ip saddr != { 192.168.1.0/24, 198.51.100.12 } drop",
        ),
    ],
)
def test_source_ranges_are_a_firewall_before_the_translation(story, ranges, expected):
    text = told(HERE, {**BALANCED, "loadBalancerSourceRanges": ranges})
    assert chain(text, "firewall-web/tcp/http") == [expected]
    assert "elements = { 198.51.100.12 . tcp . 80 : goto firewall-web/tcp/http }" in chain(text, "firewall-ips")


def test_a_range_that_holds_everybody_is_no_firewall():
    text = told(HERE, {**BALANCED, "loadBalancerSourceRanges": ["10.0.0.0/8", "0.0.0.0/0"]})
    assert "firewall-web" not in text


def test_the_firewall_stands_even_where_nobody_answers():
    text = told([], {**BALANCED, "loadBalancerSourceRanges": ["10.0.0.0/8"]})
    assert chain(text, "firewall-web/tcp/http") == ["ip saddr != 10.0.0.0/8 drop"]


def test_a_balancer_that_is_a_proxy_of_its_own_gets_nothing():
    assert "198.51.100.12" not in told(HERE, {**BALANCED, "status": ingress("198.51.100.12", ipMode="Proxy")})


@pytest.mark.parametrize(
    "story, said, first",
    [
        ("nothing tells pods", {"clusterCIDR": ""}, None),
        (
            "everybody is masqueraded",
            {"nftables": {"masqueradeAll": True, "masqueradeBit": 5}},
            'ip daddr @cluster-ips meta mark set meta mark | 0x00000020 comment "masquerade all clusterIP traffic"',
        ),
        (
            "pods are behind a bridge",
            {"detectLocalMode": "BridgeInterface", "detectLocal": {"bridgeInterface": "cni0"}},
            f'ip daddr @cluster-ips iifname != "cni0" {MARKED}',
        ),
        (
            "pods are behind devices that begin alike",
            {"detectLocalMode": "InterfaceNamePrefix", "detectLocal": {"interfaceNamePrefix": "veth"}},
            f'ip daddr @cluster-ips iifname != "veth*" {MARKED}',
        ),
    ],
)
def test_who_is_masqueraded_on_the_way_to_a_cluster_ip(story, said, first):
    lines = chain(told(HERE, **said), "services")
    assert lines[0] == (first or "ip daddr . meta l4proto . th dport vmap @service-ips")


def test_node_ports_answer_on_the_nodes_own_address_unless_more_are_named():
    assert "elements = { 192.168.1.11 }" in chain(told(HERE, NODE_PORT), "nodeport-ips")
    wider = told(HERE, NODE_PORT, nodePortAddresses=["192.168.0.0/16", "10.244.0.0/16", "127.0.0.0/8"])
    assert "elements = { 10.244.1.1, 192.168.1.11 }" in chain(wider, "nodeport-ips")
    everywhere = told(HERE, NODE_PORT, nodePortAddresses=["0.0.0.0/0"])
    assert chain(everywhere, "nodeport-ips") == []
    assert chain(everywhere, "services")[-1] == (
        "fib daddr type local ip daddr != 127.0.0.0/8 meta l4proto . th dport vmap @service-nodeports"
    )


def test_only_local_endpoints_can_reach_themselves():
    assert "elements = { 10.244.1.10 . 10.244.1.10 . tcp . 8080 }" in chain(told(HERE), "hairpin-connections")
    assert len(chain(told(ELSEWHERE), "hairpin-connections")) == 2


def test_who_is_going_serves_where_nobody_is_ready():
    going = {"ready": False, "serving": True, "terminating": True}
    both = [endpoint_slice([{"at": "10.244.1.10@node-1", **going}, "10.244.2.10@node-2"])]
    assert "10.244.1.10" not in "".join(chain(told(both), "service-web/tcp/http"))
    alone = [endpoint_slice([{"at": "10.244.1.10@node-1", **going}])]
    assert "{ 0 : 10.244.1.10 . 8080 }" in chain(told(alone), "service-web/tcp/http")[0]
    gone = [endpoint_slice([{"at": "10.244.1.10@node-1", "ready": False, "terminating": True, "serving": False}])]
    assert "goto reject-chain" in "".join(chain(told(gone), "no-endpoint-services"))


def test_an_address_going_in_one_slice_and_unready_in_another_is_no_endpoint():
    going = {"at": "10.244.1.10@node-1", "ready": False, "serving": True, "terminating": True}
    unready = {"at": "10.244.1.10@node-1", "ready": False}
    slices = [endpoint_slice([going], name="a"), endpoint_slice([unready], name="b")]
    assert "goto reject-chain" in "".join(chain(told(slices), "no-endpoint-services"))
    iptables = rules([service()], slices)
    assert "has no endpoints" in lines(iptables, "filter", "KUBE-SERVICES")[0]


def test_zone_hints_leave_the_others_out():
    hinted = [
        endpoint_slice(
            [{"at": "10.244.1.10@node-1", "zones": ["zone-a"]}, {"at": "10.244.2.10@node-2", "zones": ["zone-b"]}]
        )
    ]
    assert "mod 1 map { 0 : 10.244.1.10 . 8080 }" in chain(told(hinted), "service-web/tcp/http")[0]


# -- what changes -----------------------------------------------------------------------------------------------------

WEB, SHOP = ("default", "web"), ("default", "shop")
TWO = [endpoint_slice(["10.244.1.10@node-1", "10.244.2.10@node-2"])]
ONE = [endpoint_slice(["10.244.2.10@node-2"])]
STICKY = {
    "sessionAffinity": "ClientIP",
    "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}},
    "type": "NodePort",
    "ports": [{"name": "http", "port": 80, "targetPort": 8080, "nodePort": 30080}],
}


def known(slices, **spec) -> Services:
    made = [service(**spec), service("shop", "10.96.10.2")]
    return Services(made, {WEB: slices, SHOP: [endpoint_slice(["10.244.1.20@node-1"], "shop")]}, IPV4)


@pytest.mark.parametrize(
    "spec", [{}, STICKY, {**STICKY, "externalTrafficPolicy": "Local"}], ids=["", "sticky", "local"]
)
@pytest.mark.parametrize("before, after", [(TWO, ONE), (ONE, TWO), (TWO, []), ([], TWO)])
def test_a_resync_is_what_a_fresh_start_would_be(spec, before, after):
    resynced = synced(known(before, **spec), NODE_1).resync(WEB, after)
    assert write(Ruleset((resynced.table,))) == write(Ruleset((synced(known(after, **spec), NODE_1).table,)))


def test_a_resync_writes_only_what_changes():
    old = synced(known(TWO), NODE_1)
    text = transaction(old, old.resync(WEB, ONE))
    [name] = [one.name for one in old.table.chains.values() if one.name.startswith("service-") and "web" in one.name]
    assert text.splitlines() == [
        f"add chain ip kube-proxy {name}",
        f"flush chain ip kube-proxy {name}",
        "delete element ip kube-proxy hairpin-connections { 10.244.1.10 . 10.244.1.10 . tcp . 8080 }",
        f"add rule ip kube-proxy {name} meta l4proto tcp dnat ip to numgen random mod 1 map {{ 0 : 10.244.2.10 . 8080 }}",
    ]
    assert transaction(old, old.resync(WEB, TWO)) == ""
