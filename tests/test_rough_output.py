"""Output that nobody reads, that finds no room, or that holds what a terminal would obey; and files written whole or not at all."""

import json
import os
import pty
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kubenet_course.cli import main
from kubenet_course.data import data
from kubenet_course.errors import BadInput
from kubenet_course.files import write_together, write_whole
from kubenet_course.lab.real.script import shell
from kubenet_course.lab.scenario.scenario import read
from kubenet_course.learn.editions import write
from kubenet_course.visible import visible

KUBENET = [sys.executable, "-c", "from kubenet_course.cli import main; main()"]
CLUSTER = str(data("clusters/two-nodes.yaml"))
TRACE = [*KUBENET, "trace", CLUSTER, "--from", "pod/default/client", "--to", "service/default/web:80"]
DROPPED = [*TRACE[:-1], "10.244.1.77:80"]
ESCAPE = "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J \u202e"


def in_shell(argv: list[str], rest: str) -> subprocess.CompletedProcess[str]:
    """A command as a shell runs it, with redirections; its exit code is that of the shell."""
    script = f'set -o pipefail; "$@" {rest}'
    return subprocess.run(
        ["bash", "-c", script, "bash", *argv], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("argv, code", [(TRACE, 0), (DROPPED, 1), ([*KUBENET, "plan", "--nodes", "3"], None)])
@pytest.mark.parametrize("rest", ["| head -n 1", ">&-", "| true"])
def test_who_stops_reading_hears_nothing_and_the_exit_code_stays(argv: list[str], code: int | None, rest: str):
    expected = in_shell(argv, "> /dev/null").returncode
    done = in_shell(argv, rest)
    assert (done.stderr, done.returncode) == ("", expected if code is None else code)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no device that is always full")
@pytest.mark.parametrize("argv", [TRACE, [*KUBENET, "--help"], [*KUBENET, "progress", "export", "-"]])
def test_a_full_disk_is_one_sentence(argv: list[str]):
    done = in_shell(argv, "> /dev/full")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "standard output: it cannot be written (No space left on device)" in done.stderr


@pytest.mark.parametrize(
    "words",
    [["trace", "-", "--from", "a", "--to", "b"], ["progress", "import", "-"], ["endpoints", "-"],
     ["rules", "trace", "-", "--dst", "1.1.1.1"],
     ["trace", CLUSTER, "--packets", "-"]],
)  # fmt: skip
def test_a_closed_standard_input_is_one_sentence(words: list[str]):
    done = in_shell([*KUBENET, *words], "<&-")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "standard input: it is closed" in done.stderr


def test_a_closed_or_full_standard_error_changes_no_exit_code():
    for rest in ("2>&-", "2> /dev/full"):
        assert in_shell([*KUBENET, "nonsense"], rest).returncode == 2


def test_a_terminal_that_knows_only_ascii_is_written_to_as_well():
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*KUBENET, "trace", "no-such-\u2713.yaml"], capture_output=True, env=env, check=False)
    assert (done.returncode, b"no-such-\\u2713.yaml" in done.stderr) == (2, True)


# -- what a terminal would obey ----------------------------------------------------------------------------------------


def test_controls_are_spelled_out():
    assert visible(ESCAPE) == "\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07 \\x9b2J \\u202e"
    assert visible("a\tb\nc \ud800 é ✓", "\n\t") == "a\tb\nc \\ud800 é ✓"


def test_a_sentence_about_bad_input_passes_no_escape_on():
    assert "\x1b" not in str(BadInput(ESCAPE, ESCAPE, ESCAPE))


