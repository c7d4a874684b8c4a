"""Both ends of an HTTP/2 connection over real sockets (RFC 9113). The frames are read and written by the library h2."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, RequestReceived, StreamEnded

LOOPBACK = "127.0.0.1"
READS = 65_536  # bytes at once


class Pod:
    """A server that answers every request with its own name. After `most` requests on one connection it sends GOAWAY:
    "finish what you have asked, and ask anew elsewhere". 0: never.
    """

    def __init__(self, name: str, most: int = 0):
        self.name, self.most, self.port = name, most, 0
        self.talks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self.server = await asyncio.start_server(self._accept, LOOPBACK, 0)
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self.server.close()
        for talk in self.talks:
            talk.cancel()
        await asyncio.gather(*self.talks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.talks.add(task)
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the other end is gone, or the lesson is over
        finally:
            self.talks.discard(task)
            await closed(writer)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state = H2Connection(H2Configuration(client_side=False))
        state.initiate_connection()
        served = 0
        writer.write(state.data_to_send())
        while data := await reader.read(READS):
            for event in state.receive_data(data):
                if isinstance(event, RequestReceived):
                    served += 1
                    state.send_headers(event.stream_id, [(":status", "200")])
                    state.send_data(event.stream_id, self.name.encode(), end_stream=True)
                    if served == self.most:
                        state.close_connection(last_stream_id=event.stream_id)
            writer.write(state.data_to_send())
            await writer.drain()


class Service:
    """What a Service does on every node, whatever the mode: when a connection is opened it is given to one pod, here
    in turn, and from then on only bytes are passed. It reads no HTTP. `tries` is how many pods it tries when one
    refuses: 1 as in every mode of today, more as in the userspace mode of old.
    """

    def __init__(self, *pods: Pod, tries: int = 1):
        self.pods, self.port, self.opened, self.tries = list(pods), 0, 0, tries
        self.relays: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self.server = await asyncio.start_server(self._accept, LOOPBACK, 0)
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self.server.close()
        for relay in self.relays:
            relay.cancel()
        await asyncio.gather(*self.relays, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.relays.add(task)
        try:
            there, back = await self._connected()
            try:
                await asyncio.gather(_passed(reader, back), _passed(there, writer))
            finally:
                await closed(back)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.relays.discard(task)
            await closed(writer)

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the pod whose turn it is. Raises ConnectionError when all that may be tried refuse."""
        for number in range(self.tries):
            pod = self.pods[self.opened % len(self.pods)]
            self.opened += 1
            try:
                return await asyncio.open_connection(LOOPBACK, pod.port)
            except ConnectionError:
                if number + 1 == self.tries:
                    raise
        raise ConnectionError


async def _passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(READS):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError, asyncio.CancelledError):
        await writer.wait_closed()


class Client:
    """One HTTP/2 connection to a port, kept for as many requests as the other end will take."""

    def __init__(self, port: int):
        self.port, self.asked, self.is_told_to_go = port, 0, False
        self.state = H2Connection(H2Configuration(client_side=True))

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection(LOOPBACK, self.port)
        self.state.initiate_connection()
        self.writer.write(self.state.data_to_send())

    async def ask(self) -> tuple[int, str]:
        """One request: the number of its stream, and the name of the pod that answers."""
        self.asked += 1
        stream = self.state.get_next_available_stream_id()
        headers = [(":method", "GET"), (":scheme", "http"), (":authority", "web"), (":path", "/")]
        self.state.send_headers(stream, headers, end_stream=True)
        self.writer.write(self.state.data_to_send())
        body = b""
        while data := await self.reader.read(READS):
            is_done = False
            for event in self.state.receive_data(data):
                if isinstance(event, DataReceived):
                    body += event.data
                self.is_told_to_go |= isinstance(event, ConnectionTerminated)
                is_done |= isinstance(event, StreamEnded) and event.stream_id == stream
            if is_done:
                return stream, body.decode()
        raise ConnectionError("the pod closed the connection before it answered")

    async def close(self) -> None:
        await closed(self.writer)
