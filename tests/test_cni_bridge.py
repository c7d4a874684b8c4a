"""kubenet-bridge: its plans, and on a private node the recorded calls and the reference plugin beside it."""

from pathlib import Path
from typing import Any

import pytest
from cni_calls import REFERENCE, environment, installed, moved, steps_of
from cni_lab import lab, tidy, why_not

from kubenet_course.cni.bridge.config import bridge_config, refuse_bridge
from kubenet_course.cni.bridge.masquerade import chain_name, plan_masquerade
from kubenet_course.cni.bridge.plan import gateways_of, plan_gateway, plan_pod, plan_veth, with_gateways
from kubenet_course.cni.contract.address import parse_cidr
from kubenet_course.cni.contract.result import Result
from kubenet_course.cni.contract.spec import CniError

on_a_node = pytest.mark.skipif(bool(why_not()), reason=why_not() or "able")
beside = pytest.mark.skipif(not (REFERENCE / "bridge").exists(), reason="no reference plugins in /usr/lib/cni")
NETNS = "/var/run/netns/pod1"


def conf(**more: Any) -> dict[str, Any]:
    return {"cniVersion": "1.0.0", "name": "net", "type": "bridge", "bridge": "cni0", **more}


def typed(commands: Any) -> list[str]:
    return [" ".join(command.argv) for command in commands]


def test_a_cable_has_one_end_in_the_pod_and_the_other_on_the_bridge():
    plan = plan_veth(bridge_config(conf(mtu=1400, hairpinMode=True)), NETNS, "eth0", "veth01020304", 0, ())
    size = "mtu 1400"
    assert typed(plan) == [
        f"ip link add name veth01020304 {size} txqueuelen 0 type veth peer name eth0 {size} netns {NETNS}",
        "ip link set dev veth01020304 up",
        "sysctl -q -w net/ipv6/conf/veth01020304/accept_ra=0",
        "ip link set dev veth01020304 master cni0",
        "bridge link set dev veth01020304 hairpin on",
    ]


def test_a_pod_gets_its_address_then_goes_up_then_gets_its_routes():
    result: Result = {
        "ips": [{"address": "10.244.1.2/24", "gateway": "10.244.1.1"}],
        "routes": [{"dst": "10.96.0.0/16"}],
    }
    whole = with_gateways(bridge_config(conf(isDefaultGateway=True)), result)
    assert typed(plan_pod(bridge_config(conf()), whole, NETNS, "eth0"))[2:] == [
        "ip addr add 10.244.1.2/24 dev eth0 broadcast +",
        "ip link set dev eth0 up",
        "ip route prepend 10.96.0.0/16 via 10.244.1.1 dev eth0",
        "ip route prepend 0.0.0.0/0 via 10.244.1.1 dev eth0",
    ]


def test_a_gateway_that_ipam_left_out_is_the_networks_first_address():
    bridge = bridge_config(conf(isGateway=True))
    whole = with_gateways(bridge, {"ips": [{"address": "fd00::7/64"}, {"address": "10.1.2.9/28"}], "routes": []})
    assert [each["gateway"] for each in whole["ips"]] == ["fd00::1", "10.1.2.1"]
    assert [str(each) for each in gateways_of(bridge, whole)] == ["10.1.2.1/28", "fd00::1/64"]


def test_another_address_on_the_bridge_is_refused_or_with_force_address_replaced():
    wanted, other = parse_cidr("10.2.0.1/24"), parse_cidr("10.1.0.1/24")
    assert wanted is not None
    assert other is not None
    with pytest.raises(CniError, match=r"already has an IP address different from 10\.2\.0\.1/24"):
        plan_gateway(bridge_config(conf(isGateway=True)), "cni0", "02:00:00:00:00:01", wanted, [other])
    forced = bridge_config(conf(isGateway=True, forceAddress=True))
    assert typed(plan_gateway(forced, "cni0", "02:00:00:00:00:01", wanted, [other])) == [
        "ip addr del 10.1.0.1/24 dev cni0",
        "ip addr add 10.2.0.1/24 dev cni0 broadcast +",
        "ip link set dev cni0 address 02:00:00:00:00:01",
    ]
    assert plan_gateway(forced, "cni0", "02:00:00:00:00:01", wanted, [wanted]) == []


@pytest.mark.parametrize("name, why", [("", "LinkAttrs.Name cannot be empty"), ("a/b", "invalid argument"),
                                       ("sixteen-letters-", "numerical result out of range")])  # fmt: skip
def test_a_bridge_needs_a_name_that_a_device_can_have(name: str, why: str):
    refuse_bridge("cni0")
    with pytest.raises(CniError) as refusal:
        refuse_bridge(name)
    assert refusal.value.msg == f'failed to create bridge "{name}": could not add "{name}": {why}'


