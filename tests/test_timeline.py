"""One clock: events happen in the order of their times, and of two at one time the first comes first."""

from hypothesis import given
from hypothesis import strategies as st

from kubenet_course.linux.timeline import NEVER, Timeline


@given(st.lists(st.integers(0, 20)))
def test_events_happen_in_the_order_of_their_times_and_equal_ones_as_they_were_put(times):
    timeline, happened = Timeline(), []
    for number, when in enumerate(times):
        timeline.at(when, lambda number=number: happened.append((timeline.now, number)))
    timeline.run(20)
    assert happened == sorted((when, number) for number, when in enumerate(times))


def test_an_event_for_a_time_that_has_passed_happens_now():
    timeline, happened = Timeline(5), []
    timeline.at(1, lambda: happened.append(timeline.now))
    timeline.run(9)
    assert (happened, timeline.now) == ([5], 9)


def test_what_was_cancelled_does_not_happen_and_can_be_cancelled_once():
    timeline, happened = Timeline(), []
    number = timeline.at(3, lambda: happened.append(1))
    assert timeline.cancel(number) and not timeline.cancel(number)
    assert timeline.next == NEVER
    timeline.run(9)
    assert happened == []


def test_an_event_may_put_another_at_the_same_time():
    timeline, happened = Timeline(), []
    timeline.at(3, lambda: timeline.after(0, lambda: happened.append(timeline.now)))
    timeline.run(3)
    assert happened == [3]
