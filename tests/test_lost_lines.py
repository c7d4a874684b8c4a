"""Random rule sets of which one line is not understood: what is certain is never wrong, and what the line cannot touch is certain.

The truth is what the whole rule set does: in the model, which `test_kernel_live` holds to the real kernel, and in that kernel.
"""

from collections.abc import Iterator
from random import Random

import pytest
from kernel_cases import choices_for, is_beyond, recorded, told
from kernel_lab import Player
from realkernel import RealKernel, RefusedRules, missing
from realkernel.rulesets import a_ruleset
from realkernel.styles import RICH
from realkernel.wild import udp_packet

from kubenet_course.linux.namespace.device import Device, ifaddr
from kubenet_course.linux.namespace.netns import Netns, netns
from kubenet_course.linux.netfilter.iptables.save import read
from kubenet_course.linux.outcome import Outcome, outcomes
from kubenet_course.linux.packet.packet import Packet, tcp, udp

LOST_MATCH, LOST_TARGET = "-m mystery --of 1", "-j MYSTERY --of 1"


def router(text: str) -> Netns:
    """The router of `realkernel`, as one who pastes its rules knows it."""
    devices = (Device("eth1", addresses=(ifaddr("10.0.1.1/24"),)), Device("eth2", addresses=(ifaddr("10.0.2.1/24"),)))
    return netns(
        "router", devices, rules={4: read(text).rules}, sysctls={"net.ipv4.ip_forward": 1}, sockets_known=False
    )


def rule_lines(text: str) -> list[int]:
    return [at for at, line in enumerate(text.split("\n")) if line.startswith("-A ")]


def without(text: str, at: int, rng: Random) -> tuple[str, bool]:
    """The rule set in which a line has an unknown match in the place of one of its own, or an unknown target in that of its own."""
    lines = text.split("\n")
    head, mark, target = lines[at].rpartition(" -j ")
    if mark and rng.random() < 0.4:
        lines[at] = f"{head} {LOST_TARGET}"
        return "\n".join(lines), False
    first, *modules = lines[at].split(" -m ")
    if len(modules) > 0:
        number = rng.randrange(len(modules))
        _, mark, target = (
            modules[number].rpartition(" -j ") if " -j " in modules[number] else modules[number].rpartition(" -g ")
        )
        modules[number] = f"mystery --of 1{mark}{target}"
        lines[at] = " -m ".join([first, *modules])
    else:
        lines[at] = lines[at].replace(" -j ", f" {LOST_MATCH} -j ").replace(" -g ", f" {LOST_MATCH} -g ")
    return "\n".join(lines), True


def packets(rng: Random) -> list[tuple[str, Packet]]:
    hosts = ("10.0.1.2", "10.0.1.3", "10.0.2.2", "10.0.2.3", "10.0.1.1", "10.0.2.1", "10.9.0.1")
    found = []
    for _ in range(6):
        make = rng.choice((tcp, udp))
        dev, src = rng.choice((("eth1", "10.0.1.2"), ("eth1", "10.0.1.3"), ("eth2", "10.0.2.2"), ("", "10.0.1.1")))
        found.append(
            (dev, make(src, rng.choice((6000, 6100, 7000)), rng.choice(hosts), rng.choice((5000, 5001, 5002, 80))))
        )
    return found


def fates(found: tuple[Outcome, ...]) -> set[tuple]:
    return {(one.end, one.skb.packet.flow, one.skb.dev_out, one.skb.mark) for one in found}


@pytest.mark.parametrize("part", range(10))
def test_of_200_rule_sets_with_a_lost_line_no_certain_outcome_is_wrong(part, note):
    certain = asked = 0
    for number in range(part * 20, part * 20 + 20):
        rng = Random(number)
        text = a_ruleset(rng, RICH)
        while not rule_lines(text):
            text = a_ruleset(rng, RICH)
        at = rng.choice(rule_lines(text))
        dim, matches = without(text, at, rng)
        whole, lost = (router(one) for one in (text, dim))
        assert [line for line, _ in read(dim).not_understood] == [at + 1]
        for dev, packet in packets(rng):
            true, said = outcomes(whole, packet, dev), outcomes(lost, packet, dev)
            hangs = {row.rule.line for one in said for row in one.hangs_on}
            asked, certain = asked + 1, certain + (not hangs)
            if not hangs:
                assert fates(said) == fates(true), (number, text, dim, packet)
            elif matches:
                assert fates(true) <= fates(said), (number, text, dim, packet)
    note(f"lost lines: {asked} packets, {certain} of them certain")
    assert certain > asked / 3


