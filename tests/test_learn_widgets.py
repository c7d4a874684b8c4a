"""What a cell shows: exercises, predictions, warm-ups. The page is played by messages, as the browser sends them."""

from __future__ import annotations

import re

import pytest

from kubenet_course.errors import BadInput
from kubenet_course.learn import check, exercise, hint, practice, predict, progress, reveal, solution, warm_up
from kubenet_course.learn.bank import everything, find, of_chapter
from kubenet_course.learn.page.asking import VIEW
from kubenet_course.learn.questions.feedback import OTHER
from kubenet_course.learn.record.book import Item
from kubenet_course.learn.record.store import store
from kubenet_course.views.tables import show


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBENET_HOME", str(tmp_path))
    return tmp_path


def press(widget, do: str, answer=None):
    """What the page sends when a button is pressed."""
    widget._on_message(widget, {"do": do, "answer": answer}, [])
    return widget.reply


def right(id: str, variant: int = 0):
    return find(id).instance(variant).solution


@pytest.mark.parametrize("one", everything(), ids=lambda one: one.id)
def test_every_exercise_has_a_widget_and_a_text_that_stands_in_for_it(one):
    widget = exercise(one.id)
    bundle = widget._repr_mimebundle_()
    assert bundle[VIEW]["model_id"] == widget.model_id
    assert bundle["text/plain"] == repr(widget)
    assert "Not answered yet." in repr(widget)
    assert not re.search("0x[0-9a-f]{8,}", repr(widget))
    assert press(widget, "check", None)["state"] == "unanswered"


def test_controls_wake_up_when_a_page_says_hello():
    widget = exercise("00-source")
    assert (widget.live, widget.heard) == (False, 0)
    press(widget, "hello")
    assert (widget.live, widget.heard) == (True, 1)


def test_a_number_that_nobody_foresaw_is_met_with_a_first_thought_and_then_with_its_side():
    widget, number = exercise("10-nodes"), right("10-nodes")
    first = press(widget, "check", str(number + 7))["html"]
    assert "Who decides" in first and "too large" not in first
    assert f"{number + 8} is too large. Think of this first" in press(widget, "check", str(number + 8))["html"]
    assert "is below zero" in str(check("10-nodes", -3, variant=1))


def test_wrong_then_hint_then_right():
    widget = exercise("00-source")
    reply = press(widget, "check", "10.0.0.1")
    assert (reply["state"], reply["hint"], reply["done"]) == ("wrong", "Hint 1 of 3", False)
    assert "hops left" not in reply["html"] and right("00-source") not in reply["html"]
    reply = press(widget, "hint")
    assert "Hint 1 of 3: Look at" in reply["hints"] and reply["hint"] == "Hint 2 of 3"
    reply = press(widget, "check", right("00-source"))
    assert (reply["state"], reply["done"], reply["next"]) == ("right", True, "Another one like it")
    item = store().read().item("00-source")
    assert (item.tries, item.missed, item.hints, item.solved) == (2, 1, 1, True)


def test_after_the_third_hint_there_is_no_more():
    widget = exercise("00-source")
    replies = [press(widget, "hint") for _ in range(4)]
    assert replies[3]["hint"] == "" and replies[3]["hints"].count("<p>") == 3


def test_each_field_is_marked():
    widget = exercise("00-first-frame")
    answer = {**right("00-first-frame"), "TCP destination port": "1"}
    assert press(widget, "check", answer)["parts"] == {
        "Ethernet destination": True,
        "IPv4 destination": True,
        "TCP destination port": False,
    }


def test_another_one_like_it_is_another_variant_with_empty_controls():
    widget = exercise("00-hops")
    press(widget, "check", str(right("00-hops")))
    before = widget.form["asks"]
    reply = press(widget, "next")
    assert (widget.variant, reply["state"], widget.draft) == (1, "unanswered", None)
    assert widget.form["asks"] != before
    assert press(widget, "check", str(right("00-hops", 1)))["done"]


