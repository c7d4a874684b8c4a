"""Progress on disk: one JSON file in the user's own data folder, never half-written, never silently begun anew.

A change reads the file, changes it and puts the new one in its place, all under a lock, so that notebooks that run at once
add up. The file before is kept beside it. KUBENET_HOME names another folder; ":memory:" keeps everything in this process.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from filelock import FileLock, Timeout
from platformdirs import user_data_path

from ...errors import BadInput
from ...files import SMALL, content
from ...version import __version__
from .book import FORMAT, Book

NAME, BEFORE, LOCK = "progress.json", "progress.before.json", "progress.lock"
PATIENCE = 5.0  # seconds to wait for another notebook that is saving
IN_MEMORY = ":memory:"
UNSAVED = "Nothing is saved"  # how a notice begins when this session alone remembers
UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}  # format -> what makes the next one of it


class Newer(Exception):
    """A later release of the course has written the file: it is left alone."""


def folder() -> Path | None:
    """Where progress is kept; nothing where it stays in this process."""
    said = os.environ.get("KUBENET_HOME", "")
    if said == IN_MEMORY:
        return None
    return Path(said).expanduser() if said else user_data_path("kubenet-course", appauthor=False)


def encoded(book: Book, **head: str) -> bytes:
    """A book as the file has it. `head` is what else an export says at its top."""
    whole = {"format": FORMAT, "release": __version__, **head, **msgspec.to_builtins(book)}
    return msgspec.json.format(msgspec.json.encode(whole), indent=1) + b"\n"


def decoded(data: bytes) -> Book:
    """The book in a file, whichever release wrote it. Raises Newer, or ValueError for what is no such file."""
    return msgspec.convert(upgraded(data), Book)


def upgraded(data: bytes) -> dict[str, Any]:
    """What a file says, in today's format. Raises as `decoded` does."""
    try:
        raw = msgspec.json.decode(data)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("format"), int) or raw["format"] < 0:
        raise ValueError("it does not say which format it has")
    if raw["format"] > FORMAT:
        raise Newer(f"it has format {raw['format']}, and this release of the course knows {FORMAT}")
    while raw["format"] < FORMAT:
        raw = UPGRADES[raw["format"]](raw) if raw["format"] in UPGRADES else {**raw, "format": FORMAT}
    return raw


def older(data: bytes) -> str:
    """A sentence where an earlier release wrote the file; files had no release in them at first."""
    said = str(upgraded(data).get("release", ""))
    if said and not _numbers(said) < _numbers(__version__):
        return ""
    return (
        f"An earlier release of the course ({said or 'it does not say which'}) wrote this progress. All of it was read."
    )


def _numbers(release: str) -> list[int]:
    return [int(part) for part in release.split(".") if part.isdecimal()]


