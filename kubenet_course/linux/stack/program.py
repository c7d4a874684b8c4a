"""Programs behind sockets: pure functions of what they remember of one connection, of what came, and of the time.

A program answers `(its state, bytes, whether it closes)`; its state is None at first. UDP calls it for each datagram; TCP for each
segment with content on an open connection. It is passed by the name that its socket has (`send`, `ask`: `programs`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..packet.address import IPV4, IPV6, Address, family, number

Answer = tuple[Any, bytes, bool]
Program = Callable[[Any, bytes, int], Answer]

LINE_END = b"\r\n"
REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}
LONGEST_HEAD = 8192  # bytes of a request's head, after which a server gives up
A, AAAA, INTERNET = 1, 28, 1  # types and class of DNS (RFC 1035 section 3.2, RFC 3596)
FORMAT_ERROR, NO_SUCH_NAME = 1, 3
IS_ANSWER, AUTHORITATIVE, RECURSION_WANTED = 0x8000, 0x0400, 0x0100


def echo(state: Any, said: bytes, now: int) -> Answer:
    """Says again what was said (RFC 862)."""
    return state, said, False


def http_server(pages: Mapping[str, bytes]) -> Program:
    """A web server with these pages, by path (RFC 9112). It closes when it is asked to, and after what it cannot read."""

    def serve(state: bytes | None, said: bytes, now: int) -> Answer:
        return _served(state, said, lambda path: (200, pages[path]) if path in pages else (404, b"no such page\n"))

    return serve


def target(ready: int = 0, broken: int = -1) -> Program:
    """What a probe asks: 200 from the time `ready` on, and no more from `broken` on, where that is not -1; otherwise 503."""

    def serve(state: bytes | None, said: bytes, now: int) -> Answer:
        well = now >= ready and (broken < 0 or now < broken)
        return _served(state, said, lambda path: (200, b"ok\n") if well else (503, b"not ready\n"))

    return serve


def _served(state: bytes | None, said: bytes, page: Callable[[str], tuple[int, bytes]]) -> Answer:
    """The answer to a request, once its head is there; until then nothing."""
    head, whole, rest = ((state or b"") + said).partition(LINE_END * 2)
    if not whole:
        return (head, b"", False) if len(head) <= LONGEST_HEAD else (None, _response(400, b"", "GET"), True)
    first, *fields = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        return None, _response(400, b"", "GET"), True
    asks_to_close = any(field.lower().replace(" ", "") == "connection:close" for field in fields)
    closes = asks_to_close or words[2] == "HTTP/1.0"
    status, content = page(words[1].partition("?")[0]) if words[0] in ("GET", "HEAD") else (405, b"")
    return rest or None, _response(status, content, words[0]), closes


def _response(status: int, content: bytes, method: str) -> bytes:
    head = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Length: {len(content)}\r\n\r\n".encode()
    return head if method == "HEAD" else head + content


def dns_server(zone: Mapping[str, tuple[Address, ...]], seconds: int = 30) -> Program:
    """A name server that knows these names and nothing else (RFC 1035 section 4). `seconds` is how long its answers may be kept."""
    known = {name.rstrip(".").lower(): addresses for name, addresses in zone.items()}

    def serve(state: Any, said: bytes, now: int) -> Answer:
        return state, _looked_up(said, known, seconds), False

    return serve


def _looked_up(query: bytes, known: Mapping[str, tuple[Address, ...]], seconds: int) -> bytes:
    """The answer to a query; nothing where not even its head can be read, or where it is an answer itself."""
    flags = int.from_bytes(query[2:4], "big")
    if len(query) < 12 or flags & IS_ANSWER:
        return b""
    said = IS_ANSWER | AUTHORITATIVE | flags & RECURSION_WANTED
    question = _question(query) if query[4:6] == b"\0\1" else None
    if question is None:
        return query[:2] + (said & ~AUTHORITATIVE | FORMAT_ERROR).to_bytes(2, "big") + bytes(8)
    name, kind, end = question
    addresses = known.get(name.lower(), ())
    of = {A: IPV4, AAAA: IPV6}.get(kind)
    rows = [_row(one, kind, seconds) for one in addresses if family(one) is of]
    said |= 0 if name.lower() in known else NO_SUCH_NAME
    counts = b"\0\1" + len(rows).to_bytes(2, "big") + bytes(4)
    return query[:2] + said.to_bytes(2, "big") + counts + query[12:end] + b"".join(rows)


def _question(query: bytes) -> tuple[str, int, int] | None:
    """The name and type that are asked for, and where the question ends; None for what is no question of the Internet's class."""
    labels, at = list[str](), 12
    while at < len(query) and 0 < query[at] < 64:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("latin-1"))
        at += 1 + query[at]
    kind, of_class = query[at + 1 : at + 3], query[at + 3 : at + 5]
    if at >= len(query) or query[at] or len(of_class) < 2 or int.from_bytes(of_class, "big") != INTERNET:
        return None
    return ".".join(labels), int.from_bytes(kind, "big"), at + 5


def _row(address: Address, kind: int, seconds: int) -> bytes:
    """One address, under the name that stands in the question (a pointer to byte 12)."""
    size = family(address).bits // 8
    head = b"\xc0\x0c" + kind.to_bytes(2, "big") + INTERNET.to_bytes(2, "big") + seconds.to_bytes(4, "big")
    return head + size.to_bytes(2, "big") + number(address).to_bytes(size, "big")
