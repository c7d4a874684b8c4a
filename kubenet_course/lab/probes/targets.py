"""A real server on loopback that behaves as a behaviour says: slow to start, hanging, failing, flapping, restarted.

One port speaks HTTP and gRPC; who asks is told by the path (/liveness, /readiness, /startup) or by the name of the gRPC
service. For exec probes there is a folder with the files `fine` and `hang`, which the program of `command` looks at.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ...kube.kubelet.behaviour import Answer, Heard, Process, answer
from ...linux.timeline import NEVER, SECOND
from . import grpc

LOOPBACK = "127.0.0.1"
HANGS = 600  # seconds


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as found:
        found.bind((LOOPBACK, 0))
        return int(found.getsockname()[1])


class Target:
    """The server of one container. `clock` tells nanoseconds of the same time that the process's times are in."""

    def __init__(self, port: int, clock: Callable[[], int], folder: Path | None = None) -> None:
        self.port, self.clock, self.folder = port, clock, folder
        self.process: Process | None = None
        self.server: asyncio.Server | None = None
        self.talks: set[asyncio.Task[None]] = set()
        self.opening: asyncio.Task[None] | None = None

    def start(self, process: Process) -> None:
        """The program runs; it listens when its behaviour says so."""
        self.process = process
        self.opening = asyncio.ensure_future(self._open(process))

    def stop(self) -> None:
        """The process is gone: the port is closed, every connection breaks."""
        self.process = None
        if self.opening is not None:
            self.opening.cancel()
        if self.server is not None:
            self.server.close()
            self.server = None
        for talk in self.talks:
            talk.cancel()
        if self.folder is not None:
            for name in ("fine", "hang"):
                (self.folder / name).unlink(missing_ok=True)

    def command(self, asker: str) -> tuple[str, ...]:
        """What an exec probe runs: our own program, whose answer hangs on two files."""
        assert self.folder is not None
        return ("sh", "-c", 'test -e "$0/hang" && exec sleep 600; test -e "$0/fine"', str(self.folder))

    async def _open(self, process: Process) -> None:
        opens = process.started + round(process.behaviour.starts_after * SECOND)
        await asyncio.sleep(max(0, opens - self.clock()) / SECOND)
        self.server = await asyncio.start_server(self._accept, LOOPBACK, self.port, reuse_address=True)
        while self.folder is not None:
            self._touch(answer(process, "liveness", self.clock()))
            await asyncio.sleep(0.02)

    def _touch(self, said: Answer) -> None:
        assert self.folder is not None
        for name, is_there in (
            ("hang", said.after == NEVER or said.after > SECOND),
            ("fine", said.heard is Heard.FINE),
        ):
            if is_there:
                (self.folder / name).touch()
            else:
                (self.folder / name).unlink(missing_ok=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.talks.add(task)
        with suppress(asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            await self._talk(reader, writer)
        self.talks.discard(task)
        writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One question, one answer, after as long as the behaviour says."""
        first = await reader.readexactly(4)
        is_grpc = first == grpc.PREFACE[:4]
        if is_grpc:
            await reader.readexactly(len(grpc.PREFACE) - 4)
            asker = await grpc.service_asked(reader)
        else:
            line = first + await reader.readuntil(b"\r\n\r\n")
            asker = line.split(b" ")[1].decode().strip("/")
        if self.process is None:
            return
        said = answer(self.process, asker or "liveness", self.clock())
        await asyncio.sleep(HANGS if said.after == NEVER else said.after / SECOND)
        well = said.heard is Heard.FINE
        if is_grpc:
            writer.write(grpc.answered("SERVING" if well else "NOT_SERVING"))
        else:
            status = "200 OK" if well else "503 Service Unavailable"
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok".encode())
        await writer.drain()
