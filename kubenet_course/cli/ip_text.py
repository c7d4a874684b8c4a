"""What `ip addr` and `ip route` print, as text or with `-j`, read into addresses and rows. A word that is not known is said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from ..errors import BadInput
from ..linux.namespace.device import IfAddr, ifaddr
from ..linux.namespace.fib import Route
from ..linux.namespace.route import Hop
from ..linux.packet.address import address, prefix

TYPES = ("unicast", "local", "broadcast", "anycast", "multicast", "unreachable", "prohibit", "blackhole", "throw")
TABLES = {"255": "local", "254": "main", "253": "default"}
FLAGS = ("onlink", "linkdown", "dead", "pervasive", "offload", "trap", "rt_trap", "offload_failed", "notify")
# Words behind which a value stands that has no say in where a packet goes.
WITH_VALUE = (
    "proto", "protocol", "scope", "mtu", "advmss", "hoplimit", "pref", "expires", "initcwnd", "initrwnd", "realm", "realms",
    "window", "rtt", "cwnd", "ssthresh", "features", "quickack", "congctl", "rto_min", "nhid", "fastopen_no_cookie", "error",
    "cache",
)  # fmt: skip
KEYS = {
    "dst",
    "gateway",
    "via",
    "dev",
    "prefsrc",
    "metric",
    "flags",
    "table",
    "type",
    "nexthops",
    "metrics",
    *WITH_VALUE,
}


class Read(NamedTuple):
    """Rows, and the lines of which something was not understood: file, line, text, and the row that was made of it."""

    rows: list[Any]
    strange: list[dict[str, Any]]


def rows_of(text: str, where: str, right: str) -> list[dict[str, Any]]:
    """The objects that `ip -j` prints: one list, or several one after the other."""
    found: list[dict[str, Any]] = []
    for line in re.split(r"(?<=\])\s*\n(?=\s*\[)", text.strip()):
        try:
            found += [row for row in msgspec.json.decode(line.encode(), type=list[dict[str, Any]]) if row]
        except msgspec.DecodeError as error:
            raise BadInput(where, f"is not what ip -j prints ({error})", right) from None
    return found


def is_json(text: str) -> bool:
    return text.lstrip()[:1] in ("[", "{")


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a text with their numbers, without prompts, fences and what continues a line behind a backslash."""
    text = text.replace("\\\n", " ").replace("\\\t", " ")
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not re.match(r"\s*(```|~~~|#)|\S*[$#%>]\s|\S+@", line):
            yield number, line.rstrip()


# -- ip route ----------------------------------------------------------------------------------------------------------


def routes(text: str, where: str) -> Read:
    """The rows of `ip route`, of every table that it was asked for."""
    if not text.strip():
        raise BadInput(where, "is not what ip -j prints: it is empty", "run `ip -j route show table all`")
    if is_json(text):
        rows = rows_of(text, where, "run `ip -j route show table all`")
        hint = _hint([str(row.get("dst", "")) for row in rows])
        told = [(row, _json_route(row, where, hint)) for row in rows if not _is_dead(row)]
        odd = [(row, made) for row, made in told if set(row) - KEYS]
        return Read(
            [made for _, made in told],
            [{"file": where, "line": 0, "text": msgspec.json.encode(row).decode(), "row": made} for row, made in odd],
        )
    found, strange = [], []
    lines = list(_route_lines(text))
    hint = _hint([word for _, line in lines for word in line.split()[:2]])
    for number, line in lines:
        said, left = _said(line.split(), f"{where}:{number}")
        if _is_dead(said):
            continue
        found.append(_json_route(said, f"{where}:{number}", hint))
        if left:
            strange.append({"file": where, "line": number, "text": line.strip(), "row": found[-1]})
    return Read(found, strange)


def _route_lines(text: str) -> Iterator[tuple[int, str]]:
    """One line a route: next hops stand in lines of their own, moved in."""
    held: tuple[int, str] | None = None
    for number, line in lines_of(text):
        if held and re.match(r"\s+nexthop\b", line):
            held = held[0], f"{held[1]} {line.strip()}"
            continue
        if held:
            yield held
        held = number, line
    if held:
        yield held


def _hint(destinations: list[str]) -> str:
    """An address of the family that a file's default routes have: IPv6's, where every other destination in it is of IPv6."""
    has4 = any(re.match(r"\d+\.", one) for one in destinations)
    return "::" if not has4 and any(":" in one for one in destinations) else ""


