"""When a controller tries again: the numbers of client-go's default rate limiter, worked out by hand."""

from kubenet_course.kube.nodeipam.workqueue import WorkQueue

MILLISECOND = 1_000


def test_an_item_waits_five_milliseconds_and_then_twice_as_long_each_time():
    queue = WorkQueue()
    waits, now = [], 0
    for _ in range(6):
        queue.add_rate_limited("n1", now)
        due, _ = queue.next_due(), queue.pop()
        waits.append((due - now) // MILLISECOND)
        now = due
    assert waits == [5, 10, 20, 40, 80, 160]


def test_success_starts_the_count_again():
    queue = WorkQueue()
    queue.add_rate_limited("n1", 0)
    queue.pop()
    queue.forget("n1")
    assert queue.add_rate_limited("n1", 0) == 5 * MILLISECOND


def test_nobody_waits_longer_than_a_thousand_seconds():
    queue = WorkQueue()
    queue.failures["n1"] = 40
    assert queue.add_rate_limited("n1", 0) == 1_000_000 * MILLISECOND


def test_an_item_waits_once_and_the_earlier_moment_counts():
    queue = WorkQueue()
    queue.add_rate_limited("n1", 0)
    queue.add_rate_limited("n1", 1 * MILLISECOND)
    assert queue.next_due() == 5 * MILLISECOND
    assert queue.pop() == (5 * MILLISECOND, "n1")
    assert queue.next_due() is None


def test_after_a_hundred_failures_at_once_ten_a_second_are_left():
    queue = WorkQueue()
    waits = [queue.add_rate_limited(f"n{number}", 0) // MILLISECOND for number in range(103)]
    assert waits[:100] == [5] * 100
    assert waits[100:] == [100, 200, 300]
    assert queue.add_rate_limited("later", 10_000 * MILLISECOND) // MILLISECOND == 10_005  # 97 tokens are back


def test_equal_moments_keep_their_order():
    queue = WorkQueue()
    for name in ("b", "a", "c"):
        queue.add_rate_limited(name, 0)
    served = []
    while queue.next_due() is not None:
        served.append(queue.pop()[1])
    assert served == ["b", "a", "c"]
