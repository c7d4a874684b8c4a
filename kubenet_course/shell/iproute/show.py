"""What `ip link`, `ip addr` and `ip route` print, line for line, without what no packet depends on (queues, life times, groups)."""

from __future__ import annotations

from collections.abc import Iterator

from ...linux.namespace.device import Device, IfAddr
from ...linux.namespace.fib import LINK_LOCAL, LOOPBACK, Route
from ...linux.namespace.macs import made_mac
from ...linux.packet.address import IPV6, family
from ..grammar import FLAG, said_in
from ..state import Call, Result, State, has_carrier
from .route import connected

NO_DEVICE = 'Device "{}" does not exist.'


def wanted(call: Call, what: str) -> list[Device]:
    """The devices that are asked for, by number as `ip` lists them."""
    said = said_in(call.words, {"dev": "DEVICE", "up": FLAG, "master": "BRIDGE", "type": "KIND"}, what, bare="dev")
    found = list(call.ns.devices.values())
    if "dev" in said:
        found = [call.state.device(call.at, said["dev"], NO_DEVICE)]
    if "master" in said:
        call.state.device(call.at, said["master"], 'Error: argument "{}" is wrong: Device does not exist')
    found = [
        device
        for device in found
        if (device.up or "up" not in said)
        and said.get("master", device.master) == device.master
        and said.get("type", device.kind) == device.kind
    ]
    return sorted(found, key=lambda device: call.state.note(call.at, device.name).index)


def links(call: Call) -> Result:
    """`ip link`; `-br` for one short line each, `-d` for what makes a bridge, a port, a tunnel."""
    devices = wanted(call, "ip link show")
    if not devices:
        return Result(call.state, said=f"{call.at} has no such device.")
    if "-br" in call.flags:
        return Result(
            call.state,
            shown="\n".join(_brief(call, device, flags_of(call.state, call.at, device)) for device in devices),
        )
    return Result(call.state, shown="\n".join(line for device in devices for line in _link(call, device)))


def addresses(call: Call) -> Result:
    """`ip addr`: the devices, each with its addresses."""
    devices = wanted(call, "ip addr show")
    if not devices:
        return Result(call.state, said=f"{call.at} has no such device.")
    if "-br" in call.flags:
        lines = [
            _brief(call, device, " ".join(str(own) for own in _own(call, device)), with_mac=False) for device in devices
        ]
        return Result(call.state, shown="\n".join(lines))
    lines = []
    for device in devices:
        lines += _link(call, device)
        for own in _own(call, device):
            six = "6" if family(own.address) is IPV6 else ""
            lines.append(f"    inet{six} {own} scope {_scope(own)} {device.name}")
    return Result(call.state, shown="\n".join(lines))


def _own(call: Call, device: Device) -> list[IfAddr]:
    """IPv4 first; of IPv6 those for the whole network first, and the newest of them (ipv6_link_dev_addr)."""
    newest = device.addresses[::-1]
    ordered = {4: device.addresses, 6: sorted(newest, key=lambda own: _scope(own) != "global")}
    return [own for of in call.families for own in ordered[of] if family(own.address).number == of]


def _scope(own: IfAddr) -> str:
    of = family(own.address)
    return (
        "host"
        if own.address in LOOPBACK[of.number]
        else "link"
        if of is IPV6 and own.address in LINK_LOCAL
        else "global"
    )


def _named(call: Call, device: Device) -> str:
    """A cable's end says where the other is: its name, or its number in another namespace."""
    if not device.peer:
        return device.name
    here = device.peer[0] == call.at
    return f"{device.name}@{device.peer[1] if here else f'if{call.state.note(*device.peer).index}'}"


def flags_of(state: State, at: str, device: Device) -> str:
    """The flags between angle brackets, as `ip` orders them."""
    kind = {"lo": ["LOOPBACK"], "dummy": ["BROADCAST", "NOARP"]}.get(device.kind, ["BROADCAST", "MULTICAST"])
    linked = has_carrier(state, at, device)
    far = state.world[device.peer[0]].devices[device.peer[1]] if device.peer and device.peer[0] == at else device
    found = ["NO-CARRIER"] * (device.up and not linked) + kind + ["UP"] * device.up + ["LOWER_UP"] * linked
    return f"<{','.join(found + ['M-DOWN'] * (not far.up and far is not device))}>"


