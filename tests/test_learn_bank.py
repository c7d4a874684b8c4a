"""Every exercise of the bank: its solution passes, the untouched cell does not, typical wrong answers have their own feedback."""

from __future__ import annotations

import re

import pytest

from kubenet_course.errors import BadInput
from kubenet_course.learn.bank import chapters, everything, find, of_chapter
from kubenet_course.learn.misconceptions import all_misconceptions
from kubenet_course.learn.questions.feedback import RIGHT, UNANSWERED, UNREADABLE, WRONG, judged
from kubenet_course.learn.questions.forms import form, in_words
from kubenet_course.learn.questions.kinds_made import Write

VARIANTS = 6  # of each exercise; --rounds multiplies
EXERCISES = pytest.mark.parametrize("exercise", everything(), ids=lambda one: one.id)


@pytest.fixture
def variants(seed, rounds) -> list[int]:
    """The first ones, and some that no test has seen before."""
    return [*range(VARIANTS), *(seed + n for n in range(VARIANTS * rounds))]


@EXERCISES
def test_the_reference_solution_passes(exercise, variants):
    for variant in variants:
        assert judged(exercise, exercise.instance(variant).solution, variant).state == RIGHT, variant


@EXERCISES
@pytest.mark.parametrize("untouched", [None, ..., "", "   ", "?", "...", [], {}, set(), [""], {"other": ""}], ids=repr)
def test_the_untouched_cell_does_not_pass(exercise, untouched):
    assert judged(exercise, untouched).state == UNANSWERED


@EXERCISES
def test_each_listed_wrong_answer_is_met_by_its_own_feedback_and_evidence(exercise, variants):
    for variant in variants:
        for answer, belief in exercise.instance(variant).wrong_answers:
            told = judged(exercise, answer, variant, in_full=True)
            assert told.state == WRONG, (variant, answer)
            assert belief == 0 or belief in told.beliefs, (variant, answer, told)
            assert told.evidence, (variant, answer, told)
            assert any(len(one.said.split()) > 3 for one in told.findings if not one.right), (variant, answer, told)


@EXERCISES
def test_some_wrong_answer_leads_to_a_numbered_belief(exercise, variants):
    met = {belief for variant in variants for _, belief in exercise.instance(variant).wrong_answers}
    assert met - {0}
    assert met - {0} <= set(all_misconceptions())


@EXERCISES
def test_there_are_three_different_hints_and_a_reason(exercise, variants):
    for variant in variants:
        instance = exercise.instance(variant)
        assert len({*instance.hints}) == 3
        assert instance.because
        assert instance.evidence is not None


@EXERCISES
def test_the_same_number_draws_the_same_instance_and_another_number_mostly_another(exercise):
    words = [in_words(exercise, variant) + str(form(exercise, variant)) for variant in range(8)]
    assert words[3] == in_words(exercise, 3) + str(form(exercise, 3))
    assert len(set(words)) > 3


@EXERCISES
def test_what_the_page_is_told_does_not_hold_the_answer_marked(exercise):
    told = str(form(exercise, 0))
    assert "solution" not in told
    assert not re.search(r"\bright['\"]?: ?(True|1)", told)


@EXERCISES
def test_the_words_are_the_same_in_every_process_and_name_no_memory(exercise):
    for text in (in_words(exercise, 1), str(judged(exercise, exercise.instance(1).solution, 1))):
        assert not re.search(r"0x[0-9a-f]{8,}", text)


@pytest.mark.parametrize(
    "exercise", [one for one in everything() if isinstance(one.instance(0), Write)], ids=lambda one: one.id
)
def test_what_stands_in_the_field_at_first_is_untouched_with_comments_too(exercise):
    starts = exercise.instance(0).starts
    assert judged(exercise, starts).state == UNANSWERED
    assert judged(exercise, f"{starts}\n# I am thinking\n\n").state == UNANSWERED


@pytest.mark.parametrize(
    "answer",
    [3.5, object, lambda: 1, b"\xff", 1 << 70, "\x00", "💥", ["a", "b", "c"], {"a": {"b": 1}}, "<script>"],
    ids=lambda answer: type(answer).__name__,
)
@EXERCISES
def test_no_answer_whatever_raises_or_passes(exercise, answer):
    assert judged(exercise, answer).state in (WRONG, UNREADABLE, "other")


def test_every_kind_has_two_exercises_to_learn_from():
    kinds = [type(one.instance(0)).__name__ for one in of_chapter("00")]
    assert {
        kind: kinds.count(kind) >= 2 for kind in ("Value", "FillFrame", "Order", "Choose", "Write", "Repair")
    } == dict.fromkeys(("Value", "FillFrame", "Order", "Choose", "Write", "Repair"), True)


def test_ids_begin_with_their_chapter_and_chapters_are_modules():
    assert {one.chapter for one in everything()} == set(chapters())


def test_an_id_that_nobody_has_is_answered_with_the_nearest():
    with pytest.raises(BadInput, match="did you mean '00-source'"):
        find("00-sorce")
