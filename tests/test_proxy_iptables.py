"""kube-proxy's iptables mode: rule for rule as recorded, and as the real code's cases that no recording has."""

import pytest

from kubenet_course.kube.proxy.chain_names import letters
from kubenet_course.kube.proxy.iptables.rules import rules_of
from kubenet_course.linux.netfilter.iptables.save import write
from tests.proxy_cases import CASES, FILES, RECORDED, canonical, recorded
from tests.proxy_objects import NODE_1, configuration, endpoint_slice, ingress, lines, rules, service

TWO = [endpoint_slice(["10.244.1.10@node-1", "10.244.2.10@node-2"])]
FAR = [endpoint_slice(["10.244.2.10@node-2"])]
CLUSTER_IP = '-d 10.96.10.1/32 -p tcp -m comment --comment "default/web:http cluster IP" -m tcp --dport 80'
W = letters("default/web:http", "tcp")
NEAR_SEP = f"KUBE-SEP-{letters('default/web:http', 'tcp', '10.244.1.10:8080')}"
FAR_SEP = f"KUBE-SEP-{letters('default/web:http', 'tcp', '10.244.2.10:8080')}"
BALANCED = {"type": "LoadBalancer", "status": ingress("198.51.100.12")}


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("name", CASES)
def test_the_rules_are_those_that_kube_proxy_wrote(name, family):
    services, slices, node, config = recorded(name)
    ours = canonical(write(rules_of(services, slices, node, config, family)))
    theirs = canonical((RECORDED / name / FILES[family]).read_text())
    portals = ("nat", "KUBE-SERVICES")  # in an order drawn by lot, but for its last rule
    assert sorted(ours[portals][:-1]) == sorted(theirs[portals][:-1])
    assert {**ours, portals: ours[portals][-1]} == {**theirs, portals: theirs[portals][-1]}


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("name", ["05_nodeport_local_haslocal", "11_no_endpoints", "12_dual_stack"])
def test_where_no_lot_is_drawn_even_the_text_is_the_same(name, family):
    services, slices, node, config = recorded(name)
    theirs = (RECORDED / name / FILES[family]).read_text().replace("--nfacct-name  ", "--nfacct-name ")
    assert write(rules_of(services, slices, node, config, family)) == "".join(
        f"{line}\n" for line in theirs.splitlines() if not line.startswith("#")
    )


@pytest.mark.parametrize(
    "port, endpoint, expected",
    [
        ("ns5/svc5:p80", "", "NUKIZ6OKUXPJNT4C"),
        ("ns2/svc2:p80", "", "GNZBNJ2PO5MGZ6GT"),
        ("ns5/svc5:p80", "10.180.0.3:80", "I77PXRDZVX7PMWMN"),
        ("default/kubernetes:https", "", "NPX46M4PTMTKRN6Y"),
    ],
)
def test_chain_names_are_the_hashes_that_everybody_has_seen(port, endpoint, expected):
    assert letters(port, "tcp", endpoint) == expected


def test_a_port_without_a_name_leaves_no_colon():
    nameless = service(ports=[{"port": 80}])
    found = rules([nameless], [])
    assert '"default/web has no endpoints"' in lines(found, "filter", "KUBE-SERVICES")[0]


def test_policy_local_without_a_local_endpoint_drops_strangers_only():
    found = rules(
        [service(externalTrafficPolicy="Local", externalIPs=["192.0.2.11"], healthCheckNodePort=30099, **BALANCED)], FAR
    )
    no_local = '-m comment --comment "default/web:http has no local endpoints" -m tcp --dport 80 -j DROP'
    assert lines(found, "filter", "KUBE-EXTERNAL-SERVICES") == [
        f"-d 192.0.2.11/32 -p tcp {no_local}",
        f"-d 198.51.100.12/32 -p tcp {no_local}",
    ]
    assert lines(found, "filter", "KUBE-SERVICES") == []
    what = "for default/web:http external destinations"
    assert lines(found, "nat", f"KUBE-EXT-{W}") == [
        f'-s 10.244.0.0/16 -m comment --comment "pod traffic {what}" -j KUBE-SVC-{W}',
        f'-m comment --comment "masquerade LOCAL traffic {what}" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ',
        f'-m comment --comment "route LOCAL traffic {what}" -m addrtype --src-type LOCAL -j KUBE-SVC-{W}',
    ]
    assert lines(found, "filter", "KUBE-NODEPORTS") == [
        '-p tcp -m comment --comment "default/web:http health check node port" -m tcp --dport 30099 -j ACCEPT'
    ]


