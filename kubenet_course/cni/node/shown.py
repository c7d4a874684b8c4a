"""What `ip -j` prints of the model's tables: the fields that CNI plugins read, under the names that iproute2 gives them."""

from __future__ import annotations

import json
from typing import Any

from ...linux.namespace.device import Device
from ...linux.namespace.fib import NO_ROUTE
from ...linux.namespace.memory import Memory
from ...linux.packet.address import IPV4, family, prefix
from ...shell.iproute.route import connected
from ...shell.iproute.show import NO_DEVICE
from ...shell.state import Refused, State, has_carrier


def json_of(state: State, memory: Memory, at: str, words: tuple[str, ...]) -> str:
    """The answer to `ip -j ...` as text. Raises Refused with the program's words."""
    left = [word for word in words[1:] if not word.startswith("-")]
    match left:
        case ["link", "show", "dev", name]:
            return json.dumps([_link(state, at, state.device(at, name, NO_DEVICE))])
        case ["addr", "show", "dev", name]:
            return json.dumps([_addresses(state.device(at, name, NO_DEVICE))])
        case ["route", "show", "exact", to]:
            return json.dumps(_routes(state, at, "0.0.0.0/0" if to == "default" else to, 6 if "-6" in words else 4))
        case ["route", "get", to]:
            row = state.ns(at).fib.lookup(to)
            if row is NO_ROUTE:
                raise Refused(f"No row of {at} leads to {to}.", "RTNETLINK answers: Network is unreachable")
            return json.dumps([{"dst": to, "dev": row.dev}])
    raise Refused(f"The model does not answer {' '.join(words)} as JSON.")


def _link(state: State, at: str, device: Device) -> dict[str, Any]:
    found: dict[str, Any] = {
        "ifindex": state.note(at, device.name).index,
        "ifname": device.name,
        "address": device.mac,
        "mtu": device.mtu,
        "operstate": "UP" if has_carrier(state, at, device) else "LOWERLAYERDOWN" if device.up else "DOWN",
        "promiscuity": 1 if device.master else 0,
        "linkinfo": {"info_kind": device.kind} if device.kind in ("bridge", "veth", "vxlan") else {},
    }
    if device.peer:
        found["link_index"] = state.note(*device.peer).index
    return found | ({"master": device.master} if device.master else {})


def _addresses(device: Device) -> dict[str, Any]:
    own = [
        {"family": "inet" if family(one.address) is IPV4 else "inet6", "local": one.address, "prefixlen": one.length}
        for one in device.addresses
    ]
    return {"ifname": device.name, "addr_info": own}


def _routes(state: State, at: str, to: str, of: int) -> list[dict[str, Any]]:
    wanted = prefix("::/0" if of == 6 and to == "0.0.0.0/0" else to)
    ns = state.ns(at)
    rows = [row for row in (*ns.routes, *connected(ns)) if row.prefix == wanted]
    return [{"dst": to, "dev": row.dev} | ({"gateway": row.via} if row.via else {}) for row in rows]
