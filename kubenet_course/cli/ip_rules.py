"""What `ip rule` prints, as text or with `-j`, read into routing rules (iproute2, ip/iprule.c).

What is not known of one (a user, a group of devices) makes it a rule of which nobody knows the answer.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from ..errors import BadInput
from ..linux.namespace.policy import EVERY_PORT, FORBIDS, RouteRule
from ..linux.netfilter.iptables.words import masked, protocol
from ..linux.packet.address import Prefix, prefix
from .ip_text import TABLES, is_json, lines_of, number_of, rows_of

# Words of the text behind which one value stands, and the name of that value in JSON.
WORDS = {
    "from": "src", "to": "dst", "fwmark": "fwmark", "iif": "iif", "oif": "oif", "lookup": "table", "table": "table",
    "suppress_prefixlength": "suppress_prefixlen", "ipproto": "ipproto", "sport": "sport", "dport": "dport", "tos": "tos",
    "dsfield": "tos", "goto": "goto", "proto": "protocol", "protocol": "protocol", "realms": "flow_to",
}  # fmt: skip
ACTIONS = (*FORBIDS, "nop")
UNKNOWN_WITH_VALUE = ("uidrange", "suppress_ifgroup", "tun_id", "dscp", "flowlabel")
WITHOUT_A_SAY = {"protocol", "flow_to", "flow_from", "iif_detached", "oif_detached", "unresolved"}
PARTS = {"src", "srclen", "dst", "dstlen", "fwmark", "fwmask", "iif", "oif", "table", "suppress_prefixlen", "ipproto"}
PARTS |= {
    "sport",
    "sport_start",
    "sport_end",
    "dport",
    "dport_start",
    "dport_end",
    "tos",
    "goto",
    "nop",
    "not",
    "action",
}


class Line(NamedTuple):
    """A rule, whether all of it is known, and where it stands: file, line, text."""

    rule: RouteRule
    known: bool
    at: dict[str, Any]


def rules(text: str, where: str) -> list[Line]:
    """The rules in the order in which they are asked."""
    found = _of_json(text, where) if is_json(text) else _of_text(text, where)
    if not found:
        raise BadInput(where, "holds no rule of `ip rule`", "run `ip rule`, or `ip -6 rule`")
    return sorted(found, key=lambda line: line.rule.priority)


def _of_json(text: str, where: str) -> list[Line]:
    rows = rows_of(text, where, "run `ip -j rule`")
    return [_line(row, where, {"file": where, "line": 0, "text": msgspec.json.encode(row).decode()}) for row in rows]


def _of_text(text: str, where: str) -> list[Line]:
    found = []
    for number, line in lines_of(text):
        match = re.match(r"\s*(\d+):\s*(.*)", line)
        if not match:
            raise BadInput(f"{where}:{number}", f"{line.strip()!r} is not a rule of `ip rule`", "run `ip rule`")
        at = {"file": where, "line": number, "text": line.strip()}
        found.append(_line({"priority": int(match[1]), **_said(match[2].split())}, f"{where}:{number}", at))
    return found


def _said(words: list[str]) -> dict[str, Any]:
    """The words of a line under the names that they have in JSON; what is not known stands under its own."""
    said: dict[str, Any] = {}
    while words:
        word = words.pop(0)
        if word in WORDS and words:
            said[WORDS[word]] = words.pop(0)
        elif word in ACTIONS:
            said["action"] = word
        elif word == "not":
            said["not"] = None
        elif word not in ("[detached]", "[unresolved]"):
            said[word] = words.pop(0) if word in UNKNOWN_WITH_VALUE and words else None
    return said


def _line(said: dict[str, Any], where: str, at: dict[str, Any]) -> Line:
    unknown = set(said) - PARTS - WITHOUT_A_SAY - {"priority"}
    known = not unknown and said.get("table") != "[l3mdev-table]"
    return Line(_rule(said, where), known, at)


def _rule(said: dict[str, Any], where: str) -> RouteRule:
    mark, table = str(said.get("fwmark", 0)), str(said.get("table", "main"))
    value, mask = masked(f"{mark}/{said['fwmask']}" if "fwmask" in said else mark) if "fwmark" in said else (0, 0)
    action = "goto" if "goto" in said else "nop" if "nop" in said else said.get("action", "lookup")
    if action not in ("lookup", "goto", *ACTIONS):
        raise BadInput(where, f"{action!r} is not what a rule does", f"it is lookup, goto, {', '.join(ACTIONS)}")
    return RouteRule(
        number_of(said.get("priority", 0), where), TABLES.get(table, table), _side(said, "src", where),
        _side(said, "dst", where), value, mask, str(said.get("iif", "")), str(said.get("oif", "")), "not" in said,
        action, number_of(said.get("goto", 0), where),
        number_of(said["suppress_prefixlen"], where) if "suppress_prefixlen" in said else -1,
        protocol(str(said["ipproto"])) if "ipproto" in said else "", _ports(said, "sport", where),
        _ports(said, "dport", where), int(str(said.get("tos", "0")), 16),
    )  # fmt: skip


def _side(said: dict[str, Any], name: str, where: str) -> Prefix | None:
    text = str(said.get(name, "all"))
    if f"{name}len" in said and "/" not in text:
        text = f"{text}/{said[f'{name}len']}"
    return None if text.startswith("all") or text in ("0.0.0.0/0", "::/0") else prefix(text, where)


def _ports(said: dict[str, Any], name: str, where: str) -> tuple[int, int]:
    if f"{name}_start" in said:
        return number_of(said[f"{name}_start"], where), number_of(said.get(f"{name}_end"), where)
    first, _, last = str(said.get(name, "")).partition("-")
    return (number_of(first, where), number_of(last or first, where)) if first else EVERY_PORT
