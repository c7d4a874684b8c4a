"""Ears and programs inside the namespaces: a packet socket that hears every device, and listening sockets that answer."""

from __future__ import annotations

import errno
import selectors
import socket
import time
from collections.abc import Iterable

from .places import Places

ETH_P_ALL = 3
PACKET_OUTGOING = 4  # linux/if_packet.h
ROOM = 8 << 20  # bytes that may wait in a packet socket
SO_RCVBUFFORCE = 33
IP_PKTINFO, IPV6_RECVPKTINFO, IPV6_PKTINFO = 8, 49, 50

Heard = tuple[str, str, str, bytes]  # namespace, device, direction, frame


class Ears:
    """All sockets of all namespaces; `gather` reads them and lets the programs answer."""

    def __init__(self, places: Places):
        self.places, self.selector = places, selectors.DefaultSelector()
        self.heard: list[Heard] = []

    def hear(self, names: Iterable[str]) -> None:
        """One packet socket for each namespace: it is told of every frame on every device, and in which direction."""
        for name in names:
            with self.places.inside(name):
                ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            try:
                ear.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
            except PermissionError:
                ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
            ear.setblocking(False)
            self.selector.register(ear, selectors.EVENT_READ, (self._frames, name))

    def listen(self, name: str, proto: str, address: str, port: int) -> None:
        """A program that listens. TCP is accepted by the kernel alone; UDP is answered with what came."""
        is6 = ":" in address
        kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
        with self.places.inside(name):
            own = socket.socket(socket.AF_INET6 if is6 else socket.AF_INET, kind)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is6:
            own.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        own.bind((address, port))
        own.setblocking(False)
        if proto == "tcp":
            own.listen(64)
        else:
            level, option = (socket.IPPROTO_IPV6, IPV6_RECVPKTINFO) if is6 else (socket.IPPROTO_IP, IP_PKTINFO)
            own.setsockopt(level, option, 1)
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

    def _answer(self, own: socket.socket, name: str) -> None:
        """A datagram goes back where it came from, from the very address that it was sent to."""
        if own.type == socket.SOCK_STREAM:
            own.accept()[0].close()
            return
        try:
            data, notes, _, source = own.recvmsg(65536, 256)
        except OSError:
            return
        for level, kind, info in notes:
            if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
                back = [(level, kind, bytes(4) + info[4:8] + bytes(4))]  # struct in_pktinfo: index, local, asked
            elif (level, kind) == (socket.IPPROTO_IPV6, IPV6_PKTINFO):
                back = [(level, kind, info[:16] + bytes(4))]
            else:
                continue
            try:
                own.sendmsg([data], back, 0, source)
            except OSError:
                return
