"""The rooms of the course in a browser's Python: every module is imported there, and a request is traced with the same text."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "tests" / "pyodide"
ROOMS = ("linux", "shell", "kube", "cni", "views", "learn", "cli")
NEED_MATPLOTLIB = {
    f"kubenet_course.views.drawing.{name}" for name in ("bars", "draw", "lanes")
}  # a page does without it
COMMANDS = [
    [
        "trace",
        "data/clusters/two-nodes.yaml",
        "--from",
        "pod/default/client",
        "--to",
        "service/default/web:80",
        "--every",
    ],
    [
        "trace",
        "data/clusters/dual-stack.yaml",
        "--from",
        "pod/default/client",
        "--to",
        "service/default/web:80",
        "--json",
    ],
    ["proxy", "rules", "data/clusters/two-nodes.yaml", "--node", "node-1"],
    ["endpoints", "data/clusters/dual-stack.yaml"],
    ["plan", "--nodes", "3"],
]


def why_not() -> str:
    """Why pyodide cannot be asked here, with what to do; nothing where it can."""
    if not shutil.which("node"):
        return "there is no node; install it (Debian and Ubuntu: nodejs)"
    if not (HERE / "node_modules" / "pyodide").is_dir():
        return "there is no pyodide; run `npm install` in tests/pyodide"
    if not wheel():
        return "there is no msgspec for pyodide; run the `pip download` of .ci/run"
    return ""


def wheel() -> Path | None:
    """msgspec, the one compiled package that the rooms need, as built for pyodide."""
    return next(iter(sorted((HERE / "node_modules").glob("msgspec-*wasm32.whl"))), None)


def modules() -> list[str]:
    found = []
    for room in ROOMS:
        for path in sorted((ROOT / "kubenet_course" / room).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found.append(name)
    return found


@pytest.fixture(scope="module")
def said() -> dict:
    """What one session of pyodide saw."""
    if why_not():
        pytest.skip(why_not())
    order = {"root": str(ROOT), "site": sysconfig.get_path("purelib"), "wheel": str(wheel()), "modules": modules()}
    order["commands"] = [in_pyodide(words) for words in COMMANDS]
    argv = ["node", "trace.mjs", json.dumps(order)]
    done = subprocess.run(argv, cwd=HERE, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def in_pyodide(words: list[str]) -> list[str]:
    return [f"/root/{word}" if word.startswith("data/") else word for word in words]


def test_every_module_of_the_rooms_is_imported_under_pyodide(said: dict):
    broken = {name: why for name, why in said["broken"].items() if name not in NEED_MATPLOTLIB}
    assert broken == {}


@pytest.mark.parametrize("number", range(len(COMMANDS)), ids=[" ".join(words[:3]) for words in COMMANDS])
def test_a_command_says_there_what_it_says_here(said: dict, number: int):
    argv = [sys.executable, "-c", "from kubenet_course.cli import main; main()", *COMMANDS[number]]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    here = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, env=env, check=False)
    assert said["answers"][number] == [here.returncode, here.stdout, here.stderr]
    assert here.returncode == 0
