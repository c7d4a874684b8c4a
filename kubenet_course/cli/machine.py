"""A machine as its owner describes it to the command line: addresses, routes and switches, by option or as `ip -j` prints them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import click
import msgspec

from ..errors import BadInput
from ..files import MOST, text_in
from ..linux.namespace.device import Device, IfAddr, ifaddr
from ..linux.namespace.fib import Route
from ..linux.namespace.netns import Netns, netns
from ..linux.namespace.policy import RouteRule
from ..linux.namespace.switches import check_switch
from ..linux.netfilter.ipset.sets import IpSet
from ..linux.netfilter.rules import Ruleset
from ..linux.packet.address import address, prefix
from .ip_rules import rules as ip_rules
from .ip_text import addresses, is_json, routes, rows_of

MOST_WAYS = 16  # machines that are tried where routing rules are not understood
replace_rule = msgspec.structs.replace


class AddrInfo(msgspec.Struct):
    """One address in the output of `ip -j addr`."""

    family: str
    local: str = ""
    prefixlen: int = 32


class Link(msgspec.Struct):
    """One device in the output of `ip -j addr`."""

    ifname: str
    addr_info: list[AddrInfo] = []


@dataclass(frozen=True)
class Described:
    """A machine apart from its rules: addresses, rows and rules of routing, and what of them was not understood.

    `doubts` are routing rules of which nobody knows the answer, each with the rules that may stand there instead.
    """

    own: dict[str, list[IfAddr]]
    routes: tuple[Route, ...] = ()
    policy: dict[int, tuple[RouteRule, ...]] = field(default_factory=dict)
    strange: tuple[dict[str, Any], ...] = ()
    doubts: tuple[tuple[dict[str, Any], RouteRule, tuple[RouteRule, ...]], ...] = ()
    said: tuple[str, ...] = ()  # what a person should know of how it was taken


FORWARDING = {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1}

MACHINE = (
    click.option(
        "--address", "addresses", multiple=True, metavar="DEV=CIDR", help="An address of this machine. May repeat."
    ),
    click.option(
        "--route", "routes", multiple=True, metavar="CIDR=DEV[,via=ADDR]", help="A route of this machine. May repeat."
    ),
    click.option(
        "--addr-file",
        "addr_files",
        multiple=True,
        metavar="FILE",
        help="The output of `ip addr` or `ip -j addr`. May repeat.",
    ),
    click.option(
        "--route-file",
        "route_files",
        multiple=True,
        metavar="FILE",
        help="The output of `ip route`, best of `ip route show table all`, text or -j, of either family. May repeat.",
    ),
    click.option(
        "--rule-file",
        "rule_files",
        multiple=True,
        metavar="FILE",
        help="The output of `ip rule` or `ip -6 rule`. May repeat.",
    ),
    click.option(
        "--sysctl", "sysctls", multiple=True, metavar="NAME=N", help="A kernel switch, such as net.ipv4.ip_forward=0."
    ),
)


def describes_machine(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what machine it is, apart from its rules."""
    for option in reversed(MACHINE):
        command = option(command)
    return command


def text_of(name: str) -> str:
    """The text of a file that a command is given, or of standard input; one that is packed with gzip is unpacked."""
    return text_in(name, "give the text that the program printed", MOST)


def described(given: dict[str, Any]) -> Described:
    """What the options and files say of the machine."""
    own = _addresses(given["addresses"], given["addr_files"])
    found = [_route(text) for text in given["routes"]]
    strange: list[dict[str, Any]] = []
    for name in given["route_files"]:
        read = routes(text_of(name), name)
        found, strange = found + read.rows, strange + read.strange
    policy, doubts = _policy(given["rule_files"], found)
    said = _unasked(found, policy)
    if not own and not found:
        found = [Route(prefix("0.0.0.0/0"), "eth0"), Route(prefix("::/0"), "eth0")]
        said.append("no address and no route were given: everything leaves by eth0")
    return Described(own, tuple(found), policy, tuple(strange), tuple(doubts), tuple(said))


