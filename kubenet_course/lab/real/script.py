"""From tables to the commands that build them: what a person could type, and what `run` carries out.

Each command is an argument list and perhaps a text for its standard input; no shell is needed. The order is: namespaces and
their switches, devices, then each namespace's ports, addresses, routes, neighbours and rules.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from ...errors import BadInput
from ...linux.namespace.device import Device, link_local
from ...linux.namespace.fib import LINK_LOCAL
from ...linux.namespace.netns import Netns
from ...linux.namespace.overhead import clamped
from ...linux.namespace.policy import EVERYONES
from ...linux.netfilter.iptables.save import write as rules_text
from ...linux.packet.address import IPV6, family
from ...shell import pins, rows
from ...shell.command import Command
from ...visible import visible
from ..scenario.consistent import NETNS_NAME
from ..scenario.scenario import Scenario

FAR = "_far"  # the namespace of the far ends that no scenario describes; no scenario can have this name
NFACCT = re.compile(r" -m nfacct --nfacct-name +\S+")
RESTORE = {4: "iptables-restore", 6: "ip6tables-restore"}


def _in(ns: str, *words: str, says: str = "") -> Command:
    """An `ip` command inside a namespace; each word may hold several."""
    return Command(("ip", "-n", ns, *(part for word in words for part in word.split())), says=says)


def commands(world: Mapping[str, Netns]) -> list[Command]:
    """Everything that builds these namespaces, in order. Needs a private network and mount namespace with an empty /run."""
    return [*_machines(world), *_devices(world), *(one for ns in world.values() for one in _tables(ns))]


def _machines(world: Mapping[str, Netns]) -> Iterator[Command]:
    says = "The machines and pods: each a network namespace, with switches that keep its kernel to the point."
    for ns in world.values():
        yield Command(("ip", "netns", "add", ns.name), says=says)
        yield Command(("ip", "netns", "exec", ns.name, "sysctl", "-q", "-w", *pins.shown(pins.of_machine(ns))))
        says = ""
    if any(device.kind == "eth" for ns in world.values() for device in ns.devices.values()):
        yield Command(("ip", "netns", "add", FAR), says="The far ends of devices that lead out of the picture.")
        yield Command(("ip", "netns", "exec", FAR, "sysctl", "-q", "-w", "net/ipv6/conf/default/disable_ipv6=1"))


def far_ends(world: Mapping[str, Netns]) -> dict[tuple[str, str], str]:
    """For each device of kind eth, the name of its far end in the namespace FAR."""
    found = [(ns.name, d.name) for ns in world.values() for d in ns.devices.values() if d.kind == "eth"]
    return {end: f"far{number}" for number, end in enumerate(found)}


def _devices(world: Mapping[str, Netns]) -> Iterator[Command]:
    says = "The wires: a veth is a pair, and what goes in at one end comes out at the other."
    far = far_ends(world)
    for ns in world.values():
        for device in ns.devices.values():
            own = f"link add {device.name} netns {ns.name} address {device.mac} mtu {device.mtu} type veth peer"
            if device.kind == "veth" and device.peer and (ns.name, device.name) < device.peer:
                other = world[device.peer[0]].devices[device.peer[1]]
                end = f"name {other.name} netns {device.peer[0]} address {other.mac} mtu {other.mtu}"
            elif device.kind == "eth":
                end = f"name {far[ns.name, device.name]} netns {FAR} mtu {device.mtu}"
            else:
                continue
            yield Command(("ip", *own.split(), *end.split()), says=says)
            says = ""
    for end in far.values():
        yield _in(FAR, f"link set {end} up")
        yield Command(("ip", "netns", "exec", FAR, "ethtool", "-K", end, *pins.OFFLOADS))


MADE = ("veth", "eth", "lo", "bridge", "vxlan")  # kinds of devices, in the order in which the lab makes them


def in_order(ns: Netns) -> list[Device]:
    """A namespace's devices in the order in which they are made: each stands on those before it."""
    return sorted(ns.devices.values(), key=lambda device: MADE.index(device.kind))


