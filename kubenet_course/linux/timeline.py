"""One clock for all that happens: a heap of events in integer nanoseconds, nothing between them.

A timeline never looks at the machine's own clock. Two events of the same nanosecond happen in the order in which they
were put there, so that a story told twice is the same story.
"""

from collections.abc import Callable
from heapq import heappop, heappush

MILLISECOND = 1_000_000
SECOND = 1_000_000_000
NEVER = 1 << 62  # later than any clock of ours: 146 years

Event = Callable[[], object]


class Timeline:
    """What will happen, and when. `now` moves to an event's time as the event happens."""

    __slots__ = ("_events", "_heap", "_number", "now")

    def __init__(self, now: int = 0):
        self.now = now
        self._heap: list[tuple[int, int]] = []
        self._events: dict[int, Event] = {}
        self._number = 0

    def at(self, when: int, event: Event) -> int:
        """Puts an event on the timeline; a time that has passed means now. Returns the number that `cancel` takes."""
        self._number += 1
        self._events[self._number] = event
        heappush(self._heap, (max(when, self.now), self._number))
        return self._number

    def after(self, wait: int, event: Event) -> int:
        """Puts an event some nanoseconds ahead."""
        return self.at(self.now + wait, event)

    def cancel(self, number: int) -> bool:
        """Takes an event off again. False where it has happened, or was taken off before."""
        return self._events.pop(number, None) is not None

    @property
    def next(self) -> int:
        """When the next event happens; NEVER where none waits."""
        while self._heap and self._heap[0][1] not in self._events:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else NEVER

    def run(self, until: int) -> None:
        """Lets happen all that lies at or before a time, and then it is that time."""
        heap, events = self._heap, self._events
        while heap and heap[0][0] <= until:
            when, number = heappop(heap)
            event = events.pop(number, None)
            if event is not None:
                self.now = when
                event()
        self.now = max(self.now, until)


def seconds(nanoseconds: int) -> float:
    """For people: a time in seconds, to the millisecond."""
    return round(nanoseconds / SECOND, 3)
