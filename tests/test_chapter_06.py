"""Chapter 06: plugins as files, what the kubelet says, and its exercises with answers that people really give."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from random import Random

import cni_lab
import pytest
from cni_calls import REFERENCE, ROOT
from cni_lab import lab, why_not

from kubenet_course.cni.contract.conflist import first_of
from kubenet_course.cni.contract.spec import CniError
from kubenet_course.cni.node.files import by_hand, executable, limited, on_trial, ours
from kubenet_course.cni.node.files import tried as on_trial_ran
from kubenet_course.cni.node.node import Answer, Node
from kubenet_course.cni.runtime.folder import load_status
from kubenet_course.cni.runtime.kubelet import readiness, sandbox_event
from kubenet_course.errors import BadInput
from kubenet_course.learn.bank import find, of_chapter
from kubenet_course.learn.bank.ch06.conflist import FAULTS, broken
from kubenet_course.learn.bank.ch06.networks import drawn, tried
from kubenet_course.learn.bank.ch06.plugin import SOLUTION, Wanted, trial
from kubenet_course.learn.bank.ch06.recall import CODES, answered, call_of
from kubenet_course.learn.questions.feedback import RIGHT, UNREADABLE, WRONG, judged
from kubenet_course.linux.packet.packet import tcp
from kubenet_course.linux.walk import ask
from kubenet_course.views.cni import commands
from kubenet_course.views.cni_steps import Wiring
from kubenet_course.views.drawing.sequence import Message, sequence
from kubenet_course.views.story.moments import moments, way

on_a_node = pytest.mark.skipif(bool(why_not()), reason=why_not() or "a node can be made")
PING = [sys.executable, cni_lab.__file__, "ping", "10.244.1.77"]
ENV = {"CNI_COMMAND": "ADD", "CNI_CONTAINERID": "web", "CNI_NETNS": "/var/run/netns/web"}
ENV |= {"CNI_IFNAME": "eth0", "CNI_PATH": "/none"}


def conf(store: Path, version: str = "1.0.0", **more: object) -> dict[str, object]:
    ipam = {"type": "host-local", "subnet": "10.244.1.0/24", "dataDir": str(store)}
    return {"cniVersion": version, "name": "podnet", "ipam": ipam} | more


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not (REFERENCE / "host-local").exists(), reason="needs containernetworking-plugins")
@pytest.mark.parametrize("command", ["ADD", "DEL", "CHECK", "VERSION"])
def test_without_root_our_host_local_answers_by_hand_as_the_reference_does(command: str, tmp_path: Path):
    answers = []
    for plugin, store in ((ours(tmp_path / "bin", "host-local"), "ours"), (REFERENCE / "host-local", "theirs")):
        ran = [by_hand(plugin, ENV | {"CNI_COMMAND": each}, conf(tmp_path / store)) for each in ("ADD", command)]
        answers.append([(each.code, each.answer) for each in ran])
    if command == "VERSION":  # Debian's is older and speaks fewer versions
        assert set(answers[1][1][1]["supportedVersions"]) <= set(answers[0][1][1]["supportedVersions"])
        answers = [each[:1] for each in answers]
    assert answers[0] == [without_dns(*each) for each in answers[1]]


def without_dns(code: int, answer: object) -> tuple[int, object]:
    if isinstance(answer, dict):
        answer = {key: value for key, value in answer.items() if (key, value) != ("dns", {})}
    return code, answer


def test_a_file_works_in_a_folder_with_spaces(tmp_path: Path):
    plugin = executable(tmp_path / "with two spaces", "hello", "print('{}')")
    assert (by_hand(plugin, {}, {}).answer, os.access(plugin, os.X_OK)) == ({}, True)


@pytest.mark.parametrize("name", ["", "../evil", "a b", "-x", "a/b"])
def test_a_name_that_no_plugin_can_have_is_refused(name: str, tmp_path: Path):
    with pytest.raises(BadInput, match="cannot name a plugin"):
        executable(tmp_path, name, "")


def test_a_plugin_that_never_ends_is_ended(tmp_path: Path):
    ran = by_hand(executable(tmp_path, "slow", "import time\ntime.sleep(60)"), {}, {}, limit=0.5)
    assert (ran.code, ran.stderr) == (124, "no answer after 0.5 seconds")


@pytest.mark.parametrize(
    "harm",
    ["import socket; socket.socket()", "import subprocess; subprocess.run(['ls'])", "import os; os.system('ls')",
     "import os; os.fork()", "import os; os.execv('/bin/ls', ['ls'])"],
)  # fmt: skip
def test_a_plugin_on_trial_uses_no_network_and_no_other_program(harm: str, tmp_path: Path):
    ran = on_trial_ran(on_trial(tmp_path, "mine", harm), {}, {})
    assert ran.code == 1
    assert "PermissionError: a program on trial may not use" in ran.stderr


def test_a_traceback_of_a_plugin_on_trial_names_its_own_line(tmp_path: Path):
    ran = on_trial_ran(on_trial(tmp_path, "mine", "x = 1\ny = x / 0\n"), {}, {})
    assert 'File "mine", line 2' in ran.stderr


@pytest.mark.parametrize(
    "source, code, told",
    [
        ('import sys; print(\'{"code": 11, "msg": "later"}\'); sys.exit(1)', 11, "later"),
        ("import sys; print('no JSON'); sys.exit(1)", 999, "netplugin failed: no error message"),
        ("raise ValueError('what is this')", 999, "netplugin failed: ValueError: what is this"),
    ],
)
def test_whatever_a_plugin_does_its_runtime_gets_an_error_object(source: str, code: int, told: str, tmp_path: Path):
    executable(tmp_path, "mine", source)
    with pytest.raises(CniError) as caught:
        limited(str(tmp_path / "mine"), {}, b"{}")
    assert (caught.value.code, caught.value.msg) == (code, told)


def test_a_wrapper_stands_before_the_real_plugin_and_the_models_bridge_calls_it(tmp_path: Path):
    real = ours(tmp_path / "bin", "host-local")
    log = tmp_path / "log"
    spy = f"import os, subprocess, sys\nopen({str(log)!r}, 'a').write(os.environ['CNI_COMMAND'] + ' ')\n"
    executable(tmp_path / "spy", "host-local", f"{spy}sys.exit(subprocess.run([{str(real)!r}]).returncode)\n")
    node = Node(path=[tmp_path / "spy"])
    node.sandbox("web")
    ipam = {"type": "host-local", "subnet": "10.244.1.0/24", "dataDir": str(tmp_path / "store")}
    net = {"cniVersion": "1.1.0", "name": "podnet", "plugins": [{"type": "bridge", "isGateway": True, "ipam": ipam}]}
    assert node.add(net, "web").error is None
    assert node.check(net, "web").error is None
    assert node.delete(net, "web").error is None
    assert log.read_text().split() == ["ADD", "CHECK", "DEL"]
    assert node.held("podnet") == {}


@on_a_node
@pytest.mark.skipif(not (REFERENCE / "bridge").exists(), reason="needs containernetworking-plugins")
def test_the_plugin_that_the_chapter_writes_serves_debians_bridge_on_the_real_kernel(tmp_path: Path):
    master = (ROOT / "notebooks" / "src" / "06-cni-the-contract.md").read_text()
    source = re.search(r'by_number = """\n(.*?)"""', master, re.DOTALL)
    assert source is not None
    executable(tmp_path / "own", "by-number", source[1])
    given = {
        "cniVersion": "1.0.0",
        "name": "podnet",
        "type": "bridge",
        "isGateway": True,
        "ipam": {"type": "by-number"},
    }
    env = ENV | {
        "CNI_CONTAINERID": "shop-77",
        "CNI_NETNS": "/var/run/netns/pod1",
        "CNI_PATH": f"{tmp_path / 'own'}:{REFERENCE}",
    }
    path = str(REFERENCE / "bridge")
    calls = [{"path": path, "env": env | {"CNI_COMMAND": verb}, "stdin": given} for verb in ("ADD", "DEL", "DEL")]
    added, pinged, *deleted = lab([calls[0], {"run": PING}, *calls[1:]])
    assert [each["address"] for each in added[1]["ips"]] == ["10.244.1.77/24"]
    assert pinged[0] == 0, "the pod answers its node"
    assert [each[0] for each in deleted] == [0, 0]


# -- what the kubelet says ---------------------------------------------------------------------------------------------


def test_the_event_repeats_the_runtimes_sentence():
    said = sandbox_event("c1", CniError(999, 'plugin type="bridge" failed (add): no IP ranges specified'))
    assert said.endswith(
        'failed to setup network for sandbox "c1": plugin type="bridge" failed (add): no IP ranges specified'
    )


LIST = '{"cniVersion":"1.0.0","name":"podnet","plugins":[{"type":"bridge"}]}'
SINGLE = '{"cniVersion":"1.0.0","name":"podnet","type":"bridge"}'
NO_OBJECT = "cannot unmarshal array into Go value of type map[string]interface {{}}"
# containerd 1.6.20 with `ctr run --cni`, recorded on this machine in November 2026, each file alone in /etc/cni/net.d.
RECORDED = [
    ("10-podnet.conf", LIST, "file {}: error parsing configuration: missing 'type'"),
    ("10-podnet.json", LIST, "file {}: error parsing configuration: missing 'type'"),
    ("10-podnet.conf", '{"name":"x","type":""}', "file {}: error parsing configuration: missing 'type'"),
    (
        "10-podnet.conf",
        "no json",
        "file {}: error parsing configuration: invalid character 'o' in literal null (expecting 'u')",
    ),
    ("10-podnet.conf", "", "file {}: error parsing configuration: unexpected end of JSON input"),
    ("10-podnet.conflist", "", "list file {}: error parsing configuration list: unexpected end of JSON input"),
    ("10-podnet.conflist", '{"plugins":[{"type":"a"}]}', "list file {}: error parsing configuration list: no name"),
    ("10-podnet.conflist", '{"name":"podnet"}', "list file {}: error parsing configuration list: no 'plugins' key"),
    ("10-podnet.conflist", SINGLE, "list file {}: error parsing configuration list: no 'plugins' key"),
    (
        "10-podnet.conflist",
        '{"name":"a","plugins":[]}',
        "list file {}: error parsing configuration list: no plugins in list",
    ),
    (
        "10-podnet.conflist",
        '{"name":"a","plugins":[{"bridge":"cni0"}]}',
        "list file {}: failed to parse plugin config 0: error parsing configuration: missing 'type'",
    ),
    (
        "10-podnet.conflist",
        "[]",
        f"list file {{}}: error parsing configuration list: json: {NO_OBJECT}",
    ),
]


@pytest.mark.parametrize("name, text, said", RECORDED)
def test_what_containerd_refuses_is_refused_in_its_words_and_the_node_is_not_ready(name, text, said, tmp_path: Path):
    (tmp_path / name).write_text(text)
    told = "failed to load CNI config " + said.format(tmp_path / name)
    assert load_status(tmp_path) == f"cni config load failed: {told}: invalid cni config: failed to load cni config"
    assert readiness(tmp_path).startswith("Ready False KubeletNotReady")


def test_a_node_is_ready_when_the_first_file_by_name_holds_what_its_name_says(tmp_path: Path):
    assert readiness(str(tmp_path)).startswith("Ready False KubeletNotReady: container runtime network not ready")
    assert "cni plugin not initialized" in readiness(str(tmp_path / "missing"))
    (tmp_path / "05-c.txt").write_text("notes")
    (tmp_path / "01-folder.conf").mkdir()
    (tmp_path / "20-b.conflist").write_text(LIST)
    assert (readiness(tmp_path)[:10], load_status(tmp_path)) == ("Ready True", "OK")
    (tmp_path / "10-a.conf").write_text(SINGLE)
    assert (first_of(str(tmp_path)), load_status(tmp_path)) == (str(tmp_path / "10-a.conf"), "OK")
    (tmp_path / "10-a.conf").write_text(LIST)  # containerd does not go on to the next file
    assert readiness(tmp_path).startswith("Ready False")


# -- exercises ---------------------------------------------------------------------------------------------------------


def test_the_codes_of_the_exercise_are_those_that_the_plugin_answers(seed: int):
    for number in range(20):
        chance = Random(f"{seed}:{number}")
        for fault, code in CODES.items():
            assert answered(*call_of(drawn(chance), fault, chance))["code"] == code


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_of_the_broken_network_stops_something_and_the_mended_one_nothing(fault: str):
    of = drawn(Random(fault))
    sick = tried(of, broken(of, fault))
    assert sick.error or fault == "silent"
    assert not tried(of, of.network()).error


@pytest.mark.parametrize(
    "answer, said",
    [
        ("{", "This is not JSON"),
        ("[]", "A conflist is one JSON object"),
        ('"text"', "A conflist is one JSON object"),
        ("ip link add cni0", "This is not JSON"),
    ],
)
def test_what_is_no_conflist_is_not_read_and_counts_nowhere(answer: str, said: str):
    for id in ("06-conflist", "06-repair"):
        told = judged(id, answer)
        assert told.state == UNREADABLE
        assert said in str(told)


@pytest.mark.parametrize(
    "answer", ["{}", '{"plugins": 3}', '{"name": "x", "plugins": [[]]}', '{"name": "x", "plugins": [{"type": 3}]}']
)
def test_a_document_that_no_runtime_takes_is_wrong_with_the_runtimes_sentence(answer: str):
    told = judged("06-conflist", answer)
    assert told.state == WRONG
    assert "The runtime does not take this file" in str(told)


def test_other_right_ways_to_write_the_network_are_right():
    exercise = find("06-conflist")
    for number in (0, 2, 4, 6):
        network = json.loads(exercise.instance(number).solution)
        bridge, portmap = network["plugins"]
        subnet = bridge["ipam"].pop("subnet")
        bridge["ipam"] |= {"ranges": [[{"subnet": subnet}]]}
        bridge |= {"type": "kubenet-bridge", "hairpinMode": True}
        assert judged(exercise, json.dumps(network), number).state == RIGHT
        one_line = json.dumps({"cniVersion": "0.4.0", "name": "other", "plugins": [bridge, portmap]})
        assert judged(exercise, "# mine\n" + one_line, number).state == RIGHT


OF = Wanted("address", 7)
RIGHT_SOURCE = SOLUTION.replace("FIELD", "address").replace("CODE", "7")


@pytest.mark.parametrize(
    "source, belief, told",
    [
        (RIGHT_SOURCE.replace('"VERSION"', '"VER"'), 32, "Asked for VERSION"),
        (RIGHT_SOURCE.replace('json.dumps({"cniVersion": conf', 'str({"cniVersion": conf'), 99, "not one JSON object"),
        ("import time\nwhile True: pass", 96, "expects it to end"),
        ("print('{\"supportedVersions\": 3}')", 32, "1.1.0 in `supportedVersions`"),
        ("print('[1]')", 32, "1.1.0 in `supportedVersions`"),
        ("raise SystemExit(3)", 0, "prints nothing and ends with exit code 3"),
        ("pass", 32, "prints nothing and ends with exit code 0"),
        ("print('hello')\n" + RIGHT_SOURCE, 99, "A stray print: standard output holds 'hello'"),
        (RIGHT_SOURCE.replace("sys.exit(1)", "sys.exit(0)"), 0, "has to print an error object with the code 7"),
        (RIGHT_SOURCE.replace('["FIELD"]', ""), None, ""),
    ],
)
def test_a_written_plugin_is_judged_by_what_the_runtime_sees(source: str, belief: int | None, told: str, monkeypatch):
    monkeypatch.setattr("kubenet_course.cni.node.files.LIMIT", 1.0)
    found = trial(OF, source)
    if belief is None:
        assert found[0].right
        return
    assert not found[0].right
    assert belief in {each.belief for each in found}
    assert told in " ".join(each.said for each in found)


def test_a_text_that_is_not_python_is_no_attempt_and_its_line_is_named():
    told = judged("06-plugin", "import os\nprint(")
    assert told.state == UNREADABLE
    assert "not Python yet. line 2: 'print('" in str(told)


def test_a_plugin_that_waits_for_input_that_has_ended_or_reads_none_is_fine():
    lazy = RIGHT_SOURCE.replace("verb = ", "sys.stdin.read() if os.environ['CNI_COMMAND'] == 'DEL' else 0\nverb = ")
    assert trial(OF, lazy)[0].right


def test_the_exercises_go_from_recall_to_making():
    kinds = [type(one.instance(0)).__name__ for one in of_chapter("06")]
    assert kinds == ["Value", "Order", "Value", "Write", "Repair", "Write"]


@pytest.mark.parametrize("id", ["06-code", "06-order", "06-leak", "06-conflist"])
def test_the_first_four_variants_ask_four_different_things(id: str):
    asked = {re.sub(r"[0-9]+|`[^`]*`", "", find(id).instance(number).asks) for number in range(4)}
    assert len(asked) == 4


# -- what a reader looks at ---------------------------------------------------------------------------------------------


def wired(**bridge: object) -> tuple[Node, Answer]:
    of = drawn(Random("wired"))
    node = Node()
    node.sandbox(of.pod, f"tcp 0.0.0.0:{of.port} web")
    node.listen("outside", "tcp 0.0.0.0:80 far")
    return node, node.add(of.network(**bridge), of.pod, portMappings=of.ports)


def test_commands_are_shown_whole_and_without_the_comments_of_rules():
    _, added = wired()
    shown = [row[0] for row in commands(added, "portmap").rows]
    assert len(shown) == len(added.calls[2].typed)
    assert not any("…" in text or "comment" in text for text in shown)
    assert any(" -j DNAT --to-destination 10.244." in text for text in shown)


def test_a_pod_is_drawn_in_its_node_before_it_has_a_cable():
    _, added = wired()
    pod = added.container
    assert f"node-1 has pods {pod} on bridge" in str(Wiring(added))


@pytest.mark.parametrize("masquerade, is_lost", [(True, False), (False, True)])
def test_the_line_above_the_picture_says_that_the_answer_is_lost(masquerade: bool, is_lost: bool):
    node, added = wired(ipMasq=masquerade)
    own = added.result["ips"][0]["address"].partition("/")[0]
    told = way(moments(ask(node.world, tcp(own, 40000, "203.0.113.9", 80), at=added.container)))
    assert "outside: delivered to far on tcp 80." in told
    assert (f"The answer is lost: outside: no route leads to {own}" in told) == is_lost


# -- the picture -------------------------------------------------------------------------------------------------------


def test_a_sequence_gives_each_message_a_row_and_each_actor_a_column():
    shown = sequence([Message("a", "b", "ask"), Message("b", "c", "ask"), Message("c", "b", "yes", True)])
    rows = [line for line in shown.scene.drawing.lines if line.key.startswith("message")]
    assert [line.points[0][1] for line in rows] == sorted({line.points[0][1] for line in rows})
    assert [box.key for box in shown.scene.drawing.boxes] == ["a", "b", "c"]
    assert str(shown).splitlines() == ["1. a to b: ask", "2. b to c: ask", "3. c answers b: yes"]


def test_host_local_needs_no_capability_of_root(tmp_path: Path):
    plugin = ours(tmp_path / "bin", "host-local")
    bare = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    given = json.dumps(conf(tmp_path / "store"))
    env = ENV | {"PATH": os.environ["PATH"]}
    ran = subprocess.run([*bare, str(plugin)], env=env, input=given, capture_output=True, text=True, check=False)
    assert (ran.returncode, json.loads(ran.stdout)["ips"][0]["address"]) == (0, "10.244.1.2/24"), ran.stderr
