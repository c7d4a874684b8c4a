"""The CNI contract on the model: what it says beforehand is what real plugins then do on the real kernel."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from cni_calls import REFERENCE, environment, installed
from cni_lab import lab, tidy, why_not

from kubenet_course.cni.contract.spec import CniError
from kubenet_course.cni.node.node import Node
from kubenet_course.errors import BadInput
from kubenet_course.linux.netfilter.iptables.save import read, write
from kubenet_course.linux.packet.address import family
from kubenet_course.linux.packet.packet import Packet
from kubenet_course.views.cni import calls, commands, diagram

on_a_node = pytest.mark.skipif(bool(why_not()), reason=why_not() or "a node can be made")
beside = pytest.mark.skipif(not REFERENCE.is_dir(), reason="needs containernetworking-plugins")

IPAM = {"type": "host-local", "subnet": "10.244.1.0/24"}
BRIDGE = {
    "type": "bridge",
    "bridge": "cni0",
    "isDefaultGateway": True,
    "ipMasq": True,
    "hairpinMode": True,
    "ipam": IPAM,
}
PORTMAP = {"type": "portmap", "capabilities": {"portMappings": True}}
BANDWIDTH = {"type": "bandwidth", "capabilities": {"bandwidth": True}}
PORTS = [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]


def network(*plugins: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"cniVersion": "1.0.0", "name": "podnet", "plugins": list(plugins or (BRIDGE, PORTMAP))} | more


def node(*pods: str) -> Node:
    made = Node()
    for pod in pods:
        made.sandbox(pod, "tcp 0.0.0.0:80 web")
    return made


# -- beside the real kernel --------------------------------------------------------------------------------------------

BOTH = [[{"subnet": "10.244.1.0/24"}], [{"subnet": "fd00:10:244:1::/64"}]]
NETWORKS: dict[str, dict[str, Any]] = {
    "a default gateway and masquerading": BRIDGE,
    "no gateway": {"type": "bridge", "bridge": "br7", "ipam": IPAM},
    "hairpin off, a smaller MTU": BRIDGE | {"hairpinMode": False, "mtu": 1400},
    "a route of its own": BRIDGE | {"ipam": IPAM | {"routes": [{"dst": "10.99.0.0/16", "gw": "10.244.1.7"}]}},
    "both families": BRIDGE | {"ipam": {"type": "host-local", "ranges": BOTH}},
    "a MAC of its own": BRIDGE | {"args": {"cni": {"mac": "c2:b0:57:49:47:f1"}}},
    "layer 2 only": {"type": "bridge", "bridge": "cni0"},
}  # fmt: skip


def real(path: Path, data: Path, bridge: dict[str, Any]) -> list[Any]:
    """ADD of two pods, the node; DEL of the first, the node: answers of real plugins on a private node."""
    ipam = bridge.get("ipam")
    own = network()["cniVersion"], "podnet"
    conf = (
        bridge
        | ({"ipam": ipam | {"dataDir": str(data)}} if ipam else {})
        | dict(zip(("cniVersion", "name"), own, strict=True))
    )
    ports = PORTMAP | {"runtimeConfig": {"portMappings": PORTS}} | dict(zip(("cniVersion", "name"), own, strict=True))

    def call(plugin: str, command: str, pod: int, stdin: dict[str, Any], **more: Any) -> dict[str, Any]:
        env = environment(command, f"pod{pod}", CNI_NETNS=f"/var/run/netns/pod{pod}", CNI_PATH=str(path))
        return {"path": str(path / plugin), "env": env, "stdin": stdin, **more}

    first = [call("bridge", "ADD", 1, conf), call("portmap", "ADD", 1, ports, prev=0)]
    second = [call("bridge", "ADD", 2, conf), call("portmap", "ADD", 2, ports | {"runtimeConfig": {}}, prev=2)]
    gone = [call("portmap", "DEL", 1, ports, prev=1), call("bridge", "DEL", 1, conf, prev=1)]
    picture = [{"picture": str(data)}]
    return lab([*first, *second, *picture, *gone, *picture])


def rules(lines: list[str]) -> str:
    """The chains that plugins made, and the rules of each in their order."""
    text = write(read("\n".join(lines), "nat").rules)
    return "\n".join(
        sorted(
            (line for line in text.splitlines() if line[0] == "-" or " - [" in line), key=lambda line: line.split()[:2]
        )
    )


def real_world(picture: dict[str, Any]) -> dict[str, Any]:
    """Addresses, MTUs, routes, ports, switches and rules, as they can be compared."""
    seen: dict[str, Any] = {}
    for name in ("cnode", "pod1", "pod2"):
        space = picture["namespaces"][name]
        devices = [each for each in space["addr"] if each["ifname"] not in ("lo", "eth0", "uplink") or name != "cnode"]
        seen[name] = {
            "addresses": sorted(
                f"{tidy(each['ifname'])} {own['local']}/{own['prefixlen']}"
                for each in devices if each["ifname"] != "lo"
                for own in each["addr_info"] if own["scope"] == "global"
            ),
            "mtu": sorted((tidy(each["ifname"]), each["mtu"]) for each in devices if each["ifname"] != "lo"),
            "routes": sorted(
                f"{row['dst']} {row.get('gateway', '')} {tidy(row['dev'])}"
                for row in space["route"]
                if row.get("table") not in ("local",) and row["dev"] not in ("lo",) and (name != "cnode" or row["dev"] != "eth0")
                and row.get("type", "unicast") == "unicast" and not row["dst"].startswith(("fe80:", "ff00:", "multicast"))
            ),
        }  # fmt: skip
    host = picture["namespaces"]["cnode"]
    seen["ports"] = sorted((each["master"], "UP" in each["flags"]) for each in host["bridge_link"])
    details = [each.get("linkinfo", {}).get("info_slave_data", {}) for each in host["link"] if "master" in each]
    seen["hairpin"] = sorted(each["hairpin"] for each in details)
    seen["sysctl"] = {name: value for name, value in host["sysctl"].items() if not name.endswith("route_localnet")}
    seen["rules"] = {of: rules(host[f"{program}_save"]) for of, program in ((4, "iptables"), (6, "ip6tables"))}
    return seen


def model_world(made: Node) -> dict[str, Any]:
    """The same of the model."""
    seen: dict[str, Any] = {}
    for mine, name in (("cnode", "node-1"), ("pod1", "pod1"), ("pod2", "pod2")):
        ns = made.world[name]
        devices = [
            each for each in ns.devices.values() if each.name != "lo" and (each.name != "eth0" or name != "node-1")
        ]
        rows = [row for by in ns.fib.main.values() for _, nets in by for same in nets.values() for row in same]
        seen[mine] = {
            "addresses": sorted(
                f"{tidy(each.name)} {own}" for each in devices for own in each.addresses if not own.address.startswith("fe80:")
            ),
            "mtu": sorted((tidy(each.name), each.mtu) for each in devices),
            "routes": sorted(
                f"{row.prefix if row.prefix.mask else 'default'} {row.via} {tidy(row.dev)}"
                for row in rows
                if not row.prefix.first.startswith(("fe80:", "ff00:"))
                and row.dev != "lo" and (name != "node-1" or row.dev != "eth0")
            ),
        }  # fmt: skip
    host = made.world["node-1"]
    ports = [each for each in host.devices.values() if each.master]
    seen["ports"] = sorted((each.master, each.up) for each in ports)
    seen["hairpin"] = sorted(each.hairpin for each in ports)
    names = ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding")
    seen["sysctl"] = {name: str(host.sysctl(name.replace("/", "."))) for name in names}
    seen["rules"] = {of: rules(write(host.ruleset(of)).splitlines()) for of in (4, 6)}
    return seen


def foretold(bridge: dict[str, Any]) -> list[Any]:
    """What the model answers to the same calls, and its world after them."""
    made = node("pod1", "pod2")
    net = network(bridge, PORTMAP)
    answers: list[Any] = [made.add(net, "pod1", portMappings=PORTS).calls, made.add(net, "pod2").calls]
    before = model_world(made)
    assert made.delete(net, "pod1").error is None
    return [answers, before, model_world(made)]


@on_a_node
@beside
@pytest.mark.parametrize("whose", ["ours", "Debian's"])
@pytest.mark.parametrize("name", NETWORKS)
def test_what_the_model_says_beforehand_is_what_the_plugins_do(name: str, whose: str, tmp_path: Path):
    path = installed(tmp_path / "bin", "host-local", "bridge", "portmap") if whose == "ours" else REFERENCE
    done = real(path, tmp_path / "data", NETWORKS[name])
    answers, before, after = foretold(NETWORKS[name])
    for number, (pod, plugin) in enumerate((pod, plugin) for pod in (0, 1) for plugin in ("bridge", "portmap")):
        call = next(one for one in answers[pod] if one.plugin == plugin)
        said = {key: value for key, value in done[number][1].items() if (key, value) != ("dns", {})}
        assert tidy(call.answer) == tidy(said), (plugin, pod)
    assert real_world(done[4]) == before
    assert real_world(done[7]) == after


LIMITS: dict[str, dict[str, int]] = {
    "none": {},
    "what comes in": {"ingressRate": 1000000, "ingressBurst": 100000},
    "both ways": {"ingressRate": 1000000, "ingressBurst": 100000, "egressRate": 500000, "egressBurst": 50000},
    "a burst without a rate": {"ingressBurst": 100000},
    "a rate without a burst": {"egressRate": 100000},
    "a burst of more than 4 GB": {"ingressRate": 1000, "ingressBurst": 8 * 2**32},
}


@on_a_node
@beside
@pytest.mark.parametrize("name", LIMITS)
def test_bandwidth_answers_as_the_reference_plugin_does(name: str, tmp_path: Path):
    """The model makes no queue and no device for one; what it answers, codes and sentences included, is the same."""
    own = {"cniVersion": "1.0.0", "name": "podnet"}
    env = environment("ADD", "pod1", CNI_NETNS="/var/run/netns/pod1", CNI_PATH=str(REFERENCE))
    bridge = {
        "path": str(REFERENCE / "bridge"),
        "env": env,
        "stdin": BRIDGE | own | {"ipam": IPAM | {"dataDir": str(tmp_path)}},
    }
    conf = BANDWIDTH | own | {"runtimeConfig": {"bandwidth": LIMITS[name]}}
    chained = {"path": str(REFERENCE / "bandwidth"), "env": env, "stdin": conf, "prev": 0}
    alone = {"path": str(REFERENCE / "bandwidth"), "env": env, "stdin": conf}
    real_answers = lab([bridge, chained, alone])
    offered: dict[str, Any] = {"bandwidth": LIMITS[name]} if LIMITS[name] else {}
    made = node("pod1")
    call = made.add(network(BRIDGE, BANDWIDTH), "pod1", **offered).calls[-1]
    assert said_by(call) == tidy(without_dns(real_answers[1][1]))
    first = node("pod1").add(network(BANDWIDTH), "pod1", **offered).calls[-1]
    if LIMITS[name]:
        assert said_by(first) == tidy(real_answers[2][1])


def said_by(call: Any) -> Any:
    """A plugin's answer, the error object without our advice."""
    if call.error is None:
        return tidy(call.answer)
    return {"code": call.error.code, "msg": call.error.msg}