class HasRules(Protocol):
    """What dumps tell of a machine: its rules by family, and its sets by name."""

    @property
    def rules(self) -> dict[int, Ruleset]: ...

    @property
    def sets(self) -> dict[str, IpSet]: ...


def machine(this: Described, read: HasRules, sysctls: tuple[str, ...], devs: Iterable[str] = ()) -> Netns:
    """The machine as far as it is known, with the rules of each family. `devs` are devices that packets come in by."""
    hops = [hop.dev for route in this.routes for hop in route.hops]
    names = dict.fromkeys([*this.own, *(route.dev for route in this.routes), *hops, *devs])
    switches = FORWARDING | _localnet(read.rules) | dict(_sysctl(text) for text in sysctls)
    devices = tuple(Device(name, addresses=tuple(this.own.get(name, ()))) for name in names if name not in ("", "lo"))
    return netns(
        "this machine",
        devices,
        routes=this.routes,
        rules=read.rules,
        sets=read.sets,
        policy=this.policy,
        sysctls=switches,
        sockets_known=False,
        bridges_known=False,
    )


def possible(this: Described, family: int) -> list[Described]:
    """The machine as it may be: one for each answer that a routing rule which nobody understands may give."""
    found = [this]
    for _, rule, others in this.doubts:
        for one in list(found) if rule in this.policy.get(family, ()) else ():
            rows = one.policy[family]
            for other in others:
                found.append(
                    replace(one, policy={**one.policy, family: tuple(other if r is rule else r for r in rows)})
                )
    return found[:MOST_WAYS]


def _policy(names: tuple[str, ...], found: list[Route]) -> tuple[dict[int, tuple[RouteRule, ...]], list[Any]]:
    """The rules of each family, and those on which an answer hangs: odd ones, and ones whose table nobody gave."""
    policy: dict[int, tuple[RouteRule, ...]] = {}
    doubts: list[Any] = []
    tables = {route.table for route in found} | {"local", "main", "default"}
    for name in names:
        lines = ip_rules(text_of(name), name)
        of = _family_of([line.rule for line in lines])
        if of in policy:
            right = "give at most one of `ip rule` and one of `ip -6 rule`"
            raise BadInput(name, f"is a second list of the rules of IPv{of}", right)
        policy[of] = tuple(line.rule for line in lines)
        doubts += [(line.at, line.rule, (replace_rule(line.rule, type="nop"),)) for line in lines if not line.known]
        for line in lines:
            if line.known and line.rule.type == "lookup" and line.rule.table not in tables:
                text = f"{line.at['text']}: no file holds the rows of this table"
                elsewhere = replace_rule(line.rule, type="unreachable")
                doubts.append((line.at | {"text": text}, line.rule, (elsewhere,)))
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


def _localnet(rules: dict[int, Ruleset]) -> dict[str, int]:
    """Where kube-proxy's rules answer NodePorts on 127.0.0.1 it has switched this on (pkg/proxy/iptables/proxier.go)."""
    tables = [table for of in rules for name, table in rules[of].tables.items() if name.startswith("nat")]
    kube_proxy = any("KUBE-MARK-MASQ" in table.chains for table in tables)
    return {"net.ipv4.conf.all.route_localnet": int(kube_proxy)}


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


def _sysctl(text: str) -> tuple[str, int]:
    name, _, value = text.partition("=")
    name = name.strip().replace("/", ".")
    check_switch(name, f"--sysctl {text}")
    return name, number(value.strip() or "?")


def mark_of(text: str | int, where: str) -> int:
    """A packet's mark, a number of 32 bits."""
    found = number(text)
    if not 0 <= found < 1 << 32:
        raise BadInput(where, f"{text} is not a mark", "write a number from 0 to 0xffffffff")
    return found


def number(text: str | int) -> int:
    try:
        return text if isinstance(text, int) else int(text, 0)
    except ValueError:
        raise BadInput("", f"{text!r} is not a number", "write it in decimal or as 0x...") from None