def test_after_a_restart_the_answer_and_its_feedback_are_there_again():
    press(exercise("00-source"), "check", right("00-source"))
    again = exercise("00-source")
    assert (again.draft, again.reply["state"], again.reply["done"]) == (right("00-source"), "right", True)
    assert store().read().item("00-source").tries == 1


def test_the_text_that_stands_in_does_not_depend_on_what_was_done_before():
    before = repr(exercise("00-source"))
    check("00-source", right("00-source"))
    assert repr(exercise("00-source")) == before


def test_a_message_of_any_shape_does_no_harm():
    widget = exercise("00-way")
    for content in (None, "check", 5, [], {}, {"do": "check"}, {"do": "dance"}, {"do": "check", "answer": {"x": [1]}}):
        widget._on_message(widget, content, [])
    assert not widget.reply["done"]


def test_a_plain_cell_and_the_widget_keep_the_same_progress():
    told = check("00-source", "10.0.0.1")
    assert str(told).startswith("00-source: not yet.")
    assert 'hint("00-source")' in str(told) and "hint(&quot;00-source&quot;)" in told._repr_html_()
    assert exercise("00-source").reply["state"] == "wrong"


def test_check_without_an_answer_says_so_and_keeps_nothing(home):
    assert str(check("00-source")) == (
        "00-source: not answered yet.\nWrite an IP address first, for example 10.244.1.10."
    )
    assert store().read().items == {}


STRANGE = [3.5, float("nan"), 1 << 70, -1, True, object, print, b"\xff", "\ud800", "\0", "💥", "x" * 10_000, ["a", 1], {1, 2},
           {"a": {"b": [1]}}, {"other": "\udfff"}, {"a": 1}.values(), ("A", "A")]  # fmt: skip


@pytest.mark.parametrize("answer", STRANGE, ids=range(len(STRANGE)))
def test_an_answer_of_any_type_is_met_in_words_and_what_was_kept_before_stays(answer):
    check("00-source", right("00-source"))
    for one in everything():
        assert str(check(one.id, answer)).startswith(f"{one.id}: ")
        assert exercise(one.id).reply["head"]
    assert store().read().item("00-source").solved and store().notice == ""


def test_a_check_that_runs_twice_counts_once_and_says_the_same():
    assert str(check("00-source", "10.0.0.1")) == str(check("00-source", "10.0.0.1"))
    assert store().read().item("00-source").tries == 1


def test_a_wrong_id_is_answered_with_the_nearest_wherever_it_is_written():
    for call in (exercise, check, hint, solution):
        with pytest.raises(BadInput, match="did you mean '00-source'"):
            call("00-sorce")
    with pytest.raises(BadInput, match="'77' has no exercises; write one of 00"):
        practice("77")


def test_hints_come_one_after_the_other_and_by_number():
    assert [hint("00-source").number for _ in range(4)] == [1, 2, 3, 3]
    assert hint("00-source", 2).number == 2
    with pytest.raises(BadInput, match="there is no hint 4"):
        hint("00-source", 4)


def test_looking_at_the_solution_counts_as_nothing():
    assert right("00-source") in str(solution("00-source"))
    assert store().read().items == {}


def test_an_answer_with_html_in_it_is_shown_as_text():
    reply = press(exercise("00-verdict"), "check", "<img src=x onerror=alert(1)>")
    assert "<img" not in reply["html"] and "&lt;img" in reply["html"]
    reply = press(exercise("00-bridge"), "check", {"other": "<b>me</b>"})
    assert "<b>me" not in reply["html"]


def test_a_prediction_is_kept_before_the_truth_is_shown():
    asked = predict("01-second")
    assert "not answered yet" in asked.reply["head"]
    press(asked, "check", "it listens too, in its own container")
    assert "Kept: <b>it listens too, in its own container</b>" in asked.reply["html"]
    shown = reveal("01-second", lambda: "EADDRINUSE").box.form["asks"]
    assert "Not as you predicted" in shown and "Belief 55" in shown
    assert predict("01-second").reply["done"]


