"""The performance table: what each thing costs, beside its figure and its floor.

    python -m tools.bench [WORD ...]      only measurements whose name holds every word

A *figure* is what the course promises. A *floor* is the least that the same answer could cost here (an empty process,
scapy alone, one dictionary look-up), measured in the same run, so that ratios mean something on any machine. Machines
differ and are shared: a run is red only above three times a figure.

Measurements live in files tools/bench_*.py:

    @measurement("a packet of a known connection", figure=60e-6, floor=one_lookup)
    def known_connection():
        machine = ...                      # made once, not timed
        return lambda: send(machine)       # timed

`floor` is a function of the same shape. With unit="MB", or any other than seconds, the returned function is called once
and *answers* the value.
"""

import gc
import importlib
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

Timed = Callable[[], object]
SetUp = Callable[[], Timed]

RED = 3.0
BATCH_SECONDS = 0.02
SPENT_SECONDS = 1.5
REGISTRY: dict[str, "Measurement"] = {}


@dataclass(frozen=True, slots=True)
class Measurement:
    """A promise that can be measured: figure in `unit` (seconds unless said), and what makes the thing measured."""

    name: str
    figure: float
    set_up: SetUp
    floor: SetUp | None
    unit: str


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured, in the measurement's unit; `floor` is 0.0 where none was given."""

    measurement: Measurement
    median: float
    floor: float

    @property
    def is_red(self) -> bool:
        return self.median > RED * self.measurement.figure


def measurement(name: str, *, figure: float, floor: SetUp | None = None, unit: str = "s") -> Callable[[SetUp], SetUp]:
    """Registers the function below it; a name can be taken once."""

    def register(set_up: SetUp) -> SetUp:
        if name in REGISTRY:
            raise ValueError(f"two measurements are named {name!r}")
        REGISTRY[name] = Measurement(name, figure, set_up, floor, unit)
        return set_up

    return register


def seconds(timed: Timed, clock: Callable[[], float] = time.perf_counter) -> float:
    """The median of one call, over batches long enough for the clock; up to 25 batches, within about 1.5 seconds.

    The first call, which fills caches and memory, is not counted. The garbage collector rests, as in `timeit`.
    """
    once = batch_seconds(timed, 1, clock)
    gc.collect()
    gc.disable()
    try:
        calls = max(1, int(BATCH_SECONDS / max(once, 1e-9)))
        batches = min(25, max(1, int(SPENT_SECONDS / max(once * calls, 1e-9))))
        return statistics.median(batch_seconds(timed, calls, clock) / calls for _ in range(batches))
    finally:
        gc.enable()


def batch_seconds(timed: Timed, calls: int, clock: Callable[[], float]) -> float:
    began = clock()
    for _ in range(calls):
        timed()
    return clock() - began


def value(set_up: SetUp | None, unit: str) -> float:
    """The median time of what `set_up` makes, or what it answers when the unit is no time."""
    if set_up is None:
        return 0.0
    made = set_up()
    return seconds(made) if unit == "s" else float(made())  # type: ignore[arg-type]


def measure(what: Measurement) -> Result:
    return Result(what, value(what.set_up, what.unit), value(what.floor, what.unit))


def shown(amount: float, unit: str) -> str:
    """Three digits and a unit that a person reads: 61.2 us, 4.30 s, 161 MB."""
    if unit != "s":
        return f"{amount:.4g} {unit}"
    for scale, name in ((1, "s"), (1e-3, "ms"), (1e-6, "us")):
        if amount >= scale:
            return f"{amount / scale:.3g} {name}"
    return f"{amount / 1e-9:.3g} ns"


def row(result: Result) -> str:
    """One line of the table: name, figure, median, floor, how many floors, how much of the figure."""
    what = result.measurement
    floor = shown(result.floor, what.unit) if what.floor else "-"
    ratio = f"{result.median / result.floor:.1f}" if result.floor else "-"
    mark = "RED" if result.is_red else "over" if result.median > what.figure else "ok"
    cells = (shown(what.figure, what.unit), shown(result.median, what.unit), floor, ratio)
    return f"{what.name:<58.58}" + "".join(f"{cell:>10}" for cell in cells) + f"{mark:>6}"


def discover(folder: Path) -> None:
    """Imports every bench_*.py beside this file, which registers what it measures."""
    for path in sorted(folder.glob("bench_*.py")):
        importlib.import_module(f"tools.{path.stem}")


def chosen(words: Sequence[str]) -> Iterator[Measurement]:
    return (what for what in REGISTRY.values() if all(word.lower() in what.name.lower() for word in words))


def main(words: Sequence[str]) -> int:
    """Prints the table; 1 when anything is above three times its figure, 2 when nothing is named so."""
    discover(Path(__file__).parent)
    wanted = list(chosen(words))
    if not wanted:
        print(f"bench: no measurement's name holds {' and '.join(words) or 'anything'}")
        return 2
    heads = ("figure", "median", "floor", "x floor")
    print(f"{'measurement':<58}" + "".join(f"{head:>10}" for head in heads), flush=True)
    red = False
    for what in wanted:
        result = measure(what)
        red |= result.is_red
        print(row(result), flush=True)
    return int(red)


if __name__ == "__main__":
    from tools import bench  # the module that the measurements know, not this second copy named __main__

    sys.exit(bench.main(sys.argv[1:]))
