"""`tcpdump -i DEVICE [-n] [-e] [-t] [-c N] [-w FILE] [FILTER]` on the model's own wire: it listens while later commands send.

What it heard is printed behind the answer of the command that sent it, with the model's clock as the time: frames take none.
A file has the format of libpcap (draft-ietf-opsawg-pcap), which `-r` and Wireshark read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from struct import pack, unpack_from

from msgspec import Struct
from msgspec.structs import replace

from ...errors import BadInput
from ...files import write_whole
from ...linux.namespace.trace import Trace
from ...linux.packet.packet import Frame
from ...linux.packet.wire import frame_bytes, frame_from
from ..grammar import number
from ..state import Call, Refused, Result
from .expression import Test, expression
from .line import line

VALUED = {"-i": "a device", "-c": "a number", "-w": "a file", "-r": "a file"}
LETTERS = "neqltvUp"
HEAD = (0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)  # magic number in microseconds, version, snapshot length, Ethernet


class Listener(Struct, frozen=True):
    """One tcpdump that runs. `kept` are the frames that `-w` has written, each with its time in nanoseconds."""

    at: str
    dev: str  # a device, or any
    test: Test
    flags: frozenset[str]
    most: int = 0
    file: str = ""
    count: int = 0
    kept: tuple[tuple[int, Frame], ...] = ()

    @property
    def is_done(self) -> bool:
        return bool(self.most) and self.count >= self.most


def tcpdump(call: Call) -> Result:
    """Begins to listen, or, with -r, prints what a file holds."""
    said, flags, words = _options(call.words)
    test = expression(words)
    most = number(said["-c"], "-c", 1, 2**31 - 1) if "-c" in said else 0
    if "-r" in said:
        heard = [(now, frame) for now, frame in _read(said["-r"]) if test(frame)]
        shown = [_line(now, frame, flags) for now, frame in heard[: most or None]]
        return Result(call.state, shown="\n".join(shown), said="" if shown else "There is no such frame in the file.")
    devices = [name for name, device in call.ns.devices.items() if device.up and device.kind != "lo"]
    dev = said.get("-i", next(iter(devices), "lo"))
    if dev != "any":
        call.state.device(call.at, dev, "tcpdump: {}: No such device exists\n(No such device exists)")
        if not call.ns.devices[dev].up:
            raise Refused(f"{dev} is down.", f"tcpdump: {dev}: That device is not up")
    told = f"listening on {dev}, link-type EN10MB (Ethernet), snapshot length 262144 bytes"
    until = f"until it has heard {most}, or until: kill" if most else "until: kill"
    listener = Listener(call.at, dev, test, flags, most, said.get("-w", ""))
    if listener.file:
        _write(listener)
    return Result(call.state, said=f"tcpdump listens in {call.at} {until}.", shown=f"tcpdump: {told}", listens=listener)


def _options(words: Sequence[str]) -> tuple[dict[str, str], frozenset[str], list[str]]:
    """Options with a value, letters, and the words of the filter."""
    left, said, flags = list(words), {}, set()
    while left and left[0].startswith("-") and len(left[0]) > 1:
        word = left.pop(0)
        for at, letter in enumerate(word[1:], 1):
            if f"-{letter}" in VALUED:
                value = word[at + 1 :] or (left.pop(0) if left else "")
                if not value:
                    quote = f"tcpdump: option requires an argument -- '{letter}'"
                    raise Refused(f"-{letter} wants {VALUED[f'-{letter}']} behind it.", quote)
                said[f"-{letter}"] = value
                break
            if letter not in LETTERS:
                raise Refused(f"tcpdump takes -i, -n, -e, -t, -c, -w and -r here, not -{letter}.")
            flags.add(letter)
    return said, frozenset(flags), left


def heard(listener: Listener, trace: Trace, now: int) -> tuple[Listener, list[str]]:
    """What passed the device on a packet's way: the listener after it, and its lines."""
    lines = []
    for namespace, dev, way, frame in trace.frames:
        is_here = namespace == listener.at and listener.dev in ("any", dev)
        if not is_here or listener.is_done or not listener.test(frame):
            continue
        where = f"{dev:<5} {way.capitalize():<3} " if listener.dev == "any" else ""
        lines += [_line(now, frame, listener.flags, where)] if not listener.file else []
        kept = (*listener.kept, (now, frame)) if listener.file else ()
        listener = replace(listener, count=listener.count + 1, kept=kept)
    if listener.file and listener.kept:
        _write(listener)
    return listener, [*lines, *(ended(listener) if listener.is_done else [])]


def ended(listener: Listener) -> list[str]:
    """What tcpdump prints when it ends."""
    several = "s" * (listener.count != 1)
    received = f"{listener.count} packet{several} received by filter"
    return [f"{listener.count} packet{several} captured", received, "0 packets dropped by kernel"]


def _line(now: int, frame: Frame, flags: frozenset[str], where: str = "") -> str:
    seconds, below = divmod(now // 1000, 1_000_000)
    minutes, second = divmod(seconds, 60)
    time = f"{minutes // 60 % 24:02}:{minutes % 60:02}:{second:02}.{below:06} " if "t" not in flags else ""
    return f"{time}{where}{line(frame, 'n' in flags, 'e' in flags)}"


def _write(listener: Listener) -> None:
    rows = [(now, frame_bytes(frame)) for now, frame in listener.kept]
    records = (pack("<IIII", now // 10**9, now // 1000 % 10**6, len(data), len(data)) + data for now, data in rows)
    try:
        write_whole(listener.file, pack("<IHHiIII", *HEAD) + b"".join(records))
    except BadInput as error:
        raise Refused(f"{error}.", f"tcpdump: {listener.file}: No such file or directory") from None


def _read(path: str) -> Iterator[tuple[int, Frame]]:
    """The frames of a file in libpcap's format, either order of bytes, micro- or nanoseconds."""
    try:
        data = Path(path).read_bytes()
    except OSError:
        raise Refused(f"{path} cannot be read.", f"tcpdump: {path}: No such file or directory") from None
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    if len(data) < 24 or data[:4] not in (
        b"\xd4\xc3\xb2\xa1",
        b"\xa1\xb2\xc3\xd4",
        b"\x4d\x3c\xb2\xa1",
        b"\xa1\xb2\x3c\x4d",
    ):
        raise Refused(f"{path} is no file of libpcap.", "tcpdump: unknown file format")
    scale = 1 if b"\x3c" in data[:4] else 1000
    at = 24
    while at + 16 <= len(data):
        second, below, size, _ = unpack_from(f"{order}IIII", data, at)
        try:
            yield second * 10**9 + below * scale, frame_from(data[at + 16 : at + 16 + size])
        except BadInput as error:
            raise Refused(f"{path}: {error}.") from None
        at += 16 + size
