"""A client asks a Service many times over real HTTP/2, in one of four ways, and notes which pod answers each time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from msgspec import Struct

from ...errors import BadInput
from .ends import Client, Pod, Service

WAYS = {
    "each": "a new connection for each request",
    "one": "one connection for all requests",
    "goaway": "one connection, until the pod asks to go elsewhere (GOAWAY after five requests)",
    "all pods": "one connection to each pod, and the client takes turns (a headless Service)",
}
PER_CONNECTION = 5  # requests, until a pod says GOAWAY
NOBODY = "nobody"  # who answers a request that finds only a dead pod
MOST = 500  # requests, and pods


class Answer(Struct, frozen=True):
    """A request that was answered: over which TCP connection, on which stream of it, by which pod."""

    connection: int
    stream: int
    pod: str


class Talk(Struct, frozen=True):
    """What the client noted."""

    answers: tuple[Answer, ...]

    @property
    def connections(self) -> int:
        return len({one.connection for one in self.answers})

    @property
    def by_pod(self) -> dict[str, int]:
        """Requests that each pod answered, by its name; a pod that had none is not there."""
        return {pod: sum(one.pod == pod for one in self.answers) for pod in sorted({one.pod for one in self.answers})}


def talk(way: str = "one", requests: int = 30, pods: int = 3, joining: int = 0, dead: int = 0, tries: int = 1) -> Talk:
    """`joining` more pods become ready after a third of the requests. `dead` of the pods have crashed, and the Service
    does not know it: it tries so many pods for a connection. Raises BadInput for what cannot be done.

    Everything runs on loopback, in a thread of its own, and has ended when this returns.
    """
    if way not in WAYS:
        raise BadInput("way", f"{way!r} is none", f"choose {' or '.join(WAYS)}")
    counts = {"requests": requests, "pods": pods, "joining": joining, "dead": dead, "tries": tries}
    for name, value in counts.items():
        least, most = int(name not in ("joining", "dead")), pods if name == "dead" else MOST
        if not least <= value <= most:
            raise BadInput(name, f"{value} is out of range", f"choose {least} to {most}")
    return _finished(_talk(way, requests, pods, joining, dead, tries))


def _finished(coroutine: Coroutine[Any, Any, Talk]) -> Talk:
    """In a thread, for a notebook has a loop of its own that runs already. Raises OSError where none can start."""
    found: list[Talk | BaseException] = []

    def run() -> None:
        try:
            found.append(asyncio.run(coroutine))
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=run)
    try:
        thread.start()
    except RuntimeError as error:  # a browser's Python
        coroutine.close()
        raise OSError("no thread can be started here, and so no server") from error
    thread.join()
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]


async def _talk(way: str, requests: int, pods: int, joining: int, dead: int, tries: int) -> Talk:
    most = PER_CONNECTION if way == "goaway" else 0
    running = [Pod(f"web-{number + 1}", most) for number in range(pods)]
    later = [Pod(f"web-{pods + number + 1}", most) for number in range(joining)]
    service = Service(*running, tries=tries)
    parts: list[Pod | Service] = [service, *running, *later]
    for one in parts:
        await one.start()
    for one in running[:dead]:
        await one.stop()
    try:
        return Talk(tuple([one async for one in _asked(way, requests, service, later)]))
    finally:
        for one in parts:
            await one.stop()


async def _asked(way: str, requests: int, service: Service, later: list[Pod]) -> AsyncIterator[Answer]:
    """The answers, one after the other."""
    opened: list[Client] = []
    try:
        for number in range(requests):
            if number == requests // 3:
                service.pods += later
            at = await _connection(way, number, opened, service)
            try:
                stream, pod = await opened[at].ask()
            except ConnectionError:
                opened[at].is_told_to_go, stream, pod = True, 0, NOBODY
            yield Answer(at + 1, stream, pod)
    finally:
        for client in opened:
            await client.close()


async def _connection(way: str, number: int, opened: list[Client], service: Service) -> int:
    """The place of the connection for this request; it is opened if it has to be."""
    if way == "all pods":
        ports = [pod.port for pod in service.pods]
        port = ports[number % len(ports)]
        known = next((at for at, one in enumerate(opened) if one.port == port), None)
    else:
        port = service.port
        known = len(opened) - 1 if opened and way != "each" and not opened[-1].is_told_to_go else None
    if known is None:
        opened.append(Client(port))
        await opened[-1].open()
        known = len(opened) - 1
    return known