def test_a_route_that_cannot_be_is_told_as_the_reference_tells_it():
    routes = [
        {"dst": "10.99.0.0/16", "table": 7, "scope": 253},
        {"dst": "0.0.0.0/0", "gw": "10.1.1.1"},
        {"dst": "::/0"},
    ]
    plan = plan_pod(bridge_config(conf()), {"ips": [], "routes": routes}, NETNS, "eth0")
    own = "{0.0.0.0 00000000000000000000ffff00000000}"
    assert [command.purpose for command in plan if command.argv[:2] == ("ip", "route")] == [
        "failed to add route '{10.99.0.0 ffff0000} via <nil> dev eth0 metric 0 (Scope: link, Table: 7)'",
        f"failed to add route '{own} via 10.1.1.1 dev eth0 metric 0 (Scope: universe, Table: 0)'",
        "failed to add route '{:: 00000000000000000000000000000000} via <nil> dev eth0 metric 0 (Scope: universe, Table: 0)'",
    ]


def test_a_containers_chain_has_the_name_that_the_reference_gives_it():
    """From the recorded chain and from the reference's own tests."""
    assert chain_name("chain", "cid-0001") == "CNI-0b566f2ef375d2fe10eb6883"
    assert chain_name("chain", "cid-0001", "DN-") == "CNI-DN-0b566f2ef375d2fe10eb6"


def test_masquerading_spares_the_pods_own_network_and_multicast():
    pod = parse_cidr("10.22.6.2/24")
    assert pod is not None
    made, jump = plan_masquerade("chain", "cid-0001", [pod])
    comment = r'-m comment --comment "name: \"chain\" id: \"cid-0001\""'
    assert made.stdin.splitlines() == [
        "*nat",
        ":CNI-0b566f2ef375d2fe10eb6883 - [0:0]",
        f"-A CNI-0b566f2ef375d2fe10eb6883 -d 10.22.6.0/24 {comment} -j ACCEPT",
        f"-A CNI-0b566f2ef375d2fe10eb6883 ! -d 224.0.0.0/4 {comment} -j MASQUERADE",
        "COMMIT",
    ]
    assert jump.argv[:7] == ("iptables", "-w", "-t", "nat", "-A", "POSTROUTING", "-s")


@pytest.mark.parametrize(
    "story, more, msg",
    [
        ("a VLAN out of range", {"vlan": 5000}, "invalid VLAN ID 5000 (must be between 0 and 4094)"),
        ("half a trunk", {"vlanTrunk": [{"minID": 1}]},
         "minID and maxID should be configured simultaneously, maxID is missing"),
        ("a wrong kind", {"forceAddress": "yes"},
         "failed to load netconf: json: cannot unmarshal string into Go struct field NetConf.forceAddress of type bool"),
    ],
)  # fmt: skip
def test_a_configuration_that_cannot_be_is_refused(story: str, more: dict[str, Any], msg: str):
    with pytest.raises(CniError) as refusal:
        bridge_config(conf(**more))
    assert refusal.value.as_json() == {"code": 999, "msg": msg}, story


def recorded_steps(name: str, binaries: Path, data: Path) -> list[dict[str, Any]]:
    """A recording as steps for our plugins; the firewall plugin stays the reference's."""
    steps: list[dict[str, Any]] = []
    for step in steps_of(name):
        if "plugin" in step:
            directory = REFERENCE if step["plugin"] == "firewall" else binaries
            env = step["env"] | {"CNI_PATH": str(binaries)}
            stdin = moved(step["stdin"], "/tmp/cnidata", str(data))
            steps.append(
                {"path": str(directory / step["plugin"]), "env": env, "stdin": stdin, "stands_for": step["stdout"]}
            )
        else:
            steps.append({"picture": str(data)})
    return steps


@on_a_node
@beside
@pytest.mark.parametrize("name", ["bridge_isgateway", "chain_k8s", "errors"])
def test_the_recorded_calls_get_the_recorded_answers_and_leave_the_recorded_node(name: str, tmp_path: Path):
    """Answers, exit codes, devices, addresses, routes, rules and reservation files; random names and MACs excepted."""
    binaries = installed(tmp_path / "bin", "host-local", "bridge", "portmap")
    answers = lab(recorded_steps(name, binaries, tmp_path / "data"))
    for number, (step, answer) in enumerate(zip(steps_of(name), answers, strict=True)):
        if "plugin" not in step:
            assert answer["ipam_files"] == moved(step["ipam_files"], "/tmp/cnidata/", ""), number
            for space, rows in step["namespaces"].items():
                seen = {
                    key: tidy(answer["namespaces"][space][key]) for key in rows if key in answer["namespaces"][space]
                }
                assert seen == {key: tidy(rows[key]) for key in seen}, (number, space)
            continue
        said, wanted = answer[1], moved(step["stdout"], "ORACLE/cnibin", str(binaries))
        assert (answer[0], answer[2]) == (step["exit_code"], step["stderr"]), (number, answer)
        if isinstance(wanted, dict) and "code" in wanted and "details" not in wanted:
            said = {key: value for key, value in said.items() if key != "details"}  # advice is ours alone
        said, wanted = (without_empty_dns(each) if step["plugin"] == "firewall" else each for each in (said, wanted))
        assert tidy(said) == tidy(wanted), number


