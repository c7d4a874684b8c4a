"""A lab that is killed at any moment leaves nothing on the machine."""

import os
import re
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from kubenet_course.data import data
from kubenet_course.lab.real.run import missing

KILLS = 50
TOKEN = "KUBENET_TEST_OF_KILLS"
RULES = ("iptables-save", "ip6tables-save")


def left_on_the_machine(token: str) -> dict[str, object]:
    """Namespaces, processes, rules and files that a lab could leave behind. The token tells our labs from those of another run."""
    inside = []
    for entry in Path("/proc").iterdir():
        try:
            marked = entry.name.isdigit() and f"{TOKEN}={token}".encode() in (entry / "environ").read_bytes()
        except OSError:
            continue
        if marked:
            inside.append(entry.name)
    names = Path("/run/netns")
    links = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True).stdout
    return {
        "namespaces": sorted(p.name for p in names.iterdir()) if names.is_dir() else [],
        "processes": inside,
        "links": links,
        "mounts": Path("/proc/self/mounts").read_text(),
        "rules": [_rules(name) for name in RULES] if os.geteuid() == 0 else [],
    }


def _rules(program: str) -> list[str]:
    """The machine's own rules, without the counters, which move while others work."""
    said = subprocess.run([program], capture_output=True, text=True).stdout
    return [re.sub(r"\[\d+:\d+\]", "", line) for line in said.splitlines() if line[:1] != "#"]


def test_a_killed_lab_leaves_nothing(seed: int) -> None:
    if missing():
        pytest.skip(missing() or "")
    chance, token = Random(seed), secrets.token_hex(8)
    before = left_on_the_machine(token)
    scenario = str(data("scenarios") / "vxlan-service-two-endpoints.json")
    code = "from kubenet_course.cli import main; main()"
    for _ in range(KILLS):
        lab = subprocess.Popen(
            [sys.executable, "-c", code, "lab", "run", scenario],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, TOKEN: token},
        )
        time.sleep(chance.uniform(0.05, 0.7))
        lab.send_signal(signal.SIGKILL)
        lab.wait()
    deadline = time.monotonic() + 5
    while (after := left_on_the_machine(token)) != before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert after == before
