"""The plugins' rules in nftables: masquerading, host ports and the guard against false MACs, as text and in use."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from cni_calls import environment, installed
from cni_lab import lab, why_not

from kubenet_course.cni.bridge import masquerade_nft
from kubenet_course.cni.contract.address import parse_cidr
from kubenet_course.cni.contract.spec import CniError
from kubenet_course.cni.portmap.config import portmap_config
from kubenet_course.cni.portmap.nft import plan_no_ports, plan_ports
from kubenet_course.cni.runtime.nft import Rule

LACKS = why_not() or ("" if shutil.which("nft") else "needs nft")
on_a_node = pytest.mark.skipif(bool(LACKS), reason=LACKS or "able")
NODE = "192.168.50.10"
PORTS = [
    {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"},
    {"hostPort": 8083, "containerPort": 83, "protocol": "udp", "hostIP": "192.168.0.2"},
    {"hostPort": 8084, "containerPort": 84, "protocol": "tcp", "hostIP": "0.0.0.0"},
    {"hostPort": 8085, "containerPort": 85, "protocol": "tcp", "hostIP": "2001:db8:a::1"},
]


def portmap(**more: Any) -> dict[str, Any]:
    document = {"cniVersion": "1.0.0", "name": "test", "type": "portmap", "backend": "nftables"}
    return document | {"runtimeConfig": {"portMappings": PORTS}} | more


def test_a_rule_of_masquerading_begins_with_the_digests_of_its_network_and_interface():
    """The digests are those of the reference's own tests."""
    assert masquerade_nft.owner_of("unit-test", "eth0", "one") == "6fd94d501e58f0aa-287fc69eff0574a2"
    comment = masquerade_nft.comment_of('unit"-test', "eth0", "x" * 100)
    assert len(comment) == 128
    assert ", net: unit-test, if: eth0, id: xxx" in comment


def test_masquerading_is_one_rule_for_each_address_and_replaces_what_is_stale():
    pods = [parse_cidr("192.168.1.3/24"), parse_cidr("fd00:22::2/64")]
    (change,) = masquerade_nft.plan_masquerade("mine", [pod for pod in pods if pod], [Rule(9, "old")])
    chain = "inet cni_plugins_masquerade masq_checks"
    assert change.stdin.splitlines()[-3:] == [
        f"delete rule {chain} handle 9",
        f'add rule {chain} ip saddr 192.168.1.3 ip daddr != 192.168.1.0/24 masquerade comment "mine"',
        f'add rule {chain} ip6 saddr fd00:22::2 ip6 daddr != fd00:22::/64 masquerade comment "mine"',
    ]


@pytest.mark.parametrize(
    "address, wanted",
    [
        ("10.0.0.2/24", ['tcp dport 8080 dnat to 10.0.0.2:80 comment "c1"',
                         'ip daddr 192.168.0.2 udp dport 8083 dnat to 10.0.0.2:83 comment "c1"',
                         'tcp dport 8084 dnat to 10.0.0.2:84 comment "c1"']),
        ("2001:db8::2/64", ['tcp dport 8080 dnat to [2001:db8::2]:80 comment "c1"',
                            'ip6 daddr 2001:db8:a::1 tcp dport 8085 dnat to [2001:db8::2]:85 comment "c1"']),
    ],
)  # fmt: skip
def test_host_ports_are_one_rule_each_in_their_own_family(address: str, wanted: list[str]):
    pod = parse_cidr(address)
    assert pod is not None
    (change,) = plan_ports(portmap_config(portmap(snat=False), "eth0"), "c1", pod)
    found = [line for line in change.stdin.splitlines() if "dnat to" in line]
    assert [line.partition(" hostports ")[2] for line in found] == wanted


def test_only_packets_to_the_nodes_own_addresses_are_looked_at():
    """CVE-2025-67499: until 1.9.0 packets that passed through the node were caught."""
    pod = parse_cidr("10.0.0.2/24")
    assert pod is not None
    (change,) = plan_ports(portmap_config(portmap(conditionsV4=["iifname", "eth0"]), "eth0"), "c1", pod)
    entries = [line for line in change.stdin.splitlines() if "jump hostports_all" in line]
    assert entries == [
        f"add rule ip cni_hostport {hook} iifname eth0 fib daddr type local jump hostports_all"
        for hook in ("prerouting", "output")
    ]


