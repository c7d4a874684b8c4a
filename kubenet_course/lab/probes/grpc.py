"""One call of grpc.health.v1.Health/Check over plain HTTP/2, with no library: both ends, in frames.

A call is a HEADERS frame and a DATA frame; so is its answer, with a second HEADERS frame behind it (RFC 9113; gRPC over
HTTP/2). Only what is said in DATA is read: the status, field 1 of the message. An answer without DATA is a failure.
"""

import struct
from asyncio import StreamReader, StreamWriter
from typing import NamedTuple

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING, GOAWAY = 0, 1, 4, 6, 7
ACK, END_STREAM, END_HEADERS = 1, 1, 4
STATUS = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
PATH = "/grpc.health.v1.Health/Check"


class Frame(NamedTuple):
    kind: int
    flags: int
    stream: int
    body: bytes

    def packed(self) -> bytes:
        length = struct.pack(">I", len(self.body))[1:]
        return length + struct.pack(">BBI", self.kind, self.flags, self.stream) + self.body


async def read_frame(reader: StreamReader) -> Frame:
    head = await reader.readexactly(9)
    kind, flags, stream = struct.unpack(">BBI", head[3:])
    return Frame(kind, flags, stream & 0x7FFFFFFF, await reader.readexactly(int.from_bytes(head[:3], "big")))


def literal(name: str, value: str) -> bytes:
    """A header that no table holds (RFC 7541 section 6.2.2), in plain letters."""
    return b"\0" + _text(name) + _text(value)


def _text(text: str) -> bytes:
    raw = text.encode()
    return (bytes([len(raw)]) if len(raw) < 127 else b"\x7f" + _more(len(raw) - 127)) + raw


def _more(number: int) -> bytes:
    """The rest of an integer that does not fit into seven bits (RFC 7541 section 5.1)."""
    found = b""
    while number >= 128:
        found += bytes([number % 128 + 128])
        number //= 128
    return found + bytes([number])


def message(field_1: bytes) -> bytes:
    """A gRPC message: not compressed, its length, its bytes."""
    return b"\0" + struct.pack(">I", len(field_1)) + field_1


def asked(service: str) -> bytes:
    """HealthCheckRequest: field 1, the service's name; an empty one is left out."""
    raw = service.encode()
    return message(b"\x0a" + (_more(len(raw)) if raw else b"") + raw if raw else b"")


async def check(reader: StreamReader, writer: StreamWriter, authority: str, service: str, agent: str) -> str:
    """Asks, and returns the status; "" where the server does not speak of one."""
    headers = (
        (":method", "POST"),
        (":scheme", "http"),
        (":path", PATH),
        (":authority", authority),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("user-agent", agent),
    )
    block = b"".join(literal(name, value) for name, value in headers)
    writer.write(PREFACE + Frame(SETTINGS, 0, 0, b"").packed())
    writer.write(Frame(HEADERS, END_HEADERS, 1, block).packed())
    writer.write(Frame(DATA, END_STREAM, 1, asked(service)).packed())
    await writer.drain()
    status = ""
    while True:
        frame = await read_frame(reader)
        if frame.kind == SETTINGS and not frame.flags & ACK:
            writer.write(Frame(SETTINGS, ACK, 0, b"").packed())
        elif frame.kind == PING and not frame.flags & ACK:
            writer.write(Frame(PING, ACK, 0, frame.body).packed())
        elif frame.kind == DATA and frame.stream == 1:
            status = status_in(frame.body)
        if frame.kind == GOAWAY or (frame.stream == 1 and frame.flags & END_STREAM):
            return status


def status_in(body: bytes) -> str:
    """The status that a HealthCheckResponse holds; 0 is left out by who writes it."""
    inside = body[5:]
    number = inside[1] if len(inside) > 1 and inside[0] == 0x08 else 0
    return STATUS[number] if number < len(STATUS) else str(number)


async def service_asked(reader: StreamReader) -> str:
    """The server's side: reads a call behind the preface, and returns the service that it asks for."""
    while True:
        frame = await read_frame(reader)
        if frame.kind == DATA:
            inside = frame.body[5:]
            return inside[2:].decode() if inside[:1] == b"\x0a" else ""


def answered(status: str) -> bytes:
    """The server's answer, as bytes."""
    block = literal(":status", "200") + literal("content-type", "application/grpc")
    inside = b"\x08" + bytes([STATUS.index(status)])
    return b"".join(
        frame.packed()
        for frame in (
            Frame(SETTINGS, 0, 0, b""),
            Frame(HEADERS, END_HEADERS, 1, block),
            Frame(DATA, 0, 1, message(inside)),
            Frame(HEADERS, END_HEADERS | END_STREAM, 1, literal("grpc-status", "0")),
        )
    )
