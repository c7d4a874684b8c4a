"""What `ipvsadm -Sn` and `ipvsadm -Ln` print, and what `ipvsadm -R` takes, read into virtual servers (ipvsadm(8)).

Neither text tells the kernel's own order, for ipvsadm sorts what it prints: servers count as added in the order of the text,
as kube-proxy adds them. Only masquerading servers with an address and a port are followed (DEV-37); others are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from msgspec.structs import replace

from ....errors import BadInput
from ...netfilter.iptables.words import shown, whole
from ...packet.address import address
from .schedulers import SCHEDULERS
from .servers import FLAG_NAMES, PERSISTENT, RealServer, VirtualServer
from .table import Service

KINDS = {"-t": "TCP", "-u": "UDP", "--tcp-service": "TCP", "--udp-service": "UDP", "--sctp-service": "SCTP"}
BITS = {name: (scheduler, bit) for (scheduler, bit), name in FLAG_NAMES.items()}
METHODS = {
    "-m": "Masq",
    "--masquerading": "Masq",
    "-g": "Route",
    "--gatewaying": "Route",
    "-i": "Tunnel",
    "--ipip": "Tunnel",
}
HEADS = ("IP Virtual Server", "Prot LocalAddress", "-> RemoteAddress")
ONLY = "the model follows masquerading servers with an address and a port only"
PLACE = re.compile(r"(?:\[(?P<six>[^]]+)\]|(?P<four>[^:\s]+)):(?P<port>\d+)")
OPTIONS = {
    "-s": "scheduler",
    "--scheduler": "scheduler",
    "-p": "persistent",
    "--persistent": "persistent",
    "-b": "flags",
}
OPTIONS |= {"--sched-flags": "flags", "-r": "server", "--real-server": "server", "-w": "weight", "--weight": "weight"}
OPTIONS |= {"-x": "most", "--u-threshold": "most", "-y": "least", "--l-threshold": "least"}


class Counts(NamedTuple):
    """The connections of a server, as `ipvsadm -Ln` counts them."""

    active: int
    inactive: int


@dataclass
class Listed:
    """Virtual servers by their keys; of a listing also what each real server has to do, by virtual server, address and port."""

    servers: dict[Service, VirtualServer] = field(default_factory=dict)
    counts: dict[tuple[Service, str, int], Counts] = field(default_factory=dict)


def read(text: str, where: str = "ipvsadm") -> Listed:
    """Reads either form. Raises BadInput naming the line and what would be right."""
    found, current = Listed(), None
    for line_number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if not line or line.startswith(("#", *HEADS)):
            continue
        try:
            current = (
                _command(found, line)
                if line.startswith("-") and not line.startswith("->")
                else _row(found, line, current)
            )
        except BadInput as error:
            raise BadInput(f"{where}:{line_number}", error.what, error.right) from None
    return found


def place(text: str) -> tuple[str, int]:
    """`10.96.0.1:443` or `[fd00::1]:443`."""
    found = PLACE.fullmatch(text)
    if found is None:
        raise BadInput(
            "", f"{text!r} is not an address and a port", "write 10.96.0.1:443 or [fd00::1]:443; print with -n"
        )
    return address(found["six"] or found["four"]), whole(found["port"], 65535, "port")


def _virtual(kind: str, text: str, scheduler: str) -> VirtualServer:
    if scheduler not in SCHEDULERS:
        raise BadInput("", f"the scheduler {scheduler} is not known here", f"one of {', '.join(SCHEDULERS)} is")
    ip, port = place(text)
    if not port:
        raise BadInput("", f"{text} stands for all ports", ONLY)
    return VirtualServer(ip, port, kind, scheduler)


def _flags(virtual: VirtualServer, names: str) -> int:
    flags = 0
    for name in filter(None, names.split(",")):
        scheduler, bit = BITS.get(name, ("", 0))
        if scheduler != virtual.scheduler:
            raise BadInput("", f"{virtual.scheduler} has no flag {name}", f"it has {_known(virtual.scheduler)}")
        flags |= bit
    return flags


def _known(scheduler: str) -> str:
    return ", ".join(name for name, (of, _) in BITS.items() if of == scheduler) or "none"


def _add(found: Listed, virtual: VirtualServer) -> VirtualServer:
    if virtual.key in found.servers:
        raise BadInput("", f"{virtual.protocol} {virtual} is there already", "name each virtual server once")
    found.servers[virtual.key] = virtual
    return virtual


def _add_real(found: Listed, virtual: VirtualServer, real: RealServer) -> VirtualServer:
    if any((one.address, one.port) == (real.address, real.port) for one in virtual.reals):
        raise BadInput("", f"{real} serves {virtual} already", "name each server once")
    found.servers[virtual.key] = virtual = replace(virtual, reals=(*virtual.reals, real))
    return virtual


# -- ipvsadm -Sn --------------------------------------------------------------------------------------------------------


def _command(found: Listed, line: str) -> VirtualServer:
    """`-A -t PLACE -s SCHEDULER`, `-a -t PLACE -r PLACE -m -w 1`."""
    verb, *words = line.split()
    if verb not in ("-A", "--add-service", "-a", "--add-server"):
        raise BadInput("", f"{shown(line)} is not a line of ipvsadm", "a line begins with -A or -a")
    said: dict[str, str] = {}
    while words:
        word = words.pop(0)
        if word in KINDS:
            said["kind"], said["virtual"] = KINDS[word], _next(words, word)
        elif word in METHODS:
            said["method"] = METHODS[word]
        elif word in OPTIONS:
            bare = OPTIONS[word] == "persistent" and (not words or words[0].startswith("-"))
            said[OPTIONS[word]] = "300" if bare else _next(words, word)
        elif word in ("-f", "--fwmark-service", "-o", "--ops", "-M", "--netmask", "--pe"):
            raise BadInput("", f"{word} is not followed here", ONLY)
        else:
            raise BadInput("", f"{word} is not an option of ipvsadm", "write -t, -u, -s, -p, -r, -m or -w")
    if "virtual" not in said:
        raise BadInput("", "no virtual server is named", "write -t 10.96.0.1:443")
    return _made(found, said) if verb in ("-A", "--add-service") else _served(found, said)


def _next(words: list[str], option: str) -> str:
    if not words:
        raise BadInput("", f"{option} stands at the end of the line", "write its value behind it")
    return words.pop(0)


def _made(found: Listed, said: dict[str, str]) -> VirtualServer:
    virtual = _virtual(said["kind"], said["virtual"], said.get("scheduler", "wlc"))
    flags, timeout = _flags(virtual, said.get("flags", "")), whole(said.get("persistent", "0"))
    return _add(found, replace(virtual, flags=flags | (PERSISTENT if timeout else 0), timeout=timeout))


def _served(found: Listed, said: dict[str, str]) -> VirtualServer:
    ip, port = place(said["virtual"])
    virtual = found.servers.get((ip, port, said["kind"]))
    if virtual is None:
        raise BadInput(
            "", f"there is no virtual server {said['kind']} {said['virtual']}", "add it before its servers: -A"
        )
    if "server" not in said:
        raise BadInput("", "no server is named", "write -r 10.244.1.10:8080")
    _masquerades(said.get("method", "Route"))
    if int(said.get("most", 0)) or int(said.get("least", 0)):
        raise BadInput("", "limits of a server's connections are not followed here", ONLY)
    return _add_real(
        found, virtual, RealServer(*place(said["server"]), whole(said.get("weight", "1"), 65535, "weight"))
    )


def _masquerades(method: str) -> None:
    if method != "Masq":
        raise BadInput("", f"it forwards by {method}", f"{ONLY}: -m, Masq")


# -- ipvsadm -Ln --------------------------------------------------------------------------------------------------------


def _row(found: Listed, line: str, current: VirtualServer | None) -> VirtualServer:
    """`TCP  10.96.0.1:443 rr persistent 10800 (mh-port)`, then `-> 10.244.1.10:8080  Masq  1  0  0`."""
    if not line.startswith("->"):
        return _headed(found, line)
    words = line.split()[1:]
    if current is None or len(words) != 5:
        raise BadInput(
            "",
            f"{shown(line)} is not a server of a virtual server",
            "write -> ADDRESS:PORT Masq WEIGHT ACTIVE INACTIVE",
        )
    _masquerades(words[1])
    weight, active, inactive = (whole(word) for word in words[2:])
    real = RealServer(*place(words[0]), weight)
    found.counts[current.key, real.address, real.port] = Counts(active, inactive)
    return _add_real(found, current, real)


def _headed(found: Listed, line: str) -> VirtualServer:
    row = re.fullmatch(r"(TCP|UDP|SCTP)\s+(\S+)\s+(\S+)(?:\s+persistent (\d+))?(?:\s+\((\S+)\))?", line)
    if row is None:
        raise BadInput("", f"{shown(line)} is not a row of ipvsadm that is followed here", ONLY)
    virtual = _virtual(row[1], row[2], row[3])
    timeout = int(row[4] or 0)
    return _add(
        found, replace(virtual, flags=_flags(virtual, row[5] or "") | (PERSISTENT if timeout else 0), timeout=timeout)
    )
