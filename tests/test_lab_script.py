"""The script that `kubenet lab script` prints: a person can type it, and it builds what the tables say."""

import os
import re
import subprocess

import pytest

from kubenet_course.data import data
from kubenet_course.lab.comparison import compare
from kubenet_course.lab.real.run import missing, private, run
from kubenet_course.lab.real.script import commands, shell
from kubenet_course.lab.scenario.scenario import Scenario, load
from kubenet_course.linux.namespace.netns import Netns

NAMES = ["vxlan-service-two-endpoints", "ipv6-vxlan", "bridge-forgets", "arrives-too-big", "kube-proxy-dual-stack"]
NO_ETHTOOL = re.compile(r'exec of "ethtool" failed.*')


def typed(scenario: Scenario, then: str) -> subprocess.CompletedProcess:
    """What a shell says that was given the script, and at its end `then` instead of a shell to look around."""
    text = shell(scenario).rpartition("exec ")[0].replace("mount -t tmpfs tmpfs /run\n", "")
    return subprocess.run(private("sh", "-c", text + then), capture_output=True, text=True)


def expected(ns: Netns) -> set[tuple[str, str]]:
    return {(d.name, str(own)) for d in ns.devices.values() if d.up for own in d.addresses}


@pytest.mark.parametrize("name", NAMES)
def test_a_shell_that_is_given_the_script_has_the_addresses_of_the_tables(name: str) -> None:
    if missing():
        pytest.skip(missing() or "")
    scenario = load(data("scenarios") / f"{name}.json")
    told = typed(scenario, "sleep 1\n" + "".join(f"echo {ns}\nip -n {ns} -o addr\n" for ns in scenario.world))
    found: dict[str, set[tuple[str, str]]] = {}
    here = ""
    for line in told.stdout.splitlines():
        words = line.split()
        if len(words) == 1:
            here = words[0]
        elif words and words[0].endswith(":") and words[0][:-1].isdecimal():  # not what ethtool prints
            found.setdefault(here, set()).add((words[1].partition("@")[0], words[3]))
    complaints = [line for line in told.stderr.splitlines() if not NO_ETHTOOL.fullmatch(line)]
    assert complaints == []
    assert {name: found.get(name, set()) for name in scenario.world} == {
        n: expected(ns) for n, ns in scenario.world.items()
    }


def test_rules_are_given_on_standard_input_and_without_accounting() -> None:
    scenario = load(data("scenarios") / "kube-proxy-clusterip.json")
    given = [command.stdin for command in commands(scenario.world) if command.argv[-1] == "iptables-restore"]
    assert len(given) == 1
    assert "KUBE-SVC-" in given[0]
    assert "nfacct" not in given[0]


def test_namespaces_come_first_and_each_is_made_once() -> None:
    scenario = load(data("scenarios") / "vxlan-ping.json")
    made = [command.argv[3] for command in commands(scenario.world) if command.argv[:3] == ("ip", "netns", "add")]
    assert made == list(scenario.world)


def test_the_script_tells_a_reader_what_is_sent_and_who_listens() -> None:
    text = shell(load(data("scenarios") / "same-node-cold.json"))
    assert "#   client: tcp 10.244.1.10:40000 -> 10.244.1.11:80 [S] ttl 64" in text
    assert "#   web-1: tcp 0.0.0.0:80 web" in text


def test_who_is_not_root_has_the_same_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a user namespace of one's own, as anybody may have it, the answer is the same."""
    if missing():
        pytest.skip(missing() or "")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "-U" in private("true")
    scenario = load(data("scenarios") / "vxlan-service-two-endpoints.json")
    comparison = compare(scenario, run(scenario))
    assert comparison.equal, [str(difference) for difference in comparison.differences]
