"""A scenario: one versioned JSON file with the tables of some namespaces, packets in order, and perhaps the frames to expect.

Tests, captures, the command line and chapters read the same files. What they say is checked where it enters: each refusal is
one sentence with the path to the value.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from ...errors import BadInput
from ...files import text_in
from ...linux.namespace.device import Device, IfAddr, Vxlan, ifaddr, link_local
from ...linux.namespace.fib import LINK_LOCAL
from ...linux.namespace.netns import Netns, netns
from ...linux.netfilter.iptables.save import read as read_rules
from ...linux.netfilter.rules import Ruleset
from ...linux.packet.address import IPV6, Mac, family
from ...linux.packet.address import mac as mac_address
from ...shell import rows
from .consistent import check
from .decode import converted, decoded
from .packets import Sending, SendingText, sending

VERSION = 1
KINDS = ("lo", "veth", "bridge", "vxlan", "eth")
FAMILY_OF = {"iptables": 4, "ip6tables": 6}
# A machine that sends redirects would say more than anybody asked for; every scenario has them off unless it says otherwise.
QUIET = {"net.ipv4.conf.all.send_redirects": 0}


class VxlanText(Struct, forbid_unknown_fields=True):
    """`ip link add ... type vxlan`: the network's number, the tunnel's own end, and the device that carries it."""

    vni: int
    local: str
    dev: str
    port: int = 8472
    source_ports: tuple[int, int] = (40000, 40001)
    checksum: bool = False


class DeviceText(Struct, forbid_unknown_fields=True):
    """A device. `eth` is one whose far end is not modelled: frames may arrive on it, and what leaves is gone."""

    name: str
    kind: str
    mac: str = ""
    addresses: list[str] = []
    mtu: int = 1500
    up: bool = True
    peer: tuple[str, str] | None = None
    master: str = ""
    hairpin: bool = False
    learning: bool = True
    ageing: float = 300.0  # of a bridge, in seconds
    vxlan: VxlanText | None = None


class NetnsText(Struct, forbid_unknown_fields=True):
    """A namespace. Rules are the path of a file beside the scenario's, or the lines themselves."""

    devices: list[DeviceText] = []
    routes: list[str] = []
    neighbours: list[str] = []
    fdb: list[str] = []
    sysctls: dict[str, int] = {}
    sockets: list[str] = []
    iptables: str | list[str] = ""
    ip6tables: str | list[str] = ""


class FrameHex(Struct, frozen=True, forbid_unknown_fields=True):
    """A frame on a device: `direction` is in or out, `packet` counts from 1 what was sent before it was seen."""

    packet: int
    namespace: str
    device: str
    direction: str
    hex: str

    @property
    def place(self) -> tuple[str, str, str]:
        return self.namespace, self.device, self.direction


class Scenario(Struct, frozen=True):
    """What a file holds, as values. `files` says which rules were read from which file, by namespace and family."""

    name: str
    about: str
    world: Mapping[str, Netns]
    packets: tuple[Sending, ...]
    frames: tuple[FrameHex, ...] = ()
    files: Mapping[tuple[str, int], str] = field(default_factory=dict)


class ScenarioText(Struct, forbid_unknown_fields=True):
    """The file's outermost object; namespaces are decoded one by one, so that a refusal can name them."""

    kubenet_scenario: int
    name: str
    about: str = ""
    namespaces: dict[str, Any] = {}
    packets: list[Any] = []
    frames: list[FrameHex] = []


def load(path: Path) -> Scenario:
    """The scenario of a file. Raises BadInput, naming the file and the place in it."""
    return read(text_in(path, "write a scenario file, JSON in UTF-8"), str(path), path.parent)


