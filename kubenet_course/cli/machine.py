"""A machine as its owner describes it to the command line: addresses, routes and switches, by option or as `ip -j` prints them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click
import msgspec

from ..errors import BadInput
from ..files import MOST, text_in
from ..linux.namespace.device import Device, IfAddr, ifaddr
from ..linux.namespace.fib import Route
from ..linux.namespace.netns import Netns, netns
from ..linux.namespace.switches import check_switch
from ..linux.netfilter.rules import Ruleset
from ..linux.packet.address import address, prefix

T = TypeVar("T")


class AddrInfo(msgspec.Struct):
    """One address in the output of `ip -j addr`."""

    family: str
    local: str = ""
    prefixlen: int = 32


class Link(msgspec.Struct):
    """One device in the output of `ip -j addr`."""

    ifname: str
    addr_info: list[AddrInfo] = []


class RouteRow(msgspec.Struct):
    """One row in the output of `ip -j route`."""

    dst: str
    dev: str = ""
    gateway: str = ""
    via: dict[str, str] = {}
    prefsrc: str = ""
    metric: int = 0
    type: str = "unicast"


FORWARDING = {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1}

MACHINE = (
    click.option(
        "--address", "addresses", multiple=True, metavar="DEV=CIDR", help="An address of this machine. May repeat."
    ),
    click.option(
        "--route", "routes", multiple=True, metavar="CIDR=DEV[,via=ADDR]", help="A route of this machine. May repeat."
    ),
    click.option("--addr-file", metavar="FILE", help="The output of `ip -j addr`."),
    click.option(
        "--route-file", metavar="FILE", help="The output of `ip -j route` (and of `ip -6 -j route` in another call)."
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
    """The text of a file that a command is given, or of standard input."""
    return text_in(name, "give the text that the program printed", MOST)


def machine(rules: dict[str, tuple[int, Ruleset]], given: dict[str, Any], devs: Iterable[str] = ()) -> Netns:
    """The machine as far as it is known: its devices, addresses, routes and rules (by file: family and rule set).

    `devs` are devices that it must have besides, for packets come in by them.
    """
    own = _addresses(given["addresses"], given["addr_file"])
    routes = [_route(text) for text in given["routes"]]
    if given["route_file"]:
        routes += [_route_row(row, given["route_file"]) for row in _rows(given["route_file"], list[RouteRow])]
    unknown = not own and not routes
    if unknown:
        routes = [Route(prefix("0.0.0.0/0"), "eth0"), Route(prefix("::/0"), "eth0")]
    names = dict.fromkeys([*own, *(route.dev for route in routes), *devs])
    by_family: dict[int, Ruleset] = {}
    for name, (of, found) in rules.items():
        if of in by_family:
            raise BadInput(
                name, f"is a second dump of IPv{of}", "give at most one of iptables-save and one of ip6tables-save"
            )
        by_family[of] = found
    switches = FORWARDING | _localnet(by_family) | dict(_sysctl(text) for text in given["sysctls"])
    devices = tuple(Device(name, addresses=tuple(own.get(name, ()))) for name in names if name not in ("", "lo"))
    if unknown:
        click.echo("kubenet: no address and no route were given: everything leaves by eth0", err=True)
    return netns("this machine", devices, routes=tuple(routes), rules=by_family, sysctls=switches, sockets_known=False)


def _addresses(options: tuple[str, ...], file: str | None) -> dict[str, list[IfAddr]]:
    own: dict[str, list[IfAddr]] = {}
    for text in options:
        dev, _, block = text.partition("=")
        if not block:
            raise BadInput("--address", f"{text!r} says no address", "write DEV=CIDR, such as eth0=192.168.1.11/24")
        own.setdefault(dev, []).append(ifaddr(block, "--address"))
    for link in _rows(file, list[Link]) if file else ():
        # IPv6 addresses are printed newest first (ipv6_link_dev_addr).
        rows = [row for row in link.addr_info if row.family == "inet"]
        rows += [row for row in reversed(link.addr_info) if row.family == "inet6"]
        own.setdefault(link.ifname, []).extend(ifaddr(f"{row.local}/{row.prefixlen}", file or "") for row in rows)
    return own


def _localnet(rules: dict[int, Ruleset]) -> dict[str, int]:
    """Where kube-proxy's rules answer NodePorts on 127.0.0.1 it has switched this on (pkg/proxy/iptables/proxier.go)."""
    kube_proxy = any(rules[of].chain("nat", "KUBE-MARK-MASQ") is not None for of in rules)
    return {"net.ipv4.conf.all.route_localnet": int(kube_proxy)}


def _rows(name: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(text_of(name).encode(), type=kind)
    except msgspec.DecodeError as error:
        raise BadInput(name, f"is not what ip -j prints ({error})", "run `ip -j addr` or `ip -j route`") from None


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


def _route_row(row: RouteRow, where: str) -> Route:
    via = row.gateway or row.via.get("host", "")
    to = row.dst if row.dst != "default" else "::/0" if ":" in via else "0.0.0.0/0"
    via, source = (address(said, where) if said else "" for said in (via, row.prefsrc))
    return Route(prefix(to, where), row.dev, via, source, row.metric, row.type)


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
