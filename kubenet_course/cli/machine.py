"""The options that describe a machine to the command line, and the machine that is made of them and of its dumps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import click

from ..errors import BadInput
from ..linux.namespace.device import Device
from ..linux.namespace.netns import Netns, netns
from ..linux.namespace.switches import check_switch
from ..linux.netfilter.ipset.sets import IpSet
from ..linux.netfilter.rules import Ruleset
from .described import Described, number

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


def _localnet(rules: dict[int, Ruleset]) -> dict[str, int]:
    """Where kube-proxy's rules answer NodePorts on 127.0.0.1 it has switched this on (pkg/proxy/iptables/proxier.go)."""
    tables = [table for of in rules for name, table in rules[of].tables.items() if name.startswith("nat")]
    kube_proxy = any("KUBE-MARK-MASQ" in table.chains for table in tables)
    return {"net.ipv4.conf.all.route_localnet": int(kube_proxy)}


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
