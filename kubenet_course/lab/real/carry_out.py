"""Carries out a script's commands inside the private namespaces, as fast as may be.

Commands of one program that follow each other become one batch; what `sysctl` and `ethtool` would do is done here, so that
neither has to be installed nor started.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import socket
import struct
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from .places import Places

SIOCETHTOOL = 0x8946  # linux/sockios.h
# What ethtool(8) calls tx, rx, sg, tso, gso, gro (linux/ethtool.h, ETHTOOL_S...).
FEATURES = {"tx": 0x17, "rx": 0x15, "sg": 0x19, "tso": 0x1F, "gso": 0x24, "gro": 0x2C}
ETHTOOL_GLINK = 0xA
SIOCGIFFLAGS, IFF_RUNNING = 0x8913, 0x40

Argv = Sequence[str]


class CommandRefused(RuntimeError):
    """A command that the kernel or a program did not accept."""


def carry_out(commands: Iterable[tuple[Argv, str]], places: Places) -> None:
    """Carries out the commands in order. Raises CommandRefused with the command and what was said about it."""
    for kind, group in itertools.groupby(commands, key=_batch):
        if kind:
            _run([*kind, "-batch", "-"], "".join(" ".join(argv[len(kind) :]) + "\n" for argv, _ in group))
            continue
        for argv, text in group:
            assert argv[:3] == ["ip", "netns", "exec"], argv
            with places.inside(argv[3]):
                _inside(list(argv[4:]), text)


def _batch(command: tuple[Argv, str]) -> tuple[str, ...]:
    """The words that a command shares with others that one `-batch` can take; none where it stands alone."""
    argv = list(command[0])
    if argv[1] == "-n":
        return (argv[0], "-n", argv[2])
    return () if argv[:3] == ["ip", "netns", "exec"] else (argv[0],)


def _inside(argv: list[str], text: str) -> None:
    if argv[:3] == ["sysctl", "-q", "-w"]:
        for setting in argv[3:]:
            _set(*setting.split("=", 1))
    elif argv[:2] == ["ethtool", "-K"]:
        _offload(argv[2], dict(zip(argv[3::2], argv[4::2], strict=True)))
    else:
        _run(argv, text)


def _run(argv: list[str], text: str) -> None:
    done = subprocess.run(argv, input=text, text=True, capture_output=True)
    if done.returncode != 0:
        raise CommandRefused(f"{' '.join(argv)}: {' '.join(done.stderr.split()) or f'ended with {done.returncode}'}")


def _set(name: str, value: str) -> None:
    """A switch that this kernel does not have cannot matter."""
    try:
        Path("/proc/sys", name).write_text(value)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise CommandRefused(f"sysctl {name}={value}: {error.strerror}") from None


def _offload(device: str, features: dict[str, str]) -> None:
    """Switches features of a device; one that it does not have, or that cannot be changed, stays."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for name, state in features.items():
            _ethtool(any_socket, device, FEATURES[name], int(state == "on"))


def is_ready(device: str) -> bool:
    """Whether the device carries frames.

    A kernel believes a new link up to a second later, unless it is asked for it (linkwatch_sync_dev in ethtool_op_get_link).
    """
    import fcntl  # Linux alone comes this far

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        _ethtool(any_socket, device, ETHTOOL_GLINK)
        answer = fcntl.ioctl(any_socket, SIOCGIFFLAGS, struct.pack("16s16x", device.encode()))
    return bool(struct.unpack_from("H", answer, 16)[0] & IFF_RUNNING)


def _ethtool(any_socket: socket.socket, device: str, command: int, value: int = 0) -> None:
    """One request of ethtool(8); what the device does not know changes nothing."""
    import fcntl

    told = ctypes.create_string_buffer(struct.pack("II", command, value))
    with contextlib.suppress(OSError):
        fcntl.ioctl(any_socket, SIOCETHTOOL, struct.pack("16sP", device.encode(), ctypes.addressof(told)))


def has_link_local(devices: Iterable[str]) -> bool:
    """Whether each of these devices has its IPv6 link-local address, where this thread stands."""
    rows = [line.split() for line in Path("/proc/thread-self/net/if_inet6").read_text().splitlines()]
    ready = {row[5] for row in rows if row[0].startswith("fe80") and not int(row[4], 16) & 0x40}  # 0x40: tentative
    return ready >= set(devices)
