"""The system calls that a program on trial may make, as a filter for the kernel (seccomp(2)).

What is not listed answers EPERM: no socket, no fork, no exec, no mount, no ptrace. Only the standard library is used: this
file runs in the child before anything else.
"""

import ctypes
import os
import platform
import struct
from typing import Any

EVERYWHERE = {"SECCOMP": 22, "NO_NEW_PRIVS": 38, "MODE_FILTER": 2}  # include/uapi/linux/prctl.h
LOAD, EQUAL, ANY_BIT, ANSWER = 0x20, 0x15, 0x45, 0x06  # include/uapi/linux/bpf_common.h
ALLOW, REFUSE = 0x7FFF0000, 0x00050001  # SECCOMP_RET_ALLOW; SECCOMP_RET_ERRNO with EPERM
NUMBER, ARCH, FIRST = 0, 4, 16  # offsets in struct seccomp_data; each argument has 8 bytes, the lower half first
WRITING = os.O_WRONLY | os.O_RDWR | getattr(os, "O_CREAT", 0) | getattr(os, "O_TRUNC", 0)

# What each machine calls its calls by number: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h.
X86_64: dict[str, Any] = {
    "arch": 0xC000003E,
    "open": {2: 1, 257: 2},  # the call, and which of its arguments holds the flags
    "own": (62, 234, 302),  # kill, tgkill, prlimit64: on this process only
    "read": (
        *range(2), *range(3, 22), 16, 23, 24, 25, 26, 27, 28, 32, 33, 34, 35, 36, 37, 38, 39, 60, 63, 72, 73, 74, 75,
        78, 79, 80, 81, 89, 95, 96, 97, 98, 99, 100, 102, 104, 107, 108, 110, 111, 115, 131, 158, 186, 201, 202, 204,
        217, 218, 219, 228, 229, 230, 231, 232, 233, 262, 267, 269, 270, 271, 273, 290, 291, 292, 293, 332, 334, 439,
    ),
    "write": (76, 77, 82, 83, 84, 85, 87, 90, 91, 258, 263, 264, 268, 280, 316),
    "random": 318,
}  # fmt: skip
AARCH64: dict[str, Any] = {
    "arch": 0xC00000B7,
    "open": {56: 2},
    "own": (129, 131, 261),
    "read": (
        17, 19, 20, 21, 22, 23, 24, 25, 29, 32, 48, 49, 50, 57, 59, 61, 62, 63, 64, 65, 66, 67, 68, 72, 73, 78, 79, 80,
        82, 83, 93, 94, 96, 98, 99, 101, 102, 103, 113, 114, 115, 123, 124, 128, 132, 134, 135, 139, 153, 158, 160, 165,
        166, 169, 172, 173, 174, 175, 176, 177, 178, 179, 214, 215, 216, 222, 226, 227, 232, 233, 291, 293, 439,
    ),
    "write": (34, 35, 38, 45, 46, 52, 53, 88, 276),
    "random": 278,
}  # fmt: skip
MACHINES = {"x86_64": X86_64, "AMD64": X86_64, "aarch64": AARCH64, "arm64": AARCH64}


class Program(ctypes.Structure):
    """struct sock_fprog"""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def _row(code: int, k: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, k & 0xFFFFFFFF)


def _if_argument(call: int, argument: int, test: bytes, answers: tuple[int, int]) -> bytes:
    """For one call, an argument's lower half decides: the first answer where the test holds, else the second."""
    first, second = answers
    rows = [_row(LOAD, FIRST + 8 * argument), test, _row(ANSWER, first), _row(ANSWER, second)]
    return b"".join([_row(EQUAL, call, 0, len(rows)), *rows])


def rows(may_write: bool, own: int) -> bytes:
    """The filter for this machine; empty where its calls are not known. `own` is the process that it is for."""
    known = MACHINES.get(platform.machine())
    if known is None or struct.calcsize("P") != 8:
        return b""
    made = [_row(LOAD, ARCH), _row(EQUAL, known["arch"], 1, 0), _row(ANSWER, REFUSE), _row(LOAD, NUMBER)]
    calls = {*known["read"], known["random"], *(known["write"] if may_write else ())} - set(known["open"])
    for call in sorted(calls):
        made += [_row(EQUAL, call, 0, 1), _row(ANSWER, ALLOW)]
    for call, flags in known["open"].items():
        if may_write:
            made += [_row(EQUAL, call, 0, 1), _row(ANSWER, ALLOW)]
        else:
            made.append(_if_argument(call, flags, _row(ANY_BIT, WRITING, 0, 1), (REFUSE, ALLOW)))
    for call in known["own"]:
        for whom in (own, 0) if call == known["own"][-1] else (own,):
            made.append(_just(call, whom))
    return b"".join([*made, _row(ANSWER, REFUSE)])


def _just(call: int, whom: int) -> bytes:
    """Allowed on one process; for another one the search goes on, with the number of the call loaded anew."""
    rest = [_row(LOAD, FIRST), _row(EQUAL, whom, 0, 1), _row(ANSWER, ALLOW), _row(LOAD, NUMBER)]
    return b"".join([_row(EQUAL, call, 0, len(rest)), *rest])


def close(may_write: bool) -> bool:
    """From here on this process can make these calls only, and cannot take that back. False where the machine cannot do it."""
    text = rows(may_write, os.getpid())
    if not text:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    kept = ctypes.create_string_buffer(text, len(text))
    program = Program(len(text) // 8, ctypes.addressof(kept))
    zero = ctypes.c_ulong(0)
    if libc.prctl(EVERYWHERE["NO_NEW_PRIVS"], ctypes.c_ulong(1), zero, zero, zero):
        return False
    return not libc.prctl(EVERYWHERE["SECCOMP"], ctypes.c_ulong(EVERYWHERE["MODE_FILTER"]), ctypes.byref(program))
