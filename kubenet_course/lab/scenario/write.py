"""A scenario back to its JSON, laid out so that a person can read it: what fits on a line stands on one."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from ...linux.namespace.device import Device, link_local
from ...linux.namespace.netns import Netns, netns
from ...linux.netfilter.iptables.save import write as rules_text
from ...linux.netfilter.rules import Ruleset
from ...shell import rows
from .packets import sending_text
from .scenario import FAMILY_OF, QUIET, VERSION, DeviceText, NetnsText, Scenario, VxlanText

WIDTH = 150


def write(scenario: Scenario) -> str:
    """The text of the file. Reading it gives an equal scenario."""
    whole: dict[str, Any] = {"kubenet_scenario": VERSION, "name": scenario.name, "about": scenario.about}
    whole["namespaces"] = {name: without_defaults(netns_text(ns, scenario)) for name, ns in scenario.world.items()}
    whole["packets"] = [without_defaults(sending_text(sent)) for sent in scenario.packets]
    if scenario.frames:
        whole["frames"] = without_defaults(scenario.frames)
    return laid_out(whole) + "\n"


def fingerprint(scenario: Scenario) -> str:
    """Sixteen digits that change when the tables or the packets do, so that a capture knows what it is of."""
    bare: dict[str, Any] = {
        "namespaces": {name: without_defaults(netns_text(ns, None)) for name, ns in scenario.world.items()}
    }
    bare["packets"] = [{**without_defaults(sending_text(sent)), "says": ""} for sent in scenario.packets]
    return hashlib.sha256(json.dumps(bare, sort_keys=True).encode()).hexdigest()[:16]


def without_defaults(value: Any) -> Any:
    """A value as JSON has it, without what a reader would assume anyway."""
    if isinstance(value, Struct):
        return {
            each.name: without_defaults(own)
            for each in fields(value)
            if (own := getattr(value, each.name)) != each.default and (own or each.default_factory is NODEFAULT)
        }
    if isinstance(value, list | tuple):
        return [without_defaults(each) for each in value]
    return value


def netns_text(ns: Netns, scenario: Scenario | None) -> NetnsText:
    """A namespace in the file's words. Rules that came from a file are named by it again, given the scenario."""
    rules = {}
    for option, number in FAMILY_OF.items():
        path = scenario.files.get((ns.name, number), "") if scenario else ""
        rules[option] = path or _lines(ns.rules.get(number))
    return NetnsText(
        devices=[device_text(device) for device in ns.devices.values() if device.kind != "lo" or _is_told(device)],
        routes=[rows.route_text(row) for row in ns.routes],
        neighbours=[rows.neighbour_text(row) for row in ns.neighbours],
        fdb=[rows.fdb_text(row) for row in ns.fdb],
        sysctls={name: value for name, value in ns.sysctls.items() if QUIET.get(name) != value},
        sockets=[rows.socket_text(row) for row in ns.sockets],
        **rules,
    )


def _is_told(lo: Device) -> bool:
    """Whether a loopback device has more than every namespace's has."""
    return lo.addresses != netns("").devices["lo"].addresses


def _lines(rules: Ruleset | None) -> str | list[str]:
    return rules_text(rules).splitlines() if rules else ""


def device_text(device: Device) -> DeviceText:
    """A device in the file's words; the link-local address that follows from its MAC is left out."""
    own = [
        str(a) for a in device.addresses if not device.mac or a != link_local(device.mac) or len(device.addresses) == 1
    ]
    v = device.vxlan
    tunnel = VxlanText(v.vni, v.local, v.dev, v.port, v.source_ports, v.checksum) if v else None
    mac, mtu = ("", 1500) if device.kind == "lo" else (device.mac, device.mtu)
    return DeviceText(
        device.name, device.kind, mac, own, mtu, device.up, device.peer, device.master, device.hairpin,
        device.learning, device.ageing / 1e9, tunnel,
    )  # fmt: skip


def laid_out(value: Any, indent: int = 0, room: int = WIDTH) -> str:
    """JSON, one line for whatever fits on one."""
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or (len(flat) <= room - indent and indent):
        return flat
    inner = " " * (indent + 1)
    if isinstance(value, dict):
        parts = [
            f"{json.dumps(name)}: {laid_out(each, indent + 1, room - len(name) - 4)}" for name, each in value.items()
        ]
    else:
        parts = [laid_out(each, indent + 1, room) for each in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n{inner}" + f",\n{inner}".join(parts) + f"\n{' ' * indent}{closing}"