def without_dns(answer: Any) -> Any:
    return {key: value for key, value in answer.items() if (key, value) != ("dns", {})}


# -- stories -----------------------------------------------------------------------------------------------------------


def test_a_pod_that_was_added_is_reached_by_its_neighbour_by_its_node_and_reaches_outside_as_its_node():
    made = node("client", "web")
    assert [made.add(network(), pod).error for pod in ("client", "web")] == [None, None]
    for who, to in (
        ("ip netns exec client", "10.244.1.3"),
        ("", "10.244.1.3"),
        ("ip netns exec client", "203.0.113.9"),
    ):
        assert "1 received" in str(made(f"{who} ping -c 1 {to}".strip()))
    assert "it saw 192.168.1.11 as the sender" in str(made("ip netns exec client ping -c 1 203.0.113.9"))


def test_without_masquerading_nobody_outside_can_answer():
    made = node("client")
    made.add(network(BRIDGE | {"ipMasq": False}), "client")
    assert "0 received" in str(made("ip netns exec client ping -c 1 203.0.113.9"))


def test_a_host_port_leads_to_the_pod():
    from kubenet_course.linux import ask, tcp
    from kubenet_course.linux.verdicts import verdict

    made = node("web")
    made.add(network(), "web", portMappings=PORTS)
    trace = ask(made.world, tcp("192.168.1.1", 40000, "192.168.1.11", 8080), "outside")
    assert verdict(trace).delivered_to.startswith("web")
    assert isinstance(trace.last.skb.packet, Packet)


