"""The performance table: what counts as red, how a number is shown, what is counted."""

from itertools import count

import pytest

from tools import bench
from tools.bench import Measurement, Result


def result(median: float, figure: float = 0.1, floor: float = 0.0) -> Result:
    what = Measurement("a trace", figure, lambda: int, (lambda: int) if floor else None, "s")
    return Result(what, median, floor)


@pytest.mark.parametrize(
    "story, median, expected",
    [("within its figure", 0.09, "ok"), ("over it", 0.11, "over"), ("three times it", 0.31, "RED")],
)
def test_a_measurement_is_red_only_above_three_times_its_figure(story, median, expected):
    assert bench.row(result(median)).split()[-1] == expected


def test_a_row_tells_figure_median_floor_and_how_many_floors():
    row = " ".join(bench.row(result(0.05, floor=0.02)).split())
    assert row == "a trace 100 ms 50 ms 20 ms 2.5 ok"


@pytest.mark.parametrize(
    "amount, unit, expected",
    [
        (4.3, "s", "4.3 s"),
        (0.0612, "s", "61.2 ms"),
        (61.2e-6, "s", "61.2 us"),
        (2.5e-8, "s", "25 ns"),
        (161, "MB", "161 MB"),
    ],
)
def test_a_number_has_three_digits_and_a_unit_that_a_person_reads(amount, unit, expected):
    assert bench.shown(amount, unit) == expected


def test_a_call_that_takes_two_ticks_takes_two_seconds():
    ticks = count()
    assert bench.seconds(lambda: next(ticks), clock=lambda: next(ticks)) == 2.0


def test_other_units_are_answered_and_not_timed():
    what = Measurement("the cluster of published limits", 700, lambda: lambda: 350, None, "MB")
    assert bench.measure(what).median == 350.0


def test_a_name_is_taken_once(monkeypatch):
    monkeypatch.setattr(bench, "REGISTRY", {})
    bench.measurement("a trace", figure=1.0)(lambda: int)
    with pytest.raises(ValueError, match="two measurements are named 'a trace'"):
        bench.measurement("a trace", figure=2.0)(lambda: int)


def test_words_that_no_measurement_has_are_said(capsys, monkeypatch):
    monkeypatch.setattr(bench, "REGISTRY", {})
    monkeypatch.setattr(bench, "discover", lambda folder: None)
    assert bench.main(["speed", "of", "light"]) == 2
    assert capsys.readouterr().out == "bench: no measurement's name holds speed and of and light\n"
