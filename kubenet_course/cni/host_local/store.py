"""Reservations of one network on disk: a directory with one file per given address, and a lock.

The layout is the reference host-local's, so that both can take turns: the file `10.244.1.2` holds the container, a line
break (CR LF) and the interface; `last_reserved_ip.N` holds where range set N stands; `lock` is held (flock) while
anyone changes anything. Real system: `containernetworking/plugins/plugins/ipam/host-local/backend/disk`.
"""

import errno
import os
import sys
from collections.abc import Iterator

from ..contract.address import parse_ip
from ..contract.skel import in_reference_words
from ..contract.spec import CniError, refused
from .lock import give_back, take

DEFAULT_DIR = "/var/lib/cni/networks"
LAST = "last_reserved_ip."
ADVICE = {
    errno.EACCES: "run the plugin as the user who owns it, or give ipam.dataDir a directory of your own",
    errno.EPERM: "run the plugin as the user who owns it, or give ipam.dataDir a directory of your own",
    errno.EROFS: "give ipam.dataDir a directory on a file system that can be written",
    errno.ENOSPC: "its file system is full; free some space and ask again",
    errno.EDQUOT: "its file system is full; free some space and ask again",
}
CLOSED_IN_CHILDREN = getattr(os, "O_CLOEXEC", 0)  # Windows has no such word
_NO_TMPFILE = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL, errno.EXDEV, errno.EPERM)


def owner_line(container_id: str, ifname: str) -> bytes:
    """What a reservation's file holds."""
    return f"{container_id.strip()}\r\n{ifname}".encode()


class Store:
    """The reservations of one network; `with store:` holds its lock.

    Raises CniError (999) where the directory cannot be used, with what to do about it.
    """

    def __init__(self, name: str, data_dir: str = ""):
        self.directory = os.path.normpath(os.path.join(data_dir or DEFAULT_DIR, name))
        with _Told(f"mkdir {self.directory}: ", self.directory):
            _make(self.directory)
        with _Told("", self.directory):  # the reference's lock says no more than the system's own sentence
            path = os.path.join(self.directory, "lock")
            self._lock = os.open(path, os.O_CREAT | os.O_RDONLY | CLOSED_IN_CHILDREN, 0o750)

    def __enter__(self) -> "Store":
        take(self._lock)
        return self

    def __exit__(self, *failure: object) -> None:
        give_back(self._lock)

    def close(self) -> None:
        """Gives the lock's file back."""
        os.close(self._lock)

    def reserve(self, container_id: str, ifname: str, address: str, range_id: int) -> bool:
        """Takes an address that is free, and remembers it as the last one; False when somebody has it.

        The file appears with its whole content or not at all (DEV-18), so a killed call leaves no address without an owner;
        when the disk is full nothing stays reserved.
        """
        path = os.path.join(self.directory, address)
        if os.path.lexists(path) or not _appear(path, owner_line(container_id, ifname)):
            return False
        try:
            _overwrite(os.path.join(self.directory, f"{LAST}{range_id}"), address.encode())
        except CniError:
            os.unlink(path)
            raise
        return True

    def last_reserved(self, range_id: int) -> str | None:
        """Where a range set stands; None before its first address. One that cannot be read is as none."""
        path = os.path.join(self.directory, f"{LAST}{range_id}")
        try:
            with open(path, "rb") as file:
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return None
        except OSError as failure:
            verb = "read" if isinstance(failure, IsADirectoryError) else "open"
            print(f"Error retrieving last reserved ip: {verb} {path}: {in_reference_words(failure)}", file=sys.stderr)
            return None

    def held_by(self, container_id: str, ifname: str) -> list[str]:
        """The addresses of one interface, files of older plugins that name only the container included."""
        wanted = (owner_line(container_id, ifname), container_id.encode())
        held = (parse_ip(os.path.basename(path)) for path, owner in self._owners() if owner in wanted)
        return [str(address) for address in held if address is not None]

    def has(self, container_id: str, ifname: str) -> bool:
        """Whether anything is reserved for this interface, or, by an older plugin, for its container."""
        owners = {owner for _, owner in self._owners()}
        return owner_line(container_id, ifname) in owners or container_id.encode() in owners

    def release(self, container_id: str, ifname: str) -> None:
        """Frees all that one interface holds; only when it held nothing, what an older plugin gave its container."""
        if not self._remove(owner_line(container_id, ifname)):
            self._remove(container_id.encode())

    def keep_only(self, living: set[tuple[str, str]]) -> list[str]:
        """Frees every address whose (container, interface) is not among the living; returns what was freed.

        A file without an owner is the remains of a call that was killed while it wrote: nobody writes under our lock.
        """
        owners = {owner_line(*each) for each in living} | {container.encode() for container, _ in living}
        freed = []
        for path, owner in self._owners():
            if owner not in owners and parse_ip(os.path.basename(path)) is not None:
                os.unlink(path)
                freed.append(os.path.basename(path))
        return freed

    def _owners(self) -> Iterator[tuple[str, bytes]]:
        for directory, below, names in os.walk(self.directory):
            below.sort()
            for name in sorted(names):
                path = os.path.join(directory, name)
                try:
                    with open(path, "rb") as file:
                        yield path, file.read().strip()
                except OSError:  # as tolerant as the reference: what cannot be read is nobody's
                    continue

    def _remove(self, owner: bytes) -> bool:
        found = False
        for path, held in list(self._owners()):
            if held == owner:
                try:
                    os.unlink(path)
                    found = True
                except OSError:
                    continue
        return found


