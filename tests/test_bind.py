"""Which bind succeeds: the model beside real sockets, in every combination, in a namespace with addresses of its own."""

import json
import os
import shutil
import subprocess
import sys
from itertools import product
from random import Random

import pytest
from msgspec import to_builtins

from kubenet_course.lab.real.sockets import bind_errors
from kubenet_course.linux.namespace.bind import IN_USE, NOT_HERE, in_turn
from kubenet_course.linux.namespace.device import Device, ifaddr
from kubenet_course.linux.namespace.netns import Socket, netns

FREE = ""
PORT = 8080
STORIES = [
    ("two programs, one port", ("tcp", "0.0.0.0", {}), ("tcp", "0.0.0.0", {}), IN_USE),
    ("UDP and TCP have ports of their own", ("tcp", "0.0.0.0", {}), ("udp", "0.0.0.0", {}), FREE),
    ("all addresses include this one", ("tcp", "0.0.0.0", {}), ("tcp", "127.0.0.1", {}), IN_USE),
    ("this one is among all addresses", ("tcp", "127.0.0.1", {}), ("tcp", "0.0.0.0", {}), IN_USE),
    ("two addresses, one port", ("tcp", "127.0.0.1", {}), ("tcp", "127.0.0.2", {}), FREE),
    ("both said SO_REUSEPORT", ("tcp", "0.0.0.0", {"reuseport": True}), ("tcp", "0.0.0.0", {"reuseport": True}), FREE),
    ("one said SO_REUSEPORT", ("tcp", "0.0.0.0", {"reuseport": True}), ("tcp", "0.0.0.0", {}), IN_USE),
    (
        "SO_REUSEADDR does not share a TCP port",
        ("tcp", "0.0.0.0", {"reuseaddr": True}),
        ("tcp", "0.0.0.0", {"reuseaddr": True}),
        IN_USE,
    ),
    (
        "SO_REUSEADDR joins one that does not listen yet",
        ("tcp", "0.0.0.0", {"reuseaddr": True, "listens": False}),
        ("tcp", "0.0.0.0", {"reuseaddr": True}),
        FREE,
    ),
    (
        "SO_REUSEADDR shares a UDP port",
        ("udp", "0.0.0.0", {"reuseaddr": True}),
        ("udp", "0.0.0.0", {"reuseaddr": True}),
        FREE,
    ),
    ("an IPv6 program takes IPv4 along", ("tcp", "::", {}), ("tcp", "0.0.0.0", {}), IN_USE),
    ("unless it says IPV6_V6ONLY", ("tcp", "::", {"v6only": True}), ("tcp", "0.0.0.0", {}), FREE),
    ("an address that no device has", ("tcp", "0.0.0.0", {}), ("udp", "203.0.113.9", {}), NOT_HERE),
]


@pytest.mark.parametrize("story, first, second, error", STORIES, ids=[story[0] for story in STORIES])
def test_the_model_says_what_a_real_socket_is_told(story: str, first: tuple, second: tuple, error: str) -> None:
    asked = [Socket(proto, address, PORT, **said) for proto, address, said in (first, second)]
    assert (modelled(asked), bind_errors(asked)) == ((FREE, error), (FREE, error))


OWN = ("10.244.1.10", "fd00:10:244:1::a")
SETUP = f"""set -e
ip link set lo up
ip link add eth0 type veth peer name far
ip link set eth0 up
ip link set far up
ip addr add {OWN[0]}/24 dev eth0
ip addr add {OWN[1]}/64 dev eth0 nodad
exec "$0" -c "$1"
"""
WORKER = """
import json, sys
from msgspec import convert
from kubenet_course.lab.real.sockets import bind_errors
from kubenet_course.linux.namespace.netns import Socket
print(json.dumps([bind_errors(convert(case, list[Socket]), 8080) for case in json.load(sys.stdin)]))
"""
root = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="a namespace and other users take root and unshare"
)


def modelled(asked: list[Socket]) -> tuple[str, ...]:
    """What the model tells each of them, in a pod with two addresses of its own."""
    eth0 = Device("eth0", addresses=(ifaddr(f"{OWN[0]}/24"), ifaddr(f"{OWN[1]}/64")))
    return tuple(found.error for found in in_turn(netns("pod", (eth0,)), asked))


def in_a_namespace(cases: list[list[Socket]]) -> list[tuple[str, ...]]:
    """What the kernel tells each of them, in a network namespace that nobody else is in."""
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", SETUP, sys.executable, WORKER],
        input=json.dumps(to_builtins(cases)),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return [tuple(one) for one in json.loads(done.stdout)]


def different(cases: list[list[Socket]]) -> list[tuple]:
    """The first few cases in which model and kernel do not say the same, with what they say."""
    both = zip(cases, map(modelled, cases), in_a_namespace(cases), strict=True)
    return [found for found in both if found[1] != found[2]][:3]


def every_socket() -> list[Socket]:
    """Every address, protocol, option and state; a second user where that can matter."""
    places = [
        ("0.0.0.0", False),
        ("127.0.0.1", False),
        (OWN[0], False),
        ("10.244.1.99", False),
        ("10.244.1.255", False),
    ]
    places += product(("::", "::1", OWN[1], "fd00:10:244:1::99"), (False, True))
    states = [("udp", True), ("tcp", True), ("tcp", False)]
    return [
        Socket(proto, address, PORT, "", reuseport, reuseaddr, v6only, uid, listens)
        for address, v6only in places
        for proto, listens in states
        for reuseport, reuseaddr in product((False, True), repeat=2)
        for uid in ((0, 1000) if reuseport else (0,))
    ]


@root
def test_every_pair_of_sockets_is_told_what_the_kernel_tells_it() -> None:
    cases = [list(pair) for pair in product(every_socket(), repeat=2)]
    assert not different(cases)


@root
def test_several_sockets_in_any_order_are_told_what_the_kernel_tells_them(seed: int, rounds: int) -> None:
    """Among several the order counts, and the kernel does not compare with all."""
    chance = Random(seed)
    asked = [one for one in every_socket() if not one.address.endswith(("99", "255"))]
    by_proto = [[one for one in asked if one.proto == proto] for proto in ("udp", "tcp")]
    cases = [chance.sample(chance.choice(by_proto), chance.randrange(3, 7)) for _ in range(4000 * rounds)]
    assert not different(cases)
