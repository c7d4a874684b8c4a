"""How an application behaves: what a behaviour file says (docs/behaviour.md), and what the application answers by it.

A program of a container is a pure function of the time since it started, of the time on the wall (for what depends on
others) and of the time since SIGTERM. Between two of its `turns` it always answers alike; that is what lets a timeline
pass over quiet hours.
"""

from enum import Enum
from functools import lru_cache
from typing import Annotated

import msgspec
from msgspec import Meta, field

from ...linux.timeline import MILLISECOND, NEVER, SECOND

Seconds = Annotated[float, Meta(ge=0, le=10_000_000)]
Code = Annotated[int, Meta(ge=0, le=255)]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A part of a behaviour file: a name that it does not know is refused."""


class Crash(Part, frozen=True):
    """The program ends by itself, `after` seconds from each start, for the first `times` of its runs."""

    after: Seconds
    exit_code: Code = 1
    times: int | None = None  # None: every time


class Pull(Part, frozen=True):
    """The registry does not give the image, for the first `fails` attempts of the kubelet."""

    fails: Annotated[int, Meta(ge=1)] | None = None  # None: every time


class Outage(Part, frozen=True):
    """Something that the program needs, such as a database: down or slow, between two times of the wall clock."""

    since: Seconds
    until: Seconds | None = None
    answers_after: Seconds | None = None  # slow; None: down


class Flapping(Part, frozen=True):
    """Every so often the program is too busy to answer in time."""

    every: Seconds
    lasting: Seconds = field(name="for")
    answers_after: Seconds = 60.0


class Load(Part, frozen=True):
    """With more than so many requests in a second, answers come late. Only clients that send make load."""

    above: Annotated[int, Meta(ge=0)]
    answers_after: Seconds = 3.0


class Shutdown(Part, frozen=True):
    """What SIGTERM does: the program ends after `takes` seconds, or never of its own (SIGKILL ends it then).

    `finishes`: it goes on serving what has come, and closes connections with a word. Otherwise all open ones break.
    """

    takes: Seconds | None = 0.0  # None: SIGTERM is not heard
    finishes: bool = False
    exit_code: Code = 143


class Behaviour(Part, frozen=True):
    """One container's program. Times are seconds since the container started, except those of outages."""

    starts_after: Seconds = 0.0  # until then nobody listens
    warm_after: Seconds = 0.0  # until then it answers 503 where warm-up is looked at
    answers_after: Seconds = 0.005
    deadlock_after: Seconds | None = None
    pull: Pull | None = None
    crash: Crash | None = None
    finishes_after: Seconds | None = None  # a job's: it ends well
    finishes_with: Code = 0
    dependency: tuple[Outage, ...] = ()
    flapping: Flapping | None = None
    load: Load | None = None
    shutdown: Shutdown = Shutdown()
    looks_at: dict[str, tuple[str, ...]] = field(default_factory=dict)  # probe -> what it looks at

    def looks(self, asker: str) -> tuple[str, ...]:
        """What an asker's answer depends on besides the process itself."""
        return self.looks_at.get(asker, LOOKS_AT[asker])


ASKERS = ("liveness", "readiness", "startup", "requests")
LOOKED_AT = ("warmUp", "dependency", "flapping", "load")
LOOKS_AT: dict[str, tuple[str, ...]] = {
    "liveness": ("flapping", "load"),
    "readiness": ("warmUp", "flapping", "load"),
    "startup": ("flapping", "load"),
    "requests": ("warmUp", "dependency", "flapping", "load"),
}


class Heard(Enum):
    """What comes of asking a program."""

    FINE = "fine"
    ERROR = "error"  # it answers, and says that it cannot: HTTP 503, NOT_SERVING, exit code 1
    REFUSED = "refused"  # nobody listens


class Answer(msgspec.Struct, frozen=True):
    """What the program says and after how long. NEVER: it hangs; a connection is still taken, by the kernel."""

    heard: Heard
    after: int
    why: str = ""


