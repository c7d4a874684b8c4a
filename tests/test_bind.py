"""Which bind succeeds: the model beside real sockets on loopback."""

import errno
import socket

import pytest

from kubenet_course.linux.bind import IN_USE, NOT_HERE, bind
from kubenet_course.linux.tables import Socket, netns

FREE = ""
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
        "SO_REUSEADDR shares a UDP port",
        ("udp", "0.0.0.0", {"reuseaddr": True}),
        ("udp", "0.0.0.0", {"reuseaddr": True}),
        FREE,
    ),
    ("an IPv6 program takes IPv4 along", ("tcp", "::", {}), ("tcp", "0.0.0.0", {}), IN_USE),
    ("unless it says IPV6_V6ONLY", ("tcp", "::", {"v6only": True}), ("tcp", "0.0.0.0", {}), FREE),
]


def modelled(first: tuple, second: tuple) -> str:
    ns = bind(netns("pod"), Socket(first[0], first[1], 8080, **first[2])).ns
    return bind(ns, Socket(second[0], second[1], 8080, **second[2])).error


def opened(proto: str, address: str, port: int, said: dict[str, bool]) -> socket.socket:
    found = socket.socket(
        socket.AF_INET6 if ":" in address else socket.AF_INET,
        socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM,
    )
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, said.get("reuseport", False))
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, said.get("reuseaddr", False))
    if ":" in address:
        found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, said.get("v6only", False))
    try:
        found.bind((address, port))
        if proto == "tcp":
            found.listen()
    except OSError:
        found.close()
        raise
    return found


@pytest.mark.parametrize("story, first, second, error", STORIES, ids=[story[0] for story in STORIES])
def test_the_model_says_what_a_real_socket_is_told(story: str, first: tuple, second: tuple, error: str) -> None:
    with opened(first[0], first[1], 0, first[2]) as one:
        port = one.getsockname()[1]
        try:
            opened(second[0], second[1], port, second[2]).close()
            told = FREE
        except OSError as refused:
            told = errno.errorcode[refused.errno]
    assert (modelled(first, second), told) == (error, error)


def test_an_address_that_no_device_has_cannot_be_bound() -> None:
    assert bind(netns("pod"), Socket("tcp", "10.244.1.10", 8080)).error == NOT_HERE
