"""Whatever stands in a scenario file, it is read or refused in one line: never a traceback."""

import copy
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from kubenet_course.data import data
from kubenet_course.errors import BadInput
from kubenet_course.lab.real.run import job
from kubenet_course.lab.real.script import shell
from kubenet_course.lab.scenario.scenario import read

STRANGE: list[Any] = [
    None, True, -1, 0, 3.5, 1e30, 2**70, "", "x", "eth0", "10.0.0.1", "10.0.0.1/99", "fd00::1/64", "::", "-rf", "a" * 300, "\n",
    "\0", "all", [], {}, [1], ["x"], {"a": 1},
]  # fmt: skip
NAMES = ["vxlan-service-two-endpoints", "ipv6-vxlan", "arrives-too-big", "kube-proxy-dual-stack"]
SPOILED = 60


def places(value: Any, path: tuple = ()) -> list[tuple]:
    """The path of every value inside a value."""
    rows = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for name, inside in rows for place in [(*path, name), *places(inside, (*path, name))]]


def spoiled(whole: dict, chance: Random) -> dict:
    """A copy in which one value is gone, stands twice, or is something else."""
    whole = copy.deepcopy(whole)
    *way, last = chance.choice(places(whole))
    inside: Any = whole
    for name in way:
        inside = inside[name]
    match chance.choice(["gone", "twice", "other", "other", "other"]):
        case "gone":
            del inside[last]
        case "twice" if isinstance(inside, list):
            inside.append(inside[last])
        case _:
            inside[last] = chance.choice(STRANGE)
    return whole


@pytest.mark.parametrize("name", NAMES)
def test_a_spoiled_scenario_is_read_or_refused_in_one_line(name: str, seed: int, rounds: int) -> None:
    chance, folder = Random(seed), data("scenarios")
    whole = json.loads((folder / f"{name}.json").read_text())
    for _ in range(SPOILED * rounds):
        text = json.dumps(spoiled(whole, chance))
        assert refusal(text, folder).startswith("file.json") or shell(read(text, "file.json", folder))


def refusal(text: str, folder: Path) -> str:
    """The line that refuses a scenario; empty where it is read and can be built."""
    try:
        job(read(text, "file.json", folder))
    except BadInput as error:
        return str(error) if "\n" not in str(error) else "several lines"
    return ""


@pytest.mark.parametrize(
    "story, text, named",
    [
        ("no JSON at all", "hello", "file.json:1: it is not JSON"),
        ("two values of one name", '{"kubenet_scenario": 1, "name": "a", "name": "b"}', "'name'"),
        ("no number", '{"kubenet_scenario": 1, "name": "a", "x": NaN}', "NaN"),
        ("a list", "[]", "$.kubenet_scenario"),
        ("true is not 1", '{"kubenet_scenario": true, "name": "a"}', "$.kubenet_scenario"),
    ],
)
def test_what_is_no_scenario_is_said_to_be_none(story: str, text: str, named: str) -> None:
    with pytest.raises(BadInput) as refused:
        read(text, "file.json")
    assert named in str(refused.value)


def test_a_packet_of_two_families_is_refused_with_its_path() -> None:
    text = (data("scenarios") / "same-node-cold.json").read_text()
    with pytest.raises(BadInput) as refused:
        read(text.replace('"dst": "10.244.1.11"', '"dst": "fd00::1"', 1), "file.json")
    assert "$.packets[0].send.dst" in str(refused.value)
