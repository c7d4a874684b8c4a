"""Files that are read within bounds, and written whole or not at all."""

from __future__ import annotations

import gzip
import io
import os
import sys
import tempfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from .errors import BadInput

STANDARD_INPUT = "-"
MOST = 512 << 20  # bytes of a file: a dump of a very large cluster
SMALL = 64 << 20  # bytes of what people write: a scenario, a capture, progress


def content(name: str | Path, most: int = MOST) -> bytes:
    """The bytes of a file, or of standard input for `-`. Raises BadInput for what cannot be read, or has no end in sight."""
    try:
        if str(name) == STANDARD_INPUT:
            if getattr(sys.stdin, "closed", sys.stdin is None):
                raise BadInput("standard input", "it is closed", "name a file, or give the text on standard input")
            data = sys.stdin.buffer.read(most + 1)
        else:
            with open(name, "rb") as file:
                data = file.read(most + 1)
    except BadInput:
        raise
    except IsADirectoryError:
        raise BadInput(str(name), "this is a directory", "name the files in it") from None
    except FileNotFoundError:
        raise BadInput(str(name), "there is no such file", "name a file, or - for standard input") from None
    except (OSError, ValueError, MemoryError) as error:
        why = (getattr(error, "strerror", None) or str(error) or "it is too large").lower()
        raise BadInput(str(name), f"it cannot be read ({why})", "name a file that can be read") from None
    if len(data) > most:
        raise BadInput(file_in_words(name), f"it has more than {most >> 20} MiB", "give less at once")
    return data


def text_in(name: str | Path, right: str, most: int = SMALL) -> str:
    """The same as text, in UTF-8 with or without a mark before it. `right` says what the file should hold."""
    data = _unpacked(content(name, most), name, most)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or (len(data) > 3 and not any(data[1:200:2])):
        cure = f"run `iconv -f UTF-16 -t UTF-8 {file_in_words(name)} > utf8.txt`, and give that file"
        raise BadInput(file_in_words(name), "it is text in UTF-16, as Windows writes it", cure)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput(f"{file_in_words(name)}:{line}", f"byte {error.start} is not text in UTF-8", right) from None


def _unpacked(data: bytes, name: str | Path, most: int) -> bytes:
    """What gzip has packed, unpacked within the same bounds; other data as it is."""
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
            data = packed.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(file_in_words(name), f"it cannot be unpacked ({error})", "pack it again with gzip") from None
    if len(data) > most:
        raise BadInput(file_in_words(name), f"it has more than {most >> 20} MiB when unpacked", "give less at once")
    return data


def file_in_words(name: str | Path) -> str:
    """How a sentence names a file."""
    return "standard input" if str(name) == STANDARD_INPUT else str(name)


def write_whole(path: str | Path, data: bytes) -> None:
    """Writes a file so that a reader sees the old one or the new one, never a half. Raises BadInput where it cannot be written.

    A pipe or another special file is written to as it is: `--pcap >(wireshark -k -i -)` works.
    """
    if Path(path).exists() and not Path(path).is_file():
        try:
            Path(path).write_bytes(data)
        except OSError as error:
            raise _unwritten(path, error) from None
        return
    write_together({Path(path): data})


def write_together(files: Mapping[Path, bytes]) -> None:
    """Several files, all of them or none: each is whole on disk before the first one takes its place."""
    drafts: dict[Path, Path] = {}
    path = Path()
    try:
        for path, data in files.items():
            target = Path(os.path.realpath(path))
            handle, draft = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
            drafts[target] = Path(draft)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            drafts[target].chmod(_mode(target))
        for path, draft_path in drafts.items():
            draft_path.replace(path)
    except OSError as error:
        raise _unwritten(path, error) from None
    finally:
        for left in drafts.values():
            with suppress(OSError):
                left.unlink()


def _mode(target: Path) -> int:
    """The permissions that the file has, or that a new one would get."""
    with suppress(OSError):
        return target.stat().st_mode & 0o777
    os.umask(mask := os.umask(0o022))
    return 0o666 & ~mask


def refuse_to_replace(files: Mapping[Path, bytes], force: str) -> None:
    """Raises BadInput where a file stands there already that holds something else. `force` is the option that allows it."""
    for path, data in files.items():
        if path.is_dir() or (path.is_file() and path.read_bytes() != data):
            raise BadInput(str(path), "this is there already", f"name another place, or add {force} to replace it")


def _unwritten(path: str | Path, error: OSError) -> BadInput:
    return BadInput(str(path), f"it cannot be written ({error.strerror})", "name a file in a folder that is yours")