def test_each_plugin_is_given_what_the_one_before_answered_and_only_the_capabilities_it_declares():
    answer = node("web").add(network(BRIDGE, PORTMAP, BANDWIDTH), "web", portMappings=PORTS)
    assert [call.given for call in answer.calls] == [[], [], ["prevResult", "runtimeConfig"], ["prevResult"]]
    bridge, _, portmap, bandwidth = answer.calls
    assert portmap.conf["prevResult"] == bridge.answer
    assert bandwidth.conf["prevResult"] == portmap.answer == answer.result


def test_an_ipam_plugin_is_called_by_the_plugin_that_wires_with_the_same_environment_and_input():
    bridge, ipam, *_ = node("web").add(network(), "web").calls
    assert (ipam.caller, ipam.plugin, ipam.depth) == ("bridge", "host-local", 1)
    assert (ipam.env, ipam.conf) == (bridge.env, bridge.conf)


def test_del_goes_backwards_with_the_result_of_add_and_leaves_nothing_of_the_pod():
    made = node("web", "client")
    result = made.add(network(BRIDGE, PORTMAP, BANDWIDTH), "web", portMappings=PORTS).result
    answer = made.delete(network(BRIDGE, PORTMAP, BANDWIDTH), "web")
    assert [call.plugin for call in answer.calls] == ["bandwidth", "portmap", "bridge", "host-local"]
    assert all(call.conf["prevResult"] == result for call in answer.calls)
    assert list(made.world["web"].devices) == ["lo"]
    assert made.held("podnet") == {}
    assert "10.244.1.2" not in write(made.world["node-1"].ruleset(4))


