"""`kubenet rules trace`: answers in words and in JSON, and one sentence for whatever cannot be answered."""

import json
import time
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from realkernel.rulesets import a_ruleset
from realkernel.styles import RICH

from kubenet_course.cli import main

DUMP = Path(__file__).parent.parent / "data/reference/kube-proxy-1.36.2/03_multiport_udp/iptables.iptables-save.txt"
NODE = [
    "--address",
    "eth0=192.168.60.11/24",
    "--address",
    "vethA=10.244.1.1/32",
    "--route",
    "10.244.1.10/32=vethA",
    "--route",
    "10.244.2.0/24=eth0,via=192.168.60.12",
    "--route",
    "default=eth0,via=192.168.60.1",
]
ASKED = ["--src", "10.244.1.10", "--dst", "10.96.10.3", "--dport", "80", "--in", "vethA"]


class Ran:
    """What a run of the command said and how it ended."""

    def __init__(self, capsys, *arguments: object):
        try:
            main(["rules", "trace", *map(str, arguments)])
        except SystemExit as end:
            self.code = end.code
        self.out, self.err = capsys.readouterr()

    @property
    def sentence(self) -> str:
        """The one line of a refusal; nothing else was printed."""
        assert (self.code, self.out) == (2, "")
        (line,) = self.err.splitlines()
        return line.removeprefix("kubenet: ")


@pytest.fixture
def ran(capsys):
    return lambda *arguments: Ran(capsys, *arguments)


@pytest.fixture
def dump(tmp_path):
    def write(text: str | bytes, name: str = "dump.txt") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_a_service_of_a_real_dump_is_explained_with_the_chances_of_each_backend(ran):
    told = ran(DUMP, *NODE, *ASKED, "--json")
    answer = json.loads(told.out)
    assert (told.code, told.err, answer["not_understood"]) == (0, "", [])
    rows = [
        (row["verdict"], row["src"], row["dst"], row["dport"], row["out"], row["probability"])
        for row in answer["outcomes"]
    ]
    assert rows == [
        ("forwarded", "10.244.1.1", "10.244.1.10", 8080, "vethA", 0.5),  # to itself: masqueraded
        ("forwarded", "10.244.1.10", "10.244.2.10", 8080, "eth0", 0.5),
    ]
    rules = answer["outcomes"][1]["rules"]
    way = [rule["chain"] for rule in rules]
    assert [chain[:9] for chain in way[:4]] == ["PREROUTIN", "KUBE-SERV", "KUBE-SVC-", "KUBE-SEP-"]
    assert rules[3]["text"].endswith("-j DNAT --to-destination 10.244.2.10:8080")
    assert {rule["table"] for rule in rules} == {"nat", "filter"}


def test_the_same_in_words(ran):
    told = ran(DUMP, *NODE, *ASKED)
    assert told.code == 0
    assert [line[:17] for line in told.out.splitlines() if not line.startswith(" ")] == ["0.5000  forwarded"] * 2
    assert "-j KUBE-SERVICES" in told.out


@pytest.mark.parametrize(
    "story, rule, verdict, code",
    [
        ("dropped", "-A FORWARD -j DROP", "dropped", 1),
        ("rejected", "-A FORWARD -j REJECT", "rejected", 1),
        ("let through", "-A FORWARD -j ACCEPT", "forwarded", 0),
    ],
)
def test_the_exit_code_says_whether_the_packet_arrives(ran, dump, story, rule, verdict, code):
    told = ran(
        dump(f"*filter\n{rule}\nCOMMIT\n"), "--src", "10.244.1.10", "--dst", "203.0.113.5", "--in", "pods", "--json"
    )
    assert (json.loads(told.out)["outcomes"][0]["verdict"], told.code) == (verdict, code)


