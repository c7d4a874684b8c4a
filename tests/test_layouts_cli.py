"""`kubenet trace` and `kubenet lab run` with a Layout beside the manifests."""

import json
import subprocess
import sys

import pytest
from layout_worlds import layout, west

from kubenet_course.data import data
from kubenet_course.lab.real.run import missing

TWO = str(data("clusters") / "two-nodes.yaml")


def kubenet(*words: str, text: str = "") -> subprocess.CompletedProcess:
    argv = [sys.executable, "-c", "from kubenet_course.cli import main; main()", *words]
    return subprocess.run(argv, input=text, capture_output=True, text=True, check=False)


def example(kind: str) -> str:
    return str(data("layouts") / f"{kind}.yaml")


@pytest.mark.parametrize(
    "story, kind, who, where, code, says",
    [
        ("an island's pod is seen as its node", "island", "pod/default/client", "10.20.0.9:80", 0, "sees 192.168.1.11"),
        ("a flat pod is seen as itself", "flat", "pod/default/client", "10.20.0.9:80", 0, "sees 10.244.1.2"),
        ("a guest of the office reaches another cluster's pod", "flat", "host/10.20.0.77", "west/pod/default/web-1:8080", 0,
         "delivered to west/pod/default/web-1, which sees 10.20.0.77"),
        ("another cluster's node asks a pod of this one", "flat", "west/node/node-2", "pod/default/web-1:8080", 0,
         "sees 192.168.2.12"),
        ("from outside nobody reaches an island's pod", "island", "host/10.20.0.9", "pod/default/web-1:8080", 1, "unreachable"),
        ("a private address that no network holds", "island", "host/10.30.0.9", "pod/default/web-1:8080", 2,
         "no network of the Layout holds 10.30.0.9; name a host in office, an internet"),
        ("a cluster that is not there", "island", "north/pod/default/web-1", "10.20.0.9:80", 2, "names nobody"),
    ],
)  # fmt: skip
def test_trace_takes_a_layout_from_a_file(story, kind, who, where, code, says) -> None:
    done = kubenet("trace", TWO, example(kind), "--from", who, "--to", where)
    assert (done.returncode, says in done.stdout + done.stderr) == (code, True), done.stdout[-400:] + done.stderr
    assert "Traceback" not in done.stderr


def test_a_layout_that_cannot_be_is_one_line_on_standard_error() -> None:
    text = layout(f"{{layout: flat, {west('flat', '10.244.0.0/16')}}}")
    done = kubenet("trace", TWO, "-", "--from", "pod/default/client", "--to", "10.20.0.9:80", text=text)
    assert done.returncode == 2 and not done.stdout and len(done.stderr.splitlines()) == 1
    assert "write 10.245.0.0/16 for the pods of west" in done.stderr


def test_lab_run_builds_the_whole_wider_network() -> None:
    if reason := missing():
        pytest.skip(reason)
    asks = ("--from", "pod/default/client", "--to", "203.0.113.5:443", "--json")
    told = json.loads(kubenet("lab", "run", TWO, example("island"), *asks).stdout)
    assert told["equal"]
    assert {"border", "internet", "west.node-1"} & {frame["namespace"] for frame in told["frames"]} == {
        "border",
        "internet",
    }
