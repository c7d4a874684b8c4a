"""The command line is kind: a group alone shows its help, each help has an example, short spellings are understood."""

import json
import shlex
from collections.abc import Iterator

import click
import pytest
import yaml

from kubenet_course.cli import kubenet, main
from kubenet_course.cli.examples import EXAMPLES
from kubenet_course.data import data

CLUSTER = str(data("clusters/two-nodes.yaml"))
DUMP = str(data("reference/rough/rules.txt"))
SCENARIO = str(data("scenarios/same-node-cold.json"))
CAPTURE = str(data("captures/same-node-cold.json"))


def every(command: click.Command, *names: str) -> Iterator[tuple[str, click.Command]]:
    """Each command with its name behind `kubenet`."""
    yield " ".join(names), command
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            below = command.get_command(ctx, name)
            assert below is not None
            yield from every(below, *names, name)


COMMANDS = dict(every(kubenet))


@pytest.fixture
def ran(capsys: pytest.CaptureFixture[str]):
    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_each_command_has_an_example_in_a_line_of_its_own(name: str, ran):
    code, out, err = ran(*name.split(), "--help")
    assert (code, err) == (0, "")
    lines = [line.strip() for line in out.splitlines()]
    assert lines[lines.index("Example:") + 1].startswith("kubenet "), out


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name in COMMANDS and name != "lab script"])
def test_an_example_has_options_that_its_command_has(name: str):
    words = shlex.split(EXAMPLES[name])[1:]
    command = kubenet
    while (
        isinstance(command, click.Group) and words and (below := command.get_command(click.Context(command), words[0]))
    ):
        command, words = below, words[1:]
    assert not isinstance(command, click.Group), name
    command.make_context("kubenet", words)


@pytest.mark.parametrize(
    "name", [name for name, one in COMMANDS.items() if isinstance(one, click.Group) and name != "progress"]
)
def test_a_group_alone_shows_its_help_in_lines(name: str, ran):
    code, out, err = ran(*name.split())
    assert (code, err) == (0, "")
    assert out.startswith("Usage: kubenet")
    assert out.count("\n") > 6
    assert out == ran(*name.split(), "--help")[1]


# -- where -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "where",
    ["svc/default/web:80", "service/default/web:80", "services/default/web:80", "svc/default/web", "web:80", "web",
     "web.default:80", "web.default.svc", "web.default.svc:80",
     "web.default.svc.cluster.local:80", "web.default.svc.cluster.local.:80",
     "web:80/tcp"],
)  # fmt: skip
def test_a_service_is_understood_however_people_write_it(where: str, ran):
    code, out, _ = ran("trace", CLUSTER, "--from", "pod/default/client", "--to", where)
    assert (code, out.splitlines()[-1]) == (0, "delivered to pod/default/web-2, which sees 10.244.1.2")


@pytest.mark.parametrize("where", ["po/default/web-1:8080", "pods/default/web-1:8080", "10.244.1.3:8080"])
def test_a_pod_too(where: str, ran):
    assert "delivered to pod/default/web-1" in ran("trace", CLUSTER, "--from", "pod/default/client", "--to", where)[1]


@pytest.mark.parametrize(
    "where, said",
    [
        ("nix:80", "there is no Service default/nix; name one of default/web"),
        ("web.elsewhere:80", "there is no Service elsewhere/web"),
        ("10.244.1.3", "names no port"),
        ("fd00::1", "names no port"),
        ("[fd00::1]", "names no port"),
        ("Web:80", "'Web' is not an address"),
        ("pod/default/web-1", "names no port"),
        ("web:nothing", "has no port 'nothing'"),
    ],
)
def test_what_is_not_understood_is_said_with_what_would_be(where: str, said: str, ran):
    code, out, err = ran("trace", CLUSTER, "--from", "pod/default/client", "--to", where)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_a_name_in_two_namespaces_is_not_guessed(tmp_path, ran):
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: other}\n"
    service += "spec: {ports: [{name: a, port: 1}, {name: b, port: 2}]}\n"
    (tmp_path / "more.yaml").write_text(service)
    asks = ["trace", CLUSTER, str(tmp_path / "more.yaml"), "--from", "pod/default/client", "--to"]
    assert "'web' is a Service in default, other; write service/default/web:PORT" in ran(*asks, "web:80")[2]
    assert "has not one port but 1/TCP, 2/TCP" in ran(*asks, "web.other")[2]


# -- forms of output ---------------------------------------------------------------------------------------------------


def test_a_list_comes_as_json_yaml_wide_or_names(ran):
    cluster = str(data("clusters/dual-stack.yaml"))
    as_json, as_yaml, wide, names, plain = (
        ran("endpoints", cluster, *words)[1]
        for words in (["-o", "json"], ["-o", "yaml"], ["-o", "wide"], ["-o", "name"], [])
    )
    assert json.loads(as_json) == yaml.safe_load(as_yaml) == json.loads(ran("endpoints", cluster, "--json")[1])
    assert names.splitlines()[0].startswith("endpointslice.discovery.k8s.io/web-")
    heads = [text.splitlines()[0].split() for text in (plain, wide)]
    assert heads[1] == [*heads[0], "PODS", "NODES"]
    assert "web-1,web-2" in wide
    assert json.loads(ran("progress", "-o", "json")[1]) == yaml.safe_load(ran("progress", "-o", "yaml")[1])


def test_short_options_of_iptables_are_those_of_rules_trace(ran):
    long = ran(
        "rules",
        "trace",
        DUMP,
        "--src",
        "10.0.0.1",
        "--dst",
        "10.0.0.2",
        "--proto",
        "udp",
        "--dport",
        "80",
        "--in",
        "eth0",
    )
    assert (
        ran("rules", "trace", DUMP, "-s", "10.0.0.1", "-d", "10.0.0.2", "-p", "udp", "--dport", "80", "-i", "eth0")
        == long
    )


ASKS = ["--from", "pod/default/client", "--to", "web:80"]


@pytest.mark.parametrize(
    "words, said",
    [
        (["trace", CLUSTER, *ASKS, "--packets", "x"], "--from: it does not go together with --packets"),
        (["trace", CLUSTER, *ASKS, "--outcomes", "--pcap", "x"], "--pcap: it does not go together with --outcomes"),
        (["trace", CLUSTER, *ASKS, "--outcomes", "--reply"], "--reply: it does not go together with --outcomes"),
        (["trace", CLUSTER, *ASKS, "--sport", "70000"], "--sport: 70000 is not a port"),
        (["trace", CLUSTER, *ASKS, "--sport", "x"], "'x' is not a valid integer"),
        (["lab", "run", SCENARIO, "--from", "a"], "--from: a scenario says itself what is sent"),
        (
            ["lab", "run", SCENARIO, "--against", CAPTURE, "--capture", "x"],
            "--capture: it does not go together with --against",
        ),
        (["rules", "trace", DUMP, "-d", "10.0.0.2", "--mark", "0x1ffffffff"], "--mark: 0x1ffffffff is not a mark"),
        (["rules", "trace", DUMP, "-d", "10.0.0.2", "--mark", "-1"], "--mark: -1 is not a mark"),
        (["endpoints", CLUSTER, "--json", "-o", "yaml"], "--json and -o yaml do not go together"),
        (["endpoints", CLUSTER, "-o", "xml"], "'xml' is not one of"),
    ],
)
def test_switches_that_are_wrong_or_do_not_go_together_are_refused(words: list[str], said: str, ran):
    code, out, err = ran(*words)
    assert (code, out) == (2, "")
    assert said in err