@pytest.mark.parametrize(
    "story, arguments, verdict",
    [
        ("to the machine itself", ["--src", "192.168.60.12", "--dst", "192.168.60.11", "--in", "eth0"], "local"),
        ("nowhere", ["--src", "192.168.60.12", "--dst", "172.16.0.1", "--in", "eth0"], "no-route"),
        ("from the machine itself", ["--dst", "192.168.60.12"], "forwarded"),
        ("a martian", ["--src", "127.0.0.1", "--dst", "192.168.60.11", "--in", "eth0"], "dropped"),
        ("an echo", ["--src", "192.168.60.12", "--dst", "192.168.60.11", "--proto", "icmp", "--in", "eth0"], "local"),
    ],
)
def test_every_verdict_of_the_closed_list(ran, dump, story, arguments, verdict):
    told = ran(dump("*filter\nCOMMIT\n"), "--address", "eth0=192.168.60.11/24", *arguments, "--json")
    assert json.loads(told.out)["outcomes"][0]["verdict"] == verdict


def test_lines_that_are_not_understood_are_listed_with_their_numbers(ran, dump):
    path = dump("*filter\n-A FORWARD -m bpf --bytecode 1 -j DROP\n-A FORWARD -j TEE --gateway 10.0.0.1\nCOMMIT\n")
    told = ran(path, "--src", "10.0.0.1", "--dst", "10.0.0.2", "--in", "eth0", "--json")
    assert [(row["line"], row["text"]) for row in json.loads(told.out)["not_understood"]] == [
        (2, "-A FORWARD -m bpf --bytecode 1 -j DROP"),
        (3, "-A FORWARD -j TEE --gateway 10.0.0.1"),
    ]
    spoken = ran(path, "--src", "10.0.0.1", "--dst", "10.0.0.2", "--in", "eth0")
    assert f"not understood: {path}:2: -A FORWARD -m bpf --bytecode 1 -j DROP" in spoken.err


def test_thousands_of_packets_in_one_start(ran, dump):
    questions = "\n".join(
        json.dumps({"src": "10.244.1.10", "dst": "10.96.10.3", "dport": 80, "sport": port, "in": "vethA"})
        for port in range(1000, 3000)
    )
    began = time.perf_counter()
    told = ran(DUMP, *NODE, "--packets", dump(questions, "packets.jsonl"))
    lines = told.out.splitlines()
    assert (told.code, len(lines)) == (0, 2000)
    assert len(json.loads(lines[-1])["outcomes"]) == 2
    assert time.perf_counter() - began < 10


def test_two_dumps_one_of_each_family(ran, dump):
    four, six = (
        dump("*filter\n-A FORWARD -s 10.0.0.0/8 -j DROP\nCOMMIT\n", "4"),
        dump("*filter\n-A FORWARD -s fd00::/8 -j DROP\nCOMMIT\n", "6"),
    )
    for src, dst in (("10.0.0.1", "10.0.0.2"), ("fd00::1", "2001:db8::1")):
        told = ran(four, six, "--src", src, "--dst", dst, "--in", "eth1", "--json")
        assert json.loads(told.out)["outcomes"][0]["verdict"] == "dropped"
    assert ran(four, four.rename(four.with_name("5")), "--dst", "10.0.0.2").sentence.startswith(
        f"{four}: there is no such file"
    )


def test_a_comment_does_not_decide_the_family(ran, dump):
    path = dump('*filter\n-A FORWARD -s 10.0.0.0/8 -m comment --comment "a::b/128" -j DROP\nCOMMIT\n')
    told = ran(path, "--src", "10.0.0.1", "--dst", "10.0.0.2", "--in", "eth1", "--json")
    assert json.loads(told.out)["outcomes"][0]["verdict"] == "dropped"


GOOD = "*filter\n-A INPUT -p tcp -m tcp --dport 80 -j DROP\nCOMMIT\n"