def as_made(world: Mapping[str, Netns]) -> dict[str, Netns]:
    """The world as these commands make it. A kernel lists devices in the order of their birth, wires by whoever names them first,
    and a bridge that is given a MAC address and never a port has no carrier."""
    born: dict[str, list[str]] = {name: [] for name in world}
    for ns in world.values():
        for device in ns.devices.values():
            if device.kind == "veth" and device.peer and (ns.name, device.name) < device.peer:
                for at, name in (device.peer, (ns.name, device.name)):
                    born[at].append(name)
            elif device.kind == "eth":
                born[ns.name].append(device.name)
    found = {}
    for ns in world.values():
        wires = born[ns.name]
        rest = [device.name for device in in_order(ns) if device.name not in wires and device.kind != "lo"]
        masters = {device.master for device in ns.devices.values()}
        made = {name: ns.devices[name] for name in ["lo", *wires, *rest]}
        made |= {name: replace(one, mtu=clamped(one, ns.devices)) for name, one in made.items() if one.vxlan}
        made |= {
            name: replace(one, carrier=False)
            for name, one in made.items()
            if one.kind == "bridge" and name not in masters
        }
        found[ns.name] = replace(ns, devices=made)
    return found


def _tables(ns: Netns) -> Iterator[Command]:
    yield _in(ns.name, "link set lo up", says=f"{ns.name}: its devices.")
    ordered = in_order(ns)
    for device in ordered:
        if device.kind == "lo":
            yield from _addresses(ns, device)
            continue
        yield from _made(ns, device)
        yield Command(("ip", "netns", "exec", ns.name, "ethtool", "-K", device.name, *pins.OFFLOADS))
        yield Command(("ip", "netns", "exec", ns.name, "sysctl", "-q", "-w", *pins.shown(pins.of_device(ns, device))))
    for device in ordered:
        if device.master:
            port = f"hairpin {_switch(device.hairpin)} learning {_switch(device.learning)}"
            yield _in(ns.name, f"link set {device.name} master {device.master}")
            yield _in(ns.name, f"link set {device.name} type bridge_slave {port}")
    for device in ordered:
        if device.kind == "bridge":  # a bridge takes the smallest MTU of its ports until it is told one
            yield _in(ns.name, f"link set {device.name} mtu {device.mtu}")
        if device.kind != "lo":
            yield from _addresses(ns, device)
            yield from [_in(ns.name, f"link set {device.name} up")] if device.up else []
    yield from _rows(ns)


def _made(ns: Netns, device: Device) -> Iterator[Command]:
    if device.kind == "bridge":
        options = f"type bridge forward_delay 0 mcast_snooping 0 ageing_time {device.ageing // 10_000_000}"
        yield _in(ns.name, f"link add {device.name} address {device.mac} {options}")
    if device.vxlan:
        v = device.vxlan
        ports = f"dstport {v.port} srcport {v.source_ports[0]} {v.source_ports[1]}"
        no = "" if v.checksum else "no"
        sums = (
            f"{no}udpcsum"
            if ":" not in v.local
            else " ".join(f"{'no' if v.checksum else ''}udp6zerocsum{way}" for way in ("tx", "rx"))
        )
        what = f"type vxlan id {v.vni} local {v.local} dev {v.dev} {ports} nolearning {sums}"
        yield _in(ns.name, f"link add {device.name} address {device.mac} mtu {device.mtu} {what}")


def _switch(on: bool) -> str:
    return "on" if on else "off"


def _addresses(ns: Netns, device: Device) -> Iterator[Command]:
    for own in device.addresses:
        made_by_itself = own == link_local(device.mac) or own.address in ("127.0.0.1", "::1")
        if not made_by_itself:
            if own.address in LINK_LOCAL:
                yield Command(_none(ns.name, device.name))
            nodad = " nodad" if family(own.address) is IPV6 else ""
            yield _in(ns.name, f"addr add {own} dev {device.name}{nodad}")


