"""A place of its own for a program on trial: namespaces(7) without network, other processes or files, and an empty root.

Only Python's own files (for reading) and an empty scratch folder are there. Runs in the child; only the standard library is used.
"""

import ctypes
import os
import sys

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
READ_ONLY, NO_SUID, NO_DEV, REMOUNT, BIND, RECURSIVE, PRIVATE = (
    1,
    2,
    4,
    32,
    4096,
    16384,
    1 << 18,
)  # include/uapi/linux/mount.h
DETACH = 2
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE = 442, -100, 0x8000  # the same number on every machine since Linux 5.12
NOBODY = 65534
SCRATCH, ROOM = "/scratch", "16m"


class Cannot(OSError):
    """The machine does not give what was asked for."""


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _done(answer: int) -> None:
    if answer:
        raise Cannot(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def leave() -> None:
    """Into new namespaces: those of root, or those that an ordinary user makes as the root of a user namespace."""
    parts = NEWNS | NEWPID | NEWNET | NEWIPC | NEWUTS
    user, group = os.geteuid(), os.getegid()
    if user == 0 and not _libc().unshare(parts):
        return
    _done(_libc().unshare(parts | NEWUSER))
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    given = [text.encode() or None for text in (source, target, kind, options)]
    _done(_libc().mount(given[0], given[1], given[2], ctypes.c_ulong(flags), given[3]))


def _for_reading(path: str) -> None:
    """Whatever is mounted there, and below it, can no longer be written to."""
    attributes = (ctypes.c_uint64 * 4)(READ_ONLY | NO_SUID, 0, 0, 0)
    call = (MOUNT_SETATTR, AT_FDCWD, path.encode(), AT_RECURSIVE, ctypes.byref(attributes), ctypes.sizeof(attributes))
    _done(_libc().syscall(*call))


def libraries() -> list[str]:
    """Where this Python and the libraries that it loads lie, the outer folders only."""
    wanted = [sys.base_prefix, sys.base_exec_prefix, os.path.dirname(os.__file__), *sys.path]
    wanted += ["/usr", "/lib", "/lib64", "/nix/store", "/gnu/store"]
    real = sorted({os.path.realpath(path) for path in wanted if path and os.path.isdir(path)} - {"/"})
    return [path for path in real if not any(path.startswith(f"{outer}/") for outer in real)]


def _shown(path: str, root: str) -> None:
    """A folder of the old root, for reading, at the same place of the new one."""
    os.makedirs(root + path, exist_ok=True)
    _mount(path, root + path, "", BIND | RECURSIVE)
    _for_reading(root + path)


def enter(place: str) -> None:
    """Makes a root of an empty memory disk mounted at `place`, and makes it the only one there is."""
    os.umask(0o022)
    _mount("", "/", "", RECURSIVE | PRIVATE)
    _mount("tmpfs", place, "tmpfs", NO_SUID | NO_DEV, "size=1m,mode=755")
    for path in libraries():
        _shown(path, place)
    for name in ("lib", "lib64", "bin"):
        if os.path.islink(f"/{name}") and not os.path.lexists(f"{place}/{name}"):
            os.symlink(os.readlink(f"/{name}"), f"{place}/{name}")
    os.makedirs(f"{place}/dev")
    open(f"{place}/dev/null", "w").close()
    _mount("/dev/null", f"{place}/dev/null", "", BIND)
    os.mkdir(place + SCRATCH)
    _mount("tmpfs", place + SCRATCH, "tmpfs", NO_SUID | NO_DEV, f"size={ROOM},nr_inodes=1024,mode=777")
    os.chdir(place)
    pivot = {"x86_64": 155, "aarch64": 41}.get(os.uname().machine)
    if pivot is None:
        raise Cannot(38, "the number of pivot_root is not known here")
    _done(_libc().syscall(pivot, b".", b"."))
    _done(_libc().umount2(b".", DETACH))
    _mount("", "/", "", REMOUNT | BIND | READ_ONLY | NO_SUID | NO_DEV)
    os.chdir(SCRATCH)


def become_nobody() -> None:
    """Root gives up what it is; in an ordinary user's namespace there is nobody else to become."""
    if os.geteuid() != 0:
        return
    try:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    except OSError:
        no_capabilities()


def no_capabilities() -> None:
    """capset(2) with nothing in it: what the root of a user namespace could still do there."""
    head, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    _done(_libc().capset(ctypes.byref(head), ctypes.byref(none)))
