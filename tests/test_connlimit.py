"""`-m connlimit` at the end of a connection. Which segments a real kernel (6.18.44, HZ 250) let through was counted there,
by rules before and behind the connlimit rule; tests/test_kernel_live.py asks it again."""

import pytest
from netfilter_parts import router

from kubenet_course.linux.namespace.memory import Memory
from kubenet_course.linux.netfilter.evaluate import Counters
from kubenet_course.linux.packet.packet import tcp
from kubenet_course.linux.walk import send

CLIENT, SERVER, OTHER = ("10.244.1.10", 40000), ("203.0.113.5", 80), ("10.244.1.10", 40001)
HANDSHAKE = ((0, "S"), (0, "SA"), (0, "A"))
LIMITS = ("above 0", "upto 5", "above 0 --connlimit-mask 0")


def limited(words: str):
    """A node that asks for connlimit, then counts what is left."""
    return router(f"-p tcp -m connlimit --connlimit-{words}\n-p tcp")


def passed(node, memory: Memory, segments, client=CLIENT) -> str:
    """Segments as (seconds that pass before it, flags; small letters are the server's own), and which of them went through."""
    found = []
    for pause, flags in segments:
        memory.wait(pause)
        answers = flags == "SA" or flags.islower()
        ends, dev = ((SERVER, client), "eth0") if answers else ((client, SERVER), "pods")
        sent = send(node, tcp(*ends[0], *ends[1], flags.upper()), dev=dev, memory=memory)
        if sent.last.end != "dropped":
            found.append(flags)
    return " ".join(found)


@pytest.mark.parametrize("words", LIMITS)
def test_the_reset_of_the_only_connection_is_dropped_and_so_is_the_one_from_the_other_side(words):
    assert passed(limited(words), Memory(), (*HANDSHAKE, (0.03, "RA"), (0.03, "ra"))) == "S SA A"


@pytest.mark.parametrize("words", LIMITS)
def test_while_another_connection_is_open_a_reset_passes(words):
    node, memory = limited(words), Memory()
    assert passed(node, memory, HANDSHAKE) == passed(node, memory, HANDSHAKE, OTHER) == "S SA A"
    assert passed(node, memory, ((0.03, "RA"),)) == "RA"


def test_the_last_acknowledgement_is_dropped_where_each_host_has_a_list_of_its_own():
    goodbye = ((0.03, "FA"), (0, "a"), (0.05, "fa"), (0, "A"))
    assert passed(limited("above 0"), Memory(), (*HANDSHAKE, *goodbye)) == "S SA A FA a fa"
    # One list for both was swept in the same jiffy, at the server's FIN, and is not swept again.
    assert passed(limited(LIMITS[2]), Memory(), (*HANDSHAKE, *goodbye)) == "S SA A FA a fa A"


@pytest.mark.parametrize("words", LIMITS)
def test_the_reset_that_refuses_a_connection_passes(words):
    assert passed(limited(words), Memory(), ((0, "S"), (0, "ra"))) == "S ra"


def test_the_rule_that_drops_so_does_not_count_the_packet_but_is_named():
    node, memory = limited("above 0"), Memory()
    passed(node, memory, HANDSHAKE)
    memory.wait(0.03)
    last = send(node, tcp(*CLIENT, *SERVER, "RA"), dev="pods", memory=memory).last
    counted = memory.of(node.name)[Counters].packets
    assert [counted[4, "filter", "FORWARD", rule] for rule in (1, 2, 0)] == [3, 3, 3]
    assert last.said.startswith("dropped by rule 1 of FORWARD, which does not match")
    assert "connlimit" in str(last.why[-1])
