"""Whatever is given to a reader ends in an answer or in one sentence, at once: no traceback, no hang, no crash, no gigabytes."""

import contextlib
import copy
import io
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kubenet_course import cli
from kubenet_course.data import data
from kubenet_course.errors import BadInput
from kubenet_course.kube.manifest.read import read_text
from kubenet_course.learn.bank import everything
from kubenet_course.learn.questions.feedback import HEADS, judged
from kubenet_course.learn.record.book import Book, Item, Kept
from kubenet_course.learn.record.store import encoded

resource = pytest.importorskip("resource", reason="Windows does not say how much memory a process has had")
ROUGH = data("reference/rough")
ASKS = ["--from", "pod/default/client", "--to", "service/default/web:80"]
SECONDS, GIGABYTE = 2.0, 1 << 30


class TooLong(BaseException):
    """A reader worked for more than two seconds."""


@contextlib.contextmanager
def at_once() -> Iterator[None]:
    """Two seconds of this process's own work, however busy the machine is."""

    def late(*_: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def ran(*words: str) -> tuple[int, str]:
    """A command in this process: its exit code and its complaint. An exception is a traceback that a person would see."""
    out, err = io.StringIO(), io.StringIO()
    with at_once(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli._ran(list(words))
    return code, err.getvalue()


def refused(*words: str) -> str:
    """The one sentence of a refusal."""
    code, said = ran(*words)
    sentences = [line for line in said.splitlines() if line.startswith("kubenet: ")]
    assert (code, len(sentences)) == (2, 1), said
    return sentences[0]


# -- what was found ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, said",
    [
        ("laughs.yaml", "its aliases stand for more than 100,000 values"),
        ("merge.yaml", "its aliases stand for more than 100,000 values"),
        ("self.yaml", "an alias stands for what holds it"),
        ("m1.json", "document 1: it is not JSON: 'utf-8' codec can't decode byte 0xed"),
        ("m2.json", "document 1: it is not JSON: Number out of range"),
    ],
)
def test_a_manifest_that_once_broke_the_reader_is_refused_with_its_place(name: str, said: str):
    assert said in refused("trace", str(ROUGH / name), *ASKS)


def test_a_capture_with_a_frame_that_is_not_hexadecimal_is_refused_with_its_place():
    scenario, capture = json.loads((ROUGH / "evil.json").read_text()), str(ROUGH / "c1.json")
    named = json.loads(Path(capture).read_text())["scenario"]
    path = data("scenarios") / f"{named}.json"
    assert "frames[" in refused("lab", "run", str(path), "--against", capture), scenario["name"]


DEPTHS = {
    "flow lists in YAML": lambda n: "kind: Pod\napiVersion: v1\nspec: " + "[" * n + "]" * n,
    "flow lists that never end": lambda n: "a: " + "[" * n,
    "flow maps in YAML": lambda n: "a: " + "{a: " * n,
    "lists in a line": lambda n: "- " * n + "a",
    "lists in a line, with tabs": lambda n: "-\t" * n + "a",
    "questions in a line": lambda n: "? " * n + "a",
    "indented maps": lambda n: "\n".join(" " * level + "a:" for level in range(min(n, 3000))),
    "brackets behind brackets in texts": lambda n: 'a: ["]", ' * 1 + '["]", ' * n,
    "lists in JSON": lambda n: '{"kind": "Pod", "apiVersion": "v1", "spec": ' + "[" * n + "]" * n + "}",
    "maps in JSON": lambda n: '{"a": ' * n + "1" + "}" * n,
    "maps in JSON that never end": lambda n: '{"a": ' * n,
}


@pytest.mark.parametrize("levels", [500, 1900, 25_000])
@pytest.mark.parametrize("shape", DEPTHS)
def test_depth_is_refused_and_not_followed(shape: str, levels: int):
    text = DEPTHS[shape](levels)
    with at_once(), pytest.raises(BadInput, match=r"nested|document"):
        read_text(text, "deep.json" if "JSON" in shape else "deep.yaml")


@pytest.mark.parametrize("shape", ["flow lists in YAML", "lists in a line", "lists in JSON"])
@pytest.mark.parametrize("words", [["endpoints"], ["lab", "script"], ["progress", "import"], ["cni", "add"]])
def test_depth_ends_no_process(shape: str, words: list[str], tmp_path: Path):
    path = tmp_path / "deep.json"
    path.write_text(DEPTHS[shape](25_000))
    argv = [sys.executable, "-c", "from kubenet_course.cli import main; main()", *words, str(path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    assert done.returncode in (1, 2)


@pytest.mark.parametrize("digits", [20, 400, 5000])
@pytest.mark.parametrize("text", ["port: NUMBER", "port: 0xNUMBER", "port: -NUMBER", "port: 1eNUMBER", "NUMBER: 1"])
def test_a_number_of_any_length_is_refused_or_read(text: str, digits: int):
    ports = text.replace("NUMBER", "9" * digits)
    manifest = f"apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec:\n  ports:\n  - {ports}\n"
    with at_once(), pytest.raises(BadInput):
        read_text(manifest, "numbers.yaml")


def test_many_names_of_which_one_stands_twice_are_read_once():
    text = "kind: ConfigMap\napiVersion: v1\ndata:\n" + "".join(f"  k{n}: v\n" for n in range(20_000)) + "  k7: v\n"
    start = time.process_time()
    with pytest.raises(BadInput, match="'k7' stands twice"):
        read_text(text, "many.yaml")
    assert time.process_time() - start < 4 * SECONDS


def test_aliases_that_help_a_reader_are_read():
    labels = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels: &l {app: web}\n  annotations: *l\nspec: {containers: []}\n"
    assert read_text(labels).pods[0].metadata.labels == {"app": "web"}


# -- mutations ---------------------------------------------------------------------------------------------------------

TOKENS = [
    b"null", b"[]", b"{}", b"[[[[", b"}", b'"', b"'", b"\0", b"\xed\xa0", b"\xff", b"\xef\xbb\xbf", b"-1", b"1e999", b"NaN",
    b"9" * 30, b"9" * 5000, b"&a *a", b"<<: *a", b"*a", b"!!binary x", b"!!python/object:os.system x", b"!!set {a}", b"\t",
    b"\r", b"\x1b[2J", b"\\ud800", b"\\u0000", b": ", b"- ", b"? ", b"|", b">", b"%", b"---\n", b"...", b"true", b"::",
    b"0.0.0.0/0", b"999.1.1.1", b"fe80::%eth0", b"-A INPUT", b"COMMIT", b"*nat", b"/", b"..", "é".encode(), "\u2028".encode(),
]  # fmt: skip
MENDED = [
    None,
    True,
    -1,
    0,
    1 << 70,
    1.5,
    "",
    "x" * 300,
    [],
    {},
    [None],
    {"a": None},
    "\x1b",
    "10.0.0.0/33",
    ["a", 1],
    {"": ""},
]


def by_bytes(chance: random.Random, text: bytes) -> bytes:
    """A few bytes changed, cut out, doubled, or replaced by what parsers do not like."""
    for _ in range(chance.choice((1, 1, 1, 4))):
        at = chance.randrange(len(text) + 1)
        to = min(len(text), at + chance.choice((0, 0, 1, 1, 3, 20, 200)))
        other = (bytes([chance.randrange(256)]), b"%d" % chance.randrange(300), chance.choice(TOKENS))
        put = chance.choice((b"", text[at:to] * 2, *other))
        text = text[:at] + put + text[to:]
    return text


def by_value(chance: random.Random, text: bytes) -> bytes:
    """The same JSON with some value or name replaced by one of another kind."""
    value = json.loads(text)
    for _ in range(chance.randint(1, 2)):
        here = value
        while isinstance(here, dict | list) and here:
            key = chance.choice(list(here) if isinstance(here, dict) else range(len(here)))
            if not isinstance(here[key], dict | list) or not here[key] or chance.random() < 0.2:
                if isinstance(here, dict) and chance.random() < 0.2:
                    here[chance.choice(("", "x", "kind", "\x1b"))] = here.pop(key)
                else:
                    here[key] = copy.deepcopy(chance.choice(MENDED))
                break
            here = here[key]
    return json.dumps(value).encode()


def samples() -> dict[str, tuple[list[bytes], Callable[[str], list[str]]]]:
    """For each reader some texts that it takes, and the command that reads a file of it."""
    clusters = [path.read_bytes() for path in sorted(data("clusters").glob("*.yaml"))]
    objects = read_as_json(clusters[0])
    small = sorted(data("scenarios").glob("*.json"), key=lambda path: path.stat().st_size)[:6]
    question = {"from": "pod/default/client", "to": "service/default/web:80", "sport": 40000, "seed": 1}
    packet = {"src": "10.0.0.1", "dst": "10.0.0.2", "proto": "tcp", "dport": 80, "in": "eth0", "mark": "0x1"}
    book = Book({"00-source": Item(1, 1, False, 1, (1,), answer="x")}, {"00-x": Kept("x")})
    dump = (
        b'*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp --dport 80 -m comment --comment "a b" -j DROP\nCOMMIT\n'
    )
    conflist = json.dumps(
        {"cniVersion": "1.0.0", "name": "n", "plugins": [{"type": "bridge", "ipam": {"type": "host-local"}}]}
    )
    links = [{"ifname": "eth0", "addr_info": [{"family": "inet", "local": "10.0.0.1", "prefixlen": 24}]}]
    routes = [{"dst": "default", "gateway": "10.0.0.254", "dev": "eth0", "metric": 5, "prefsrc": "10.0.0.1"}]
    rules = str(ROUGH / "rules.txt")
    cluster = str(data("clusters/two-nodes.yaml"))
    scenario = str(small[0])
    capture = data("captures") / small[0].name
    machine = ["rules", "trace", rules, "--src", "10.0.0.1", "--dst", "10.0.0.2"]
    found = {
        "manifest.yaml": (clusters, lambda path: ["trace", path, *ASKS]),
        "cluster.json": ([read_as_json(text) for text in clusters], lambda path: ["trace", path, *ASKS]),
        "manifest.json": ([objects], lambda path: ["endpoints", path]),
        "scenario.json": ([path.read_bytes() for path in small], lambda path: ["lab", "script", path]),
        "packets.jsonl": ([json.dumps(question).encode()], lambda path: ["trace", cluster, "--packets", path]),
        "asked.jsonl": ([json.dumps(packet).encode()], lambda path: ["rules", "trace", rules, "--packets", path]),
        "progress.json": ([encoded(book)], lambda path: ["progress", "import", path]),
        "rules.txt": (
            [dump],
            lambda path: ["rules", "trace", path, "--src", "10.0.0.1", "--dst", "10.0.0.2", "--dport", "80"],
        ),
        "net.conflist": ([conflist.encode()], lambda path: ["cni", "status", path, "--cni-path", "/nowhere"]),
        "addr.json": ([json.dumps(links).encode()], lambda path: [*machine, "--addr-file", path]),
        "route.json": ([json.dumps(routes).encode()], lambda path: [*machine, "--route-file", path]),
    }
    if capture.exists():
        found["capture.json"] = ([capture.read_bytes()], lambda path: ["lab", "run", scenario, "--against", path])
    return found


def read_as_json(text: bytes) -> bytes:
    import yaml

    items = [one for one in yaml.safe_load_all(text) if one]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items}).encode()


def test_mutated_input_of_every_reader_ends_in_an_answer_or_a_sentence(
    seed: int, rounds: int, note: Callable[[str], None], tmp_path: Path
):
    chance, every = random.Random(seed), samples()
    most, slowest, codes = 2000 * rounds, (0.0, ""), dict.fromkeys((0, 1, 2, 3), 0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(most):
        name = list(every)[number % len(every)]
        texts, command = every[name]
        whole = chance.choice(texts)
        is_json = "json" in name or "conflist" in name
        text = by_value(chance, whole) if is_json and number % 3 == 0 else by_bytes(chance, whole)
        path = tmp_path / name
        path.write_bytes(text)
        start = time.process_time()
        try:
            code, said = ran(*command(str(path)))
        except (Exception, TooLong) as error:
            (kept := tmp_path.parent / f"broke-{number}-{name}").write_bytes(text)
            raise AssertionError(
                f"--seed {seed}, input {number}, kept as {kept}: {type(error).__name__}: {error}"
            ) from error
        slowest = max(slowest, (time.process_time() - start, f"{name} {number}"))
        codes[code] += 1
        assert code != 2 or sum(line.startswith("kubenet: ") for line in said.splitlines()) >= 1, (number, said)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    assert grown < GIGABYTE
    note(f"mutated input: {most} over {len(every)} readers, exit codes {codes}; slowest {slowest[0]:.2f} s ({slowest[1]}); "
         f"{grown >> 20} MiB more")  # fmt: skip


ODD = [3, True, 1.5, [], {}, [1, None], {"a": {"b": [1]}}, "\x1b", "x" * 100_000, [["a"]], {"": ""}, -(1 << 62)]


@pytest.mark.parametrize("answer", ODD, ids=lambda value: str(value)[:20])
def test_an_odd_answer_of_an_imported_file_is_shown_or_said_to_be_unreadable(answer: object):
    for one in everything():
        with at_once():
            assert judged(one, answer).state in HEADS, one.id