def test_what_is_tried_on_a_copy_does_not_make_the_node_forget():
    mine = node("web")
    assert mine.add(network(), "web").error is None
    tried = deepcopy(mine)
    for one in (tried, mine):
        assert {"prevResult"} <= set(one.delete(network(), "web").calls[0].conf)
    assert not mine.held("podnet")


def test_del_twice_and_of_a_pod_whose_namespace_is_gone_is_no_error():
    made = node("web")
    made.add(network(), "web")
    made("ip netns del web")
    assert [made.delete(network(), "web").error for _ in range(2)] == [None, None]
    assert made.held("podnet") == {}


@pytest.mark.parametrize(
    "harm, told",
    [
        ("ip -n web addr del 10.244.1.2/24 dev eth0", "Failed to match addr 10.244.1.2/24 on interface eth0"),
        ("ip -n web route del default", "Expected Route {Dst:0.0.0.0/0 GW:10.244.1.1} not found in routing table"),
        ("ip link set cni0 address 02:00:00:00:00:01", "Mac doesn't match"),
        ("ip link set {veth} nomaster", "CNI veth created for bridge cni0 was not found"),
    ],
)
def test_check_finds_what_somebody_has_changed(harm: str, told: str):
    made = node("web")
    veth = made.add(network(), "web").result["interfaces"][1]["name"]
    assert made.check(network(), "web").error is None
    assert not made(harm.format(veth=veth)).refused
    assert told in str(made.check(network(), "web").error)