def test_a_reveal_that_was_run_first_opens_when_the_prediction_comes():
    asked, shown = predict("01-second"), reveal("01-second", lambda: "EADDRINUSE")
    assert shown.box.form["button"] == "Show it all the same"
    press(asked, "check", "it is told: address in use")
    assert shown.box.form["button"] == "" and "As you predicted" in shown.box.form["asks"]


def test_a_reveal_that_waits_keeps_the_world_as_it_was_when_its_cell_ran():
    world = ["as it was"]
    asked, shown = (
        predict("01-second"),
        reveal("01-second", lambda given: (given.append("run"), " ".join(given))[1], world),
    )
    world.append("changed by a later cell")
    press(asked, "check", "it is told: address in use")
    assert shown.outcome.truth == "as it was run" and world == ["as it was", "changed by a later cell"]


def test_letters_in_one_text_are_statements_as_letters_in_a_list_are():
    for number in range(4):
        statements = find("01-reach").instance(number).statements
        right = [at for at, one in zip("ABCDEFGH", statements, strict=False) if one.right]
        for text in ("".join(right), " ".join(right), ", ".join(right), " and ".join(right)):
            assert check("01-reach", text, variant=number).right
    for words in ("A CAB", "add", "AZ"):
        assert check("01-reach", words).state == OTHER


def test_several_values_that_are_no_list_are_met_with_a_sentence():
    with pytest.raises(BadInput, match="write several values as a list"):
        check("00-first-frame", "0a:58:0a:f4:03:0b", "10.244.3.11", "5432")


def test_a_reveal_draws_the_widgets_that_its_run_returns_below_both_answers():
    shown = reveal("01-second", lambda: ("EADDRINUSE", exercise("00-source"), show.progress()))
    assert len(shown.children) == 1
    press(shown.box, "check")
    assert [type(one).__name__ for one in shown.children] == ["Box", "ExerciseWidget"]


def test_the_text_of_an_untouched_prediction_is_the_same_every_time():
    assert repr(predict("01-second")) == repr(predict("01-second"))
    assert repr(reveal("01-second", dict)) == repr(reveal("01-second", dict))


def test_what_was_not_offered_is_refused_with_what_was():
    with pytest.raises(BadInput, match="'maybe' is not among the choices; write it listens too"):
        predict("01-second").predict("maybe")
    with pytest.raises(BadInput, match="there is none with the id '01-secnod'; did you mean '01-second'"):
        predict("01-secnod")


def test_once_it_was_seen_a_prediction_stays():
    press(predict("01-second"), "check", "it is given another port")
    reveal("01-second", lambda: "EADDRINUSE")
    press(predict("01-second"), "check", "it is told: address in use")
    assert store().read().predictions["01-second"].said == "it is given another port"


def test_the_evidence_comes_on_request_after_the_hints_or_with_the_third_miss():
    asked, answer = exercise("00-source"), right("00-source")
    first = press(asked, "check", "10.0.0.1")
    assert answer not in first["html"] and first["full"] == "Show me the answer and why"
    full = press(asked, "full")
    assert f"<b>The answer:</b> {answer}" in full["html"] and "hops left" in full["html"] and full["full"] == ""
    asked = exercise("00-source", 1)
    for _ in range(3):
        press(asked, "hint")
    assert f"The answer:</b> {right('00-source', 1)}" in press(asked, "check", "10.0.0.1")["html"]
    asked = exercise("00-source", 2)
    assert "The answer" not in press(asked, "check", "10.0.0.1")["html"] + press(asked, "check", "10.0.0.2")["html"]
    assert "The answer" in press(asked, "check", "10.0.0.3")["html"]


def test_the_same_wrong_answer_twice_is_said_to_be_the_same_and_counts_once():
    asked = exercise("00-source")
    press(asked, "check", "10.0.0.1")
    for _ in range(3):
        again = press(asked, "check", "10.0.0.1")
        assert "does not count again" in again["html"] and "The answer" not in again["html"]
    assert store().read().items["00-source"].tries == 1 and asked.misses == 1