class _Told:
    """Turns the system's refusal into one sentence, which begins with `verb`, and what to do about the directory."""

    def __init__(self, verb: str, directory: str):
        self.verb, self.directory = verb, directory

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, failure: BaseException | None, trace: object) -> None:
        if isinstance(failure, OSError):
            advice = ADVICE.get(failure.errno or 0, "make it a directory that this plugin may write to")
            details = f"{self.directory}: {advice}; nothing was reserved"
            raise refused(f"{self.verb}{in_reference_words(failure)}", details) from None


def _make(directory: str) -> None:
    try:
        os.makedirs(directory, 0o755, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None


def _appear(path: str, content: bytes) -> bool:
    """Makes a file that has its content from its first moment; False when there is one already."""
    directory = os.path.dirname(path)
    if not hasattr(os, "O_TMPFILE"):
        return _create(path, content)
    with _Told(f"open {path}: ", directory):
        try:
            file = os.open(directory, os.O_TMPFILE | os.O_WRONLY | CLOSED_IN_CHILDREN, 0o644)
        except OSError as failure:
            if failure.errno not in _NO_TMPFILE:
                raise
            return _create(path, content)
        try:
            _write(file, path, content)
            os.link(f"/proc/self/fd/{file}", path, src_dir_fd=file)  # with a dir_fd Python follows the link to the file
        except FileExistsError:
            return False
        except OSError as failure:
            if failure.errno not in _NO_TMPFILE:
                raise
            return _create(path, content)
        finally:
            os.close(file)
    return True


def _create(path: str, content: bytes) -> bool:
    """The plain way, for file systems that cannot hold a file without a name."""
    try:
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | CLOSED_IN_CHILDREN, 0o644)
    except FileExistsError:
        return False
    try:
        _write(file, path, content)
    except CniError:
        os.unlink(path)
        raise
    finally:
        os.close(file)
    return True


def _overwrite(path: str, content: bytes) -> None:
    """Writes first and cuts afterwards: a full disk or a kill leaves the old content, never an empty file."""
    with _Told(f"open {path}: ", os.path.dirname(path)):
        file = os.open(path, os.O_CREAT | os.O_WRONLY | CLOSED_IN_CHILDREN, 0o644)
    try:
        _write(file, path, content)
        os.ftruncate(file, len(content))
    finally:
        os.close(file)


def _write(file: int, path: str, content: bytes) -> None:
    with _Told(f"write {path}: ", os.path.dirname(path)):
        os.write(file, content)