def read(text: str, where: str = "scenario", beside: Path | None = None) -> Scenario:
    """Reads a scenario's JSON. Rules in files are looked for in the folder `beside`."""
    whole = decoded(text, where)
    if not isinstance(whole, dict) or whole.get("kubenet_scenario") != VERSION or whole["kubenet_scenario"] is True:
        given = whole.get("kubenet_scenario") if isinstance(whole, dict) else None
        raise BadInput(f"{where}: $.kubenet_scenario", f"version {given!r} is not known", f"it must be {VERSION}")
    outer = converted(whole, ScenarioText, where, "$")
    world, files = {}, {}
    for name, inside in outer.namespaces.items():
        at = f"$.namespaces.{name}"
        said = converted(inside, NetnsText, where, at)
        world[name] = _netns(name, said, f"{where}: {at}", beside)
        for option, number in FAMILY_OF.items():
            if isinstance(path := getattr(said, option), str) and path:
                files[name, number] = path
    packets = []
    for number, inside in enumerate(outer.packets):
        at = f"$.packets[{number}]"
        packets.append(sending(converted(inside, SendingText, where, at), f"{where}: {at}"))
    scenario = Scenario(outer.name, outer.about, world, tuple(packets), tuple(outer.frames), files)
    check(world, scenario.packets, f"{where}: $")
    return scenario


def _netns(name: str, said: NetnsText, where: str, beside: Path | None) -> Netns:
    devices = tuple(_device(each, f"{where}.devices[{number}]") for number, each in enumerate(said.devices))
    names = [device.name for device in devices]
    for number, one in enumerate(names):
        if one in names[:number]:
            raise BadInput(
                f"{where}.devices[{number}].name", f"two devices are named {one}", "give each device its own name"
            )
    lists = {
        table: tuple(reader(text, f"{where}.{table}[{number}]") for number, text in enumerate(getattr(said, table)))
        for table, reader in READERS.items()
    }
    rules = {}
    for option, number in FAMILY_OF.items():
        if text := getattr(said, option):
            rules[number] = _rules(text, f"{where}.{option}", beside)
    return netns(name, devices, rules=rules, sysctls={**QUIET, **said.sysctls}, **lists)


READERS = {"routes": rows.route, "neighbours": rows.neighbour, "fdb": rows.fdb_entry, "sockets": rows.socket}


def _rules(text: str | list[str], where: str, beside: Path | None) -> Ruleset:
    if isinstance(text, str):
        path = (beside or Path()) / text
        try:
            text = text_in(path, "").splitlines()
        except BadInput:  # no such file, no text, no name for a file
            raise BadInput(
                where, f"{text!r} cannot be read", "name a file beside the scenario's, or write a list of lines"
            ) from None
    dump = read_rules("\n".join(text), where)
    if dump.not_understood:
        number, line = dump.not_understood[0]
        raise BadInput(f"{where}:{number}", f"the model does not know {line!r}", "leave the line out")
    return dump.rules


def _device(said: DeviceText, where: str) -> Device:
    if said.kind not in KINDS:
        raise BadInput(f"{where}.kind", f"{said.kind!r} is not a kind of device", f"write one of {', '.join(KINDS)}")
    if said.kind == "lo":
        mac = "00:00:00:00:00:00"
    elif not said.mac:
        raise BadInput(f"{where}.mac", f"{said.name} has no MAC address", "give it one such as 02:0a:f4:01:00:0a")
    else:
        mac = mac_address(said.mac, f"{where}.mac")
    own = [ifaddr(text, f"{where}.addresses[{number}]") for number, text in enumerate(said.addresses)]
    v = said.vxlan
    tunnel = (
        Vxlan(v.vni, _plain(v.local, f"{where}.vxlan.local"), v.dev, v.port, v.source_ports, v.checksum) if v else None
    )
    addresses = tuple(own) if said.kind == "lo" else with_link_local(tuple(own), mac)
    mtu = 65536 if said.kind == "lo" and said.mtu == 1500 else said.mtu  # the lab leaves lo as it is born
    return Device(
        said.name, said.kind, mac, addresses, mtu, said.up, said.peer, said.master, said.hairpin, said.learning,
        round(said.ageing * 1e9), tunnel,
    )  # fmt: skip


def _plain(text: str, where: str) -> str:
    return ifaddr(text, where).address


def with_link_local(addresses: tuple[IfAddr, ...], mac: Mac) -> tuple[IfAddr, ...]:
    """A device with an IPv6 address has a link-local one too. One without any has IPv6 switched off, so that it is silent."""
    has = any(family(own.address) is IPV6 for own in addresses)
    is_linked = any(family(own.address) is IPV6 and own.address in LINK_LOCAL for own in addresses)
    return (*addresses, link_local(mac)) if has and not is_linked else addresses
