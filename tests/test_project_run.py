"""run.py: what it decides, and what it does on a machine that is slow, stopped, moved, old or without network.

Most stories use an environment whose Python is a shell script that writes down how it was called.
"""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

import run

ROOT = Path(__file__).resolve().parent.parent
SPY = """#!/bin/sh
echo "python $*" >>"{calls}"
case "$*" in
  *"pip install"*) {install} ;;
esac
"""
WANT = {"place": "/course", "digest": "abc", "extras": ["test"]}


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A copy of the project without an environment, in a folder with a space in its name."""
    root = tmp_path / "my course"
    (root / "tools").mkdir(parents=True)
    for name in ("run.py", *run.SOURCES):
        shutil.copy(ROOT / name, root / name)
    monkeypatch.setattr(run, "ROOT", root)
    monkeypatch.setattr(run, "VENV", root / ".venv")
    monkeypatch.setattr(run, "PYTHON", root / ".venv/bin/python")
    monkeypatch.setattr(run, "STAMP", root / ".venv/kubenet-course.json")
    return root


def with_spy(root: Path, install: str = "true") -> Path:
    """Gives the clone an environment whose Python is a spy; returns the file in which the spy keeps the calls."""
    calls = root / "calls"
    python = root / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(SPY.format(calls=calls, install=install))
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    (root / ".venv/pyvenv.cfg").touch()
    calls.touch()
    return calls


def command(root: Path, *argv: str) -> list[str]:
    return [sys.executable, str(root / "run.py"), *argv]


def started(root: Path, *argv: str, path: str = "/usr/bin:/bin") -> subprocess.CompletedProcess:
    environ = {**os.environ, "PATH": path}
    return subprocess.run(command(root, *argv), capture_output=True, text=True, env=environ, check=False, timeout=60)


def installs(calls: Path) -> list[str]:
    return [line for line in calls.read_text().splitlines() if "pip install" in line]


@pytest.mark.parametrize(
    "story, stamp, expected",
    [
        ("there is no stamp", {}, False),
        ("all is as wanted", WANT, True),
        ("more is installed than wanted", {**WANT, "extras": ["other", "test"]}, True),
        ("the tests' packages are missing", {**WANT, "extras": []}, False),
        ("a dependency changed", {**WANT, "digest": "abd"}, False),
        ("the folder was moved", {**WANT, "place": "/elsewhere"}, False),
        ("the last run was stopped", {"unfinished": True}, False),
    ],
)
def test_nothing_is_installed_when_the_stamp_says_that_all_is_there(story, stamp, expected):
    assert run.is_current(stamp, WANT) is expected


@pytest.mark.parametrize("name", run.SOURCES)
def test_the_digest_follows_each_of_the_files_that_an_environment_is_made_from(clone, name):
    before = run.wanted(clone, [])["digest"]
    (clone / name).write_text((clone / name).read_text() + "\n")
    assert run.wanted(clone, [])["digest"] != before


@pytest.mark.parametrize(
    "story, stamp, expected",
    [
        ("made by a person, without a stamp", {}, True),
        ("its making was stopped", {"unfinished": True}, False),
        ("copied from another folder", {"place": "/elsewhere"}, False),
        ("its Python was replaced by another version", {"python": "/usr/bin/python3.9"}, False),
    ],
)
def test_an_environment_is_made_anew_when_it_cannot_be_trusted(clone, story, stamp, expected):
    with_spy(clone)
    assert run.is_usable(stamp) is expected


def test_an_environment_whose_python_was_removed_is_not_used(clone):
    with_spy(clone)
    run.PYTHON.unlink()
    run.PYTHON.symlink_to("/usr/bin/python-of-last-year")
    assert not run.is_usable({})


def test_half_a_removal_leaves_nothing_that_looks_like_an_environment(clone, monkeypatch):
    with_spy(clone)

    def stopped(path):
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", stopped)
    with pytest.raises(KeyboardInterrupt):
        run.remove_venv()
    assert run.PYTHON.exists()
    assert not run.is_usable(run.stamped())


@pytest.mark.parametrize("text", ["", "{", "[1]", "\x00\xff"])
def test_a_damaged_stamp_says_nothing(clone, text):
    with_spy(clone)
    run.STAMP.write_text(text)
    assert run.stamped() == {}


def test_run_py_alone_lists_what_it_can_do(clone):
    said = started(clone)
    assert said.returncode == 0
    assert [line.split()[2] for line in said.stdout.splitlines()[:4]] == ["lab", "test", "build", "bench"]


def test_an_unknown_command_is_one_sentence(clone):
    said = started(clone, "tset")
    assert (said.returncode, said.stdout) == (
        2,
        "run.py: 'tset' is no command; lab, test, build, bench and site are.\n",
    )


def test_the_first_run_installs_and_the_second_starts_at_once(clone):
    calls = with_spy(clone)
    first = started(clone, "test", "-q", "-k", "a pod")
    assert "run.py: [2/2] installing" in first.stdout
    assert installs(calls) == [f"python -m pip install -c {clone}/constraints.txt -e {clone}[test]"]
    assert calls.read_text().splitlines()[-1] == "python -m pytest -q -k a pod"
    calls.write_text("")
    began = time.perf_counter()
    assert started(clone, "test").returncode == 0
    assert calls.read_text() == "python -m pytest\n"
    assert time.perf_counter() - began < 1


def test_lab_after_test_installs_nothing_and_test_after_lab_adds_its_packages(clone):
    calls = with_spy(clone)
    started(clone, "lab")
    started(clone, "test")
    started(clone, "lab")
    assert [line.rpartition(" ")[2] for line in installs(calls)] == ["course", "course[test]"]


def test_a_changed_constraint_installs_again(clone):
    calls = with_spy(clone)
    started(clone, "lab")
    with (clone / "constraints.txt").open("a") as constraints:
        constraints.write("# renewed\n")
    started(clone, "lab")
    assert len(installs(calls)) == 2


def test_lab_listens_on_this_machine_only_and_opens_the_first_page(clone):
    calls = with_spy(clone)
    started(clone, "lab", "--no-browser", "--port", "8765")
    last = calls.read_text().splitlines()[-1]
    assert last.startswith("python -m jupyterlab --ServerApp.ip=127.0.0.1 ")
    for option in (
        f"--ServerApp.root_dir={clone}",
        "--LabApp.default_url=/lab/tree/notebooks/00-start-here.ipynb",
        "--ServerApp.port=8765",
        "--no-browser",
    ):
        assert f" {option}" in last


def test_a_port_that_is_no_number_is_one_sentence_and_installs_nothing(clone):
    calls = with_spy(clone)
    said = started(clone, "lab", "--port", "http")
    assert said.returncode == 2
    assert said.stderr.splitlines()[-1].endswith("invalid int value: 'http'")
    assert calls.read_text() == ""


def test_without_network_what_was_installed_still_works_and_the_failure_is_said(clone):
    calls = with_spy(clone)
    started(clone, "lab")
    calls.write_text("")
    spy = clone / ".venv/bin/python"
    spy.write_text(SPY.format(calls=calls, install="echo 'no route to pypi.org'; exit 1"))
    said = started(clone, "test")
    assert said.returncode == 2
    assert "no route to pypi.org" in said.stderr
    assert "is the network there?" in said.stdout
    assert started(clone, "lab").returncode == 0
    assert calls.read_text().splitlines()[-1].startswith("python -m jupyterlab")


def test_ctrl_c_while_installing_stops_the_installer_and_the_next_run_begins_anew(clone):
    calls = with_spy(clone, install="sleep 61")
    process = subprocess.Popen(command(clone, "lab"), stdout=subprocess.PIPE, text=True)
    while not installs(calls):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=10)
    assert process.returncode == 130
    assert said.splitlines()[-1] == "run.py: stopped; the next run takes it up again."
    assert not run.is_usable(run.stamped())
    os.close(run.hold_lock())  # nobody holds it: the installer is gone


def test_a_run_waits_for_another_that_is_installing(clone):
    calls = with_spy(clone, install="sleep 0.5")
    both = [subprocess.Popen(command(clone, "test"), stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=20)[0] for process in both]
    assert sorted("waiting for it" in text for text in said) == [False, True]
    assert len(installs(calls)) == 1


def test_a_folder_that_cannot_be_written_is_one_sentence(clone):
    (clone / ".venv").write_text("a file where the environment should be")
    said = started(clone, "test")
    assert said.returncode == 2
    assert said.stdout.splitlines()[-1].startswith("run.py: Not a directory: ")
    assert said.stderr == ""


def test_a_python_without_ensurepip_and_without_pip_is_told_the_exact_package(clone, monkeypatch):
    monkeypatch.setattr(run, "BASE", "/bin/false")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    lock = run.hold_lock()
    with pytest.raises(run.Stop) as stop:
        run.make_venv(lock)
    os.close(lock)
    wanted = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    assert str(stop.value).endswith(f"on Debian and Ubuntu do: sudo apt-get install {wanted}")


def test_a_persons_own_python_path_does_not_reach_the_course(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/home/learner/modules")
    monkeypatch.setenv("PIP_USER", "1")
    assert "PYTHONPATH" not in run.environ()
    assert run.environ()["PIP_USER"] == "0"


def test_a_home_that_cannot_be_written_is_replaced(clone, monkeypatch):
    with_spy(clone)
    monkeypatch.setenv("HOME", "/nonexistent")
    assert run.environ()["HOME"] == str(clone / ".venv/home")


@pytest.mark.parametrize("minor", [6, 8, 10])
def test_an_old_python_is_told_in_one_sentence_even_if_it_cannot_read_the_rest(minor):
    """What such a Python meets first: the file must be readable by its grammar."""
    import ast

    ast.parse((ROOT / "run.py").read_text(), feature_version=(3, minor))


def copied(destination: Path) -> Path:
    """The project as a fresh clone has it: what git knows, and what it would be told of."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    for name in listed.rstrip("\0").split("\0"):
        if (ROOT / name).is_file():
            (destination / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, destination / name)
    return destination


@pytest.mark.slow
def test_a_fresh_clone_installs_itself_and_starts_without_network_the_next_time(tmp_path):
    clone = copied(tmp_path / "a fresh clone")
    first = started(clone, "test", "--version", path=os.environ["PATH"])
    assert first.returncode == 0, first.stderr
    began = time.perf_counter()
    second = subprocess.run(
        ["unshare", "-r", "-n", *command(clone, "test", "tests/test_project_pins.py", "-q")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert second.returncode == 0, second.stdout
    assert time.perf_counter() - began < 10
