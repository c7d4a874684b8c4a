"""A lab that is killed at any moment leaves nothing on the machine."""

import os
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
RULES = ("iptables-save", "ip6tables-save")


def left_on_the_machine() -> dict[str, object]:
    """Namespaces, processes, rules and files that a lab could leave behind."""
    inside = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
        except OSError:
            continue
        if b"kubenet_course.lab.real.inside" in words:
            inside.append(entry.name)
    names = Path("/run/netns")
    links = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True).stdout
    return {
        "namespaces": sorted(p.name for p in names.iterdir()) if names.is_dir() else [],
        "processes": inside,
        "links": links,
        "mounts": Path("/proc/self/mounts").read_text(),
        "rules": [subprocess.run([name], capture_output=True, text=True).stdout for name in RULES]
        if os.geteuid() == 0
        else [],
    }


def test_a_killed_lab_leaves_nothing(seed: int) -> None:
    if missing():
        pytest.skip(missing() or "")
    chance, before = Random(seed), left_on_the_machine()
    scenario = str(data("scenarios") / "vxlan-service-two-endpoints.json")
    code = "from kubenet_course.cli import main; main()"
    for _ in range(KILLS):
        lab = subprocess.Popen(
            [sys.executable, "-c", code, "lab", "run", scenario], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(chance.uniform(0.05, 0.7))
        lab.send_signal(signal.SIGKILL)
        lab.wait()
    deadline = time.monotonic() + 5
    while (after := left_on_the_machine()) != before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert after == before