def _is_dead(row: dict[str, Any]) -> bool:
    """Whether the kernel passes it over: its device is down."""
    return "dead" in (row.get("flags") or ())


def _said(words: list[str], where: str) -> tuple[dict[str, Any], list[str]]:
    """The words of a line under the names that they have in JSON, and those that are not known."""
    said: dict[str, Any] = {"type": words.pop(0)} if words[0] in TYPES else {}
    if not words:
        raise BadInput(where, "the route has no destination", "give what `ip route` prints")
    said["dst"], hops, left = words.pop(0), [], []
    here: dict[str, Any] = said
    while words:
        word = words.pop(0)
        value = words[0] if words else ""
        if word == "nexthop":
            here = {}
            hops.append(here)
        elif word == "via":
            words.pop(0)
            here["gateway"] = words.pop(0) if value in ("inet", "inet6") and words else value
        elif word in ("dev", "weight", "src", "metric", "table"):
            here[{"src": "prefsrc"}.get(word, word)] = words.pop(0) if words else ""
        elif word in FLAGS:
            here.setdefault("flags", []).append(word)
        elif word in WITH_VALUE:
            del words[:1]
        else:
            left.append(word)
    return said | {"nexthops": hops}, left


def _json_route(row: dict[str, Any], where: str, hint: str = "") -> Route:
    """One row as `ip -j route` prints it."""
    via = _via(row, where)
    to, kind = _word(row, "dst", where), _word(row, "type", where) or "unicast"
    hops = tuple(_hop(one, where) for one in row.get("nexthops") or () if "dead" not in one.get("flags", ()))
    block = _block(to, via or (hops[0].via if hops else "") or _word(row, "prefsrc", where) or hint, where)
    dev, table = _word(row, "dev", where), str(row.get("table", "main"))
    first = hops[0] if hops else Hop(dev, via)
    source = _word(row, "prefsrc", where)
    return Route(
        block, first.dev, first.via, address(source, where) if source else "", number_of(row.get("metric", 0), where), kind,
        "onlink" in (row.get("flags") or ()), TABLES.get(table, table), hops if len(hops) > 1 else (),
    )  # fmt: skip


def _block(to: str, near: str, where: str):
    if not to:
        raise BadInput(where, "a route has no destination", "give what `ip -j route` prints")
    return prefix(to if to != "default" else "::/0" if ":" in near else "0.0.0.0/0", where)


def _via(row: dict[str, Any], where: str) -> str:
    other = row.get("via") or {}
    if not isinstance(other, dict):
        raise BadInput(where, f"{other!r} is not a next hop", "give what `ip -j route` prints")
    text = _word(row, "gateway", where) or other.get("host", "")
    return address(text, where) if text else ""


def _hop(row: dict[str, Any], where: str) -> Hop:
    return Hop(_word(row, "dev", where), _via(row, where), number_of(row.get("weight", 1), where) or 1)


def _word(row: dict[str, Any], name: str, where: str) -> str:
    value = row.get(name, "")
    if not isinstance(value, str):
        raise BadInput(where, f"{value!r} is not a {name}", "give what `ip -j route` prints")
    return value


def number_of(value: Any, where: str) -> int:
    if not isinstance(value, int) and not (isinstance(value, str) and value.isdecimal()):
        raise BadInput(where, f"{value!r} is not a number", "give what ip prints")
    return int(value)


# -- ip addr -----------------------------------------------------------------------------------------------------------


def addresses(text: str, where: str) -> dict[str, list[IfAddr]]:
    """The addresses of `ip addr`, by device, IPv6 ones oldest first: they are printed newest first (ipv6_link_dev_addr)."""
    found: dict[str, dict[int, list[IfAddr]]] = {}
    dev = ""
    for number, line in lines_of(text):
        if match := re.match(r"(\d+): ([^:@\s]+)(?:@\S+)?:", line):
            dev = match[2]
            found[dev] = {4: [], 6: []}
        elif (match := re.match(r"\s+inet(6?) (\S+)(?: peer (\S+))?", line)) and dev:
            block = match[2] if "/" in match[2] else f"{match[2]}/{128 if match[1] else 32}"
            found[dev][6 if match[1] else 4].append(ifaddr(block, f"{where}:{number}"))
    if not found:
        raise BadInput(where, "is not what ip -j prints, nor what `ip addr` prints", "run `ip addr` or `ip -j addr`")
    return {dev: [*rows[4], *reversed(rows[6])] for dev, rows in found.items()}
