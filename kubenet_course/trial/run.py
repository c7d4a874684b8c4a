"""Runs a text that a learner has submitted as a program, apart from this process and within limits, and says what stopped it.

What stands around it depends on the machine: on Linux namespaces and a filter of system calls, where they can be had. Where there
is neither, nothing runs before the learner was asked (`Unasked`).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from msgspec import Struct, to_builtins

CONFINE = Path(__file__).with_name("confine.py")
NAMESPACES, SECCOMP = "namespaces", "seccomp"
TOO_LATE, TOO_MUCH, NO_PLACE = 124, 123, 125  # exit codes, the first as that of `timeout`
LOADER = ("LD_LIBRARY_PATH", "SYSTEMROOT")  # what this Python may need to start; the program does not see them
_ASKED: set[str] = set()  # the texts, by digest, about which their learner was asked, until this process ends


class Limits(Struct, frozen=True):
    """What one run may use: seconds, bytes, numbers of open files."""

    seconds: float = 5.0
    cpu: int = 4
    memory: int = 256 << 20
    output: int = 64 << 10
    file: int = 1 << 20
    files: int = 64


class Ran(Struct, frozen=True):
    """What came of one run: the exit code and what was printed. `stopped` is a sentence where a limit was met."""

    code: int
    stdout: str
    stderr: str = ""
    stopped: str = ""

    @property
    def answer(self) -> Any:
        """Standard output as plain values; its text where it is no JSON."""
        try:
            return json.loads(self.stdout or "null")
        except (ValueError, RecursionError):
            return self.stdout

    def __str__(self) -> str:
        lines = [f"exit code {self.code}", self.stdout.rstrip() or "nothing on standard output"]
        return "\n".join([*lines, *([f"standard error: {self.stderr.rstrip()}"] if self.stderr.strip() else [])])

    __repr__ = __str__


class Unasked(Exception):
    """Nothing on this machine would hold the program, and its learner has not said yet that it shall run all the same."""


@lru_cache(maxsize=1)
def walls() -> tuple[str, ...]:
    """Which of `namespaces` and `seccomp` this machine gives; found out once."""
    with tempfile.TemporaryDirectory(prefix="kubenet-trial-") as place:
        argv = [_python(), "-I", "-S", str(CONFINE), "probe", place]
        try:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, cwd=place)
            return tuple(json.loads(done.stdout))
        except (OSError, ValueError, subprocess.SubprocessError):
            return ()


def caution() -> str:
    """What does not hold here, in a sentence or two; nothing where everything does."""
    found = walls()
    if NAMESPACES in found:
        return ""
    if SECCOMP in found:
        return (
            "This machine gives no namespaces: the program may have read files that you can read. It could change none, \
and it had no network."
        )
    return (
        "This machine has neither namespaces nor seccomp: only the time and the output are limited. Files, the network and \
other programs are not out of reach of what runs."
    )


def run(source: str, name: str, env: Mapping[str, str], stdin: str, limits: Limits | None = None) -> Ran:
    """Runs a Python text with this environment and no other, and this input. Raises Unasked."""
    held, limits = walls(), limits or Limits()
    _ask(source, held)
    with tempfile.TemporaryDirectory(prefix=f"kubenet-trial-{os.getpid()}-") as folder:
        place = Path(folder) / "place"
        place.mkdir()
        (file := Path(folder) / "program").write_text(source, encoding="utf-8", errors="replace")
        hidden = sorted({*LOADER, "LC_CTYPE"} - set(env))
        order: dict[str, Any] = {"file": str(file), "name": name, "place": str(place), "layers": held, "hidden": hidden}
        order |= {"limits": {key: one for key, one in to_builtins(limits).items() if key not in ("seconds", "output")}}
        needed = {key: os.environ[key] for key in LOADER if key in os.environ}
        argv = [_python(), "-I", "-S", str(CONFINE), json.dumps(order)]
        try:
            watched = _Watched(argv, {**env, **needed}, folder, limits)
        except OSError as error:  # in a browser there are no processes
            why = f"no process can be started here ({error.strerror or error})"
            return Ran(NO_PLACE, "", why, _ended(why))
        return watched.ran(stdin)


def _ask(source: str, held: tuple[str, ...]) -> None:
    """Where nothing holds a text, the first attempt to run it asks, and the second one is the answer yes."""
    digest = hashlib.sha256(source.encode(errors="replace")).hexdigest()
    if not held and digest not in _ASKED:
        _ASKED.add(digest)
        raise Unasked


def _python() -> str:
    return getattr(sys, "_base_executable", None) or sys.executable


class _Watched:
    """One process and everything below it, ended when it takes too long or says too much."""

    def __init__(self, argv: list[str], env: Mapping[str, str], cwd: str, limits: Limits):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.limits, self.flooded = limits, False
        self.child = subprocess.Popen(argv, **pipes, env=dict(env), cwd=cwd, start_new_session=True)  # type: ignore[call-overload]
        self.said: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}

    def ran(self, stdin: str) -> Ran:
        readers = [threading.Thread(target=self._read, args=(name,), daemon=True) for name in self.said]
        readers.append(threading.Thread(target=self._write, args=(stdin.encode(errors="replace"),), daemon=True))
        for one in readers:
            one.start()
        too_late = False
        try:
            self.child.wait(self.limits.seconds)
        except subprocess.TimeoutExpired:
            too_late = True
        finally:
            self._end()
        for one in readers:
            one.join(1.0)
        return self._told(too_late)

    def _read(self, name: str) -> None:
        pipe: IO[bytes] = getattr(self.child, name)
        while got := pipe.read1(1 << 14):  # type: ignore[attr-defined]
            room = self.limits.output - len(self.said[name])
            self.said[name] += got[:room]
            if len(got) > room:
                self.flooded = True
                self._end()
                break
        pipe.close()

    def _write(self, data: bytes) -> None:
        assert self.child.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self.child.stdin.write(data)
        with contextlib.suppress(OSError, ValueError):
            self.child.stdin.close()

    def _end(self) -> None:
        """Its session is its own: whatever it has started goes with it."""
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self.child.pid, signal.SIGKILL)
            else:
                self.child.kill()
        self.child.wait()

    def _told(self, too_late: bool) -> Ran:
        out, err = (bytes(self.said[name]).decode(errors="replace") for name in ("stdout", "stderr"))
        code, most = self.child.returncode, self.limits
        worked = f"it used the processor for more than {most.cpu} seconds"
        for is_so, as_code, why in (
            (too_late, TOO_LATE, f"no answer after {most.seconds:g} seconds"),
            (self.flooded, TOO_MUCH, f"it printed more than {most.output >> 10} KiB"),
            (code == 128 + getattr(signal, "SIGXCPU", 24), TOO_LATE, worked),
        ):
            if is_so:
                return Ran(as_code, "", why, _ended(why))
        why = _reason(code, (err.strip().splitlines() or [""])[-1], most)
        return Ran(code, out, err, _ended(why) if why else "")


def _reason(code: int, last: str, most: Limits) -> str:
    """The limit that a program met, by its exit code and its last line; nothing where it ended by itself."""
    if last.startswith("MemoryError"):
        return f"it asked for more than {most.memory >> 20} MiB of memory"
    if "File too large" in last:
        return f"it wrote a file of more than {most.file >> 20} MiB"
    if "a program on trial may not" in last or "Operation not permitted" in last:
        return last.partition(": ")[2].removeprefix("[Errno 1] ")
    return f"signal {code - 128} ended it" if code > 128 else ""


def _ended(why: str) -> str:
    return f"It was stopped: {why}."
