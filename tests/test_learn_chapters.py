"""Every chapter as its reader runs it: each cell twice, with every reveal open, and the checks that only tests need."""

import ast
import os
from weakref import WeakSet

import jupytext
import pytest

from kubenet_course.learn import bank
from kubenet_course.learn.page import predicting
from kubenet_course.learn.page.predicting import OPEN, Prediction, Revealed, predict, reveal
from tools import build

CHAPTERS = [master for master in build.masters() if master.stem[:2] in bank.chapters()]
GOES_ON = "goes-on"  # builds something in a terminal: run again it says what the real program says


def run(source: str, names: dict) -> object:
    """Runs a cell; its last expression is what it shows, as in a notebook."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None


@pytest.fixture
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBENET_HOME", str(tmp_path))
    monkeypatch.setattr(predicting, "_WAITING", WeakSet())  # what another test has shown does not wait in this one
    monkeypatch.chdir(build.NOTEBOOKS)


@pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")  # a folder of a cell that ran twice
@pytest.mark.parametrize("master", CHAPTERS, ids=lambda master: master.stem)
def test_every_cell_runs_twice_and_says_the_same_and_every_reveal_ends_in_a_choice(master, at_home, monkeypatch):
    monkeypatch.setenv(OPEN, "1")
    names, revealed, changed = {"__name__": "__main__"}, [], []
    for cell in jupytext.read(master, fmt="md:myst").cells:
        if cell.cell_type != "code":
            continue
        tags = cell.metadata.get("tags", ())
        first = run(cell.source, names)
        if isinstance(first, Revealed):
            assert first.outcome.truth == first.question.answer, first.text
            revealed.append(first.question.id)
        if build.CHECK in tags:
            continue
        try:
            said, again = repr(first), repr(run(cell.source, names))
        except Exception as error:
            changed.append((cell.source, repr(first), repr(error)))
            continue
        if said != again and GOES_ON not in tags:
            changed.append((cell.source, said, again))
    assert revealed == [question.id for question in bank.predictions(master.stem[:2])]
    assert not changed, "\n\n".join("\n".join(parts) for parts in changed)


@pytest.mark.parametrize("master", CHAPTERS, ids=lambda master: master.stem)
def test_a_shipped_chapter_neither_says_nor_computes_an_answer_before_its_prediction(master):
    """Between a question and its reveal neither text nor code nor output holds the choice that is right."""
    cells = build.nbformat.read(build.notebook_of(master), as_version=4).cells
    for question in bank.predictions(master.stem[:2]):
        sources = [cell.source for cell in cells]
        asks = next(at for at, source in enumerate(sources) if f'predict("{question.id}")' in source)
        opens = next(at for at, source in enumerate(sources) if f'reveal("{question.id}"' in source)
        assert asks < opens
        for cell in cells[asks + 1 : opens + 1]:
            assert question.answer not in cell.source
            if cell is not cells[asks]:
                assert question.answer not in str(cell.get("outputs", ""))
        assert "outcome" not in str(cells[opens].outputs) and "What happened" not in str(cells[opens].outputs)


def test_nothing_runs_before_a_prediction_and_the_world_stays_as_it_is(at_home):
    world, ran = ["as it was"], []

    def change(world):
        ran.append(True)
        world.append("changed")
        return "EADDRINUSE", "a table"

    closed = reveal("01-second", change, world)
    assert not ran and closed.outcome is None and "address in use" not in repr(closed)
    predict("01-second").predict("it is given another port")
    assert ran == [True] and world == ["as it was"]
    assert "Not as you predicted." in closed.text and "list of listeners" in closed.text


def test_who_wants_to_see_it_all_the_same_sees_it_without_a_prediction(at_home):
    closed = reveal("01-second", lambda: "EADDRINUSE")
    closed.box.told("check", None)
    assert "none was made" in closed.text and "it is told: address in use" in closed.text


def test_a_run_that_fails_says_so_in_its_place(at_home):
    closed = reveal("01-second", lambda: 1 / 0)
    closed.box.told("check", None)
    assert "ZeroDivisionError" in closed.box.form["asks"] and closed.outcome is None


def test_a_world_that_somebody_changed_is_not_explained_with_the_courses_reason(at_home):
    predict("01-second").predict("it is given another port")
    shown = reveal("01-second", lambda: "EACCES")
    assert "EACCES" in shown.text and "A cell was probably changed" in shown.text
    assert "predicted." not in shown.text and not predict("01-second").reply.get("done")
    assert "list of listeners" not in shown.text


def test_an_empty_prediction_gets_a_sentence_and_is_not_kept(at_home):
    asked = predict("01-second")
    asked.told("check", None)
    assert "Choose one of the answers first." in asked.reply["html"] and not asked.reply["done"]
    assert isinstance(predict("01-second"), Prediction)


def test_the_switch_is_never_set_in_what_is_shipped():
    assert OPEN not in os.environ
    for path in (build.ROOT / "kubenet_course").rglob("*.py"):
        assert path.name == "predicting.py" or OPEN not in path.read_text()
    assert all(OPEN not in master.read_text() for master in build.masters())
