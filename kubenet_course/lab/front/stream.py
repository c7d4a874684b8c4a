"""A balancer of connections on loopback: it reads at most the first bytes, picks a server by the TLS name, and passes bytes on.

It cannot see a path or a header: those are sealed. With `tells` it writes a line of the PROXY protocol before the first
byte, which is how the server behind learns whose connection this was.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress
from threading import Thread

from ...kube.gateway.hostnames import covers, specific
from ...linux.packet.tls import is_hello, server_name
from .backend import LOOPBACK

PATIENCE = 5.0  # seconds that a client may take for its first bytes


class Passing:
    """By hostname ("" for every other connection), the port of loopback behind. `heard`: the first bytes of each connection."""

    def __init__(self, behind: Mapping[str, int], tells: bool = False):
        self.behind, self.tells = dict(behind), tells
        self.heard: list[bytes] = []
        self.socket = socket.create_server((LOOPBACK, 0))
        self.port = int(self.socket.getsockname()[1])
        self._thread = Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self) -> Passing:
        return self

    def __exit__(self, *why: object) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self._thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, address = self.socket.accept()
                Thread(target=self._serve, args=(client, address), daemon=True).start()

    def _serve(self, client: socket.socket, address: tuple[str, int]) -> None:
        with client, suppress(OSError):
            client.settimeout(PATIENCE)
            first = _first_bytes(client)
            self.heard.append(first)
            name = server_name(first)
            fitting = [host for host in self.behind if covers(host, name)]
            if not fitting:
                return  # closed without a word
            with socket.create_connection((LOOPBACK, self.behind[max(fitting, key=specific)]), PATIENCE) as server:
                if self.tells:
                    server.sendall(proxy_line(address, server.getpeername()))
                server.sendall(first)
                back = Thread(target=_copy, args=(server, client), daemon=True)
                back.start()
                _copy(client, server)
                back.join()


def proxy_line(client: tuple[str, int], server: tuple[str, int]) -> bytes:
    """Version 1 of the PROXY protocol: one line of text before everything else."""
    family = "TCP6" if ":" in client[0] else "TCP4"
    return f"PROXY {family} {client[0]} {server[0]} {client[1]} {server[1]}\r\n".encode()


def _first_bytes(client: socket.socket) -> bytes:
    """A whole record where it is a ClientHello; else what comes first."""
    found = client.recv(4096)
    while is_hello(found) and len(found) < 5 + int.from_bytes(found[3:5], "big"):
        more = client.recv(4096)
        if not more:
            break
        found += more
    return found


def _copy(source: socket.socket, to: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            to.sendall(chunk)
        to.shutdown(socket.SHUT_WR)