def test_a_line_that_the_packet_cannot_meet_leaves_it_certain():
    for number in range(60):
        rng = Random(f"never {number}")
        text = a_ruleset(rng, RICH)
        at = rng.choice(rule_lines(text) or [0])
        if not at:
            continue
        lines = text.split("\n")
        lines[at] = f"-A {lines[at].split()[1]} -d 203.0.113.77/32 {LOST_MATCH} {LOST_TARGET}"
        dim = "\n".join(lines)
        lost = router(dim)
        gone = router("\n".join(lines[:at] + lines[at + 1 :]))
        for dev, packet in packets(rng):
            said = outcomes(lost, packet, dev)
            assert at + 1 not in {row.rule.line for one in said for row in one.hangs_on}, (number, dim, packet)
            assert fates(said) == fates(outcomes(gone, packet, dev)), (number, dim, packet)


# -- the real kernel, with that line in place --------------------------------------------------------------------------

SEEN = ("received", "icmp_errors", "sender_errno")
MOST_SUPPOSED = 6


class Supposing:
    """Other choices, and an answer for each thing of which nobody knows the answer; the rest is as is likely."""

    def __init__(self, others, answers: list[bool]):
        self.others, self.answers, self.asked = others, answers, 0

    def happens(self, question, probability):
        return self.others.happens(question, probability)

    def pick(self, question, among):
        return self.others.pick(question, among)

    def supposes(self, question):
        self.asked += 1
        return self.asked <= len(self.answers) and self.answers[self.asked - 1]


def stories(case: dict, row: dict) -> Iterator[tuple[Player, dict]]:
    """What the model tells of a packet, by every way that it may have gone."""
    for choices in choices_for(case, row):
        open_: list[list[bool]] = [[]]
        while open_:
            answers = open_.pop()
            player, asked = Player(case), Supposing(choices, answers)
            yield player, told(player, row, asked)
            more = range(len(answers), min(asked.asked, MOST_SUPPOSED))
            open_ += [[*answers, *(False for _ in range(len(answers), at)), True] for at in more]


@pytest.fixture(scope="module")
def kernel():
    if reason := missing():
        pytest.skip(f"cannot ask the real kernel: {reason}")
    with RealKernel() as standing:
        yield standing


def test_what_the_kernel_does_with_a_line_in_place_is_among_the_ways_without_it(
    kernel, seed, rounds, pytestconfig, note
):
    certain = asked = 0
    for number in range(pytestconfig.option.live * rounds):
        rng = Random(f"lost {seed} {number}")
        try:
            case = kernel.ask(
                {"id": number, "restore_input": a_ruleset(rng, RICH), "packets": [udp_packet(rng, number)]}
            )
        except RefusedRules:
            continue
        (row,), text = case["packets"], case["restore_input"]
        lines = rule_lines(text)
        if not lines:
            continue
        dim, matches = without(text, rng.choice(lines), rng)
        true = {name: recorded(row, name) for name in SEEN}
        found = [
            (player, {name: said[name] for name in SEEN})
            for player, said in stories(case | {"restore_input": dim}, row)
        ]
        sure = not any(step.hangs_on for player, _ in found for step in player.steps)
        beyond = any(is_beyond(player) for player, _ in found)
        asked, certain = asked + 1, certain + sure
        if (sure or matches) and not beyond:
            assert true in [said for _, said in found], f"--seed {seed}, {number}\n{row}\n{found[0][1]}\n{text}\n{dim}"
    note(f"lost lines: {asked} packets of the real kernel, {certain} of them certain")
