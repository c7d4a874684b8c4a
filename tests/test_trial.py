"""What a learner submits runs apart: it is stopped within its limits, that is said in a sentence, and nothing is left behind."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubenet_course.data import data
from kubenet_course.learn.page.widgets import exercise
from kubenet_course.learn.questions.feedback import RIGHT, UNREADABLE, judged
from kubenet_course.learn.record import store
from kubenet_course.learn.record.session import check
from kubenet_course.trial import run as trial
from kubenet_course.trial.run import Limits, caution, run, walls

QUICK = Limits(seconds=1.5, cpu=1)
BOTH, FILTER = ("namespaces", "seccomp"), ("seccomp",)
C = "import ctypes, os\nc = ctypes.CDLL(None, use_errno=True)\n"  # past Python, straight to the kernel
HARMS = {
    "it loops": ("while True: pass", "used the processor for more than 1 seconds"),
    "it waits": ("import time\ntime.sleep(60)", "no answer after 1.5 seconds"),
    "it forks": ("import os\nwhile True: os.fork()", "it starts no other process"),
    "it starts a program": ("import subprocess\nsubprocess.run(['touch', 'harm'])", "it starts no other program"),
    "it fills memory": ("held = []\nwhile True: held.append(bytearray(10_000_000))", "more than 256 MiB of memory"),
    "it floods output": ("while True: print('x' * 1000)", "it printed more than 64 KiB"),
    "it floods errors": ("import sys\nwhile True: print('x' * 1000, file=sys.stderr)", "it printed more than 64 KiB"),
    "it reads a file outside": ("open('/etc/hostname')", "its own folder is all that it has"),
    "it writes a file outside": ("open('/tmp/kubenet-harm', 'w')", "its own folder is all that it has"),
    "it opens a socket": ("import socket\nsocket.socket()", "it has no network"),
    "it kills its parent": ("import os\nos.kill(os.getppid(), 9)", "it sends no signals"),
    "it breaks its memory": ("import ctypes\nctypes.string_at(0)", "signal 11 ended it"),
}
QUIETLY = {  # what only the kernel can refuse, and what the call then answers
    "fork": (C + "print(c.fork())", "-1"),
    "socket": (C + "print(c.socket(2, 1, 0))", "-1"),
    "kill all": (C + "print(c.kill(-1, 9) if os.getpid() != 1 else -1)", "-1"),
    "write outside": (C + "print(c.open(b'/tmp/kubenet-harm', 0o101, 0o644))", "-1"),
    "write in Python's folder": (C + "print(c.open((os.__file__ + '.harm').encode(), 0o101, 0o644))", "-1"),
    "new namespace": (C + "print(c.unshare(0x10000000))", "-1"),
    "set-user-id": (C + "print(c.execv(b'/bin/su', None))", "-1"),
    "trace the parent": (C + "print(c.ptrace(16, os.getppid(), 0, 0))", "-1"),
}
on_linux = pytest.mark.skipif(set(walls()) != set(BOTH), reason="this machine gives no namespaces or no seccomp")


@pytest.fixture(params=[BOTH, FILTER], ids=["namespaces", "seccomp alone"])
def held(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, ...]]:
    """The walls that a machine gives; nothing of ours is left when the program has ended."""
    monkeypatch.setattr(trial, "walls", lambda: request.param)
    yield request.param
    assert not Path("/tmp/kubenet-harm").exists()
    assert not Path(os.__file__ + ".harm").exists()
    assert ours() == []


def ours() -> list[str]:
    """Processes of a trial that still live."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = each.read_bytes().split(b"\0")
        except OSError:
            continue
        if f'"place": "{tempfile.gettempdir()}/kubenet-trial-{os.getpid()}-' in b" ".join(words).decode(
            errors="replace"
        ):
            found.append(each.parent.name)
    return found


@on_linux
@pytest.mark.parametrize("harm", HARMS)
def test_a_program_that_does_harm_is_stopped_and_one_sentence_says_why(harm: str, held: tuple[str, ...]):
    source, said = HARMS[harm]
    patient = Limits(seconds=20, cpu=1)  # of a busy machine a program that loops has only a part
    ran = run(source, "mine", {}, "", QUICK if harm == "it waits" else patient)
    assert said in ran.stopped
    assert ran.stopped.startswith("It was stopped: ") and ran.stopped.endswith(".") and "\n" not in ran.stopped
    assert ran.code != 0


@on_linux
@pytest.mark.parametrize("call", QUIETLY)
def test_what_goes_past_python_is_refused_by_the_kernel(call: str, held: tuple[str, ...]):
    source, answer = QUIETLY[call]
    ran = run(source, "mine", {}, "", QUICK)
    assert (ran.stdout.strip(), ran.stopped) == (answer, ""), ran


@on_linux
def test_a_file_that_only_the_kernel_keeps_away_is_not_there(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trial, "walls", lambda: BOTH)
    ran = run(C + "print(c.open(b'/etc/hostname', 0), ctypes.get_errno())", "mine", {}, "", QUICK)
    assert ran.stdout.split() == ["-1", "2"]


@on_linux
def test_an_honest_program_has_its_input_its_environment_and_a_folder(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trial, "walls", lambda: BOTH)
    source = "import json, os, sys\nopen('note', 'w').write(sys.stdin.read())\n"
    source += "print(json.dumps([open('note').read(), dict(os.environ), os.listdir('.'), __name__]))"
    assert run(source, "mine", {"CNI_COMMAND": "ADD"}, "conf").answer == [
        "conf",
        {"CNI_COMMAND": "ADD"},
        ["note"],
        "__main__",
    ]


