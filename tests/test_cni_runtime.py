"""The runtime's side: chains, results handed on, caching, DEL backwards, GC; and chains of mixed plugins on a private node."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cni_calls import REFERENCE, ROOT, installed
from cni_lab import lab, why_not

from kubenet_course.cli.cni import command
from kubenet_course.cni.contract.conflist import conflist, first_of, read_conflist
from kubenet_course.cni.contract.spec import CniError
from kubenet_course.cni.runtime.cache import Attachment, kept_attachments, kept_result
from kubenet_course.cni.runtime.delegate import call_plugin
from kubenet_course.cni.runtime.runtime import Runtime
from kubenet_course.errors import BadInput

on_a_node = pytest.mark.skipif(bool(why_not()), reason=why_not() or "able")
beside = pytest.mark.skipif(not (REFERENCE / "bridge").exists(), reason="no reference plugins in /usr/lib/cni")
POD = Attachment("c1", "/run/netns/pod1", "eth0", (("IgnoreUnknown", "1"),), (("portMappings", [1]), ("mac", "x")))


class Recorder:
    """Stands for plugins: notes every call, answers ADD with one more address, fails where told."""

    def __init__(self, fails: tuple[str, str] = ("", "")):
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.environments: list[Mapping[str, str]] = []
        self.fails = fails

    def __call__(self, path: str, env: Mapping[str, str], conf: bytes) -> str:
        document, verb = json.loads(conf), env["CNI_COMMAND"]
        self.calls.append((verb, Path(path).name, document))
        self.environments.append(env)
        if (verb, Path(path).name) == self.fails:
            raise CniError(11, "try again", "later")
        before = document.get("prevResult", {}).get("ips", [])
        address = {"address": f"10.0.0.{len(before) + 2}/24"}
        return json.dumps({"cniVersion": document["cniVersion"], "ips": [*before, address]}) if verb == "ADD" else ""

    @property
    def said(self) -> list[str]:
        return [f"{verb} {plugin}" for verb, plugin, _ in self.calls]


def network(version: str = "1.1.0", **more: Any) -> Any:
    able = {"type": "second", "capabilities": {"portMappings": True, "mac": False}}
    return conflist(json.dumps({"cniVersion": version, "name": "net", "plugins": [{"type": "first"}, able], **more}))


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    directory = tmp_path / "bin"
    directory.mkdir()
    for name in ("first", "second"):
        (directory / name).touch()
    return directory


def runtime(plugins: Path, run: Recorder) -> Runtime:
    return Runtime((str(plugins),), str(plugins.parent / "cache"), run)


def test_add_hands_each_result_on_and_keeps_the_last(plugins: Path):
    run = Recorder()
    answer = runtime(plugins, run).add(network(), POD)
    assert run.said == ["ADD first", "ADD second"]
    assert "prevResult" not in run.calls[0][2]
    assert run.calls[1][2]["prevResult"]["ips"] == [{"address": "10.0.0.2/24"}]
    assert [each["address"] for each in answer["ips"]] == ["10.0.0.2/24", "10.0.0.3/24"]
    assert kept_result(str(plugins.parent / "cache"), network(), POD) == answer


def test_every_plugin_gets_the_lists_name_and_version_and_only_what_it_is_capable_of(plugins: Path):
    run = Recorder()
    runtime(plugins, run).add(network(), POD)
    assert [(conf["name"], conf["cniVersion"]) for _, _, conf in run.calls] == [("net", "1.1.0")] * 2
    assert ["runtimeConfig" in conf for _, _, conf in run.calls] == [False, True]
    assert run.calls[1][2]["runtimeConfig"] == {"portMappings": [1]}
    env = {name: value for name, value in run.environments[0].items() if name.startswith("CNI_")}
    wanted = {"COMMAND": "ADD", "CONTAINERID": "c1", "NETNS": "/run/netns/pod1", "IFNAME": "eth0"}
    wanted |= {"ARGS": "IgnoreUnknown=1", "PATH": str(plugins)}
    assert env == {f"CNI_{name}": value for name, value in wanted.items()}


def test_a_failed_add_stops_there_and_undoes_nothing(plugins: Path):
    run = Recorder(("ADD", "second"))
    with pytest.raises(CniError) as failure:
        runtime(plugins, run).add(network(), POD)
    assert (failure.value.code, failure.value.msg) == (11, 'plugin type="second" failed (add): try again')
    assert run.said == ["ADD first", "ADD second"]


def test_del_goes_backwards_with_the_kept_result_and_forgets_it(plugins: Path):
    run = Recorder()
    node = runtime(plugins, run)
    answer = node.add(network(), POD)
    node.delete(network(), POD)
    assert run.said[2:] == ["DEL second", "DEL first"]
    assert run.calls[2][2]["prevResult"] == answer
    assert kept_attachments(node.cache_dir, "net") == []


def test_del_stops_at_the_first_failure_and_remembers(plugins: Path):
    run = Recorder(("DEL", "second"))
    node = runtime(plugins, run)
    node.add(network(), POD)
    with pytest.raises(CniError, match="failed"):
        node.delete(network(), POD)
    assert run.said[2:] == ["DEL second"]
    assert kept_attachments(node.cache_dir, "net") == [POD]


def test_before_0_4_0_del_carries_no_result_and_check_is_refused(plugins: Path):
    run = Recorder()
    node = runtime(plugins, run)
    node.add(network("0.3.1"), POD)
    node.delete(network("0.3.1"), POD)
    assert all("prevResult" not in conf for verb, _, conf in run.calls if verb == "DEL")
    with pytest.raises(CniError, match="does not support the CHECK command"):
        node.check(network("0.3.1"), POD)


def test_check_gives_everyone_the_same_last_result_unless_it_is_switched_off(plugins: Path):
    run = Recorder()
    node = runtime(plugins, run)
    answer = node.add(network(), POD)
    node.check(network(), POD)
    assert [conf["prevResult"] for verb, _, conf in run.calls if verb == "CHECK"] == [answer, answer]
    node.check(network(disableCheck=True), POD)
    assert run.said.count("CHECK first") == 1


def test_gc_deletes_what_is_stale_and_then_tells_every_plugin_who_lives(plugins: Path):
    run = Recorder()
    node = runtime(plugins, run)
    node.add(network(), POD)
    node.add(network(), POD._replace(container_id="c2"))
    assert node.collect(network(), [("c2", "eth0")]) == []
    assert run.said[4:] == ["DEL second", "DEL first", "GC first", "GC second"]
    assert run.calls[-1][2]["cni.dev/valid-attachments"] == [{"containerID": "c2", "ifname": "eth0"}]
    assert [each.container_id for each in kept_attachments(node.cache_dir, "net")] == ["c2"]


def test_gc_of_an_old_network_is_its_dels_and_a_switch_turns_all_of_it_off(plugins: Path):
    run = Recorder()
    node = runtime(plugins, run)
    node.add(network("1.0.0"), POD)
    node.collect(network("1.0.0", disableGC="true"), [])
    assert run.said[2:] == []
    node.collect(network("1.0.0"), [])
    assert run.said[2:] == ["DEL second", "DEL first"]


def test_status_asks_from_1_1_0_on_and_the_first_no_is_the_answer(plugins: Path):
    run = Recorder(("STATUS", "first"))
    runtime(plugins, run).status(network("1.0.0"))
    assert run.said == []
    with pytest.raises(CniError, match="try again"):
        runtime(plugins, run).status(network())
    assert run.said == ["STATUS first"]


def test_a_plugin_that_is_nowhere_is_named_with_the_places_looked_at(plugins: Path):
    (plugins / "second").unlink()
    with pytest.raises(CniError, match=r'failed to find plugin "second" in path \['):
        runtime(plugins, Recorder()).add(network(), POD)


@pytest.mark.parametrize(
    "script, code, msg",
    [
        ("exit 3", 0, "netplugin failed with no error message: exit status 3"),
        ("kill -9 $$", 0, "netplugin failed with no error message: signal: killed"),
        ("echo oops >&2; exit 1", 0, 'netplugin failed: "oops\\n": exit status 1'),
        ('echo \'{"code": 7, "msg": "bad"}\'; exit 1', 7, "bad"),
        ("echo no; exit 1", 0, 'netplugin failed but error parsing its diagnostic message "no\\n": invalid character'),
        ("echo []; exit 1", 0, "netplugin failed but error parsing its diagnostic message"),
    ],
)
def test_how_a_plugin_fails_is_told(script: str, code: int, msg: str, tmp_path: Path):
    plugin = tmp_path / "plugin"
    plugin.write_text(f"#!/bin/sh\n{script}\n")
    plugin.chmod(0o755)
    with pytest.raises(CniError) as failure:
        call_plugin(str(plugin), {"PATH": "/usr/bin:/bin"}, b"")
    assert (failure.value.code, failure.value.msg[: len(msg)]) == (code, msg)


def test_what_a_successful_plugin_says_aside_is_passed_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    plugin = tmp_path / "plugin"
    plugin.write_text("#!/bin/sh\necho beware >&2\necho {}\n")
    plugin.chmod(0o755)
    assert call_plugin(str(plugin), {"PATH": "/usr/bin:/bin"}, b"") == "{}\n"
    assert capsys.readouterr().err == "beware\n"


def test_plugins_may_stand_in_a_folder_of_the_networks_name(tmp_path: Path):
    """libcni since 1.3: one .conf file each, in the order of their names, behind those of the list."""
    listed, folder = tmp_path / "10-net.conflist", tmp_path / "net"
    folder.mkdir()
    for name, kind in (("20-b.conf", "second"), ("10-a.conf", "first"), ("notes.txt", "none")):
        (folder / name).write_text(json.dumps({"type": kind}))
    document = {"name": "net", "plugins": [{"type": "inlined"}]}
    listed.write_text(json.dumps(document))
    assert [each["type"] for each in read_conflist(str(listed)).plugins] == ["inlined", "first", "second"]
    listed.write_text(json.dumps({"name": "net"}))
    assert [each["type"] for each in read_conflist(str(listed)).plugins] == ["first", "second"]
    listed.write_text(json.dumps({**document, "loadOnlyInlinedPlugins": True}))
    assert [each["type"] for each in read_conflist(str(listed)).plugins] == ["inlined"]
    (folder / "20-b.conf").write_text("{}")
    listed.write_text(json.dumps(document))
    with pytest.raises(BadInput, match=r"20-b\.conf: missing 'type'"):
        read_conflist(str(listed))


@pytest.mark.parametrize(
    "document, told",
    [
        ("[]", "is not a JSON object"),
        ("{", "is no JSON"),
        ('{"name": "a b", "plugins": [{"type": "x"}]}', "cannot name a network"),
        ('{"name": "a", "plugins": []}', "no plugins in list"),
        ('{"name": "a", "plugins": [{}]}', "missing 'type'"),
        ('{"name": "a", "cniVersion": "new", "plugins": [{"type": "x"}]}', "is no version"),
        ('{"name": "a", "disableCheck": 5, "plugins": [{"type": "x"}]}', "is no truth value"),
        ('{"name": "a", "cniVersions": 5, "plugins": [{"type": "x"}]}', "is no list"),
    ],
)
def test_a_list_that_cannot_be_is_refused_with_its_place(document: str, told: str):
    with pytest.raises(BadInput, match=told):
        conflist(document)


def test_of_several_versions_the_newest_known_one_is_spoken_and_a_single_plugin_is_a_list_of_one():
    several = {"name": "a", "cniVersions": ["0.4.0", "1.0.0", "2.0.0"], "plugins": [{"type": "x"}]}
    assert conflist(json.dumps(several)).version == "1.0.0"
    single = conflist('{"name": "a", "cniVersion": "0.3.1", "type": "bridge", "bridge": "cni0"}')
    assert (single.version, single.plugins[0]["bridge"]) == ("0.3.1", "cni0")


def test_the_first_file_in_lexical_order_is_the_nodes_network_and_none_is_uninitialized(tmp_path: Path):
    for name in ("20-b.conflist", "10-a.conf", "05-notes.txt"):
        (tmp_path / name).touch()
    assert first_of(str(tmp_path)).endswith("10-a.conf")
    with pytest.raises(BadInput, match="cni config uninitialized"):
        first_of(str(tmp_path / "none"))


MIXES = {
    "all ours": ("bridge", "host-local", "portmap"),
    "the reference bridge asks our host-local": ("host-local",),
    "our bridge asks the reference host-local": ("bridge",),
    "our portmap behind the reference bridge": ("portmap",),
}


def mixed(directory: Path, ours: tuple[str, ...]) -> Path:
    """A plugin directory where some are ours and the others the reference's."""
    installed(directory, *ours)
    for name in {"bridge", "host-local", "portmap"} - set(ours):
        (directory / name).symlink_to(REFERENCE / name)
    return directory