def test_internal_policy_local_uses_the_local_chain_alone():
    found = rules([service(internalTrafficPolicy="Local")], TWO)
    assert lines(found, "nat", "KUBE-SERVICES")[0].endswith(f"-j KUBE-SVL-{W}")
    assert lines(found, "nat", f"KUBE-SVL-{W}") == [
        f"! -s 10.244.0.0/16 {CLUSTER_IP} -j KUBE-MARK-MASQ",
        f'-m comment --comment "default/web:http -> 10.244.1.10:8080" -j {NEAR_SEP}',
    ]
    assert f"KUBE-SVC-{W}" not in found.tables["nat"].chains
    assert FAR_SEP not in found.tables["nat"].chains


def test_internal_policy_local_without_a_local_endpoint_drops():
    found = rules([service(internalTrafficPolicy="Local")], FAR)
    assert lines(found, "filter", "KUBE-SERVICES") == [
        '-d 10.96.10.1/32 -p tcp -m comment --comment "default/web:http has no local endpoints" -m tcp --dport 80 -j DROP'
    ]
    assert len(lines(found, "nat", "KUBE-SERVICES")) == 1


@pytest.mark.parametrize(
    "story, ranges, sources",
    [
        ("a range without the node", ["203.0.113.0/25"], ["203.0.113.0/25"]),
        (
            "a range with the node lets the balancer's address in too",
            ["192.168.0.0/16"],
            ["192.168.0.0/16", "198.51.100.12/32"],
        ),
        ("white space is no harm", [" 203.0.113.0/25"], ["203.0.113.0/25"]),
        ("a range of the other family is no range", ["203.0.113.0/25", "2001:db8::/32"], ["203.0.113.0/25"]),
    ],
)
def test_source_ranges_stand_before_the_load_balancers_address(story, ranges, sources):
    found = rules([service(loadBalancerSourceRanges=ranges, **BALANCED)], TWO)
    comment = '-m comment --comment "default/web:http loadbalancer IP"'
    assert lines(found, "nat", f"KUBE-FW-{W}") == [
        *(f"-s {source} {comment} -j KUBE-EXT-{W}" for source in sources),
        '-m comment --comment "other traffic to default/web:http will be dropped by KUBE-PROXY-FIREWALL"',
    ]
    assert lines(found, "nat", "KUBE-SERVICES")[1].endswith(f"-j KUBE-FW-{W}")
    said = f'-m comment --comment "default/web:http traffic not accepted by KUBE-FW-{W}"'
    assert lines(found, "filter", "KUBE-PROXY-FIREWALL") == [
        f"-d 198.51.100.12/32 -p tcp {said} -m tcp --dport 80 -j DROP"
    ]


def test_everybody_as_a_source_range_is_no_list_at_all():
    found = rules([service(loadBalancerSourceRanges=["10.0.0.0/8", "0.0.0.0/0"], **BALANCED)], TWO)
    assert found.chain("nat", f"KUBE-FW-{W}") is None
    assert lines(found, "filter", "KUBE-PROXY-FIREWALL") == []


@pytest.mark.parametrize(
    "story, changes",
    [
        ("headless", {"ip": "None"}),
        ("an external name", {"type": "ExternalName"}),
        ("somebody else's", {"labels": {"service.kubernetes.io/service-proxy-name": "cilium"}}),
        ("of the other family", {"ip": "fd00:10:96::1"}),
    ],
)
def test_these_services_get_no_rules(story, changes):
    assert write(rules([service(**changes)], TWO)) == write(rules([], []))


