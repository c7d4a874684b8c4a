"""The class edition has no solutions and nothing that they left behind, and each student gets questions of their own."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner

from kubenet_course.cli import edition
from kubenet_course.errors import BadInput
from kubenet_course.learn.bank import everything, find
from kubenet_course.learn.editions import CLOSED, MODEL, STATE, VIEW, closed, student_named, variant_for, write
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


# -- results that answer a question --------------------------------------------------------------------------------------


def test_results_behind_the_first_reveal_are_closed_and_questions_stay():
    sources = ["show.map(world)", 'predict("00-seen")', 'reveal("00-seen", run)', "seen_by_web", 'predict("00-drawn")']
    cells = [cell(source, n, f"m{n}" if n in (2, 4) else "") for n, source in enumerate(sources, 1)]
    state = {f"m{n}": {"state": {"text": "10.244.1.2"}} for n in (2, 4)}
    made = closed({"metadata": {"widgets": {STATE: {"state": state}}}, "cells": cells})
    told = [one["outputs"][0]["data"]["text/plain"] for one in made["cells"]]
    assert told == [*sources[:3], CLOSED, sources[4]]
    assert list(made["metadata"]["widgets"][STATE]["state"]) == ["m2"]


def is_question(source: str) -> bool:
    calls = ("predict(", "reveal(", "exercise(", "practice(", "warm_up(")
    return any(line.startswith(calls) for line in source.splitlines())


@pytest.fixture(scope="module")
def shipped(tmp_path_factory) -> list[nbformat.NotebookNode]:
    return [
        nbformat.read(path, as_version=4) for path in write("class", build.NOTEBOOKS, tmp_path_factory.mktemp("it"))
    ]


def test_no_chapter_shows_the_class_a_result_between_a_reveal_and_its_end(shipped):
    for made in shipped:
        code = [one for one in made.cells if one.cell_type == "code"]
        first = next(n for n, one in enumerate(code) if "reveal(" in one.source)
        for one in code[first + 1 :]:
            if one.outputs and not is_question(one.source):
                assert [output.data for output in one.outputs] == [{"text/plain": CLOSED}], one.source


def test_what_the_class_gets_holds_no_solution_of_an_exercise_that_is_longer_than_a_line(shipped):
    """A line may stand in a text that explains it; a whole manifest or program stands nowhere but in a solution."""
    words = "\n".join(" ".join(json.dumps(made).replace("\\n", " ").split()) for made in shipped)
    for exercise in everything():
        answer = exercise.instance(0).solution
        if isinstance(answer, str) and answer.count("\n") > 2:
            assert " ".join(json.dumps(answer).strip('"').replace("\\n", " ").split()) not in words, exercise.id
    assert "One solution of" not in words and ", one solution:" not in words


# -- a student's own ------------------------------------------------------------------------------------------------------


def asked(paths: list[Path]) -> dict[str, str]:
    """Each exercise of a folder of notebooks, with what is asked."""
    cells = [one for path in paths for one in nbformat.read(path, as_version=4).cells if one.cell_type == "code"]
    return {one.source: one.outputs[0].data["text/plain"] for one in cells if one.source.startswith("exercise(")}


def test_two_students_get_other_questions_and_the_same_student_the_same(tmp_path):
    ada, again, bob = (
        asked(write("class", build.NOTEBOOKS, tmp_path / folder, student=name))
        for folder, name in (("a", "Ada"), ("b", "Ada"), ("c", "Bob"))
    )
    assert ada == again
    assert not set(ada) & set(bob)
    other = [one for one, two in zip(ada.values(), bob.values(), strict=True) if one != two]
    assert len(other) > 0.7 * len(ada)  # some exercises have only a handful of variants
    assert all(f"{one.split(', ')[0]}" in {f'exercise("{known.id}"' for known in everything()} for one in ada)


def test_a_students_notebook_asks_what_its_cell_will_ask_when_it_runs(tmp_path):
    paths = write("class", build.NOTEBOOKS, tmp_path, student="Ada")
    assert (
        find("00-source").instance(variant_for("Ada", "00-source")).asks.split()[-1]
        in asked(paths)[f'exercise("00-source", variant={variant_for("Ada", "00-source")})']
    )
    for path in paths:
        nbformat.validate(nbformat.read(path, as_version=4))


def test_the_variant_of_a_name_is_the_first_eight_bytes_of_its_sha256():
    """echo: printf 'Ada\\0' + '00-source' | sha256sum begins with this number; it must never change between releases."""
    import subprocess

    said = subprocess.run(["sha256sum"], input=b"Ada\x0000-source", capture_output=True, check=True).stdout
    assert variant_for("Ada", "00-source") == int(said[:16], 16) % 1_000_000


def test_a_name_counts_without_spaces_around_it_and_in_one_spelling_of_its_accents():
    assert student_named("  Zoe\u0308   Ng ") == "Zo\u00eb Ng"


@pytest.mark.parametrize("name", ["", "   ", "a\x1b[31m", "x" * 101], ids=["empty", "spaces", "an escape", "long"])
def test_what_is_no_name_is_refused_and_nothing_is_written(masters, tmp_path, name):
    ended = CliRunner().invoke(
        edition.command, ["class", str(tmp_path / "out"), "--notebooks", str(masters), "--student", name]
    )
    assert "is no name" in str(ended.exception) and not (tmp_path / "out").exists()


def test_a_name_is_text_and_no_markup(tmp_path):
    path = write("class", build.NOTEBOOKS, tmp_path, student="[x](http://y) <b>*A*</b>")[0]
    line = next(one.source for one in nbformat.read(path, as_version=4).cells if "Class edition for" in one.source)
    assert "\\[x\\]\\(http://y\\) \\<b\\>\\*A\\*\\</b\\>" in line