def test_gc_takes_away_who_is_not_among_the_living():
    made = node("web", "client", "lost")
    net = network(cniVersion="1.1.0")
    for pod in ("web", "client", "lost"):
        made.add(net, pod)
    made("ip netns del lost")
    answer = made.collect(net, ["web", "client"])
    assert [call.verb for call in answer.calls if call.plugin == "bridge"] == ["DEL", "GC"]
    assert set(made.held("podnet").values()) == {"web", "client"}


def test_an_address_that_no_cache_remembers_is_found_by_the_plugins_own_gc():
    made = node("web")
    net = network(cniVersion="1.1.0")
    made._stores.commands["ADD"](made_call(net))
    assert made.held("podnet") == {"10.244.1.2": "lost"}
    made.collect(net, [])
    assert made.held("podnet") == {}


def made_call(net: dict[str, Any]) -> Any:
    """An ADD that a runtime made and forgot."""
    from kubenet_course.cni.contract.skel import Call

    conf = {"cniVersion": "1.1.0", "name": net["name"]} | net["plugins"][0]
    return Call(
        "ADD", "lost", "/var/run/netns/lost", "eth0", "", "/opt/cni/bin", conf, "1.1.0", json.dumps(conf).encode()
    )


def test_status_and_version_are_answered_by_every_plugin():
    made = node()
    answer = made.status(network(cniVersion="1.1.0"))
    assert (answer.error, [call.plugin for call in answer.calls]) == (None, ["bridge", "host-local", "portmap"])
    assert made.versions("portmap").result["supportedVersions"][-1] == "1.1.0"


@pytest.mark.parametrize(
    "net, code, told",
    [
        (network({"type": "weave"}), 999, 'failed to find plugin "weave" in path [/opt/cni/bin]'),
        (network(cniVersion="1.2.0"), 1, "incompatible CNI versions"),
        (network(PORTMAP), 999, "must be called as chained plugin"),
        (network(BRIDGE | {"ipam": {"type": "host-local"}}), 999, "no IP ranges specified"),
        (network(BRIDGE | {"ipam": IPAM | {"subnet": "10.244.1.1/24"}}), 999, "Network has host bits set"),
        (network(BRIDGE | {"vlan": 5000}), 999, "invalid VLAN ID 5000"),
        (network(BRIDGE | {"hairpinMode": "on"}), 999, "failed to load netconf"),
    ],
)
def test_what_a_runtime_cannot_use_gets_the_references_code_and_sentence(net: dict[str, Any], code: int, told: str):
    made = node("web")
    answer = made.add(net, "web")
    assert isinstance(answer.error, CniError)
    assert (answer.error.code, told in str(answer.error)) == (code, True), answer
    assert made.held("podnet") == {}


@pytest.mark.parametrize(
    "what", [{"promiscMode": True, "hairpinMode": False}, {"vlan": 7}, {"portIsolation": True}, {"macspoofchk": True}]
)
def test_what_the_model_cannot_wire_is_an_error_of_the_plugin_and_no_traceback(what: dict[str, Any]):
    answer = node("web").add(network(BRIDGE | what), "web")
    assert answer.error is not None
    assert answer.error.code == 999


@pytest.mark.parametrize("document", [[], "text", {}, {"name": "x", "plugins": {}}, {"name": "x", "plugins": [3]}])
def test_a_document_that_is_no_network_is_refused_before_any_call(document: Any):
    with pytest.raises(BadInput):
        node("web").add(document, "web")


