"""`kubenet lab`: clusters and scenarios on the real kernel, beside the model."""

import json
import shutil
import subprocess
import sys

import pytest

from kubenet_course.data import data
from kubenet_course.lab.real.run import missing

CLUSTERS = sorted(data("clusters").glob("*.yaml"))
QUESTIONS = [
    (path, to)
    for path in CLUSTERS
    for to in (
        "service/default/web:80" if "kind: Service" in path.read_text() else "pod/default/agent:9100",
        "10.244.1.99:80",
    )
]


def kubenet(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", "from kubenet_course.cli import main; main()", *words], capture_output=True, text=True
    )


@pytest.mark.parametrize("path, where", QUESTIONS, ids=lambda one: getattr(one, "stem", one))
def test_every_cluster_runs_alike_on_model_and_kernel(path, where: str) -> None:
    if missing():
        pytest.skip(missing() or "")
    told = kubenet("lab", "run", str(path), "--from", "pod/default/client", "--to", where, "--json")
    assert told.returncode == 0, told.stdout[-2000:] + told.stderr
    answer = json.loads(told.stdout)
    assert answer["equal"]
    assert len(answer["frames"]) == len(answer["model"]["frames"]) > 0


def test_a_stored_capture_stands_in_for_the_kernel() -> None:
    name = "same-node-cold.json"
    told = kubenet("lab", "run", str(data("scenarios") / name), "--against", str(data("captures") / name))
    assert told.returncode == 0
    assert "equal, byte for byte" in told.stdout


def test_the_script_of_a_cluster_builds_its_namespaces() -> None:
    told = kubenet("lab", "script", str(data("clusters") / "two-nodes.yaml"))
    assert told.returncode == 0
    assert "ip netns add node-1" in told.stdout
    assert "iptables-restore" in told.stdout


def test_a_cluster_without_a_question_is_refused_in_one_line() -> None:
    told = kubenet("lab", "run", str(CLUSTERS[0]))
    assert told.returncode == 2
    assert told.stdout == ""
    assert len(told.stderr.splitlines()) == 1


def test_a_capture_becomes_a_file_that_tshark_reads(tmp_path) -> None:
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    name, out = "vxlan-ping.json", tmp_path / "out.pcapng"
    kubenet("lab", "run", str(data("scenarios") / name), "--against", str(data("captures") / name), "--pcap", str(out))
    read = subprocess.run(
        ["tshark", "-r", str(out), "-T", "fields", "-e", "frame.interface_name"], capture_output=True, text=True
    )
    assert "node-1:flannel.1" in read.stdout.split()
