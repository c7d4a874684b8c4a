"""`ss -ltn`: who listens where, in the columns of iproute2 (misc/ss.c)."""

from __future__ import annotations

from ..linux.namespace.netns import Socket
from ..linux.packet.address import family
from .state import Call, Refused, Result

BACKLOG = {"tcp": "128", "udp": "0"}  # what a program told listen(); UDP knows none
STATES = {"tcp": "LISTEN", "udp": "UNCONN"}
HEADS = ("Netid", "State", "Recv-Q", "Send-Q", "Local Address:Port", "Peer Address:Port", "Process")


def ss(call: Call) -> Result:
    """-t TCP, -u UDP, both where neither is said; -4 and -6 one family; -p the programs. -l is what it can, -n how."""
    letters = set("".join(word.removeprefix("-") for word in call.words))
    if not letters <= set("ltunp46") or "l" not in letters or any(not word.startswith("-") for word in call.words):
        raise Refused("ss only lists who listens here: ss -ltn, for UDP ss -lun.")
    wanted = [proto for letter, proto in (("u", "udp"), ("t", "tcp")) if letter in letters] or ["udp", "tcp"]
    families = [int(letter) for letter in "46" if letter in letters] or [4, 6]
    rows = [
        _row(own)
        for proto in wanted
        for own in call.ns.sockets
        if own.proto == proto and (own.listens or proto == "udp") and family(own.address).number in families
    ]
    left = slice(0 if len(wanted) > 1 else 1, 7 if "p" in letters else 6)
    return Result(call.state, shown=_table([row[left] for row in (HEADS, *rows)]))


def _row(own: Socket) -> tuple[str, ...]:
    users = f'users:(("{own.program}"))' if own.program else ""
    return own.proto, STATES[own.proto], "0", BACKLOG[own.proto], *_places(own), users


def _places(own: Socket) -> tuple[str, str]:
    """The socket's own end, and that of the peers it takes. `*` is anybody of both families."""
    if family(own.address).number == 4:
        return f"{own.address}:{own.port}", "0.0.0.0:*"
    if own.address == "::" and not own.v6only:
        return f"*:{own.port}", "*:*"
    return f"[{own.address}]:{own.port}", "[::]:*"


def _table(rows: list[tuple[str, ...]]) -> str:
    """Columns left-aligned, but for the addresses, whose colons stand below each other."""
    columns = []
    for cells in zip(*rows, strict=True):
        if "Address" in cells[0]:
            ends = [cell.rpartition(":") for cell in cells]
            hosts, ports = (max(len(end[at]) for end in ends) for at in (0, 2))
            columns.append([f"{host:>{hosts}}:{port:<{ports}}" for host, _, port in ends])
        else:
            columns.append([f"{cell:<{max(map(len, cells))}}" for cell in cells])
    return "\n".join(" ".join(cells).rstrip() for cells in zip(*columns, strict=True))