class Process(msgspec.Struct, frozen=True):
    """One run of a container's program."""

    behaviour: Behaviour
    started: int
    number: int = 0  # how often it was started before
    terminated: int = NEVER  # when SIGTERM came

    @property
    def ends(self) -> int:
        """When it ends by itself; NEVER where only a signal ends it, as with what hangs before."""
        said = self.behaviour
        crash = said.crash if said.crash and (said.crash.times is None or self.number < said.crash.times) else None
        times = [crash.after if crash else None, said.finishes_after]
        found = min((self.started + _ns(one) for one in times if one is not None), default=NEVER)
        return found if found <= self.hangs else NEVER

    @property
    def exit_code(self) -> int:
        """With which code it ends by itself."""
        said = self.behaviour
        if said.crash is None or (said.crash.times is not None and self.number >= said.crash.times):
            return said.finishes_with
        if said.finishes_after is not None and said.finishes_after < said.crash.after:
            return said.finishes_with
        return said.crash.exit_code

    @property
    def ends_after_sigterm(self) -> int:
        """How long it takes from SIGTERM to its end; NEVER where it does not hear it (a deadlock hears nothing)."""
        takes = self.behaviour.shutdown.takes
        hung = self.behaviour.deadlock_after is not None and self.terminated >= self.hangs
        return NEVER if takes is None or hung else _ns(takes)

    @property
    def hangs(self) -> int:
        after = self.behaviour.deadlock_after
        return NEVER if after is None else self.started + _ns(after)


def _ns(time: float) -> int:
    return round(time * 1000) * MILLISECOND if time < 1_000_000 else round(time) * SECOND


def answer(process: Process, asker: str, now: int, load: int = 0) -> Answer:
    """What a running program answers to `liveness`, `readiness`, `startup` or `requests` at a time. `load`: how many
    requests it got in the last second.
    """
    said = process.behaviour
    if now < process.started + _ns(said.starts_after):
        return Answer(Heard.REFUSED, 0, "not listening yet")
    if now >= process.terminated and not said.shutdown.finishes:
        return Answer(Heard.REFUSED, 0, "stopped listening at SIGTERM")
    if now >= process.hangs:
        return Answer(Heard.FINE, NEVER, "deadlocked")
    looks = said.looks(asker)
    after = _ns(said.answers_after)
    if "warmUp" in looks and now < process.started + _ns(said.warm_after):
        return Answer(Heard.ERROR, after, "still warming up")
    if "dependency" in looks:
        for outage in said.dependency:
            if _ns(outage.since) <= now < (NEVER if outage.until is None else _ns(outage.until)):
                if outage.answers_after is None:
                    return Answer(Heard.ERROR, after, "its dependency is down")
                return Answer(Heard.FINE, after + _ns(outage.answers_after), "its dependency is slow")
    if "flapping" in looks and said.flapping and _busy(said.flapping, process.started, now):
        return Answer(Heard.FINE, _ns(said.flapping.answers_after), "too busy")
    if "load" in looks and said.load and load > said.load.above:
        return Answer(Heard.FINE, _ns(said.load.answers_after), "overloaded")
    return Answer(Heard.FINE, after)


def _busy(flapping: Flapping, started: int, now: int) -> bool:
    """The busy part lies at the end of each round."""
    every = _ns(flapping.every)
    return (now - started) % every >= every - _ns(flapping.lasting)


@lru_cache(maxsize=4096)
def _sorted(*times: float | None) -> tuple[int, ...]:
    return tuple(sorted(_ns(one) for one in times if one is not None))


@lru_cache(maxsize=4096)
def _wall(outages: tuple[Outage, ...]) -> tuple[int, ...]:
    return _sorted(*(time for outage in outages for time in (outage.since, outage.until)))


def next_turn(process: Process, now: int) -> int:
    """The next time after `now` at which an answer may change. The end of the process is no turn: it has its event."""
    said = process.behaviour
    own, wall = _sorted(said.starts_after, said.warm_after, said.deadlock_after), _wall(said.dependency)
    found = next((process.started + one for one in own if process.started + one > now), NEVER)
    found = min(found, next((one for one in wall if one > now), NEVER))
    if now < process.terminated:
        found = min(found, process.terminated)
    if said.flapping:
        every = _ns(said.flapping.every)
        into = (now - process.started) % every
        busy = every - _ns(said.flapping.lasting)
        found = min(found, now - into + (busy if into < busy else every))
    return found
