"""Every named scenario: the model's frames are the real kernel's, byte for byte, given the kernel's own random choices."""

from pathlib import Path
from random import Random

import pytest

from kubenet_course.data import data
from kubenet_course.errors import BadInput
from kubenet_course.lab.capture import load_capture
from kubenet_course.lab.clusters import Plan, cluster, pod_address
from kubenet_course.lab.compare import compare
from kubenet_course.lab.packets import Sending
from kubenet_course.lab.run import missing, run
from kubenet_course.lab.scenario import Scenario, load, read
from kubenet_course.lab.service_rules import Service, service_rules
from kubenet_course.lab.write import write
from kubenet_course.linux.packet import ping, tcp, udp

FILES = sorted(data("scenarios").glob("*.json"))
LIVE = FILES[::4]  # the others are compared with what was recorded


def said(comparison) -> str:
    return "\n".join(str(difference) for difference in comparison.differences)


def test_there_are_at_least_forty_named_scenarios() -> None:
    assert len(FILES) >= 40


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_model_agrees_with_the_recorded_kernel(path: Path) -> None:
    scenario = load(path)
    capture = load_capture(data("captures") / path.name, scenario)
    assert len(capture.frames) > 0
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


def drawn(chance: Random) -> Scenario:
    """A random small cluster, and ten random packets in it."""
    pods = {1: ["a", "b"], 2: ["c"] + ["d"] * chance.randint(0, 1)}
    where = {name: (node, number) for node, names in pods.items() for number, name in enumerate(names)}
    of = chance.choice([4, 4, 6])
    ends = [(pod_address(*place, of), 80) for place in where.values()]
    vip = "10.96.0.10" if of == 4 else "fd00:10:96::10"
    services = [Service("some", vip, 80, chance.sample(ends, chance.randint(1, 3)))]
    services += [Service("none", vip[:-2] + "99", 80, [])]
    plan = Plan(
        pods=pods,
        backend=chance.choice(["host-gw", "vxlan"]),
        families=(of,),
        call_iptables=of == 6
        or chance.random() < 0.7,  # else IPv6 routers send redirects, which cannot be switched off (DEV-5)
        hairpin=chance.random() < 0.5,
        warm=chance.random() < 0.5,
        checksum=chance.random() < 0.3,
        rules={of: service_rules(services, of, fully=chance.random() < 0.5)},
        listens={name: ["tcp [::]:80 web", "udp [::]:53 dns"] for name in pods[1] + pods[2]},
    )
    packets = tuple(_packet(chance, where, of, [s.address for s in services], n) for n in range(10))
    return Scenario("drawn", "", cluster(plan), packets)


def _packet(chance: Random, where: dict, of: int, vips: list[str], number: int) -> Sending:
    source = chance.choice(list(where))
    src = pod_address(*where[source], of)
    far = pod_address(chance.choice([1, 2]), 77, of)
    to = chance.choice([*(pod_address(*place, of) for place in where.values()), *vips, far])
    ttl = chance.choice([64, 64, 64, 2, 1])
    sport, payload = 40000 + number, bytes(chance.randint(0, 1300))
    match chance.choice(["tcp", "tcp", "udp", "ping"]):
        case "tcp":
            return Sending(source, tcp(src, sport, to, chance.choice([80, 80, 81]), ttl=ttl))
        case "udp":
            return Sending(source, udp(src, sport, to, chance.choice([53, 53, 80, 54]), payload, ttl=ttl))
        case _:
            return Sending(source, ping(src, to, number + 1, 1, payload, ttl=ttl))


def test_random_clusters_are_alike(seed: int, rounds: int, note, tmp_path: Path) -> None:
    """Twenty clusters of ten packets each; `--rounds 10` makes it two hundred clusters."""
    if missing():
        pytest.skip(missing() or "")
    chance, packets = Random(seed), 0
    for _ in range(20 * rounds):
        scenario = drawn(chance)
        comparison = compare(scenario, run(scenario))
        packets += len(scenario.packets)
        if not comparison.equal:
            smallest = shrunk(scenario)
            path = tmp_path / "failing.json"
            path.write_text(write(smallest))
            pytest.fail(f"seed {seed}, written to {path}:\n{said(compare(smallest, run(smallest)))}")
    note(f"lab: {packets} packets in random clusters, model and kernel alike, seed {seed}")


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
    ("an address twice on one link", '"10.244.1.11/24"', '"10.244.1.10/24"', "10.244.1.10"),
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
