"""kubenet-portmap: its rules as values, and on a private node beside the reference plugin, and in use."""

from pathlib import Path
from typing import Any

import pytest
from cni_calls import REFERENCE, environment, installed, ours
from cni_lab import lab, tidy, why_not

from kubenet_course.cni.bridge.masquerade import chain_name
from kubenet_course.cni.contract.address import parse_cidr
from kubenet_course.cni.contract.spec import CniError
from kubenet_course.cni.portmap.config import pods_of, portmap_config
from kubenet_course.cni.portmap.plan import container_chain, shared_chains

on_a_node = pytest.mark.skipif(bool(why_not()), reason=why_not() or "able")
beside = pytest.mark.skipif(not (REFERENCE / "portmap").exists(), reason="no reference plugins in /usr/lib/cni")
POD4, POD6 = parse_cidr("10.0.0.2/24"), parse_cidr("2001:db8::2/64")
PORTS = [
    {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"},
    {"hostPort": 5353, "containerPort": 53, "protocol": "udp"},
]


def conf(ports: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    mappings = {"portMappings": PORTS if ports is None else ports}
    return {"cniVersion": "1.0.0", "name": "test", "type": "portmap", "runtimeConfig": mappings, **more}


def rules(pod: Any, ports: list[dict[str, Any]] | None = None, **more: Any) -> list[str]:
    return [" ".join(rule) for rule in container_chain(portmap_config(conf(ports, **more), "eth0"), "c1", pod).rules]


def test_each_port_is_marked_for_the_pod_itself_and_for_localhost_and_then_translated():
    assert rules(POD4, PORTS[:1]) == [
        "-p tcp --dport 8080 -s 10.0.0.2/24 -j CNI-HOSTPORT-SETMARK",
        "-p tcp --dport 8080 -s 127.0.0.1 -j CNI-HOSTPORT-SETMARK",
        "-p tcp --dport 8080 -j DNAT --to-destination 10.0.0.2:80",
    ]
    assert rules(POD6, PORTS[:1]) == [
        "-p tcp --dport 8080 -s 2001:db8::2/64 -j CNI-HOSTPORT-SETMARK",
        "-p tcp --dport 8080 -j DNAT --to-destination [2001:db8::2]:80",
    ]


@pytest.mark.parametrize(
    "story, more, wanted",
    [
        ("without snat only the translation", {"snat": False}, ["-j DNAT"]),
        ("masqAll marks everybody", {"masqAll": True}, ["-s 0.0.0.0/0 -j CNI-HOSTPORT-SETMARK", "-j DNAT"]),
        ("someone else's mark chain", {"externalSetMarkChain": "KUBE-MARK-MASQ"},
         ["-s 10.0.0.2/24 -j KUBE-MARK-MASQ", "-s 127.0.0.1 -j KUBE-MARK-MASQ", "-j DNAT"]),
    ],
)  # fmt: skip
def test_what_is_marked_is_configured(story: str, more: dict[str, Any], wanted: list[str]):
    found = [rule.removeprefix("-p tcp --dport 8080 ") for rule in rules(POD4, PORTS[:1], **more)]
    assert [rule.partition(" --to")[0] for rule in found] == wanted, story


@pytest.mark.parametrize(
    "host, for_4, for_6",
    [
        ("192.168.1.11", "-p tcp --dport 1 -d 192.168.1.11 ", None),
        ("0.0.0.0", "-p tcp --dport 1 ", None),
        ("::", None, "-p tcp --dport 1 "),
        ("2001:db8:a::1", None, "-p tcp --dport 1 -d 2001:db8:a::1 "),
    ],
)
def test_a_host_address_binds_the_port_in_its_own_family(host: str, for_4: str | None, for_6: str | None):
    port = [{"hostPort": 1, "containerPort": 80, "protocol": "tcp", "hostIP": host}]
    for pod, wanted in ((POD4, for_4), (POD6, for_6)):
        found = rules(pod, port, snat=False)
        assert found == ([] if wanted is None else [wanted + found[0][len(wanted) :]])


def test_a_multiport_match_takes_fifteen_ports():
    many = [{"hostPort": 1000 + number, "containerPort": 80, "protocol": "tcp"} for number in range(20)]
    chain = container_chain(portmap_config(conf(many), "eth0"), "c1", POD4)
    assert [entry[-1].count(",") + 1 for entry in chain.entries] == [15, 5]


def test_the_mark_has_the_configured_bit_and_stands_first_in_postrouting():
    marked, masquerade, _ = shared_chains(portmap_config(conf(markMasqBit=5), "eth0"))
    assert marked.rules[0][-1] == "0x20/0x20"
    assert (masquerade.entered_from, masquerade.first) == (("POSTROUTING",), True)


def test_the_names_of_chains_are_those_of_the_reference():
    container = (
        "icee6giejonei6sohng6ahngee7laquohquee9shiGo7fohferakah3Feiyoolu2pei7ciPhoh7shaoX6vai3vuf0ahfaeng8yohb9ceu0daez5"
        "hashee8ooYai5wa3y"
    )
    assert chain_name("test", container, "DN-") == "CNI-DN-67e92b96e692a494b6b85"


@pytest.mark.parametrize(
    "story, document, msg",
    [
        ("two ways to mark", conf(markMasqBit=2, externalSetMarkChain="X"),
         "Cannot specify externalSetMarkChain and markMasqBit"),
        ("no such bit", conf(markMasqBit=32), "MasqMarkBit must be between 0 and 31"),
        ("no container port", conf([{"hostPort": 80, "protocol": "tcp"}]), "Invalid container port number: 0"),
        ("a host port of nothing", conf([{"hostPort": -1, "containerPort": 80}]), "Invalid host port number: -1"),
    ],
)  # fmt: skip
def test_a_configuration_that_cannot_be_is_refused(story: str, document: dict[str, Any], msg: str):
    with pytest.raises(CniError) as refusal:
        portmap_config(document, "eth0")
    assert (refusal.value.code, refusal.value.msg) == (999, msg), story


def test_only_the_addresses_of_this_containers_interface_count():
    interfaces = [{"name": "cni0"}, {"name": "eth0", "sandbox": "/run/netns/a"}]
    ips = [{"address": "10.9.9.9/24", "interface": 0}, {"address": "10.0.0.2/24", "interface": 1}]
    assert pods_of({"interfaces": interfaces, "ips": ips}, "eth0") == (POD4,)
    assert pods_of({"interfaces": [], "ips": [{"address": "10.0.0.2/24"}]}, "eth0") == (POD4,)


def test_first_in_a_chain_it_has_nothing_to_forward_to():
    answer = ours("portmap", environment("ADD"), conf())
    assert (answer.said["code"], answer.said["msg"]) == (999, "must be called as chained plugin")


def test_without_port_mappings_the_result_goes_on_in_the_asked_version():
    previous = {"cniVersion": "0.4.0", "ips": [{"version": "4", "address": "10.1.2.3/24"}]}
    document = conf([], cniVersion="0.4.0", prevResult=previous)
    assert ours("portmap", environment("ADD"), document).said == previous | {"dns": {}}


VARIANTS: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "conditions": {"conditionsV4": ["-s", "10.0.0.0/8"], "conditionsV6": ["-s", "fd11::/64"]},
    "no snat": {"snat": False},
}


def story_steps(binaries: Path, data: Path, variant: dict[str, Any]) -> list[dict[str, Any]]:
    """A pod in both families gets ports, twice, and loses them, twice."""
    ranges = [[{"subnet": "10.22.3.0/24"}], [{"subnet": "fd00:22::/64"}]]
    ipam = {"type": "host-local", "ranges": ranges, "dataDir": str(data)}
    wire = {
        "cniVersion": "1.0.0",
        "name": "test",
        "bridge": "cni0",
        "isDefaultGateway": True,
        "ipMasq": True,
        "ipam": ipam,
    }
    env = {"CNI_NETNS": "/var/run/netns/pod1", "CNI_PATH": str(binaries)}

    def call(plugin: str, command: str, stdin: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"path": str(binaries / plugin), "env": environment(command, **env), "stdin": stdin, **more}

    ports, picture = conf(**variant), {"picture": str(data)}
    return [
        call("bridge", "ADD", wire), call("portmap", "ADD", ports, prev=0), call("portmap", "ADD", ports, prev=0), picture,
        {"run": ["sysctl", "net/ipv4/conf/cni0/route_localnet"]},
        call("portmap", "DEL", ports, prev=0), call("portmap", "DEL", ports), call("portmap", "CHECK", ports), picture,
    ]  # fmt: skip


def comparable(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {space: [each["iptables_save"], each["ip6tables_save"]] for space, each in answer["namespaces"].items()}
    said = answer[1]
    if isinstance(said, dict):
        said = {key: value for key, value in said.items() if key != "details" and (key, value) != ("dns", {})}
    return [answer[0], tidy(said)]


@on_a_node
@beside
@pytest.mark.parametrize("story", VARIANTS)
def test_the_reference_plugin_beside_ours_leaves_the_same_rules(story: str, tmp_path: Path):
    mine = lab(
        story_steps(installed(tmp_path / "bin", "host-local", "bridge", "portmap"), tmp_path / "a", VARIANTS[story])
    )
    theirs = lab(story_steps(REFERENCE, tmp_path / "b", VARIANTS[story]))
    for number, (answer, reference) in enumerate(zip(mine, theirs, strict=True)):
        assert tidy(comparable(answer)) == tidy(comparable(reference)), (story, number)


@on_a_node
def test_a_changed_rule_is_found_by_check(tmp_path: Path):
    steps = story_steps(installed(tmp_path / "bin", "host-local", "bridge", "portmap"), tmp_path / "a", {})[:2]
    check = {"path": steps[1]["path"], "env": steps[1]["env"] | {"CNI_COMMAND": "CHECK"}, "stdin": conf(), "prev": 0}
    chain = chain_name("test", "c1", "DN-")
    answers = lab([*steps, check, {"run": ["iptables", "-t", "nat", "-D", chain, "1"]}, check])
    assert [answers[2][0], answers[4][0]] == [0, 1]
    assert answers[4][1]["msg"].startswith("could not check ipv4 dnat: rule -p tcp --dport 8080 -s 10.22.3.2/24")
