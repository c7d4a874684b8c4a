"""When a controller tries again: the rate-limited queue that Kubernetes' controllers share.

Check it against k8s.io/client-go/util/workqueue (default_rate_limiters.go, delaying_queue.go) and
golang.org/x/time/rate. Time is a parameter, in integer microseconds.
"""

import heapq

BASE = 5_000  # microseconds before the first retry; doubled with each failure
LONGEST = 1_000_000_000
EVERY = 100_000  # one retry in this time, for all items together (10 a second) ...
BURST = 100  # ... once so many are used up


class WorkQueue:
    """Items that failed, and when each is tried again. An item waits once: the earlier moment counts."""

    def __init__(self) -> None:
        self.failures: dict[str, int] = {}
        self._due: dict[str, int] = {}
        self._heap: list[tuple[int, int, str]] = []
        self._turn = 0  # equal moments keep the order of arrival
        self._bucket_full_at = 0  # the token bucket, as the moment at which it would be full again

    def add_rate_limited(self, item: str, now: int) -> int:
        """The item failed: it waits twice as long as the last time, longer if all together fail too often."""
        failures = self.failures.get(item, 0)
        self.failures[item] = failures + 1
        due = now + max(min(BASE << min(failures, 32), LONGEST), self._token(now))
        if item not in self._due or due < self._due[item]:
            self._due[item] = due
            self._turn += 1
            heapq.heappush(self._heap, (due, self._turn, item))
        return due

    def forget(self, item: str) -> None:
        """It went well: the next failure counts from the start again. A retry already planned still happens."""
        self.failures.pop(item, None)

    def next_due(self) -> int | None:
        """When the next retry is, or None if nobody waits."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop(self) -> tuple[int, str]:
        """The next retry: its moment and its item. Call `next_due` first."""
        due, _, item = heapq.heappop(self._heap)
        del self._due[item]
        return due, item

    def _token(self, now: int) -> int:
        self._bucket_full_at = max(self._bucket_full_at, now) + EVERY
        return max(self._bucket_full_at - now - BURST * EVERY, 0)