@on_linux
@pytest.mark.parametrize(
    "source, code", [("raise SystemExit(3)", 3), ("1 / 0", 1), ("raise SystemExit('no')", 1), ("", 0)]
)
def test_the_exit_code_is_the_programs_own(source: str, code: int, held: tuple[str, ...]):
    ran = run(source, "mine", {}, "", QUICK)
    assert (ran.code, ran.stopped) == (code, "")


def as_nobody(source: str, layers: tuple[str, ...], python: str) -> subprocess.CompletedProcess[str]:
    """The same walls, built by a user who is nobody."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (place := Path(folder) / "place").mkdir()
        confine = Path(folder) / "walls"
        confine.mkdir()
        for each in trial.CONFINE.parent.glob("*.py"):
            (confine / each.name).write_text(each.read_text())
        (program := Path(folder) / "program").write_text(source)
        limits = {"cpu": 1, "memory": 256 << 20, "file": 1 << 20, "files": 64}
        order = {
            "file": str(program),
            "name": "mine",
            "place": str(place),
            "layers": layers,
            "hidden": [],
            "limits": limits,
        }
        who = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        argv = [*who, python, "-I", "-S", str(confine / "confine.py"), json.dumps(order)]
        return subprocess.run(argv, capture_output=True, text=True, timeout=20, cwd="/", env={}, check=False)


def python_for_all() -> str:
    """A Python that a user who is nobody may run."""
    return "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable


def nobody_has_namespaces() -> bool:
    test = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "unshare", "-U", "-r", "-m", "true"]
    return subprocess.run(test, capture_output=True, check=False).returncode == 0


@on_linux
@pytest.mark.parametrize("layers", [BOTH, FILTER], ids=["namespaces", "seccomp alone"])
@pytest.mark.parametrize("call", QUIETLY)
def test_an_ordinary_user_is_as_safe_as_root(call: str, layers: tuple[str, ...]):
    if os.geteuid() != 0:
        return  # then every other test of this file was run by an ordinary user
    if "namespaces" in layers and not nobody_has_namespaces():
        pytest.skip("ordinary users make no namespaces here")
    source, answer = QUIETLY[call]
    done = as_nobody(source, layers, python_for_all())
    assert (done.returncode, done.stdout.strip()) == (0, answer), done
    assert not Path("/tmp/kubenet-harm").exists()


def test_where_no_process_can_be_started_that_is_said(monkeypatch: pytest.MonkeyPatch):
    def refused(*_: object, **__: object) -> None:
        raise OSError(138, "emscripten does not support processes")

    monkeypatch.setattr(trial, "walls", lambda: BOTH)
    monkeypatch.setattr(trial.subprocess, "Popen", refused)
    ran = run("print(1)", "mine", {}, "")
    assert (ran.code, ran.stdout) == (trial.NO_PLACE, "")
    assert "no process can be started here (emscripten does not support processes)" in ran.stopped


# -- nothing runs unasked ----------------------------------------------------------------------------------------------

MARK = "import pathlib\nprint('{}')\npathlib.Path('/tmp/kubenet-harm').write_text('x')\n"


@pytest.fixture
def nothing_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "walls", lambda: ())
    monkeypatch.setattr(trial, "_ASKED", set())


def test_where_nothing_holds_a_program_its_learner_is_asked_first(nothing_holds: None):
    solution = "# asked\n" + exercise_solution()
    first = judged("06-plugin", solution)
    assert first.state == UNREADABLE
    assert "neither namespaces nor seccomp" in first.said
    assert "not out of reach" in first.said and "check the same text once more" in first.said
    second = judged("06-plugin", solution)
    assert second.state == RIGHT
    assert "not out of reach" in second.said


def exercise_solution() -> str:
    return exercise("06-plugin").exercise.instance(0).solution


def test_with_seccomp_alone_the_answer_says_what_is_not_contained(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trial, "walls", lambda: FILTER)
    assert "may have read files" in caution()
    monkeypatch.setattr(trial, "walls", lambda: BOTH)
    assert caution() == ""


def test_the_stored_answer_that_once_ran_at_sight_does_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    kept = store.Store(None)
    book = store.imported((data("reference/rough") / "evil-progress.json").read_bytes(), "FILE")
    kept.update(lambda old: old.merged(book))
    monkeypatch.setattr("kubenet_course.learn.page.widgets.store", lambda: kept)
    assert exercise("06-plugin").draft.startswith("open(")
    judged(
        "06-plugin", book.items["06-plugin"].answer
    )  # and when its learner does press Check, it reaches nothing here
    assert list(tmp_path.iterdir()) == []


def test_a_stored_answer_runs_neither_on_import_nor_when_it_is_shown(monkeypatch: pytest.MonkeyPatch):
    ran: list[str] = []
    monkeypatch.setattr(trial, "_Watched", lambda *said: ran.append("ran"))
    item = {"tries": 1, "missed": 1, "answer": MARK}
    book = store.imported(json.dumps({"format": 1, "items": {"06-plugin": item}, "predictions": {}}).encode(), "FILE")
    kept = store.Store(None)
    kept.update(lambda old: old.merged(book))
    monkeypatch.setattr("kubenet_course.learn.page.widgets.store", lambda: kept)
    shown = exercise("06-plugin")
    assert (shown.draft, ran) == (MARK, [])
    assert "it runs when you press Check" in shown.reply["html"]
    shown.show_hint()
    str(shown), repr(shown), shown._repr_mimebundle_()
    assert ran == []
    with pytest.raises(AttributeError):  # the stand-in gives nothing back; that it was called is what counts
        check("06-plugin", MARK)
    assert ran == ["ran"]