def test_a_load_balancer_that_is_a_proxy_gets_no_rules():
    found = rules([service(type="LoadBalancer", status=ingress("198.51.100.12", ipMode="Proxy"))], TWO)
    assert "198.51.100.12" not in write(found)


@pytest.mark.parametrize(
    "story, said, first",
    [
        ("masquerade all", {"iptables": {"masqueradeAll": True}}, "-d 10.96.10.1/32 -p tcp"),
        ("the node's block", {"detectLocalMode": "NodeCIDR"}, "! -s 10.244.1.0/24 -d 10.96.10.1/32 -p tcp"),
        (
            "the bridge",
            {"detectLocalMode": "BridgeInterface", "detectLocal": {"bridgeInterface": "cni0"}},
            "-d 10.96.10.1/32 ! -i cni0 -p tcp",
        ),
        (
            "a prefix",
            {"detectLocalMode": "InterfaceNamePrefix", "detectLocal": {"interfaceNamePrefix": "veth"}},
            "-d 10.96.10.1/32 ! -i veth+ -p tcp",
        ),
    ],
)
def test_who_is_a_stranger(story, said, first):
    rule = '-m comment --comment "default/web:http cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ'
    assert lines(rules([service()], TWO, **said), "nat", f"KUBE-SVC-{W}")[0] == f"{first} {rule}"


def test_without_a_cluster_range_nobody_is_a_stranger():
    found = rules([service(externalTrafficPolicy="Local", **BALANCED)], TWO, clusterCIDR="")
    assert lines(found, "nat", f"KUBE-SVC-{W}")[0].startswith('-m comment --comment "default/web:http -> ')
    assert lines(found, "nat", f"KUBE-EXT-{W}")[0].startswith('-m comment --comment "masquerade LOCAL traffic')


LAST = 'kubernetes service nodeports; NOTE: this must be the last rule in this chain"'
HERE = "-m addrtype --dst-type LOCAL"


@pytest.mark.parametrize(
    "story, family, said, expected, localhost",
    [
        ("everywhere", 4, {}, [f'-m comment --comment "{LAST} {HERE}'], True),
        (
            "not on 127.0.0.1",
            4,
            {"iptables": {"localhostNodePorts": False}},
            [f'! -d 127.0.0.0/8 -m comment --comment "{LAST} {HERE}'],
            False,
        ),
        (
            "a range",
            4,
            {"nodePortAddresses": ["192.168.0.0/16"]},
            [f'-d 192.168.1.11/32 -m comment --comment "{LAST}'],
            False,
        ),
        (
            "two ranges and the loopback",
            4,
            {"nodePortAddresses": ["192.168.0.0/16", "127.0.0.0/8", "10.0.0.0/8"]},
            [f'-d {ip}/32 -m comment --comment "{LAST}' for ip in ("10.244.1.1", "127.0.0.1", "192.168.1.11")],
            True,
        ),
        (
            "the primary address",
            4,
            {"nodePortAddresses": ["primary"]},
            [f'-d 192.168.1.11/32 -m comment --comment "{LAST}'],
            False,
        ),
        (
            "never on ::1",
            6,
            {"nodePortAddresses": ["192.168.0.0/16"]},
            [f'! -d ::1/128 -m comment --comment "{LAST} {HERE}'],
            False,
        ),
        (
            "a range of IPv6",
            6,
            {"nodePortAddresses": ["fd00::/8", "::1/128"]},
            [f'-d fd00:192:168:1::11/128 -m comment --comment "{LAST}'],
            False,
        ),
    ],
)
def test_where_node_ports_answer(story, family, said, expected, localhost):
    found = rules([], [], family, **said)
    assert lines(found, "nat", "KUBE-SERVICES") == [f"{line} -j KUBE-NODEPORTS" for line in expected]
    assert bool(lines(found, "filter", "KUBE-FIREWALL")) is localhost


