"""What the real programs take the terminal takes; what they refuse it refuses, in their words: line by line against a recording."""

import json
import re
from collections.abc import Iterable

import pytest
from spellings_real import BASE, RECORDED, cases, real

from kubenet_course.errors import BadInput
from kubenet_course.lab.real.run import missing
from kubenet_course.shell.console import Console
from kubenet_course.shell.lines import after

RECORDING = json.loads(RECORDED.read_text())
# Lines that the real programs take and the terminal refuses, because the model has no use for them. It says so as its own limit.
LIMITS = ("ip netns exec node sysctl -e -w net.ipv4.nothing=1", "ip -n node link set lo name foo")
# What `ip addr` prints besides: queues, life times, groups. No packet depends on them (shell/iproute/show.py).
SHORTER = ("ip -n node addr show eth0", "ip -n node a s dev eth0", "ip -br -n node a")


def typed(case: str) -> Console:
    console = Console("host")
    assert not console(BASE).refused
    return console


@pytest.mark.parametrize("row", RECORDING, ids=[row["case"] for row in RECORDING])
def test_a_line_is_taken_refused_and_answered_as_by_the_real_program(row):
    console = typed(row["case"])
    for line in row["case"].split(" ;; "):
        answer = console(line)
    last = answer.done[-1]
    if row["case"] in LIMITS:
        assert last.refused and not last.quote
        return
    assert last.refused is (row["code"] != 0), str(answer)
    if last.quote:
        assert last.quote == row["err"].splitlines()[0]
    if not last.refused and row["case"] not in SHORTER:
        assert _plain(last.shown.splitlines()) == _plain(row["out"].splitlines())


def _plain(lines: Iterable[str]) -> list[str]:
    """Without blanks at the end, which a terminal does not show."""
    return [line.rstrip() for line in lines]


def test_nearly_all_refusals_have_the_real_programs_words():
    silent = []
    for row in RECORDING:
        console = typed(row["case"])
        for line in row["case"].split(" ;; "):
            answer = console(line)
        if row["code"] and not answer.quote:
            silent.append(row["case"])
    assert len(silent) <= 4 and len(RECORDING) > 150


@pytest.mark.parametrize("row", RECORDING, ids=[row["case"] for row in RECORDING])
def test_an_exercise_takes_what_the_terminal_takes(row):
    console = typed(row["case"])
    world = {name: ns for name, ns in console.world.items() if name != "host"}
    lines = row["case"].replace(" ;; ", "\n")
    for line in lines.splitlines():
        answer = console(line)
        if answer.refused:
            break
    if answer.refused:
        with pytest.raises(BadInput) as told:
            after(world, lines)
        assert re.fullmatch(r"line \d+", told.value.where)
    else:
        made = after(world, lines)
        assert {name: (ns.routes, ns.rules, ns.sysctls) for name, ns in made.items()} == {
            name: (ns.routes, ns.rules, ns.sysctls) for name, ns in console.world.items() if name != "host"
        }


@pytest.mark.skipif(bool(missing()), reason=missing() or "the real kernel is there")
def test_the_recording_is_what_the_real_programs_say_today():
    told = real(cases())
    volatile = ("link/", "fe80::", "tentative")
    for now, then in zip(told, RECORDING, strict=True):
        if any(word in then["out"] for word in volatile):
            continue
        assert (now["case"], now["code"], now["out"], now["err"]) == tuple(then.values())


def test_a_rule_keeps_what_it_has_counted_when_another_is_put_before_it_and_z_forgets_it():
    console = Console("host")
    console(BASE)
    console("ip -n lan addr add 192.168.1.12/24 dev n1\nip netns exec node iptables -A OUTPUT -p icmp -j ACCEPT")
    console("ip netns exec node ping -c 2 192.168.1.12")
    console("ip netns exec node iptables -I OUTPUT -d 10.9.9.9 -j DROP")

    def rows() -> list[str]:
        return str(console("ip netns exec node iptables -L OUTPUT -n -v")).splitlines()

    assert [row.split()[:3] for row in rows()[2:4]] == [["0", "0", "DROP"], ["2", "168", "ACCEPT"]]
    console("ip netns exec node iptables -Z")
    assert [row.split()[:3] for row in rows()[2:4]] == [["0", "0", "DROP"], ["0", "0", "ACCEPT"]]
