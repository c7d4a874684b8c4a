"""Progress from a terminal: taken along, handed to a teacher, forgotten."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from kubenet_course.cli import main, progress
from kubenet_course.errors import BadInput
from kubenet_course.learn import check, reset
from kubenet_course.learn.bank import asked
from kubenet_course.learn.questions.prediction import keep
from kubenet_course.learn.record.book import Book, Item, Kept
from kubenet_course.learn.record.exports import as_csv
from kubenet_course.learn.record.store import Store, decoded, encoded, older, store
from kubenet_course.version import __version__
from tools import build


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


# -- for a teacher -------------------------------------------------------------------------------------------------------


def handed_in(tmp_path: Path, name: str, *more: str) -> Path:
    path = tmp_path / f"{name or 'nobody'}.json"
    assert run("export", str(path), "--name", name, *more).exit_code == 0
    return path


def test_an_export_carries_the_name_the_day_the_release_and_what_was_answered(home, tmp_path):
    check("00-source", "10.0.0.1")
    told = json.loads(handed_in(tmp_path, "Ada", "--date", "2026-11-28").read_text())
    assert [told[one] for one in ("name", "date", "release")] == ["Ada", "2026-11-28", __version__]
    assert told["items"]["00-source"]["answer"] == "10.0.0.1"


def test_without_a_day_it_is_today(home, tmp_path):
    first, told = date.today(), json.loads(handed_in(tmp_path, "Ada").read_text())  # noqa: DTZ011
    assert first <= date.fromisoformat(told["date"]) <= date.today()  # noqa: DTZ011


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", "28.11.2026"])
def test_a_day_that_is_none_is_refused(home, tmp_path, day):
    ended = run("export", str(tmp_path / "x.json"), "--date", day)
    assert "is not a day" in str(ended.exception) and not (tmp_path / "x.json").exists()


def test_somebody_elses_export_leaves_ones_own_progress_alone_unless_asked(home, tmp_path):
    check("00-source", "10.0.0.1")
    path = handed_in(tmp_path, "Ada")
    here = home("teacher")
    check("00-hops", 1)
    before = (here / "progress.json").read_bytes()
    ended = run("import", str(path))
    assert isinstance(ended.exception, BadInput) and "the progress of Ada" in str(ended.exception)
    assert run("table", str(path)).exit_code == 0
    assert (here / "progress.json").read_bytes() == before
    assert "00-hops, 00-source" in run("import", str(path), "--mine").output


def test_a_class_is_a_table_with_a_row_for_each_export(home, tmp_path):
    check("00-source", "10.0.0.1")
    keep(asked("00-seen"), "node-1's")
    store().update(lambda book: Book(book.items, {"00-seen": Kept("node-1's", True, False, 58)}))
    ada = handed_in(tmp_path, "Ada", "--date", "2026-11-28")
    home("bob")
    bob = handed_in(tmp_path, "Bob")
    ada_row, bob_row = csv.DictReader(io.StringIO(run("table", str(ada), str(bob)).stdout))
    assert [ada_row[one] for one in ("name", "date", "solved", "tried", "predicted", "came true")] == [
        "Ada", "2026-11-28", "0", "1", "1", "0"]  # fmt: skip
    assert ada_row["00-source"] == "not solved, 1 missed" and "58" in ada_row["beliefs"].split()
    assert (bob_row["name"], bob_row["tried"], bob_row["00-source"], bob_row["file"]) == ("Bob", "0", "", str(bob))
    wide = next(csv.DictReader(io.StringIO(run("table", str(ada), "-o", "wide").stdout)))
    assert wide["predicted 00-seen"] == "node-1's"
    assert json.loads(run("table", str(ada), "--json").stdout)[0]["name"] == "Ada"
    assert run("table", str(ada), str(bob), "-o", "name").stdout == "Ada\nBob\n"


def test_one_file_that_is_no_export_spoils_no_table_by_half(home, tmp_path, capsys):
    ada, notes = handed_in(tmp_path, "Ada"), tmp_path / "notes.txt"
    notes.write_text("hello")
    with pytest.raises(SystemExit) as ended:
        main(["progress", "table", str(ada), str(notes)])
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (2, "") and str(notes) in said.err


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\x1b[2J", "a\nb", 'a","b'])
def test_a_cell_is_neither_a_formula_nor_an_escape_nor_a_second_row(name):
    (row,) = csv.DictReader(io.StringIO(as_csv([{"name": name, "solved": 1}])))
    assert not row["name"].startswith(("=", "+", "-", "@")) and "\x1b" not in row["name"] and row["solved"] == "1"


@pytest.mark.parametrize("head", [{"name": 5}, {"date": []}, {"release": None}])
def test_a_head_that_nobody_could_have_written_is_refused(home, tmp_path, head):
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"format": 1, **head}))
    assert isinstance(run("table", str(path)).exception, BadInput)


# -- earlier releases ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "release, is_older",
    [(None, True), ("0.0.9", True), ("0.0.10", True), (__version__, False), ("99.0", False), (7, False), ("dev", True)],
)
def test_who_wrote_a_file_is_told_by_its_release_and_the_first_files_had_none(release, is_older):
    data = json.dumps({"format": 1, **({} if release is None else {"release": release})}).encode()
    assert bool(older(data)) == is_older
    assert decoded(data) == Book()


def test_progress_of_an_earlier_release_is_read_and_said_so_until_it_is_saved_anew(home, tmp_path):
    here = tmp_path / "here"
    here.mkdir()
    (here / "progress.json").write_text('{"format": 1, "items": {"00-source": {"tries": 1, "solved": true}}}')
    ended = run()
    assert (
        "An earlier release of the course (it does not say which) wrote this progress. All of it was read."
        in ended.output
    )
    assert "1 of" in ended.output
    check("00-hops", 1)
    assert "earlier release" not in run().output
    assert Store(here).read().item("00-source").solved


def test_an_export_of_an_earlier_release_is_imported_and_said_so(home, tmp_path):
    path = tmp_path / "old.json"
    path.write_text('{"format": 1, "items": {"00-source": {"tries": 1, "missed": 1}}}')
    ended = run("import", str(path))
    assert "earlier release" in ended.stderr and "will come back: 00-source" in ended.stdout


# -- forgotten -----------------------------------------------------------------------------------------------------------


def test_one_exercise_is_forgotten_and_the_others_stay(home):
    check("00-source", "10.0.0.1")
    check("00-hops", 1)
    assert run("reset", "00-source").output == "Forgotten: 00-source.\n"
    assert set(store().read().items) == {"00-hops"}
    assert run("reset", "00-source").output == "Nothing was kept of 00-source.\n"


def test_a_chapter_is_forgotten_with_its_predictions_and_no_other(home):
    check("00-source", "10.0.0.1")
    check("01-bind", "web")
    keep(asked("00-seen"), "node-1's")
    assert reset("00") == ("00-seen", "00-source")
    assert set(store().read().items) == {"01-bind"} and not store().read().predictions
    assert reset("1") == ("01-bind",)


def test_a_prediction_that_was_revealed_may_be_made_again_after_a_reset(home):
    store().update(lambda book: Book({}, {"00-seen": Kept("node-1's", True)}))
    reset("00-seen")
    assert keep(asked("00-seen"), "the client's own").said == "the client's own"


@pytest.mark.parametrize("what", ["00-sorce", "99", "", "everything"])
def test_what_nobody_asked_is_not_forgotten(home, what):
    check("00-source", "10.0.0.1")
    assert "did you mean" in str(run("reset", what).exception)
    assert set(store().read().items) == {"00-source"}


def test_a_book_without_something_is_another_book():
    book = Book({"00-a": Item(1), "00-b": Item(2)}, {"00-a": Kept("x")})
    assert book.without({"00-a"}) == Book({"00-b": Item(2)})
    assert decoded(encoded(book)) == book