class Store:
    """The progress of one person. `notice` says what went wrong with keeping it, in a sentence; mostly it is empty.

    When nothing can be kept on disk, this process still remembers.
    """

    def __init__(self, at: Path | None):
        self.at, self.notice, self._memory = at, "", Book()

    def read(self) -> Book:
        """What is kept now."""
        if self.at is None:
            return self._memory
        self.notice = ""
        with self._locked() as is_ours:
            return self._on_disk(is_ours)[0].merged(self._memory)

    def update(self, change: Callable[[Book], Book]) -> Book:
        """Changes what is kept and returns it. What others have kept meanwhile stays."""
        if self.at is None:
            self._memory = change(self._memory)
            return self._memory
        self.notice = ""
        with self._locked() as is_ours:
            kept, may_be_replaced = self._on_disk(is_ours)
            new = change(kept.merged(self._memory))
            self._memory = Book() if may_be_replaced and self._write(new) else new
            return new

    @contextlib.contextmanager
    def _locked(self) -> Iterator[bool]:
        """Whether the file is ours for now. The system itself lets go of the lock of a process that was killed."""
        assert self.at is not None
        lock = FileLock(self.at / LOCK, timeout=PATIENCE)
        try:
            self.at.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            self.notice = f"{UNSAVED} for now: another notebook has been saving for five seconds."
        except OSError as error:
            self.notice = f"{UNSAVED}: {self.at}: {error.strerror or error}. It is remembered until this kernel ends."
        try:
            yield lock.is_locked
        finally:
            lock.release()

    def _on_disk(self, is_ours: bool) -> tuple[Book, bool]:
        """What the file holds, and whether it may be replaced: only while the lock is ours, and never one that we cannot read.

        A save puts a whole file in its place in one move, so that one may read it without the lock.
        """
        assert self.at is not None
        try:
            book = decoded(data := (self.at / NAME).read_bytes())
            self.notice = self.notice or older(data)
            return book, is_ours
        except FileNotFoundError:
            return Book(), is_ours
        except Newer as newer:
            self.notice = f"{UNSAVED}: {self.at / NAME} is from a later release ({newer}). It is left as it is."
        except OSError as error:
            self.notice = f"{UNSAVED}: {self.at / NAME} cannot be read: {error.strerror}."
        except ValueError as error:  # msgspec's errors and UnicodeDecodeError are such
            if is_ours:
                return self._put_aside(str(error))
            self.notice += f" {self.at / NAME} is damaged."
        return Book(), False

    def _put_aside(self, why: str) -> tuple[Book, bool]:
        """A damaged file gets another name, and the one before it takes its place."""
        assert self.at is not None
        number = next(n for n in range(1, 10_000) if not (self.at / f"progress.damaged-{n}.json").exists())
        aside = self.at / f"progress.damaged-{number}.json"
        try:
            (self.at / NAME).rename(aside)
        except OSError as error:
            self.notice = f"{UNSAVED}: {self.at / NAME} is damaged and cannot be put aside: {error.strerror}."
            return Book(), False
        book, how = Book(), "begins anew"
        with contextlib.suppress(OSError, ValueError, Newer):
            book, how = decoded((self.at / BEFORE).read_bytes()), "goes on from the save before it"
        damaged = f"Your progress file was damaged ({why}). It is kept as {aside}; progress {how}."
        self.notice = damaged if self._write(book) else f"{damaged} {self.notice}"
        return book, True

    def _write(self, book: Book) -> bool:
        """The new file is whole on disk before it takes the old one's name."""
        assert self.at is not None
        path, fresh, before = self.at / NAME, self.at / f"{NAME}.new", self.at / BEFORE
        try:
            with fresh.open("wb") as file:
                file.write(encoded(book))
                file.flush()
                os.fsync(file.fileno())
            if path.exists():
                with contextlib.suppress(OSError):  # a file system without hard links keeps no file before
                    before.unlink(missing_ok=True)
                    os.link(path, before)
            fresh.replace(path)
            _sync(self.at)
        except OSError as error:
            self.notice = f"{UNSAVED}: {path}: {error.strerror}. It is remembered until this kernel ends."
            return False
        return True


def _sync(folder: Path) -> None:
    """The new name is on disk too."""
    if os.name == "nt":  # a folder cannot be opened there
        return
    at = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(at)
    finally:
        os.close(at)


_STORES: dict[Path | None, Store] = {}


def store() -> Store:
    """This person's store, as the environment says now."""
    at = folder()
    return _STORES.setdefault(at, Store(at))


def exported(path: str) -> bytes:
    """Reads a file that `kubenet progress export` wrote, or standard input for `-`. Raises BadInput."""
    return content(path, SMALL)


def imported(data: bytes, where: str) -> Book:
    """The book in an exported file. Raises BadInput."""
    try:
        return decoded(data)
    except Newer as newer:
        raise BadInput(where, str(newer), "update the course first") from None
    except ValueError as error:
        raise BadInput(
            where, f"this is no progress file: {error}", "give what `kubenet progress export` wrote"
        ) from None