@pytest.mark.parametrize(
    "story, text, said",
    [
        (
            "cut off",
            GOOD.replace("COMMIT\n", ""),
            "{path}:2: table filter does not end; the dump is cut off: its last line must be COMMIT",
        ),
        ("binary", bytes(range(256)), "{path}:2: byte 128 is not text in UTF-8"),
        (
            "zeros",
            b"*filter\n\0\0\0\nCOMMIT\n",
            "{path}:2: '\\x00\\x00\\x00' is not a rule; a rule begins with -A CHAIN",
        ),
        ("empty", "", "{path}: the dump is empty; give what iptables-save prints"),
        ("a port", GOOD.replace("80", "80000"), "{path}:2: '80000' is not a port; write one from 0 to 65535"),
        (
            "an address",
            GOOD.replace("-p tcp", "-s 10.0.0.300 -p tcp"),
            "{path}:2: '10.0.0.300' is not an address; write one like",
        ),
        (
            "a circle",
            "*filter\n:A -\n-A A -j A\nCOMMIT\n",
            "{path}:3: chains jump in a circle: A -> A; a chain must not lead back to itself",
        ),
        (
            "JSON",
            '{"kind": "List"}',
            '{path}:1: \'{"kind": "List"}\' stands outside of any table; begin a table with *nat',
        ),
    ],
)
def test_a_wrong_dump_is_one_sentence_with_file_line_value_and_what_would_be_right(ran, dump, story, text, said):
    path = dump(text)
    assert ran(path, "--dst", "10.0.0.2", "--address", "eth0=10.0.0.1/24").sentence.startswith(
        said.replace("{path}", str(path))
    )


@pytest.mark.parametrize(
    "story, arguments, said",
    [
        ("no destination", [], "--dst: nothing says where the packet goes; write --dst ADDR"),
        ("a wrong destination", ["--dst", "web"], "--dst: 'web' is not an address"),
        ("a wrong source", ["--dst", "10.0.0.2", "--src", "10.0.0"], "--src: '10.0.0' is not an address"),
        ("two families", ["--dst", "10.0.0.2", "--src", "fd00::1"], "--src: fd00::1 and 10.0.0.2 are of two families"),
        (
            "a wrong port",
            ["--dst", "10.0.0.2", "--dport", "70000"],
            "--dport: 70000 is not a port; write a number from 0 to 65535",
        ),
        (
            "no number",
            ["--dst", "10.0.0.2", "--dport", "http"],
            "Invalid value for '--dport': 'http' is not a valid integer.",
        ),
        ("a wrong protocol", ["--dst", "10.0.0.2", "--proto", "tpc"], "'tpc' is not a protocol"),
        ("a wrong mark", ["--dst", "10.0.0.2", "--mark", "x"], "'x' is not a number"),
        (
            "who comes in by a device has a sender",
            ["--dst", "10.0.0.2", "--in", "eth0"],
            "--src: a packet that comes in by eth0 has a sender",
        ),
        (
            "an address without a device",
            ["--dst", "10.0.0.2", "--address", "10.0.0.1/24"],
            "--address: '10.0.0.1/24' says no address",
        ),
        (
            "a wrong address",
            ["--dst", "10.0.0.2", "--address", "eth0=10.0.0.1/99"],
            "--address: /99 is not a mask of IPv4",
        ),
        ("a wrong route", ["--dst", "10.0.0.2", "--route", "10.0.0.0/8"], "--route: '10.0.0.0/8' is not a route"),
        (
            "a wrong gateway",
            ["--dst", "10.0.0.2", "--route", "10.0.0.0/8=eth0,via=x"],
            "--route: 'x' is not an address",
        ),
        (
            "a wrong word in a route",
            ["--dst", "10.0.0.2", "--route", "10.0.0.0/8=eth0,by=x"],
            "--route: '10.0.0.0/8=eth0,by=x' is not a route",
        ),
        ("a wrong metric", ["--dst", "10.0.0.2", "--route", "10.0.0.0/8=eth0,metric=x"], "'x' is not a number"),
        ("a switch without a value", ["--dst", "10.0.0.2", "--sysctl", "net.ipv4.ip_forward"], "'?' is not a number"),
        ("an option that is none", ["--dst", "10.0.0.2", "--to", "x"], "No such option '--to'."),
        (
            "a file that is none",
            ["--dst", "10.0.0.2", "--packets", "/nowhere"],
            "/nowhere: there is no such file; name a file",
        ),
        (
            "addresses that are none",
            ["--dst", "10.0.0.2", "--addr-file", "/dev/null"],
            "/dev/null: is not what ip -j prints",
        ),
    ],
)
def test_a_wrong_option_is_one_sentence(ran, dump, story, arguments, said):
    assert ran(dump(GOOD), *arguments).sentence.startswith(said)


