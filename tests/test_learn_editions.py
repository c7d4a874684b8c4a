"""The class edition has no solutions and nothing that they left behind. And progress from a terminal."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner

from kubenet_course.cli import edition, main, progress
from kubenet_course.errors import BadInput
from kubenet_course.learn import check
from kubenet_course.learn.editions import MODEL, STATE, VIEW, write
from kubenet_course.learn.editions import edition as edited
from tools import build


def cell(source: str, count: int, model: str = "", tags: tuple[str, ...] = ()) -> dict:
    data = {
        "text/plain": source,
        **({VIEW: {"model_id": model, "version_major": 2, "version_minor": 0}} if model else {}),
    }
    output = {"output_type": "execute_result", "execution_count": count, "data": data, "metadata": {}}
    made = {"cell_type": "code", "id": f"c{count}", "metadata": {}, "source": source, "execution_count": count}
    return {**made, "outputs": [output], **({"metadata": {"tags": list(tags)}} if tags else {})}


def notebook() -> dict:
    state = {
        "m1": {"model_name": "Exercise", "state": {"children": [f"{MODEL}m2"]}},
        "m2": {"model_name": "Layout", "state": {}},
        "m3": {"model_name": "Secret", "state": {"answer": "10.244.1.10", "layout": f"{MODEL}m4"}},
        "m4": {"model_name": "Layout", "state": {}},
    }
    heading = {"cell_type": "markdown", "id": "h", "metadata": {"tags": ["solution"]}, "source": "One solution"}
    cells = [cell("a", 1, "m1"), heading, cell("secret", 2, "m3", ("solution",)), cell("b", 3)]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"widgets": {STATE: {"state": state}}}, "cells": cells}


def test_the_class_gets_no_solutions_and_nothing_that_only_they_left_behind():
    given = notebook()
    made = edited(given, {"solution"})
    assert [one["source"] for one in made["cells"]] == ["a", "b"]
    assert set(made["metadata"]["widgets"][STATE]["state"]) == {"m1", "m2"}
    assert "secret" not in json.dumps(made) and "10.244.1.10" not in json.dumps(made)
    assert given == notebook()


def test_cells_are_counted_anew_with_their_outputs():
    made = edited(notebook(), {"solution"})
    assert [(one["execution_count"], one["outputs"][0]["execution_count"]) for one in made["cells"]] == [(1, 1), (2, 2)]


def test_an_edition_is_a_valid_notebook():
    nbformat.validate(nbformat.from_dict(edited(notebook(), {"solution"})))


def test_an_edition_that_leaves_nothing_out_is_the_notebook_itself():
    given = copy.deepcopy(notebook())
    assert edited(given, ()) == {**given, "metadata": {"widgets": {STATE: {"state": {
        name: given["metadata"]["widgets"][STATE]["state"][name] for name in ("m1", "m2", "m3", "m4")}}}}}  # fmt: skip


@pytest.fixture
def masters(tmp_path) -> Path:
    folder = tmp_path / "notebooks"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "00-start.md").write_text("# master")
    (folder / "00-start.ipynb").write_text(json.dumps(notebook()))
    return folder


def test_a_folder_of_masters_becomes_a_folder_for_the_class(masters, tmp_path):
    ended = CliRunner().invoke(edition.command, ["class", str(tmp_path / "out"), "--notebooks", str(masters)])
    assert ended.exit_code == 0 and ended.output.strip() == str(tmp_path / "out" / "00-start.ipynb")
    assert "secret" not in (tmp_path / "out" / "00-start.ipynb").read_text()


def test_the_courses_own_chapters_have_a_class_edition_without_solutions(tmp_path):
    paths = write("class", build.NOTEBOOKS, tmp_path)
    assert [path.name for path in paths] == [f"{master.stem}.ipynb" for master in build.masters()]
    for path in paths:
        made = nbformat.read(path, as_version=4)
        nbformat.validate(made)
        assert not any("solution" in one.metadata.get("tags", ()) for one in made.cells)


@pytest.mark.parametrize(
    "name, out, told",
    [
        ("klass", "out", "there is none named 'klass'"),
        ("class", "notebooks", "this is where the masters are"),
        ("class", "notebooks/src/00-start.md", "this is a file"),
    ],
)
def test_bad_input_is_said_in_a_sentence_and_nothing_is_written(masters, tmp_path, name, out, told):
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BadInput, match=told):
        write(name, masters, tmp_path / out)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_master_that_was_not_built_is_named(masters, tmp_path):
    (masters / "00-start.ipynb").unlink()
    with pytest.raises(BadInput, match=r"00-start.md has not been built; run `python3 run.py build`"):
        write("class", masters, tmp_path / "out")


@pytest.fixture
def home(tmp_path, monkeypatch):
    def move(name: str) -> Path:
        monkeypatch.setenv("KUBENET_HOME", str(tmp_path / name))
        return tmp_path / name

    move("here")
    return move


def run(*args: str, given: str | bytes = ""):
    return CliRunner().invoke(progress.command, list(args), input=given)


def test_progress_in_a_terminal(home):
    check("00-source", "10.0.0.1")
    ended = run()
    assert ended.exit_code == 0 and "will come back: 00-source" in ended.output
    told = json.loads(run("--json").output)
    assert told["chapters"][0]["chapter"] == "00" and told["chapters"][0]["again"] == ["00-source"]


def test_progress_is_taken_to_another_machine_and_added_to_what_is_there(home, tmp_path):
    check("00-source", "10.0.0.1")
    assert run("export", str(tmp_path / "mine.json")).exit_code == 0
    home("there")
    check("00-hops", 1)
    ended = run("import", str(tmp_path / "mine.json"))
    assert "00-hops, 00-source" in ended.output
    assert run("import", str(tmp_path / "mine.json")).output == ended.output


def test_progress_through_a_pipe(home):
    check("00-source", "10.0.0.1")
    data = run("export", "-").output
    home("there")
    assert "00-source" in run("import", "-", given=data).output


FOREIGN = [
    ("cut off", b'{"format": 1, "items": {"00-sou', "no progress file"),
    ("a notebook", (build.NOTEBOOKS / "00-start-here.ipynb").read_bytes(), "does not say which format"),
    ("a picture", b"\x89PNG\r\n", "no progress file"),
    ("empty", b"", "no progress file"),
    ("from a later release", b'{"format": 2}', "update the course first"),
    ("with an id that nobody could have", b'{"format": 1, "items": {"0-x": {"missed": 1}}}', "no progress file"),
]


@pytest.mark.parametrize("story, data, told", FOREIGN, ids=[story for story, *_ in FOREIGN])
def test_a_file_that_is_no_export_is_one_sentence_exit_code_2_and_changes_nothing(
    home, tmp_path, capsys, story, data, told
):
    check("00-source", "10.0.0.1")
    before, given = (tmp_path / "here" / "progress.json").read_bytes(), tmp_path / "given"
    given.write_bytes(data)
    with pytest.raises(SystemExit) as ended:
        main(["progress", "import", str(given)])
    said = capsys.readouterr()
    assert (ended.value.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert told in said.err and str(given) in said.err
    assert (tmp_path / "here" / "progress.json").read_bytes() == before


@pytest.mark.parametrize(
    "args", [["import", "nowhere.json"], ["import", "."], ["export", "no/folder.json"], ["import"]]
)
def test_a_path_that_leads_nowhere_is_one_sentence_and_exit_code_2(home, capsys, args):
    with pytest.raises(SystemExit) as ended:
        main(["progress", *args])
    assert (ended.value.code, capsys.readouterr().err.count("\n")) == (2, 1)


def test_what_cannot_be_read_is_not_exported_as_nothing_and_what_cannot_be_kept_is_not_said_to_be_imported(
    home, tmp_path
):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "progress.json").write_text('{"format": 2}')
    assert "later release" in str(run("export", str(tmp_path / "out.json")).exception)
    assert not (tmp_path / "out.json").exists()
    assert "Nothing is saved" in str(run("import", "-", given='{"format": 1}').exception)


def test_a_damaged_file_is_said_on_export_and_the_save_before_it_goes_out(home, tmp_path):
    check("00-source", "10.0.0.1")
    check("00-hops", 1)
    (tmp_path / "here" / "progress.json").write_text("{")
    ended = run("export", str(tmp_path / "out.json"))
    assert ended.exit_code == 0 and "was damaged" in ended.stderr
    assert "00-source" in (tmp_path / "out.json").read_text()
