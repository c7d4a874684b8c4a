"""What is kept of a learner's work, when it comes back, and how two books become one."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubenet_course.learn.record.book import Book, Item, Kept, answered, due, hinted, in_own_words, predicted, revealed
from kubenet_course.learn.record.store import decoded, encoded

ITEMS = st.builds(
    Item,
    tries=st.integers(0, 9),
    missed=st.integers(0, 9),
    solved=st.booleans(),
    hints=st.integers(0, 3),
    beliefs=st.sets(st.integers(1, 64), max_size=3).map(lambda found: tuple(sorted(found))),
    recalled=st.sets(st.sampled_from(["01", "03", "07"])).map(lambda found: tuple(sorted(found))),
    variant=st.integers(0, 5),
    answer=st.one_of(st.none(), st.text(max_size=5), st.integers(), st.lists(st.text(max_size=2), max_size=2)),
)
BOOKS = st.builds(
    Book,
    items=st.dictionaries(st.sampled_from(["00-a", "00-b", "01-c"]), ITEMS),
    predictions=st.dictionaries(
        st.sampled_from(["00-p", "01-p"]), st.builds(Kept, said=st.sampled_from(["x", "y"]), revealed=st.booleans())
    ),
)


def missed(*ids: str) -> Book:
    book = Book()
    for id in ids:
        book = answered(book, id, False, "wrong")
    return book


def test_a_wrong_answer_and_then_the_right_one():
    book = answered(answered(Book(), "00-source", False, "10.0.0.1", 0, (58,)), "00-source", True, "10.244.1.10")
    item = book.item("00-source")
    assert (item.tries, item.missed, item.solved, item.beliefs, item.answer) == (2, 1, True, (58,), "10.244.1.10")


def test_a_check_that_runs_twice_counts_once():
    book = missed("00-source")
    assert answered(book, "00-source", False, "wrong") == book


def test_the_same_answer_to_another_variant_counts():
    assert answered(missed("00-source"), "00-source", False, "wrong", variant=1).item("00-source").tries == 2


def test_what_was_solved_stays_solved():
    book = answered(Book(), "00-source", True, "right")
    assert answered(book, "00-source", False, "wrong").item("00-source").solved


def test_the_most_hints_that_were_taken_are_kept():
    assert hinted(hinted(Book(), "00-source", 2), "00-source", 1).item("00-source").hints == 2


def test_own_words_are_kept_and_count_as_no_attempt():
    item = in_own_words(Book(), "00-bridge", "it asks").item("00-bridge")
    assert (item.own_words, item.tries) == ("it asks", 0)


def test_a_prediction_may_change_until_the_truth_is_out_and_not_after():
    book = predicted(predicted(Book(), "01-bind", "both"), "01-bind", "an error")
    assert book.predictions["01-bind"].said == "an error"
    book = predicted(revealed(book, "01-bind", True), "01-bind", "both")
    assert book.predictions["01-bind"] == Kept("an error", revealed=True, right=True)


def test_a_truth_without_a_prediction_is_not_kept():
    assert revealed(Book(), "01-bind", True) == Book()


@pytest.mark.parametrize(
    "story, recalled, chapter, comes",
    [
        ("not in its own chapter", (), "00", False),
        ("in the next chapter", (), "01", True),
        ("in any later one if chapters were skipped", (), "07", True),
        ("once recalled, not in the chapter after", ("01",), "02", False),
        ("but in the second after", ("01",), "03", True),
        ("twice recalled, four chapters later", ("01", "03"), "06", False),
        ("namely then", ("01", "03"), "07", True),
        ("three times recalled, never again", ("01", "03", "07"), "15", False),
    ],
)
def test_what_was_missed_comes_back_later_and_later(story, recalled, chapter, comes):
    book = Book(items={"00-source": Item(tries=2, missed=1, solved=True, recalled=recalled)})
    assert due(book, chapter) == ["00-source"] * comes, story


def test_what_was_right_at_once_does_not_come_back():
    assert due(answered(Book(), "00-source", True, "right"), "05") == []


def test_what_is_missed_again_in_a_warm_up_starts_over():
    book = Book(items={"00-source": Item(tries=2, missed=1, solved=True, recalled=("01",))})
    again = answered(book, "00-source", False, "wrong", 2, (), "03")
    assert again.item("00-source").recalled == ()
    assert due(again, "04") == ["00-source"]


def test_what_is_right_in_a_warm_up_is_recalled_in_that_chapter():
    assert answered(missed("00-source"), "00-source", True, "right", 1, (), "01").item("00-source").recalled == ("01",)


def test_at_most_three_come_back_and_first_what_was_missed_most():
    book = answered(missed("00-a", "00-b", "00-c", "00-d"), "00-d", False, "also wrong")
    assert due(book, "02") == ["00-d", "00-a", "00-b"]


@given(BOOKS, BOOKS)
def test_merging_loses_nothing(one, other):
    both = one.merged(other)
    for book, (id, item) in itertools.chain(
        ((one, pair) for pair in one.items.items()), ((other, pair) for pair in other.items.items())
    ):
        merged = both.item(id)
        assert merged.tries >= item.tries and merged.missed >= item.missed and merged.solved >= item.solved
        assert set(merged.beliefs) >= set(item.beliefs) and set(merged.recalled) >= set(item.recalled)
        assert set(book.predictions) <= set(both.predictions)


@given(BOOKS)
def test_merging_with_itself_or_with_nothing_changes_nothing(book):
    assert book.merged(book) == book == book.merged(Book()) == Book().merged(book)


@given(BOOKS)
def test_there_and_back_again_through_a_file(book):
    assert decoded(encoded(book)) == book