@pytest.mark.parametrize(
    "line, said",
    [
        ('{"src": "10.0.0.1"}', "Object missing required field `dst`"),
        ('{"dst": "10.0.0.2", "port": 80}', "Object contains unknown field `port`"),
        ('{"dst": "10.0.0.2", "dport": "80"}', "Expected `int`, got `str` - at `$.dport`"),
        ('{"dst": "10.0.0.2", "dport": 65536}', "65536 is not a port"),
        ('{"dst": "10.0.0.2", "in": "eth0"}', "a packet that comes in by eth0 has a sender"),
        ('{"dst": "nowhere"}', "dst: 'nowhere' is not an address"),
        ("10", "Expected `object`, got `int`"),
        ("\x00", "JSON is malformed"),
    ],
)
def test_a_wrong_packet_among_many_is_refused_before_the_first_is_answered(ran, dump, line, said):
    packets = dump('{"dst": "10.0.0.2"}\n' + line + "\n", "packets.jsonl")
    sentence = ran(dump(GOOD), "--address", "eth0=10.0.0.1/24", "--packets", packets).sentence
    assert sentence.startswith(f"{packets}:2")
    assert said in sentence


@pytest.mark.parametrize(
    "option, text",
    [
        ("--addr-file", '[{"addr_info": []}]'),
        ("--addr-file", '[{"ifname": "eth0", "addr_info": [{"family": "inet"}]}]'),
        ("--addr-file", '[{"ifname": "eth0", "addr_info": [{"family": "inet", "local": "x", "prefixlen": 24}]}]'),
        (
            "--addr-file",
            '[{"ifname": "eth0", "addr_info": [{"family": "inet", "local": "10.0.0.1", "prefixlen": 99}]}]',
        ),
        (
            "--addr-file",
            '[{"ifname": "eth0", "addr_info": [{"family": "inet", "local": "10.0.0.1", "prefixlen": "x"}]}]',
        ),
        ("--addr-file", '[{"ifname": 7, "addr_info": 8}]'),
        ("--addr-file", '{"ifname": "eth0"}'),
        ("--addr-file", "[1]"),
        ("--addr-file", '[{"ifname": "eth0", "addr_info": [1]}]'),
        ("--route-file", '[{"dst": "10.0.0.0/99", "dev": "eth0"}]'),
        ("--route-file", '[{"dst": 7, "dev": "eth0"}]'),
        ("--route-file", '[{"dst": "default", "gateway": 7, "dev": "eth0"}]'),
        ("--route-file", '[{"dst": "10.0.0.0/8", "dev": 7}]'),
        ("--route-file", '[{"dst": "10.0.0.0/8", "dev": "eth0", "metric": "x"}]'),
        ("--route-file", '[{"dst": "10.0.0.0/8", "via": 7}]'),
        ("--route-file", '[{"dst": "10.0.0.0/8", "dev": "eth0", "prefsrc": "x"}]'),
    ],
)
def test_wrong_output_of_ip_is_one_sentence_too(ran, dump, option, text):
    path = dump(text, "ip.json")
    assert ran(dump(GOOD), "--src", "10.1.0.1", "--dst", "10.0.0.2", "--in", "eth9", option, path).sentence.startswith(
        str(path)
    )


def test_real_output_of_ip_describes_the_machine(ran, dump):
    addresses = dump(
        json.dumps(
            [
                {"ifname": "lo", "addr_info": [{"family": "inet", "local": "127.0.0.1", "prefixlen": 8}]},
                {
                    "ifname": "eth0",
                    "addr_info": [
                        {"family": "inet", "local": "192.168.1.11", "prefixlen": 24},
                        {"family": "inet6", "local": "fe80::1", "prefixlen": 64},
                    ],
                },
            ]
        ),
        "addr.json",
    )
    routes = dump(
        json.dumps(
            [
                {"dst": "default", "gateway": "192.168.1.1", "dev": "eth0", "protocol": "static", "flags": []},
                {"dst": "10.244.2.0/24", "gateway": "192.168.1.12", "dev": "eth0", "flags": ["onlink"]},
                {"type": "blackhole", "dst": "10.245.0.0/16", "flags": []},
                {"dst": "192.168.1.0/24", "dev": "eth0", "scope": "link", "prefsrc": "192.168.1.11", "flags": []},
            ]
        ),
        "route.json",
    )
    known = [dump(GOOD), "--addr-file", addresses, "--route-file", routes, "--json"]
    assert json.loads(ran(*known, "--dst", "10.244.2.9").out)["outcomes"][0]["src"] == "192.168.1.11"
    assert json.loads(ran(*known, "--dst", "10.245.0.1").out)["outcomes"][0]["verdict"] == "no-route"