def test_without_rules_there_is_nothing_to_take_away():
    assert plan_no_ports("c1", {}) == []


@pytest.mark.parametrize(
    "backend, more, other, options",
    [
        ("iptables", {"conditionsV4": ["iifname", "a"], "conditionsV6": ["b"]}, "nftables", "conditionsV4 conditionsV6"),
        ("nftables", {"externalSetMarkChain": "KUBE-MARK-MASQ", "conditionsV4": ["-a"], "conditionsV6": ["!x"]},
         "iptables", "externalSetMarkChain conditionsV4"),
        ("nftables", {"conditionsV4": ["!", "-d", "10.0.0.1"]}, "iptables", "conditionsV4"),
    ],
)  # fmt: skip
def test_options_of_the_other_backend_are_refused(backend: str, more: dict[str, Any], other: str, options: str):
    with pytest.raises(CniError) as refusal:
        portmap_config(portmap(backend=backend, **more), "eth0")
    told = f"{backend} backend was requested but configuration contains {other}-specific options [{options}]"
    assert (refusal.value.code, refusal.value.msg) == (999, told)


def test_an_unknown_backend_of_host_ports_is_refused():
    with pytest.raises(CniError, match='unrecognized backend "ebtables"'):
        portmap_config(portmap(backend="ebtables"), "eth0")


