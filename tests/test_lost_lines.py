"""Random rule sets of which one line is not understood: what is certain is never wrong, and what the line cannot touch is certain.

The truth is what the whole rule set does in the model, which `test_kernel_live` holds to the real kernel.
"""

from random import Random

import pytest
from realkernel.rulesets import a_ruleset
from realkernel.styles import RICH

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
