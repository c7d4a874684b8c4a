"""A machine as its owner describes it, apart from its rules: addresses, rows and rules of routing, typed or as `ip` prints them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from ..errors import BadInput
from ..files import MOST, text_in
from ..linux.namespace.device import IfAddr, ifaddr
from ..linux.namespace.fib import Route
from ..linux.namespace.policy import ANYWHERE, RouteRule
from ..linux.packet.address import address, family, prefix
from .ip_rules import rules as ip_rules
from .ip_text import addresses, is_json, routes, rows_of

UNTOLD = "unknown"  # a device that stands for wherever a row leads that nobody has shown or understood
NOT_SHOWN = "not shown: "  # the table of such rows, by family


class AddrInfo(msgspec.Struct):
    """One address in the output of `ip -j addr`."""

    family: str
    local: str = ""
    prefixlen: int = 32


class Link(msgspec.Struct):
    """One device in the output of `ip -j addr`."""

    ifname: str
    addr_info: list[AddrInfo] = []


class Unsure(NamedTuple):
    """A rule or a row, the line that it is from, and what may stand in its place."""

    line: dict[str, Any]
    one: RouteRule | Route
    instead: tuple[RouteRule | Route, ...]


@dataclass(frozen=True)
class Described:
    """A machine apart from its rules: addresses, rows and rules of routing, and what of them was not understood.

    `doubts` are routing rules and rows of which nobody knows the answer, each with what may stand there instead.
    """

    own: dict[str, list[IfAddr]]
    routes: tuple[Route, ...] = ()
    policy: dict[int, tuple[RouteRule, ...]] = field(default_factory=dict)
    strange: tuple[dict[str, Any], ...] = ()
    doubts: tuple[Unsure, ...] = ()
    said: tuple[str, ...] = ()  # what a person should know of how it was taken


def text_of(name: str) -> str:
    """The text of a file that a command is given, or of standard input; one that is packed with gzip is unpacked."""
    return text_in(name, "give the text that the program printed", MOST)


def described(given: dict[str, Any]) -> Described:
    """What the options and files say of the machine."""
    own = _addresses(given["addresses"], given["addr_files"])
    found = [_route(text) for text in given["routes"]]
    odd: list[dict[str, Any]] = []
    for name in given["route_files"]:
        read = routes(text_of(name), name)
        found, odd = found + read.rows, odd + read.strange
    told = [of for of in (4, 6) if _tells_of_links(found[len(given["routes"]) :], own, of)]
    own = {dev: [_bare(one) if _family(one) in told else one for one in rows] for dev, rows in own.items()}
    policy, doubts = _policy(given["rule_files"], found)
    said = _unasked(found, policy)
    if not own and not found:
        found = [Route(prefix("0.0.0.0/0"), "eth0"), Route(prefix("::/0"), "eth0")]
        said.append("no address and no route were given: everything leaves by eth0")
    doubts += [Unsure(_plain(line), line["row"], (replace(line["row"], dev=UNTOLD, via="", hops=()),)) for line in odd]
    found += [Route(block, UNTOLD, table=f"{NOT_SHOWN}{block}") for block in ANYWHERE.values()]
    return Described(own, tuple(found), policy, tuple(map(_plain, odd)), tuple(doubts), tuple(said))


def _plain(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name != "row"}


def _tells_of_links(rows: list[Route], own: dict[str, list[IfAddr]], of: int) -> bool:
    """Whether route files show the rows that come with the addresses of a family: then there are no others."""
    blocks = {(dev, one.block) for dev, here in own.items() for one in here if _family(one) == of}
    return any((row.dev, row.prefix) in blocks and not row.via and row.table == "main" for row in rows)


def _family(one: IfAddr) -> int:
    return family(one.address).number


def _bare(one: IfAddr) -> IfAddr:
    return replace(one, noprefixroute=True)


def _policy(names: tuple[str, ...], found: list[Route]) -> tuple[dict[int, tuple[RouteRule, ...]], list[Unsure]]:
    """The rules of each family, and those on which an answer hangs: odd ones, and ones whose table nobody gave."""
    policy: dict[int, tuple[RouteRule, ...]] = {}
    doubts: list[Unsure] = []
    tables = {route.table for route in found} | {"local", "main", "default"}
    for name in names:
        lines = ip_rules(text_of(name), name)
        of = _family_of([line.rule for line in lines])
        if of in policy:
            right = "give at most one of `ip rule` and one of `ip -6 rule`"
            raise BadInput(name, f"is a second list of the rules of IPv{of}", right)
        policy[of] = tuple(line.rule for line in lines)
        doubts += [Unsure(line.at, line.rule, (replace(line.rule, type="nop"),)) for line in lines if not line.known]
        for line in lines:
            if line.known and line.rule.type == "lookup" and line.rule.table not in tables:
                text = f"{line.at['text']}: no file holds the rows of this table"
                elsewhere = replace(line.rule, table=f"{NOT_SHOWN}{ANYWHERE[of]}")
                doubts.append(Unsure(line.at | {"text": text}, line.rule, (elsewhere,)))
    return policy, doubts


def _family_of(rows: list[RouteRule]) -> int:
    """`ip rule` does not say which family it prints. Addresses tell, else the table `default`, which IPv6's rules do not ask."""
    sides = [side for row in rows for side in (row.src, row.dst) if side is not None]
    if sides:
        return sides[0].family.number
    return 4 if any(row.table == "default" for row in rows) else 6


