"""Random rule sets in the real kernel and in the model: no difference. `--live 200` for more, `--seed S` to repeat."""

import json
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from kernel_cases import differences, told
from kernel_lab import Player
from realkernel import RealKernel, RefusedRules, missing
from realkernel.styles import STYLES

from kubenet_course.linux.namespace.choices import Seeded

CASES = json.loads((Path(__file__).parent.parent / "data/reference/kernel-6.18/iptables.json").read_text())["cases"]


@pytest.fixture(scope="module")
def kernel():
    if reason := missing():
        pytest.skip(f"cannot ask the real kernel: {reason}")
    with RealKernel() as standing:
        yield standing


def drawn(style, seed, number):
    """A case by style, seed and number; rule sets that iptables refuses are drawn again from the same stream."""
    rng = Random(f"{style} {seed} {number}")
    while True:
        yield {"id": number} | STYLES[style](rng, number)


def asked(kernel, style, seed, number):
    """The first of them that iptables takes, answered by the kernel."""
    cases = drawn(style, seed, number)
    while True:
        with suppress(RefusedRules):
            return kernel.ask(next(cases))


@pytest.mark.parametrize("style", STYLES)
def test_random_rule_sets_do_the_same_in_the_kernel_and_in_the_model(kernel, style, seed, rounds, pytestconfig, note):
    count = -(-pytestconfig.option.live * rounds // len(STYLES))
    packets = lost = 0
    for number in range(count):
        case = asked(kernel, style, seed, number)
        player = Player(case)
        for at, row in enumerate(case["packets"]):
            found = differences(player, row)
            packets += 1
            lost += player.lost
            if found:
                rules = case.get("restore_input") or case.get("ip6_restore_input")
                pytest.fail(f"--seed {seed}, style {style}, rule set {number}, packet {at}: {row}\n{found}\n{rules}")
    note(f"live: {count} rule sets of style {style}, {packets} packets, {lost} of them beyond the model, seed {seed}")


def test_the_kernel_tells_a_sender_of_five_missing_routes_and_then_keeps_silent(kernel):
    """Why one recorded packet is left out: net.ipv4.route.error_burst is five errors, then one a second (ip_error)."""
    case, silenced = CASES[24], CASES[24]["packets"][5]
    again = {key: silenced[key] for key in ("from", "src", "dst", "dport", "sport", "proto")}
    # `realkernel` waits before a sixth packet from a source that it knows; of one that the route chooses it does not.
    packets = [again] * 5 + [again | {"src": None}] * 2
    answers = kernel.ask({"restore_input": case["restore_input"], "packets": packets})["packets"]
    counted = [answer["rule_packet_counters"] for answer in answers]
    assert counted[5:] == [silenced["rule_packet_counters"]] * 2 == [{}, {}]
    assert counted[:5] == [told(Player(case), silenced, Seeded())["rule_packet_counters"]] * 5


@pytest.mark.parametrize("mask", ["", " --connlimit-mask 0"])
@pytest.mark.parametrize("way", [("client", "10.0.1.2", "10.0.2.2"), ("router", None, "10.0.1.1")])
def test_connlimit_drops_the_reset_of_the_only_connection_in_the_kernel_and_in_the_model(kernel, way, mask):
    """The rule behind it matches every second packet: it tells in the second connection what it saw of the first one's end."""
    chain = "FORWARD" if way[0] == "client" else "INPUT"
    rules = f"-A {chain} -p tcp -m connlimit --connlimit-above 0{mask}\n"
    rules += f"-A {chain} -p tcp -m statistic --mode nth --every 2 --packet 0\n"
    asked = dict(zip(("from", "src", "dst"), way, strict=True)) | {"dport": 5000, "proto": "tcp"}
    packets = [asked | {"sport": 7000 + number} for number in range(3)]
    case = kernel.ask({"restore_input": f"*filter\n{rules}COMMIT\n", "packets": packets})
    player = Player(case)
    assert [differences(player, row) for row in case["packets"]] == [[], [], []]
    seen = [row["rule_packet_counters"][f"filter/{chain}/2"] for row in case["packets"]]
    assert seen == [2, 1, 2], "three packets of each connection, and no reset"