REAL = DUMP.read_text()
PIECES = st.sampled_from(
    [
        "",
        "\n",
        " ",
        "-",
        "*",
        ":",
        "[",
        "]",
        "!",
        '"',
        "\\",
        "/",
        ",",
        "COMMIT",
        "-A ",
        "-j ",
        "-m ",
        "-s ",
        "0",
        "65536",
        "\0",
        "é",
        "10.0.0.0/8",
        "::/0",
        "-g ",
        "KUBE-SERVICES",
        "DNAT",
        "\x85",
        "　",
    ]
)


@st.composite
def a_mutated_dump(draw):
    """A real dump, or a random rule set, cut, spliced and sprinkled with what breaks readers."""
    text = draw(st.sampled_from([REAL, REAL, a_ruleset(Random(draw(st.integers(0, 99))), RICH)]))
    for _ in range(draw(st.integers(1, 6))):
        at, length = draw(st.integers(0, len(text))), draw(st.sampled_from([0, 1, 2, 10, 300]))
        text = text[:at] + draw(PIECES) + text[at + length :]
    data = text.encode()
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.binary(max_size=4)) + data[at:]
    return data


@settings(
    max_examples=300, deadline=1000, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=a_mutated_dump())
def test_a_mutated_dump_is_answered_or_refused_in_a_second(ran, dump, data):
    """Never a traceback, never a hang, never half an answer. A failure prints how to see it again."""
    told = ran(dump(data), *NODE, *ASKED, "--json")
    assert told.code in (0, 1, 2, 3)
    if told.code == 2:
        assert told.sentence
    else:
        answer = json.loads(told.out)
        assert abs(sum(row["probability"] for row in answer["outcomes"]) - 1) < 1e-9


@settings(max_examples=300, deadline=1000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    line=st.text(max_size=30)
    | st.sampled_from(['{"dst": "10.0.0.2", "dport": 80}']).flatmap(
        lambda text: st.builds(
            lambda at, piece: text[:at] + piece + text[at + 1 :], st.integers(0, len(text)), st.text(max_size=3)
        )
    )
)
def test_a_mutated_question_is_answered_or_refused(ran, dump, line):
    told = ran(
        dump(GOOD),
        "--address",
        "eth0=10.0.0.1/24",
        "--packets",
        dump(line.encode("utf-8", "surrogatepass"), "packets.jsonl"),
    )
    assert told.code in (0, 2)
    if told.code == 2:
        assert told.sentence


def test_what_hangs_on_a_line_that_was_not_understood_is_not_certain(ran, dump):
    path = dump("*filter\n-A FORWARD -p udp -m bpf --bytecode 1 -j DROP\nCOMMIT\n")
    asked = [path, *NODE, "--src", "10.244.1.10", "--dst", "10.244.2.10", "--in", "vethA", "--proto"]
    told = ran(*asked, "udp", "--json")
    answer, line = (
        json.loads(told.out),
        {"file": str(path), "line": 2, "text": "-A FORWARD -p udp -m bpf --bytecode 1 -j DROP"},
    )
    assert (told.code, answer["certain"], answer["hangs_on"]) == (3, False, [line])
    assert [(row["verdict"], row["certain"], row["hangs_on"]) for row in answer["outcomes"]] == [
        ("forwarded", False, [line]),
        ("dropped", False, [line]),
    ]
    spoken = ran(*asked, "udp")
    assert (spoken.code, spoken.out.startswith("not certain:")) == (3, True)
    other = ran(*asked, "tcp", "--json")
    answer = json.loads(other.out)
    assert (other.code, answer["certain"], answer["hangs_on"], answer["not_understood"]) == (0, True, [], [line])