def test_what_a_file_says_reaches_no_terminal_as_a_command(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    text = Path(CLUSTER).read_text().replace("name: web\n", f"name: {json.dumps(ESCAPE + 'web')}\n")
    (tmp_path / "c.yaml").write_text(text)
    for words in (["endpoints"], ["proxy", "rules", "--node", "node-1"]):
        with pytest.raises(SystemExit):
            main([words[0], *words[1:2], str(tmp_path / "c.yaml"), *words[2:]])
        said = "".join(capsys.readouterr())
        assert not set(said) & {"\x1b", "\x07", "\x9b", "\u202e"}


@pytest.mark.parametrize("no_color", ["", "1"])
def test_a_terminal_sees_bold_unless_it_wants_no_color(no_color: str):
    ours, theirs = pty.openpty()
    env = {**os.environ, "NO_COLOR": no_color}
    with subprocess.Popen(TRACE, stdout=theirs, stdin=theirs, env=env) as child:
        os.close(theirs)
        said = b""
        while True:
            try:
                got = os.read(ours, 4096)
            except OSError:
                break
            if not got:
                break
            said += got
        assert child.wait() == 0
    os.close(ours)
    assert (b"\x1b[1m" in said) is not bool(no_color)


# -- the script --------------------------------------------------------------------------------------------------------

NEWLINES = ["\n", "\r", "\x0b", "\x85", "\u2028"]


def scenario_with(mark: str) -> str:
    base = json.loads((data("scenarios") / "same-node-cold.json").read_text())
    base |= {"name": f"n{mark}touch harm-name", "about": f"a{mark}touch harm-about"}
    for ns in base["namespaces"].values():
        ns["sockets"] = [f"{one}{mark}touch harm-socket" for one in ns.get("sockets", [])]
    for sent in base["packets"]:
        sent["says"] = f"s{mark}touch harm-says"
    return json.dumps(base)


@pytest.mark.parametrize("mark", NEWLINES)
def test_nothing_that_a_scenario_says_becomes_a_line_of_the_script(mark: str):
    text = shell(read(scenario_with(mark)))
    harms = [line for line in text.splitlines() if "harm" in line]
    assert len(harms) >= 3
    assert all(line.startswith("#") for line in harms)
    assert "\r" not in text


def test_the_name_of_the_file_becomes_no_line_either(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "c\ntouch harm.yaml"
    path.write_text(Path(CLUSTER).read_text())
    with pytest.raises(SystemExit):
        main(["lab", "script", str(path)])
    said = capsys.readouterr().out
    assert [line for line in said.splitlines() if "harm" in line and not line.startswith("#")] == []


def test_rules_that_hold_the_word_that_ends_them_end_nowhere_else():
    base = json.loads((data("scenarios") / "same-node-cold.json").read_text())
    ns = next(iter(base["namespaces"].values()))
    ns["iptables"] = ["*filter", ":INPUT ACCEPT [0:0]", ":END - [0:0]", "-A INPUT -j END", "COMMIT"]
    text = shell(read(json.dumps(base)))
    before, _, after = text.partition("<<'END'\n")
    assert "END" not in before
    assert after.splitlines().count("END") == 1


# -- files -------------------------------------------------------------------------------------------------------------


def test_of_several_files_all_are_written_or_none(tmp_path: Path):
    (tmp_path / "one").write_text("old")
    with pytest.raises(BadInput):
        write_together({tmp_path / "one": b"new", tmp_path / "no" / "such": b"x"})
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("one", "old")]


def test_a_file_keeps_its_permissions_and_a_new_one_gets_the_usual(tmp_path: Path):
    (tmp_path / "old").write_text("old")
    (tmp_path / "old").chmod(0o640)
    (tmp_path / "usual").write_text("x")
    for name in ("old", "new"):
        write_whole(tmp_path / name, b"new")
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}
    assert modes == {"old": 0o640, "new": modes["usual"], "usual": modes["usual"]}


def test_progress_is_never_exported_over_somebodys_work_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (work := tmp_path / "work.json").write_text("mine")
    assert exit_of(["progress", "export", str(work)]) == 2
    assert (work.read_text(), "add --force" in capsys.readouterr().err) == ("mine", True)
    assert exit_of(["progress", "export", str(work), "--force"]) == 0
    assert exit_of(["progress", "export", str(work)]) == 0  # what stands there is what would be written
    assert "format" in work.read_text()


def exit_of(words: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        main(words)
    return ended.value.code or 0


def test_an_edition_is_never_written_over_somebodys_work_unasked(tmp_path: Path):
    masters, out = tmp_path / "masters", tmp_path / "out"
    (masters / "src").mkdir(parents=True)
    for name in ("00-a", "01-b"):
        (masters / "src" / f"{name}.md").write_text("")
        (masters / f"{name}.ipynb").write_text(json.dumps({"cells": [], "metadata": {}}))
    write("class", masters, out)
    write("class", masters, out)
    (out / "01-b.ipynb").write_text("mine")
    (out / "00-a.ipynb").unlink()
    with pytest.raises(BadInput, match="add --force"):
        write("class", masters, out)
    assert [each.name for each in out.iterdir()] == ["01-b.ipynb"]
    write("class", masters, out, force=True)
    assert (out / "01-b.ipynb").read_text() != "mine"
