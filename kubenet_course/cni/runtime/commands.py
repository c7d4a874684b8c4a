"""Commands as values: what a plugin will type, before it is typed.

A plan is a list of commands (argument lists, never a shell's text), so that it can be shown, typed by hand, executed
here on the real kernel, or executed by the model.
"""

import json
import os
import subprocess
from collections.abc import Iterable
from typing import Any, NamedTuple

from ..contract.spec import CniError, Code, quoted, refused
from .machine import MODEL

_SBIN = "/usr/sbin:/usr/bin:/sbin:/bin"  # a runtime may start plugins without a PATH
_ANSWERS = "RTNETLINK answers: "
# Where the kernel explains an error, `ip` prints only that; the reference names the error.
_ERRORS = {
    "Nexthop has invalid gateway.": "network is unreachable",
    "IPv6 is disabled on this device.": "permission denied",
} | dict.fromkeys(("mtu greater than device maximum.", "mtu less than device minimum."), "invalid argument")


class Command(NamedTuple):
    """One program run, in the host's network namespace or in that of `netns` (a path).

    `unless` is a command that, when it succeeds, says that there is nothing to do. `tolerant` commands may fail.
    `purpose` begins the sentence of a failure.
    """

    argv: tuple[str, ...]
    stdin: str = ""
    netns: str = ""
    unless: tuple[str, ...] = ()
    tolerant: bool = False
    purpose: str = ""


class Failed(CniError):
    """A command's complaint, as the kernel's errors are named in the reference plugins' messages (code 999)."""

    def __init__(self, complaint: str):
        super().__init__(Code.INTERNAL, complaint)


def entered(netns: str, argv: tuple[str, ...]) -> tuple[str, ...]:
    """The arguments that run a command in a namespace."""
    return ("nsenter", f"--net={netns}", *argv) if netns else argv


def execute(command: Command) -> str:
    """Runs one command and returns what it printed. Raises Failed with the complaint's first line."""
    try:
        if command.unless and _run(entered(command.netns, command.unless), "").returncode == 0:
            return ""
        done = _run(entered(command.netns, command.argv), command.stdin)
    except FileNotFoundError as missing:
        raise Failed(f"exec: {quoted(str(missing.filename))}: executable file not found in $PATH") from None
    if done.returncode != 0 and not command.tolerant:
        raise Failed(complaint(done.stderr) or f"exit status {done.returncode}")
    return done.stdout


def _run(argv: tuple[str, ...], stdin: str) -> subprocess.CompletedProcess[str]:
    if (model := MODEL.get()) is not None:
        return model.program(argv, stdin)
    env = {**os.environ, "PATH": _path(), "LC_ALL": "C"}
    return subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False, env=env)


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:{_SBIN}"


def installed(program: str) -> bool:
    """Whether a program can be run."""
    if (model := MODEL.get()) is not None:
        return model.has(program)
    return any(os.access(os.path.join(place, program), os.X_OK) for place in _path().split(":"))


def complaint(stderr: str) -> str:
    """`RTNETLINK answers: File exists` is `file exists`; other programs' first lines are kept."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    kernel = [line.partition(_ANSWERS)[2] for line in lines if _ANSWERS in line]
    if kernel:
        return kernel[0][:1].lower() + kernel[0][1:]
    told = lines[0].removeprefix("Error: ") if lines else ""
    return _ERRORS.get(told, told)


def run(commands: Iterable[Command]) -> None:
    """Runs a plan in order. Raises CniError (999) at the first command that fails, saying what it was for."""
    for command in commands:
        try:
            execute(command)
        except Failed as failure:
            raise _refusal(command, str(failure)) from None


def _refusal(command: Command, complaint: str) -> CniError:
    return refused(f"{command.purpose}: {complaint}" if command.purpose else complaint)


def sysctl(name: str, value: str, netns: str = "", tolerant: bool = True) -> Command:
    """Writes one setting, named with slashes because device names may have dots."""
    return Command(("sysctl", "-q", "-w", f"{name}={value}"), netns=netns, tolerant=tolerant)


def shown(*argv: str, netns: str = "") -> list[dict[str, Any]]:
    """What `ip -j ...` or `bridge -j ...` prints. Raises Failed as `execute` does."""
    text = execute(Command((argv[0], "-j", *argv[1:]), netns=netns))
    return [each for each in json.loads(text or "[]") if each]


def link(name: str, netns: str = "") -> dict[str, Any] | None:
    """A device as `ip -j -d link` shows it, or None when there is none of that name."""
    try:
        return shown("ip", "-d", "link", "show", "dev", name, netns=netns)[0]
    except (Failed, IndexError):
        return None


def addresses(name: str, netns: str = "") -> list[dict[str, Any]]:
    """A device's addresses as `ip -j addr` shows them."""
    return [info for each in shown("ip", "addr", "show", "dev", name, netns=netns) for info in each["addr_info"]]