def kubenet(verb: str, pod: int, listed: Path, tmp_path: Path, *more: str) -> dict[str, Any]:
    """A step: `kubenet cni VERB` for one pod."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from kubenet_course.cli.cni import command; command()"
    where = ["--cni-path", str(tmp_path / "bin"), "--cache-dir", str(tmp_path / "cache")]
    about = ["--container-id", f"c{pod}", "--netns", f"/var/run/netns/pod{pod}", "--ifname", "eth0"]
    ports = ["--capability", 'portMappings=[{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]']
    about = [] if verb in ("gc", "status") else [*about, *ports]
    return {"run": [str(ROOT / ".venv/bin/python"), "-c", code, verb, str(listed), *where, *about, *more]}


@on_a_node
@beside
@pytest.mark.parametrize("mix", MIXES)
def test_a_chain_of_both_wires_pods_that_reach_each_other_and_leaves_nothing(mix: str, tmp_path: Path):
    mixed(tmp_path / "bin", MIXES[mix])
    ipam = {"type": "host-local", "subnet": "10.244.1.0/24", "dataDir": str(tmp_path / "data")}
    wire = {
        "type": "bridge",
        "bridge": "cni0",
        "isDefaultGateway": True,
        "ipMasq": True,
        "hairpinMode": True,
        "ipam": ipam,
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    listed = tmp_path / "10-net.conflist"
    listed.write_text(json.dumps({"cniVersion": "1.0.0", "name": "net", "plugins": [wire, ports]}))
    checked = tmp_path / "20-check.conflist"  # Debian's portmap looks for IPv4 pods in ip6tables, and fails
    plugins = [wire, ports] if "portmap" in MIXES[mix] else [wire]
    checked.write_text(json.dumps({"cniVersion": "1.0.0", "name": "net", "plugins": plugins}))

    def inside(pod: int, *argv: str) -> dict[str, Any]:
        return {"run": ["ip", "netns", "exec", f"pod{pod}", *argv]}

    picture = {"picture": str(tmp_path / "data")}
    ping = (sys.executable, str(ROOT / "tests" / "cni_lab.py"), "ping")
    steps = [
        kubenet("add", 1, listed, tmp_path), kubenet("add", 2, listed, tmp_path), kubenet("check", 1, checked, tmp_path),
        inside(1, *ping, "10.244.1.3"), inside(2, *ping, "10.244.1.1"), picture,
        kubenet("del", 1, listed, tmp_path), kubenet("gc", 2, listed, tmp_path), picture,
    ]  # fmt: skip
    answers = lab(steps)
    assert [answer[0] for answer in answers if isinstance(answer, list)] == [0] * 7, [
        each for each in answers if isinstance(each, list)
    ]
    addresses = [json.loads(answer[1])["ips"][0]["address"] for answer in answers[:2]]
    assert addresses == ["10.244.1.2/24", "10.244.1.3/24"]
    rules = "\n".join(answers[5]["namespaces"]["cnode"]["iptables_save"])
    assert "--to-destination 10.244.1.2:80" in rules
    assert set(answers[5]["ipam_files"]) >= {"net/10.244.1.2", "net/10.244.1.3"}
    assert answers[-1]["ipam_files"] == {"net/lock": "", "net/last_reserved_ip.0": "10.244.1.3"}
    left = "\n".join(answers[-1]["namespaces"]["cnode"]["iptables_save"])
    assert "10.244.1." not in left


def test_the_command_line_prints_the_error_object_and_says_no(tmp_path: Path):
    listed = tmp_path / "net.conflist"
    listed.write_text('{"cniVersion": "1.0.0", "name": "net", "plugins": [{"type": "nonesuch"}]}')
    about = ["--container-id", "c1", "--netns", "/x", "--ifname", "eth0", "--cni-path", str(tmp_path)]
    answer = CliRunner().invoke(command, ["add", str(listed), *about])
    assert answer.exit_code == 1
    assert json.loads(answer.output)["code"] == 999


@pytest.mark.parametrize(
    "words, told",
    [
        (["add", "LIST"], "--container-id"),
        (["add", "LIST", "--container-id", "c", "--ifname", "e", "--args", "half"], "'half' is no pair"),
        (["add", "LIST", "--container-id", "c", "--ifname", "e", "--capability", "mac=x"], "has no JSON"),
        (["gc", "LIST", "--valid", "c1"], "names no interface"),
        (["status", "/no/such.conflist"], "no such file"),
    ],
)
def test_words_that_mean_nothing_are_bad_input(words: list[str], told: str, tmp_path: Path):
    listed = tmp_path / "net.conflist"
    listed.write_text('{"cniVersion": "1.0.0", "name": "net", "plugins": [{"type": "nonesuch"}]}')
    answer = CliRunner().invoke(command, [str(listed) if word == "LIST" else word for word in words])
    assert isinstance(answer.exception, BadInput)
    assert told in str(answer.exception)


@on_a_node
def test_addresses_that_leaked_because_no_del_came_are_found_by_gc(tmp_path: Path):
    """A runtime that lost its memory sends no DEL for what it forgot; from 1.1.0 on the plugins are told who lives."""
    installed(tmp_path / "bin", "bridge", "host-local", "portmap")
    ipam = {"type": "host-local", "subnet": "10.244.1.0/24", "dataDir": str(tmp_path / "data")}
    wire = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipam": ipam}
    listed = tmp_path / "10-net.conflist"
    listed.write_text(json.dumps({"cniVersion": "1.1.0", "name": "net", "plugins": [wire, {"type": "portmap"}]}))
    picture = {"picture": str(tmp_path / "data")}
    answers = lab([
        kubenet("status", 0, listed, tmp_path), kubenet("add", 1, listed, tmp_path), kubenet("add", 2, listed, tmp_path),
        {"run": ["rm", "-r", str(tmp_path / "cache")]}, picture,
        kubenet("gc", 0, listed, tmp_path, "--valid", "c2/eth0"), picture,
    ])  # fmt: skip
    assert [answer[:2] for answer in answers if isinstance(answer, list)][-1] == [0, ""]
    assert set(answers[4]["ipam_files"]) >= {"net/10.244.1.2", "net/10.244.1.3"}
    living = {"net/lock": "", "net/last_reserved_ip.0": "10.244.1.3", "net/10.244.1.3": "c2\neth0"}
    assert answers[6]["ipam_files"] == living
