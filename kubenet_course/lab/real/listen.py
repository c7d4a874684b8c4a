"""Ears and programs inside the namespaces: a packet socket that hears every device, and listening sockets that answer."""

from __future__ import annotations

import errno
import selectors
import socket
import time
from collections.abc import Iterable

from .places import Places
from .ring import Ring

ETH_P_ALL = 3
PACKET_OUTGOING = 4  # linux/if_packet.h
ROOM = 8 << 20  # bytes that may wait in a packet socket
SO_RCVBUFFORCE = 33

Heard = tuple[str, str, str, bytes]  # namespace, device, direction, frame


class Ears:
    """All sockets of all namespaces; `gather` reads them and lets the programs answer."""

    def __init__(self, places: Places):
        self.places, self.selector = places, selectors.DefaultSelector()
        self.heard: list[Heard] = []
        self.rings: dict[str, Ring] = {}
        self.devices: dict[str, dict[int, str]] = {}

    def hear(self, names: Iterable[str], at_once: bool = False) -> None:
        """One packet socket for each namespace: it is told of every frame on every device, and in which direction.

        With `at_once` frames are copied as they pass, as is needed where kernels cut packets (see `ring`).
        """
        for name in names:
            with self.places.inside(name):
                ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
                if at_once:
                    self.devices[name] = dict(socket.if_nameindex())
            if at_once:
                self.rings[name] = Ring(ear)
                self.selector.register(ear, selectors.EVENT_READ, (self._ringed, name))
                continue
            try:
                ear.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
            except PermissionError:
                ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
            ear.setblocking(False)
            self.selector.register(ear, selectors.EVENT_READ, (self._frames, name))

    def listen(self, name: str, proto: str, address: str, port: int, only6: bool) -> None:
        """A program that listens. TCP is answered by the kernel alone; UDP with what came. `only6`: not for IPv4 too."""
        is6 = ":" in address
        kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
        with self.places.inside(name):
            own = socket.socket(socket.AF_INET6 if is6 else socket.AF_INET, kind)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is6:
            own.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(only6))
        own.bind((address, port))
        own.setblocking(False)
        if proto == "tcp":
            own.listen(64)
        self.selector.register(own, selectors.EVENT_READ, (self._answer, name))

    def gather(self, quiet: float, most: float) -> list[Heard]:
        """Reads until nothing has come for `quiet` seconds, or `most` are over. Everything heard since the last call."""
        end = time.monotonic() + most
        while (left := end - time.monotonic()) > 0:
            ready = self.selector.select(min(quiet, left))
            if not ready:
                break
            for key, _ in ready:
                act, name = key.data
                act(key.fileobj, name)
        heard, self.heard = self.heard, []
        return heard

    def _frames(self, ear: socket.socket, name: str) -> None:
        while True:
            try:
                data, (device, _, kind, *_) = ear.recvfrom(65536)
            except OSError as error:
                if error.errno == errno.EAGAIN:
                    return
                continue  # a device went down; the socket goes on
            if device != "lo":
                self.heard.append((name, device, "out" if kind == PACKET_OUTGOING else "in", data))

    def _ringed(self, ear: socket.socket, name: str) -> None:
        for device, kind, data in self.rings[name].frames():
            if self.devices[name][device] != "lo":
                self.heard.append((name, self.devices[name][device], "out" if kind == PACKET_OUTGOING else "in", data))

    def _answer(self, own: socket.socket, name: str) -> None:
        """A datagram goes back where it came from; which address it comes from then is the kernel's affair."""
        try:
            if own.type == socket.SOCK_STREAM:
                own.accept()[0].close()
            else:
                own.sendto(*own.recvfrom(65536))
        except OSError:
            return  # nothing is there any more, or the kernel refuses the answer: no frame, and that is the truth