def _operational(state: State, at: str, device: Device) -> str:
    """Whether frames pass. lo, a tunnel and a bridge without ports cannot tell."""
    if not has_carrier(state, at, device):
        far = state.world[device.peer[0]].devices[device.peer[1]] if device.peer else device
        return "LOWERLAYERDOWN" if device.up and device.peer and device.peer[0] == at and not far.up else "DOWN"
    is_bare = device.kind == "bridge" and not state.note(at, device.name).had_port
    return "UNKNOWN" if device.kind in ("lo", "vxlan") or is_bare else "UP"


def _brief(call: Call, device: Device, last: str, with_mac: bool = True) -> str:
    mac = f"{device.mac} " if with_mac else ""
    return f"{_named(call, device):<16} {_operational(call.state, call.at, device):<14} {mac}{last}".rstrip()


def _link(call: Call, device: Device) -> Iterator[str]:
    note = call.state.note(call.at, device.name)
    master = f" master {device.master}" if device.master else ""
    state = _operational(call.state, call.at, device)
    yield f"{note.index}: {_named(call, device)}: {flags_of(call.state, call.at, device)} mtu {device.mtu}{master} state {state}"
    far = f" link-netns {device.peer[0]}" if device.peer and device.peer[0] != call.at else ""
    yield f"    link/{'loopback' if device.kind == 'lo' else 'ether'} {device.mac or made_mac(call.at, device.name)}{far}"
    if "-d" in call.flags:
        yield from (f"    {line}" for line in details(device))


def details(device: Device) -> Iterator[str]:
    """What `-d` adds: a tunnel's numbers, a bridge's ageing, a port's switches."""
    if device.vxlan:
        v = device.vxlan
        ports = f"srcport {v.source_ports[0]} {v.source_ports[1]} dstport {v.port}"
        yield f"vxlan id {v.vni} local {v.local} dev {v.dev} {ports} nolearning {'' if v.checksum else 'no'}udpcsum"
    elif device.kind == "bridge":
        yield f"bridge ageing_time {device.ageing // 10_000_000}"
    elif device.kind != "lo":
        yield device.kind
    if device.master:
        switched = (
            (name, "on" if on else "off") for name, on in (("hairpin", device.hairpin), ("learning", device.learning))
        )
        yield "bridge_slave " + " ".join(f"{name} {on}" for name, on in switched)


def routes(call: Call) -> Result:
    """`ip route`: IPv4 unless -6 is said, the default first."""
    said = said_in(call.words, {"dev": "DEVICE", "table": "main"}, "ip route show")
    if "dev" in said:
        call.state.device(call.at, said["dev"])
    of = 6 if "-6" in call.flags else 4
    kernels = connected(call.ns)
    found = [
        row
        for row in (*kernels, *call.ns.routes)
        if row.prefix.family.number == of and said.get("dev", row.dev) == row.dev
    ]
    found.sort(key=lambda row: (bool(row.prefix.mask) is (of == 6), row.prefix.network, -row.prefix.length, row.metric))
    mine = {id(row) for row in kernels}
    none = "" if found else f"{call.at} has no such route."
    return Result(call.state, said=none, shown="\n".join(_route(row, id(row) in mine) for row in found))


def _route(row: Route, is_kernels: bool) -> str:
    words = [] if row.type == "unicast" else [row.type]
    words.append("default" if not row.prefix.mask else row.prefix.first if row.prefix.is_host else str(row.prefix))
    words += [f"via {row.via}"] * bool(row.via) + [f"dev {row.dev}"] * bool(row.dev) + ["proto kernel"] * is_kernels
    words += ["scope link"] * (row.prefix.family is not IPV6 and not row.via and bool(row.dev)) + [
        f"src {row.src}"
    ] * bool(row.src)
    return " ".join([*words, *([f"metric {row.metric}"] if row.metric else []), *(["onlink"] if row.onlink else [])])