def test_addresses_of_the_model_never_leave_the_range_or_repeat():
    made = node()
    net = network({"type": "bridge", "ipam": {"type": "host-local", "subnet": "10.244.1.0/29"}})
    for number in range(5):
        made.sandbox(f"p{number}")
        assert made.add(net, f"p{number}").error is None
    made.sandbox("late")
    assert "no IP addresses available in range set: 10.244.1.1-10.244.1.6" in str(made.add(net, "late").error)
    assert len(set(made.held("podnet"))) == 5


def test_the_same_story_is_told_twice_in_the_same_words():
    def told() -> str:
        answer = node("web").add(network(), "web", portMappings=PORTS)
        return f"{answer}{diagram(answer)}{calls(answer)}{commands(answer)}"

    assert told() == told()


def test_every_command_is_kept_with_the_world_after_it():
    made = node("web")
    answer = made.add(network(), "web")
    has = ["cni0" in one.world["node-1"].devices for one in answer.typed]
    assert has[0] and all(has)
    assert answer.typed[-1].world["web"].devices["eth0"].addresses == made.world["web"].devices["eth0"].addresses


# -- the picture -------------------------------------------------------------------------------------------------------


def test_the_sequence_tells_each_call_once_in_order_and_an_error_to_the_end():
    added = diagram(node("web").add(network(), "web"))
    assert [line.split(". ", 1)[1] for line in str(added).splitlines()][:4] == [
        "kubelet to runtime: RunPodSandbox for web", "runtime to bridge: ADD",
        "bridge to kernel: 8 commands", "bridge to host-local: ADD",
    ]  # fmt: skip
    broken = str(diagram(node("web").add(network(BRIDGE | {"ipam": {"type": "host-local"}}), "web")))
    assert "host-local answers bridge: error 999, no IP ranges specified" in broken
    assert (
        'failed to setup network for sandbox "web": plugin type="bridge" failed (add): no IP ranges specified' in broken
    )


def test_both_renderers_draw_all_that_is_said():
    shown = diagram(node("web").add(network(BRIDGE, PORTMAP, BANDWIDTH), "web", portMappings=PORTS))
    made = shown._repr_mimebundle_()
    assert made["text/plain"].count("\n") + 1 == sum(
        line.key.startswith("message") for line in shown.scene.drawing.lines
    )
    assert all(f">{word}<" in shown.svg for word in ("kubelet", "runtime", "host-local", "kernel", "ADD"))
    assert made["image/png"].startswith("iVBOR")
    assert all(0 <= label.x <= shown.scene.drawing.width for label in shown.scene.drawing.labels)


def test_the_wiring_shows_each_command_with_the_node_after_it_and_says_the_same_as_text():
    from kubenet_course.views.cni_steps import Wiring

    answer = node("web").add(network(), "web")
    steps = Wiring(answer)
    assert str(steps).startswith("Command 1 of 18, by bridge on node-1: ip link add name cni0 type bridge")
    assert "web 10.244.1.2" not in str(steps)
    steps.step = len(answer.typed)
    assert "web 10.244.1.2 on bridge cni0 10.244.1.1" in str(steps)
    assert answer.typed[-1].command.split()[0] in steps.page.value
    made = steps._repr_mimebundle_()
    assert made["text/plain"] == str(steps) and made["image/png"].startswith("iVBOR")


@pytest.mark.parametrize("number", [0, -1, 99])
def test_a_command_that_there_is_not_is_refused(number: int):
    from kubenet_course.views.cni_steps import Wiring

    steps = Wiring(node("web").add(network(), "web"))
    with pytest.raises(BadInput, match="count from 1 to"):
        steps.step = number
    with pytest.raises(BadInput, match="no plugin has run a command"):
        Wiring(node().status(network(cniVersion="1.1.0")))


def test_families_of_the_model_are_those_of_the_ranges():
    both = BRIDGE | {"ipam": NETWORKS["both families"]["ipam"]}
    made = node("web")
    made.add(network(both), "web")
    own = made.world["web"].devices["eth0"].addresses
    assert {family(each.address).number for each in own} == {4, 6}
