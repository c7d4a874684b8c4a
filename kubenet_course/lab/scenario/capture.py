"""What a kernel did with a scenario, kept: the frames, what senders were told, which kernel it was, and when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field, to_builtins

from ...errors import BadInput
from ...files import text_in
from .decode import converted, decoded
from .scenario import FrameHex, Scenario
from .write import fingerprint

VERSION = 1
SHORTEST = 14  # bytes of an Ethernet header
# Reports of group membership, which bridges and hosts send when they please (RFC 3376, RFC 3810). No scenario is about them.
NOISE = {"01:00:5e:00:00:16": "224.0.0.22", "33:33:00:00:00:16": "ff02::16"}


class Told(Struct, frozen=True, forbid_unknown_fields=True):
    """An error that the sender of a packet got from its own kernel, by its name in errno(3)."""

    packet: int
    error: str


class Capture(Struct, frozen=True):
    """A scenario's frames from a real kernel, in the order of each device and direction."""

    scenario: str
    fingerprint: str  # of the scenario's tables and packets
    kernel: str
    date: str
    frames: tuple[FrameHex, ...]
    told: tuple[Told, ...] = ()
    times: Mapping[str, float] = field(default_factory=dict)  # seconds; not kept in files


class CaptureText(Struct, forbid_unknown_fields=True):
    """The file's outermost object."""

    kubenet_capture: int
    scenario: str
    fingerprint: str
    kernel: str
    date: str
    frames: list[FrameHex]
    told: list[Told] = []


def is_noise(data: bytes) -> bool:
    """Whether a frame is a report that is left out of every comparison."""
    return data[:6].hex(":") in NOISE


def written(capture: Capture) -> str:
    """The JSON of a capture, a line for each frame."""
    head = {
        "kubenet_capture": VERSION,
        **{name: getattr(capture, name) for name in ("scenario", "fingerprint", "kernel", "date")},
    }
    head["told"] = to_builtins(capture.told)
    frames = ",\n".join(json.dumps(to_builtins(frame)) for frame in capture.frames)
    return f'{json.dumps(head)[:-1]}, "frames": [\n{frames}\n]}}\n'


def _checked(frame: FrameHex, where: str) -> None:
    """A frame as a device can have it: whole bytes in hexadecimal, in or out."""
    try:
        is_whole = len(bytes.fromhex(frame.hex)) >= SHORTEST and not set(frame.hex) & set(" \n\t\r")
    except ValueError:
        is_whole = False
    if not is_whole:
        raise BadInput(
            f"{where}.hex", f"{frame.hex[:40]!r} is not a frame", "write two hexadecimal digits for each byte"
        )
    if frame.direction not in ("in", "out"):
        raise BadInput(f"{where}.direction", f"{frame.direction!r} is no direction", "write in or out")


def load_capture(path: Path, of: Scenario | None = None) -> Capture:
    """The capture of a file. Raises BadInput for a broken one, and for one that was made of other tables or packets."""
    whole = decoded(text_in(path, "name a capture file, JSON in UTF-8"), str(path))
    given = whole.get("kubenet_capture") if isinstance(whole, dict) else None
    if given != VERSION:
        raise BadInput(f"{path}: $.kubenet_capture", f"version {given!r} is not known", f"it must be {VERSION}")
    said = converted(whole, CaptureText, str(path), "$")
    for number, frame in enumerate(said.frames):
        _checked(frame, f"{path}: $.frames[{number}]")
    if of is not None and said.fingerprint != fingerprint(of):
        raise BadInput(f"{path}: $.fingerprint", f"{of.name} has changed since this was recorded", "record it again")
    return Capture(said.scenario, said.fingerprint, said.kernel, said.date, tuple(said.frames), tuple(said.told))
