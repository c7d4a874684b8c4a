"""The page's book of progress beside the notebooks' own: the same changes, the same files, the same refusals."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from kubenet_course.errors import BadInput
from kubenet_course.learn.record import book as kept
from kubenet_course.learn.record import exports, store
from kubenet_course.version import __version__
from tools import build

HERE = Path(__file__).parent / "pyodide"
SCRIPT = build.ROOT / "kubenet_course" / "site" / "assets" / "book.js"
EMPTY: dict[str, Any] = {"items": {}, "predictions": {}}
pytestmark = pytest.mark.skipif(
    not shutil.which("node"), reason="there is no node; install it (Debian and Ubuntu: nodejs)"
)


def said(folder: Path, *does: list[Any]) -> list[Any]:
    """What the page's script answers, line by line."""
    order = folder / "order.json"
    order.write_text(json.dumps({"script": str(SCRIPT), "does": does}))
    done = subprocess.run(
        ["node", "book.mjs", str(order)], cwd=HERE, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def as_book(made: Any) -> kept.Book:
    return msgspec.convert(made, kept.Book)


IDS = some.sampled_from(["00-way", "00-source", "02-ports", "09-share"])
WORDS = some.sampled_from(["", "A", "ü", "a 'b'", '"'])
ANSWERS = some.one_of(some.none(), some.integers(0, 99), WORDS, some.lists(some.sampled_from("ABC"), max_size=3))
BELIEFS = some.lists(some.integers(1, 120), max_size=2)
CHANGES = some.one_of(
    some.tuples(
        some.just("answered"),
        IDS,
        some.booleans(),
        ANSWERS,
        some.integers(0, 4),
        BELIEFS,
        some.sampled_from(["", "03", "10"]),
    ),
    some.tuples(some.just("hinted"), IDS, some.integers(1, 3)),
    some.tuples(some.just("inOwnWords"), IDS, WORDS),
    some.tuples(some.just("predicted"), IDS, WORDS),
    some.tuples(some.just("revealed"), IDS, some.booleans(), some.integers(0, 99)),
)
OURS = {
    "answered": lambda book, id, right, answer, variant, beliefs, chapter: kept.answered(
        book, id, right, answer, variant, tuple(beliefs), chapter
    ),
    "hinted": kept.hinted,
    "inOwnWords": kept.in_own_words,
    "predicted": kept.predicted,
    "revealed": kept.revealed,
}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some.lists(CHANGES, max_size=12), some.lists(CHANGES, max_size=6))
def test_the_same_changes_make_the_same_book_and_two_books_become_the_same_one(tmp_path: Path, here: list, there: list):
    does: list[list[Any]] = []
    books = []
    for changes in (here, there):
        last: Any = EMPTY
        ours = kept.Book()
        for name, *rest in changes:
            does.append([name, last, *rest])
            last = f"${len(does) - 1}"
            ours = OURS[name](ours, *rest)
        books.append((last, ours))
    (one, ours), (other, theirs) = books
    does += [
        ["merged", one, other],
        ["due", one, "10"],
        ["written", one, "Ada", "2026-11-28", __version__],
        ["without", one, "00"],
    ]
    merged, due, written, without = said(tmp_path, *does)[-4:]
    assert as_book(merged) == ours.merged(theirs)
    assert due == kept.due(ours, "10")
    assert store.decoded(written.encode()) == ours
    assert json.loads(written) == json.loads(exports.export(ours, "Ada", "2026-11-28"))
    assert as_book(without) == ours.without([id for id in [*ours.items, *ours.predictions] if id.startswith("00-")])


def test_what_the_notebooks_write_the_page_reads(tmp_path: Path):
    ours = kept.revealed(
        kept.predicted(kept.answered(kept.Book(), "00-way", True, ["A"], 1, (3,)), "00-seen", "ü"), "00-seen", True
    )
    text = exports.export(ours, "Ada", "2026-11-28").decode()
    (read,) = said(tmp_path, ["fromFile", text])
    assert read["head"] == {"name": "Ada", "date": "2026-11-28", "release": __version__}
    assert as_book(read["book"]) == ours


HOSTILE = {
    "no JSON": "hello",
    "a list": "[]",
    "no format": "{}",
    "a format that is no number": '{"format": "1"}',
    "items that are a list": '{"format": 1, "items": []}',
    "an id that is none": '{"format": 1, "items": {"__proto__": {"tries": 1}}}',
    "a negative count": '{"format": 1, "items": {"00-way": {"tries": -1}}}',
    "half a try": '{"format": 1, "items": {"00-way": {"tries": 1.5}}}',
    "a count in words": '{"format": 1, "items": {"00-way": {"tries": "1"}}}',
    "beliefs that are none": '{"format": 1, "items": {"00-way": {"beliefs": ["<b>"]}}}',
    "a chapter that is none": '{"format": 1, "items": {"00-way": {"recalled": ["<b>"]}}}',
    "a prediction that says nothing": '{"format": 1, "predictions": {"00-seen": {}}}',
    "a prediction that is no text": '{"format": 1, "predictions": {"00-seen": {"said": {"x": 1}}}}',
    "a name that is no text": '{"format": 1, "name": ["x"]}',
    "deep nesting": '{"format": 1, "items": ' + "[" * 100_000 + "]" * 100_000 + "}",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_file_that_is_no_progress_is_refused_in_one_sentence_by_both(tmp_path: Path, what: str):
    (answer,) = said(tmp_path, ["fromFile", HOSTILE[what]])
    assert "This is no progress file" in answer["refused"] and "\n" not in answer["refused"]
    file = tmp_path / "hostile.json"
    file.write_text(HOSTILE[what])
    with pytest.raises(BadInput):
        exports.read(str(file))


def test_a_file_of_a_later_release_is_left_alone(tmp_path: Path):
    (answer,) = said(tmp_path, ["fromFile", '{"format": 99}'])
    assert "later release" in answer["refused"]


def test_fields_that_nobody_knows_are_dropped_and_change_nothing(tmp_path: Path):
    text = '{"format": 1, "items": {"00-way": {"tries": 1, "__proto__": {"solved": true}, "toString": 1, "evil": "<b>"}}, "x": 1}'
    (read,) = said(tmp_path, ["fromFile", text])
    assert set(read["book"]["items"]["00-way"]) == {
        "tries", "missed", "solved", "hints", "beliefs", "recalled", "variant", "answer", "own_words",
    }  # fmt: skip
    assert read["book"]["items"]["00-way"]["solved"] is False