def without_empty_dns(answer: Any) -> Any:
    """Debian's firewall plugin is older than the recorded one and prints an empty resolver."""
    return {key: each for key, each in answer.items() if key != "dns"} if isinstance(answer, dict) else answer


VARIANTS: dict[str, dict[str, Any]] = {
    "no gateway": {},
    "default gateway and masquerading": {"bridge": "br7", "isDefaultGateway": True, "ipMasq": True},
    "hairpin": {"isGateway": True, "hairpinMode": True, "mtu": 1400},
    "promiscuous": {"isGateway": True, "promiscMode": True},
    "a MAC of its own": {"isGateway": True, "args": {"cni": {"mac": "c2:b0:57:49:47:f1"}}},
    "in a VLAN": {"isGateway": True, "vlan": 100},
    "an old version": {"cniVersion": "0.3.1", "isGateway": True},
    "layer 2 only": {"ipam": {}},
    "no such IPAM": {"ipam": {"type": "nonesuch"}},
    "a MAC with dashes, an MTU below zero": {"isGateway": True, "mtu": -5, "runtimeConfig": {"mac": "C2-B0-57-49-47-F2"}},
    "a default route twice": {"isDefaultGateway": True, "ipam": {
        "ranges": [[{"subnet": "10.22.3.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
    "a gateway elsewhere": {"isDefaultGateway": True, "ipam": {
        "ranges": [[{"subnet": "10.22.3.0/24", "gateway": "10.77.1.1"}]]}},
    "two addresses of a family": {"isGateway": True, "forceAddress": True, "ipam": {
        "ranges": [[{"subnet": "10.22.3.0/24"}], [{"subnet": "10.22.4.0/24"}]], "routes": [{"dst": "10.99.0.0/16"}]}},
    "both families": {"isDefaultGateway": True, "ipMasq": True, "ipam": {"ranges": [
        [{"subnet": "10.22.3.0/24"}], [{"subnet": "fd00:22::/64"}]], "routes": [{"dst": "10.99.0.0/16", "gw": "10.22.3.7"}]}},
}  # fmt: skip


def story_steps(binaries: Path, data: Path, variant: dict[str, Any]) -> list[dict[str, Any]]:
    """Two pods come, one goes twice, one comes from another network and is refused, the other goes."""
    ipam = {"type": "host-local", "subnet": "10.22.3.0/24", "dataDir": str(data)}
    document = conf(ipam=ipam) | variant
    if "ranges" in document["ipam"]:
        document["ipam"] = {"type": "host-local", "dataDir": str(data)} | document["ipam"]
    other = document | {"ipam": document["ipam"] | ({"subnet": "10.77.0.0/24"} if "subnet" in document["ipam"] else {})}
    path = str(binaries / "bridge")

    def call(command: str, pod: int, stdin: dict[str, Any], **more: Any) -> dict[str, Any]:
        env = environment(command, f"cid-{pod}", CNI_NETNS=f"/var/run/netns/pod{pod}", CNI_PATH=str(binaries))
        return {"path": path, "env": env, "stdin": stdin, **more}

    picture = {"picture": str(data)}
    return [
        call("ADD", 1, document), call("ADD", 2, document), picture, call("ADD", 1, document),
        call("DEL", 2, document), call("DEL", 2, document), picture,
        call("ADD", 3, other), picture, call("DEL", 1, document), picture,
    ]  # fmt: skip


def comparable(answer: Any, binaries: Path) -> Any:
    if isinstance(answer, dict):
        return without_queues(tidy(answer))
    said = moved(answer[1], str(binaries), "BIN")
    if isinstance(said, dict):
        said = {key: value for key, value in said.items() if key != "details" and (key, value) != ("dns", {})}
        if str(said.get("msg")).startswith("container veth name"):
            said["msg"] = "container veth name is taken"  # worded anew since 1.2
        if "failed to add route" in str(said.get("msg")):
            said["msg"] = said["msg"].replace(" metric 0 (Scope: universe, Table: 0)", "")  # said since 1.6
    return [answer[0], tidy(said)]


def without_queues(value: Any) -> Any:
    """Debian's plugin gives the pod's end a queue of 0; the recorded one leaves it the kernel's."""
    if isinstance(value, dict):
        return {key: without_queues(each) for key, each in value.items() if key != "txqlen"}
    return [without_queues(each) for each in value] if isinstance(value, list) else value


@on_a_node
@beside
@pytest.mark.parametrize("story", VARIANTS)
def test_the_reference_plugin_beside_ours_answers_and_leaves_the_same(story: str, tmp_path: Path):
    binaries = installed(tmp_path / "bin", "host-local", "bridge")
    mine = lab(story_steps(binaries, tmp_path / "mine", VARIANTS[story]))
    theirs = lab(story_steps(REFERENCE, tmp_path / "theirs", VARIANTS[story]))
    for number, (ours, reference) in enumerate(zip(mine, theirs, strict=True)):
        assert comparable(ours, binaries) == comparable(reference, REFERENCE), (story, number)