def calls(tmp_path: Path, wire: dict[str, Any], ports: dict[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """Steps by name, for a pod on a bridge with both families."""
    binaries = installed(tmp_path / "bin", "host-local", "bridge", "portmap")
    ranges = [[{"subnet": "10.22.3.0/24"}], [{"subnet": "fd00:22::/64"}]]
    ipam = {"type": "host-local", "ranges": ranges, "dataDir": str(tmp_path / "data")}
    base = {"cniVersion": "1.0.0", "name": "unit-test", "type": "bridge", "bridge": "cni0", "isDefaultGateway": True}
    made: dict[str, dict[str, Any]] = {}
    for plugin, document in (("bridge", base | {"ipam": ipam} | wire), ("portmap", ports or portmap())):
        for command in ("ADD", "CHECK", "DEL"):
            env = environment(command, "one", CNI_NETNS="/var/run/netns/pod1", CNI_PATH=str(binaries))
            made[f"{plugin} {command}"] = {"path": str(binaries / plugin), "env": env, "stdin": document, "prev": 0}
    del made["bridge ADD"]["prev"]
    return made


RULESET = {"run": ["nft", "-s", "list", "ruleset"]}


def table_of(answer: Any, name: str) -> list[str]:
    """The lines of one table, without blank ones."""
    text = answer[1].partition(f"table {name} {{\n")[2].partition("\n}\n")[0]
    return [line.strip() for line in text.splitlines() if line.strip()]


@on_a_node
def test_masquerading_comes_and_goes_with_the_pod(tmp_path: Path):
    step = calls(tmp_path, {"ipMasq": True, "ipMasqBackend": "nftables"})
    answers = lab([step["bridge ADD"], RULESET, step["bridge CHECK"], step["bridge DEL"], RULESET])
    owner = 'comment "6fd94d501e58f0aa-287fc69eff0574a2, net: unit-test, if: eth0, id: one"'
    rules = [line for line in table_of(answers[1], "inet cni_plugins_masquerade") if "saddr" in line]
    assert rules == [
        f"ip saddr 10.22.3.2 ip daddr != 10.22.3.0/24 masquerade {owner}",
        f"ip6 saddr fd00:22::2 ip6 daddr != fd00:22::/64 masquerade {owner}",
    ]
    assert [answers[2][0], answers[3][0]] == [0, 0]
    left = table_of(answers[4], "inet cni_plugins_masquerade")
    assert [line for line in left if "saddr" in line] == []
    assert "goto masq_checks" in left


@on_a_node
def test_an_unknown_backend_is_refused_and_the_address_given_back(tmp_path: Path):
    step = calls(tmp_path, {"ipMasq": True, "ipMasqBackend": "ebtables"})
    refused, picture = lab([step["bridge ADD"], {"picture": str(tmp_path / "data")}])
    assert (refused[0], refused[1]["code"], refused[1]["msg"]) == (1, 999, 'unknown ipmasq backend "ebtables"')
    assert [name for name in picture["ipam_files"] if "10.22.3" in name] == []


@on_a_node
def test_a_guarded_pod_is_heard_with_its_own_mac_only(tmp_path: Path):
    step = calls(tmp_path, {"macspoofchk": True})
    lab_py = str(Path(__file__).parent / "cni_lab.py")
    inside = ["ip", "netns", "exec", "pod1"]
    ping = {"run": [*inside, sys.executable, lab_py, "ping", "10.22.3.1"]}
    other_mac = {"run": [*inside, "ip", "link", "set", "eth0", "address", "02:00:00:00:00:99"]}
    answers = lab([step["bridge ADD"], ping, RULESET, other_mac, ping, step["bridge DEL"], RULESET])
    assert [answers[1][0], answers[4][0]] == [0, 1]
    mac = answers[0][1]["interfaces"][2]["mac"]
    guarded = table_of(answers[2], "bridge nat")
    assert f'ether saddr {mac} return comment "macspoofchk-one-eth0"' in guarded
    assert 'drop comment "macspoofchk-one-eth0"' in guarded
    assert "macspoofchk" not in answers[6][1]
    assert "cni-br-iface" not in answers[6][1]


REACH = """
import json, subprocess, sys
serve = "import socket; s = socket.create_server(('', 80)); print('up', flush=True)\\nwhile 1: s.accept()[0].sendall(b'hi')"
ask = "import socket, sys; c = socket.create_connection((sys.argv[1], 8080), 2); print(c.recv(9).decode())"
inside = lambda pod: ["ip", "netns", "exec", pod, sys.executable, "-c"]
server = subprocess.Popen([*inside("pod1"), serve], stdout=subprocess.PIPE)
server.stdout.readline()
askers = {"the pod itself": inside("pod1"), "another pod": inside("pod2"), "the node": [sys.executable, "-c"]}
found = {}
for name, argv in askers.items():
    for host in sys.argv[1:]:
        done = subprocess.run([*argv, ask, host], capture_output=True, text=True)
        found[f"{name} {host}"] = done.stdout.strip()
server.kill()
print(json.dumps(found))
"""


@on_a_node
@pytest.mark.parametrize("backend", ["iptables", "nftables"])
def test_a_host_port_answers_to_other_pods_to_the_node_and_to_the_pod_itself(backend: str, tmp_path: Path):
    step = calls(tmp_path, {"hairpinMode": True}, portmap(backend=backend))
    second = step["bridge ADD"] | {
        "env": step["bridge ADD"]["env"] | {"CNI_NETNS": "/var/run/netns/pod2", "CNI_CONTAINERID": "two"}
    }
    reach = {"run": [sys.executable, "-c", REACH, NODE]}
    answers = lab([step["bridge ADD"], second, step["portmap ADD"], reach, step["portmap CHECK"]])
    assert [answers[0][0], answers[1][0], answers[2][0], answers[4][0]] == [0, 0, 0, 0]
    wanted = {f"{who} {NODE}": "hi" for who in ("the pod itself", "another pod", "the node")}
    assert json.loads(answers[3][1]) == wanted


@on_a_node
def test_a_lost_rule_is_found_by_check_and_del_leaves_none(tmp_path: Path):
    step = calls(tmp_path, {})
    lose = {"run": ["nft", "flush", "chain", "ip", "cni_hostport", "hostports"]}
    names = ("bridge ADD", "portmap ADD", "portmap CHECK")
    answers = lab([*(step[name] for name in names), RULESET, lose, step["portmap CHECK"], step["portmap DEL"], RULESET])
    assert [answers[2][0], answers[5][0]] == [0, 1]
    assert answers[5][1]["msg"] == 'missing hostport rules in "hostports" chain'
    assert 'ip saddr 127.0.0.1 ip daddr 10.22.3.2 masquerade comment "one"' in table_of(answers[3], "ip cni_hostport")
    assert 'comment "one"' not in answers[7][1]
