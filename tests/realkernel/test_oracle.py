"""The oracle itself: it reproduces the reference captures, says why it cannot be asked, and leaves nothing behind."""

import json
import os
import signal
import time
from pathlib import Path
from random import Random

import pytest

from . import RealKernel, RefusedRules, missing
from .record import as_reference
from .styles import STYLES

REFERENCE = Path(__file__).resolve().parents[2] / "data/reference/kernel-6.18/iptables.json"
GIVEN = ("from", "src", "dst", "sport", "dport", "proto")
# There the router had just rejected a packet of the same source, and said no "no route" to it for a second (see worker.Lab).
SILENCED = (24, 6000)
CLOSED = {"from": "client", "src": "10.0.1.2", "dst": "10.0.1.1", "sport": 6001, "dport": 5004, "proto": "udp"}


@pytest.fixture
def kernel():
    if reason := missing():
        pytest.skip(reason)
    with RealKernel() as asked:
        yield asked


def test_every_reference_capture_comes_out_as_it_was_recorded(kernel):
    for case in json.loads(REFERENCE.read_text())["cases"]:
        asked = [{key: packet[key] for key in GIVEN} for packet in case["packets"]]
        answer = kernel.ask({**case, "packets": asked})
        assert answer["canonical_save"] == case["canonical_save"]
        for then, now in zip(case["packets"], answer["packets"], strict=True):
            if (case["id"], then["sport"]) != SILENCED:
                assert as_reference(now) == then


def test_a_rule_set_that_iptables_refuses_is_named_and_the_next_one_is_heard(kernel):
    with pytest.raises(RefusedRules, match="line 2"):
        kernel.ask({"restore_input": "*filter\n-A NOWHERE -j ACCEPT\nCOMMIT\n", "packets": []})
    answer = kernel.ask({"restore_input": "*filter\nCOMMIT\n", "packets": [CLOSED]})
    assert answer["packets"][0]["sender_errno"] == "ECONNREFUSED"


def test_six_quick_packets_without_a_route_are_all_answered(kernel):
    packets = [CLOSED | {"dst": "10.9.0.1", "sport": 6100 + number} for number in range(6)]
    rules = "*filter\n-A OUTPUT -p icmp -j ACCEPT\nCOMMIT\n"
    answer = kernel.ask({"restore_input": rules, "packets": packets})
    assert [packet["rule_packet_counters"] for packet in answer["packets"]] == [{"filter/OUTPUT/1": 1}] * 6


def test_an_oracle_that_is_killed_leaves_no_process(kernel):
    kernel.ask({"restore_input": "*filter\nCOMMIT\n", "packets": []})
    started = kernel._worker.pid
    inside = int(Path(f"/proc/{started}/task/{started}/children").read_text())
    os.kill(started, signal.SIGKILL)
    until = time.monotonic() + 5
    while Path(f"/proc/{inside}").exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert not Path(f"/proc/{inside}").exists()


@pytest.mark.parametrize("style", sorted(STYLES))
def test_the_same_seed_draws_the_same_cases(style):
    once, again = ([STYLES[style](rng, number) for number in range(5)] for rng in (Random(7), Random(7)))
    assert once == again
    assert once != [STYLES[style](Random(8), number) for number in range(5)]