@pytest.mark.parametrize("one", everything(), ids=lambda one: one.id)
def test_an_empty_answer_gets_a_sentence_and_is_no_attempt(one):
    asked = exercise(one.id)
    before = asked.reply["html"]
    reply = press(asked, "check", None)
    assert before == "" and reply["state"] == "unanswered" and reply["html"].endswith(".</p>")
    assert store().read().items == {} and asked.misses == 0


@pytest.mark.parametrize("one", everything(), ids=lambda one: one.id)
def test_success_says_why_in_every_kind(one):
    reply = press(exercise(one.id), "check", right(one.id))
    assert reply["state"] == "right"
    assert len(re.sub("<[^>]*>", "", reply["html"].partition("kn-evidence")[0])) > 30, one.id


@pytest.mark.parametrize("one", everything(), ids=lambda one: one.id)
def test_the_first_wrong_answer_is_not_told_the_right_one(one):
    instance = one.instance(0)
    for wrong, _ in list(instance.wrong_answers)[:4]:
        asked = exercise(one.id)
        told = re.sub("<[^>]*>", "", press(asked, "check", wrong)["html"])
        if isinstance(instance.solution, str) and not instance.is_tried_out and instance.solution != wrong:
            assert not re.search(rf"(?<![\w.]){re.escape(instance.solution)}(?![\w.])", told), told


def test_practice_asks_what_is_not_solved_one_after_the_other_and_then_other_variants():
    check("00-source", right("00-source"))
    ahead = practice("00")
    assert (ahead.exercise.id, ahead.chapter, len(ahead.waiting)) == ("00-hops", "", len(of_chapter("00")) - 2)
    assert "and 11 more" in ahead.form["heading"]
    assert press(ahead, "check", "7")["next"] == "Next question"
    press(ahead, "next")
    assert (ahead.exercise.id, ahead.variant) == ("00-verdict", 0)
    for one in of_chapter("00"):
        check(one.id, right(one.id))
    assert (practice("00").exercise.id, practice("00").variant) == ("00-source", 1)


def test_a_solution_is_folded_away():
    assert solution("00-source")._repr_html_().startswith("<details><summary>One solution of 00-source</summary>")


def test_a_warm_up_without_anything_missed_is_a_sentence():
    assert repr(warm_up("01")).startswith("Warm-up: Nothing of the earlier chapters")


def test_what_was_missed_comes_back_as_another_variant_and_again_at_the_end_if_it_is_missed_again():
    for id in ("00-source", "00-hops"):
        check(id, "1.1.1.1" if id == "00-source" else 7)
    warm = warm_up("01")
    assert (warm.exercise.id, warm.variant) == ("00-hops", 1)
    assert press(warm, "check", "7")["next"] == "Next question"
    press(warm, "next")
    assert press(warm, "check", right("00-source", 1))["next"] == "Next question"
    press(warm, "next")
    assert (warm.exercise.id, warm.variant) == ("00-hops", 2)
    reply = press(warm, "check", str(right("00-hops", 2)))
    assert (reply["state"], reply["next"]) == ("right", "")
    assert store().read().item("00-source").recalled == ("01",)
    assert repr(warm_up("02")).startswith("Warm-up: Nothing")


def test_an_exercise_that_this_release_does_not_have_is_not_asked_and_not_forgotten():
    store().update(lambda book: book.with_item("00-gone", Item(tries=1, missed=1)))
    assert repr(warm_up("01")).startswith("Warm-up: Nothing")
    check("00-hops", 1)
    assert "00-gone" in store().read().items


def test_the_overview_counts_and_draws():
    assert str(show.progress()) == str(progress())
    assert str(progress()) == "Your progress\nNothing yet: every chapter is still ahead."
    check("00-source", right("00-source"))
    check("00-hops", 1)
    assert re.search(r"^00  #\.+  1 of \d+ exercises; will come back: 00-hops$", str(progress()), re.MULTILINE)
    assert "will come back: 00-hops" in progress()._repr_html_()


def test_a_damaged_file_is_said_where_one_looks_first(home):
    (home / "progress.json").write_text("{")
    assert "was damaged" in str(progress())
    (home / "progress.json").write_text("{")
    assert "was damaged" in exercise("00-source").reply["html"]