def _none(ns: str, device: str) -> tuple[str, ...]:
    """No link-local address of its own making, where the scenario gives another."""
    return ("ip", "-n", ns, "link", "set", device, "addrgenmode", "none")


def _rows(ns: Netns) -> Iterator[Command]:
    says = f"{ns.name}: its tables."
    for route in ns.routes:
        yield _in(ns.name, f"route add {rows.route_text(route)}", says=says)
        says = ""
    for of, lines in ns.policy.items():
        for rule in lines:
            if rule not in EVERYONES[of]:  # those are there from the beginning
                yield _in(ns.name, *(["-6"] if of == 6 else []), f"rule add {rows.policy_text(rule)}")
    for row in ns.neighbours:
        yield _in(ns.name, f"neigh replace {rows.neighbour_text(row)} nud permanent", says=says)
        says = ""
    for entry in ns.fdb:
        where = "self permanent" if entry.dst else "master static"
        words = f"{'append' if entry.dst else 'add'} {rows.fdb_text(entry)} {where}".split()
        yield Command(("bridge", "-n", ns.name, "fdb", *words))
    for number, rules in ns.rules.items():
        # -m nfacct only counts, and its kernel module is not to be had in every private namespace.
        text = NFACCT.sub("", rules_text(rules))
        yield Command(("ip", "netns", "exec", ns.name, RESTORE[number]), text, f"{ns.name}: its rules.")


HEAD = """#!/bin/sh
# {name}: {about}
#
# Needs iproute2, iptables and ethtool. Run it in namespaces of its own, of which nothing stays when they end:
#   sudo unshare --net --mount --fork --kill-child sh THIS-FILE       (without sudo: unshare --map-root-user ...)
# Its last line is a shell in which you can look around: ip netns exec {first} ip addr
mount -t tmpfs tmpfs /run
"""


def shell(scenario: Scenario) -> str:
    """The commands as a script that a person can read, type, and run. What a file says stands in comments or as a quoted word."""
    for name in scenario.world:
        if not NETNS_NAME.fullmatch(name):
            raise BadInput(
                "script", f"{name!r} is not a name for a namespace", "use small letters, digits, dots and dashes"
            )
    first = shlex.quote(next(iter(scenario.world), "NAME"))
    about = scenario.about or "a scenario"
    lines = [HEAD.format(name=visible(scenario.name), about=visible(about), first=visible(first))]
    for command in commands(scenario.world):
        if command.says:
            lines.append(f"\n# {visible(command.says)}")
        lines.append(_typed(command))
    listening = [(ns.name, rows.socket_text(own)) for ns in scenario.world.values() for own in ns.sockets]
    lines += (
        ["\n# Who listens:", *(f"#   {visible(f'{name}: {text}')}" for name, text in listening)] if listening else []
    )
    lines += ["\n# What is then sent, by raw sockets, so that every header field is as it says:"]
    for sent in scenario.packets:
        says = f" ({sent.says})" if sent.says else ""
        lines.append(f"#   {visible(f'{sent.at}: {sent.packet}{says}')}")
    return "\n".join([*lines, 'exec "${SHELL:-sh}"', ""])


def _typed(command: Command) -> str:
    """A command as a line, and its input below it up to a word that is no line of it. Raises BadInput for what cannot be typed."""
    text = command.stdin.rstrip()
    for word in (*command.argv, text.replace("\n", " ")):
        if visible(word) != word:
            raise BadInput(
                "script", f"{word!r} holds a character that nobody can type", "use letters, digits, '-', '_' and '.'"
            )
    end = "END"
    while end in text.splitlines():
        end += "_"
    return shlex.join(command.argv) + (f" <<'{end}'\n{text}\n{end}" if text else "")
