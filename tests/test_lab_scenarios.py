"""Every named scenario: the model's frames are the real kernel's, byte for byte, given the kernel's own random choices."""

from pathlib import Path
from random import Random

import pytest
from lab_drawn import drawn, has_redirect, is_rationed
from lab_odd import odd

from kubenet_course.data import data
from kubenet_course.errors import BadInput
from kubenet_course.lab.comparison import compare
from kubenet_course.lab.real.run import missing, run
from kubenet_course.lab.scenario.capture import load_capture
from kubenet_course.lab.scenario.scenario import Scenario, load, read
from kubenet_course.lab.scenario.write import write

FILES = sorted(data("scenarios").glob("*.json"))
QUICK = [path for path in FILES if '"pause"' not in path.read_text(encoding="utf-8")]
LIVE = QUICK[::4]  # the others are compared with what was recorded
SILENT = ("kernel-br-all-ports-down", "kernel-eperm-of-the-answer")  # of which no wire has anything to tell


def said(comparison) -> str:
    return "\n".join(str(difference) for difference in comparison.differences)


def test_there_are_at_least_forty_named_scenarios() -> None:
    assert len(FILES) >= 40


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_model_agrees_with_the_recorded_kernel(path: Path) -> None:
    scenario = load(path)
    capture = load_capture(data("captures") / path.name, scenario)
    assert bool(capture.frames) is (path.stem not in SILENT)
    comparison = compare(scenario, capture)
    assert comparison.equal, said(comparison)


@pytest.mark.parametrize("path", LIVE, ids=lambda path: path.stem)
def test_the_model_agrees_with_this_kernel(path: Path) -> None:
    if missing():
        pytest.skip(missing() or "")
    scenario = load(path)
    comparison = compare(scenario, run(scenario))
    assert comparison.equal, said(comparison)


@pytest.mark.parametrize("path", FILES[:5], ids=lambda path: path.stem)
def test_a_scenario_read_and_written_is_the_same(path: Path) -> None:
    text = path.read_text()
    assert write(read(text, path.name, path.parent)) == text


def test_random_clusters_are_alike(seed: int, rounds: int, note, tmp_path: Path) -> None:
    """Twenty worlds of ten packets each, every second one a cluster and the others odd machines; `--rounds 10` makes it two
    thousand packets."""
    if missing():
        pytest.skip(missing() or "")
    chance, packets = Random(seed), 0
    while packets < 200 * rounds:
        scenario = chance.choice([drawn, odd])(chance)
        capture = run(scenario)
        if has_redirect(capture):
            continue
        comparison = compare(scenario, capture)
        if is_rationed(comparison.model):
            continue
        packets += len(scenario.packets)
        if not comparison.equal:
            smallest = shrunk(scenario)
            path = tmp_path / "failing.json"
            path.write_text(write(smallest))
            pytest.fail(f"seed {seed}, written to {path}:\n{said(compare(smallest, run(smallest)))}")
    note(f"lab: {packets} packets in random clusters and odd machines, model and kernel alike, seed {seed}")


def shrunk(scenario: Scenario) -> Scenario:
    """The fewest packets that still show the difference, dropped one at a time."""
    packets = list(scenario.packets)
    for sent in list(packets):
        fewer = Scenario(scenario.name, "", scenario.world, tuple(one for one in packets if one is not sent))
        if fewer.packets and not compare(fewer, run(fewer)).equal:
            packets.remove(sent)
    return Scenario(scenario.name, "", scenario.world, tuple(packets))


def test_a_changed_frame_is_found() -> None:
    scenario = load(FILES[0])
    capture = load_capture(data("captures") / FILES[0].name, scenario)
    last = capture.frames[-1]
    wrong = last.hex[:-2] + f"{int(last.hex[-2:], 16) ^ 1:02x}"
    changed = type(last)(last.packet, last.namespace, last.device, last.direction, wrong)
    spoiled = type(capture)(
        capture.scenario, capture.fingerprint, capture.kernel, capture.date, (*capture.frames[:-1], changed)
    )
    assert not compare(scenario, spoiled).equal


REFUSED = [
    ("another version", '"kubenet_scenario": 1', '"kubenet_scenario": 2', "version 2 is not known"),
    ("two devices of one name", '"name": "veth1"', '"name": "veth0"', "veth0"),
    ("a route through no device", "dev eth0", "dev eth9", "eth9"),
    ("an address twice on one device", '"10.244.1.11/24"', '"10.244.1.11/24", "10.244.1.11/32"', "10.244.1.11"),
    (
        "a switch that the model does not act on",
        '"net.ipv4.ip_forward": 1',
        '"net.ipv4.tcp_mtu_probing": 1',
        "tcp_mtu_probing",
    ),
    ("a peer that is not there", '"peer": ["node-1", "veth1"]', '"peer": ["node-1", "veth7"]', "veth7"),
    ("an unknown field", '"hairpin": true', '"hairpins": true', "hairpins"),
]


@pytest.mark.parametrize("story, right, wrong, named", REFUSED, ids=[row[0] for row in REFUSED])
def test_a_contradiction_is_one_sentence_with_its_path(story: str, right: str, wrong: str, named: str) -> None:
    text = (data("scenarios") / "hairpin-port-floods-back.json").read_text()
    assert right in text
    with pytest.raises(BadInput) as refused:
        read(text.replace(right, wrong, 1), "file.json")
    assert named in str(refused.value)
    assert "$" in str(refused.value)


def test_a_bridge_loop_is_refused() -> None:
    def switch(name: str, other: str, octet: str) -> str:
        ports = ", ".join(
            f'{{"name": "p{n}", "kind": "veth", "mac": "02:00:00:00:{octet}:0{n}", "peer": ["{other}", "p{n}"], "master": "br0"}}'
            for n in (1, 2)
        )
        return (
            f'"{name}": {{"devices": [{{"name": "br0", "kind": "bridge", "mac": "02:00:00:00:{octet}:00"}}, {ports}]}}'
        )

    text = f'{{"kubenet_scenario": 1, "name": "loop", "namespaces": {{{switch("a", "b", "0a")}, {switch("b", "a", "0b")}}}}}'
    with pytest.raises(BadInput) as refused:
        read(text, "file.json")
    assert "$" in str(refused.value)
    assert "loop" in str(refused.value) or "circle" in str(refused.value)
