"""Captured frames as a pcapng file, for Wireshark: one interface for each device, a comment beside each frame.

The format is draft-ietf-opsawg-pcapng. scapy's writer counts in microseconds only, and would put the door to scapy in a
second room; what is needed of the format is three kinds of block.
"""

from collections.abc import Iterable
from pathlib import Path
from struct import pack
from typing import NamedTuple

from ...errors import BadInput
from ...files import write_whole
from ...version import __version__

SECTION_HEADER, INTERFACE, ENHANCED_PACKET = 0x0A0D0D0A, 1, 6  # block types
BYTE_ORDER, ETHERNET, NO_LIMIT = 0x1A2B3C4D, 1, 0
COMMENT, APPLICATION, NAME, RESOLUTION, FLAGS = 1, 4, 2, 9, 2  # options; each kind of block has numbers of its own
NANOSECONDS = b"\x09"  # a resolution of ten to the minus nine seconds
DIRECTIONS = {"": 0, "in": 1, "out": 2}


class Captured(NamedTuple):
    """A frame on a device: when, in nanoseconds; where, as Wireshark shall name it; and what to say about it.

    `direction` is "in" for a frame that arrives on the device, "out" for one that leaves by it, "" where unknown.
    """

    nanoseconds: int
    interface: str
    frame: bytes
    comment: str = ""
    direction: str = ""


def pcapng(captured: Iterable[Captured | tuple]) -> bytes:
    """The file as bytes. Rows are `Captured`, or tuples of its fields; devices are numbered as they first appear."""
    rows = [Captured(*row) for row in captured]
    interfaces = {name: number for number, name in enumerate(dict.fromkeys(row.interface for row in rows))}
    return b"".join(
        [_section(), *map(_interface, interfaces), *(_packet(row, interfaces[row.interface]) for row in rows)]
    )


def write_pcapng(path: str | Path, captured: Iterable[Captured | tuple]) -> None:
    """Writes a file that Wireshark opens, whole or not at all. Raises BadInput where it cannot be written."""
    write_whole(path, pcapng(captured))


def _section() -> bytes:
    """The first block: the order of bytes in all numbers, version 1.0 of the format, and a length that is not told."""
    application = _option(APPLICATION, f"kubenet-course {__version__}".encode())
    return _block(SECTION_HEADER, pack("<IHHq", BYTE_ORDER, 1, 0, -1), application)


def _interface(name: str) -> bytes:
    options = _option(NAME, _text("interface name", name)) + _option(RESOLUTION, NANOSECONDS)
    return _block(INTERFACE, pack("<HHI", ETHERNET, 0, NO_LIMIT), options)


def _packet(row: Captured, interface: int) -> bytes:
    if not 0 <= row.nanoseconds < 1 << 64:
        raise BadInput("nanoseconds", f"{row.nanoseconds} is no time", "count from 0 up")
    if row.direction not in DIRECTIONS:
        raise BadInput("direction", f"{row.direction!r} is none", 'write "in", "out" or ""')
    options = _option(COMMENT, _text("comment", row.comment)) if row.comment else b""
    if row.direction:
        options += _option(FLAGS, pack("<I", DIRECTIONS[row.direction]))
    size = len(row.frame)
    time = row.nanoseconds >> 32, row.nanoseconds & 0xFFFFFFFF
    return _block(ENHANCED_PACKET, pack("<IIIII", interface, *time, size, size) + _padded(row.frame), options)


def _text(where: str, text: str) -> bytes:
    encoded = text.encode("utf-8", "replace")
    if len(encoded) > 0xFFFF:
        raise BadInput(where, f"it has {len(encoded)} bytes", "an option of pcapng has at most 65535")
    return encoded


def _option(code: int, value: bytes) -> bytes:
    return pack("<HH", code, len(value)) + _padded(value)


def _block(kind: int, body: bytes, options: bytes) -> bytes:
    """A block tells its length before and behind, so that a reader can go either way."""
    end_of_options = bytes(4) if options else b""
    size = pack("<I", 12 + len(body) + len(options) + len(end_of_options))
    return pack("<I", kind) + size + body + options + end_of_options + size


def _padded(value: bytes) -> bytes:
    return value + bytes(-len(value) % 4)