def test_a_kernel_without_named_counters_gets_rules_without_them():
    node = NODE_1.__class__(
        **{name: getattr(NODE_1, name) for name in NODE_1.__struct_fields__ if name != "nfacct"}, nfacct=False
    )
    found = rules([service(type="NodePort", ports=[{"name": "http", "port": 80, "nodePort": 30080}])], TWO, node=node)
    assert "nfacct" not in write(found)
    assert len(lines(found, "nat", "KUBE-NODEPORTS")) == 1


def test_a_liberal_kernel_keeps_invalid_packets():
    assert len(lines(rules([], [], conntrack={"tcpBeLiberal": True}), "filter", "KUBE-FORWARD")) == 2


def test_another_mark():
    found = rules([], [], iptables={"masqueradeBit": 10})
    assert lines(found, "nat", "KUBE-MARK-MASQ") == ["-j MARK --set-xmark 0x400/0x400"]
    assert lines(found, "nat", "KUBE-POSTROUTING")[1] == "-j MARK --set-xmark 0x400/0x0"


def test_ipv6_refuses_and_remembers_in_its_own_words():
    mine = {"ip": "fd00:10:96::1", "sessionAffinity": "ClientIP"}
    assert lines(rules([service(**mine)], [], 6), "filter", "KUBE-SERVICES")[0].endswith(
        "-j REJECT --reject-with icmp6-port-unreachable"
    )
    found = rules([service(**mine)], [endpoint_slice(["fd00:10:244:1::a@node-1"])], 6)
    sep = f"KUBE-SEP-{letters('default/web:http', 'tcp', '[fd00:10:244:1::a]:8080')}"
    seen = f"--name {sep} --mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff --rsource"
    assert f"-m recent --rcheck --seconds 10800 --reap {seen} -j {sep}" in lines(found, "nat", f"KUBE-SVC-{W}")[1]
    assert lines(found, "nat", sep)[1].endswith(
        f"-m recent --set {seen} -m tcp -j DNAT --to-destination [fd00:10:244:1::a]:8080"
    )


@pytest.mark.parametrize("count, has_comments", [(1000, True), (1001, False)])
def test_above_a_thousand_endpoints_comments_leave_the_endpoints(count, has_comments):
    many = [endpoint_slice([f"10.244.{n >> 8}.{n & 255}" for n in range(1, count + 1)])]
    found = rules([service()], many)
    assert ("->" in lines(found, "nat", f"KUBE-SVC-{W}")[1]) is has_comments
    assert lines(found, "nat", "KUBE-SERVICES")[0].count("cluster IP") == 1


def test_the_same_address_in_two_slices_is_used_once():
    twice = [endpoint_slice(["10.244.1.10@node-1"], name="web-1"), endpoint_slice(["10.244.1.10@node-1"], name="web-2")]
    assert len(lines(rules([service()], twice), "nat", f"KUBE-SVC-{W}")) == 2


def test_the_pod_that_stays_counts_not_the_one_whose_address_it_inherited():
    going = {"at": "10.244.1.10@node-1", "ready": False, "serving": True, "terminating": True}
    for order in ([going, "10.244.1.10@node-1"], ["10.244.1.10@node-1", going]):
        both = [endpoint_slice([one], name=f"web-{n}") for n, one in enumerate(order)]
        assert len(lines(rules([service()], both), "nat", f"KUBE-SVC-{W}")) == 2


def test_slices_may_give_different_numbers_for_one_name():
    two = [
        endpoint_slice(["10.244.1.10@node-1"], name="web-1"),
        endpoint_slice(["10.244.2.10@node-2"], name="web-2", port=9090),
    ]
    found = lines(rules([service()], two), "nat", f"KUBE-SVC-{W}")
    assert ["10.244.1.10:8080" in found[1], "10.244.2.10:9090" in found[2]] == [True, True]


def test_a_configuration_is_read_by_its_own_names():
    assert configuration(nodePortAddresses=["primary"]).node_port_addresses == ("primary",)
