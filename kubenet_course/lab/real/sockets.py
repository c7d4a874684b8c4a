"""The same binds by real sockets: what the kernel under this program says (bind(2), listen(2), socket(7)).

A socket that asks for all addresses is held to loopback, so that nobody outside this machine finds it while it is open.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from ...linux.namespace.netns import Socket

ALL = ("0.0.0.0", "::")
KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def bind_errors(wanted: Iterable[Socket], port: int = 0) -> tuple[str, ...]:
    """What each program is told when they ask in this order: the error's name, or nothing. All are closed afterwards.

    The model's ports mean: the same or not. For each of them one is taken that is free here, or `port` for all.
    """
    asked = tuple(wanted)
    free = {one: port or free_port() for one in dict.fromkeys(one.port for one in asked)}
    with ExitStack() as held:
        return tuple(_told(one, free[one.port], held) for one in asked)


def free_port() -> int:
    """A port that nobody has here, neither in TCP nor in UDP."""
    while True:
        with socket.socket() as first, socket.socket(type=socket.SOCK_DGRAM) as second:
            first.bind(("", 0))  # bound, and deaf: nothing listens
            try:
                second.bind(first.getsockname())
            except OSError:
                continue
            return first.getsockname()[1]


def _told(wanted: Socket, port: int, held: ExitStack) -> str:
    with _as_user(wanted.uid):
        own = held.enter_context(socket.socket(_family(wanted), KINDS[wanted.proto]))
    if wanted.address in ALL and hasattr(socket, "SO_BINDTODEVICE"):
        own.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, wanted.reuseport)
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, wanted.reuseaddr)
    if own.family == socket.AF_INET6:
        own.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, wanted.v6only)
    try:
        own.bind((wanted.address, port))
        if wanted.proto == "tcp" and wanted.listens:
            own.listen()
    except OSError as refused:
        own.close()
        return errno.errorcode[refused.errno or 0]
    return ""


def _family(wanted: Socket) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in wanted.address else socket.AF_INET


@contextmanager
def _as_user(uid: int) -> Iterator[None]:
    """A socket belongs to the effective user who makes it. 0 is whoever runs this; another one takes root."""
    was = os.geteuid()
    if uid:
        os.seteuid(uid)
    try:
        yield
    finally:
        if uid:
            os.seteuid(was)