def _unasked(found: list[Route], policy: dict[int, Any]) -> list[str]:
    """Without `ip rule` no table is asked but local, main and default."""
    others = dict.fromkeys(r.table for r in found if r.table not in ("local", "main", "default"))
    unasked = [table for table in others if not policy]
    which = f"table{'s' if len(unasked) > 1 else ''} {', '.join(unasked)}"
    return (
        [f"the routes of {which} are left out: no rule leads there; give `ip rule` with --rule-file"] if unasked else []
    )


def _addresses(options: tuple[str, ...], files: tuple[str, ...]) -> dict[str, list[IfAddr]]:
    own: dict[str, list[IfAddr]] = {}
    for text in options:
        dev, _, block = text.partition("=")
        if not block:
            raise BadInput("--address", f"{text!r} says no address", "write DEV=CIDR, such as eth0=192.168.1.11/24")
        own.setdefault(dev, []).append(ifaddr(block, "--address"))
    for file in files:
        text = text_of(file)
        for dev, more in (_json_addresses(text, file) if is_json(text) or not text else addresses(text, file)).items():
            here = own.setdefault(dev, [])
            here += [one for one in more if one not in here]
    return own


def _json_addresses(text: str, file: str) -> dict[str, list[IfAddr]]:
    own: dict[str, list[IfAddr]] = {}
    for row in rows_of(text, file, "run `ip -j addr`"):
        try:
            link = msgspec.convert(row, Link)
        except msgspec.ValidationError as error:
            raise BadInput(file, f"is not what ip -j prints ({error})", "run `ip -j addr` or `ip -j route`") from None
        # IPv6 addresses are printed newest first (ipv6_link_dev_addr).
        rows = [row for row in link.addr_info if row.family == "inet"]
        rows += [row for row in reversed(link.addr_info) if row.family == "inet6"]
        own.setdefault(link.ifname, []).extend(ifaddr(f"{row.local}/{row.prefixlen}", file) for row in rows)
    return own


def _route(text: str) -> Route:
    block, _, rest = text.partition("=")
    dev, *more = rest.split(",")
    options = dict(part.partition("=")[::2] for part in more)
    unknown = set(options) - {"via", "src", "metric", "type"}
    if not dev or unknown:
        raise BadInput("--route", f"{text!r} is not a route", "write CIDR=DEV or CIDR=DEV,via=ADDR")
    block = {"default": "::/0" if ":" in options.get("via", "") else "0.0.0.0/0"}.get(block, block)
    via = address(options["via"], "--route") if "via" in options else ""
    dev, kind = ("", dev) if dev in ("unreachable", "blackhole", "prohibit") else (dev, "unicast")
    source = address(options["src"], "--route") if "src" in options else ""
    return Route(prefix(block, "--route"), dev, via, source, number(options.get("metric", "0")), kind)


def number(text: str | int) -> int:
    try:
        return text if isinstance(text, int) else int(text, 0)
    except ValueError:
        raise BadInput("", f"{text!r} is not a number", "write it in decimal or as 0x...") from None
