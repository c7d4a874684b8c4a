"""`ip link set`: up and down, the bridge that a device is a port of, its MAC and MTU, and the namespace where it lives."""

from __future__ import annotations

from msgspec.structs import replace

from ...linux.namespace.device import Device
from ...linux.namespace.overhead import overhead
from ...linux.stack.bridge import Fdb
from ..grammar import FLAG, mac_of, number, on_off, said_in
from ..state import LO_MAC, Call, Refused, Result, State
from .link import MTUS, TICKS, named, one_device, without
from .rename import renamed

SETTINGS = {
    "dev": "NAME", "up": FLAG, "down": FLAG, "master": "BRIDGE", "nomaster": FLAG, "mtu": "BYTES", "address|lladdr": "MAC",
    "netns": "NAMESPACE", "name": "NAME", "addrgenmode": "none|eui64",
}  # fmt: skip
SLAVE = {"hairpin": "on|off", "learning": "on|off"}
BRIDGE = {"ageing_time": "HUNDREDTHS", "forward_delay": "0", "mcast_snooping": "0", "fdb_flush": FLAG}
NO_BRIDGE = 'Error: argument "{}" is wrong: Device does not exist'
NOT_SUPPORTED = "RTNETLINK answers: Operation not supported"


def link_set(call: Call) -> Result:
    """One device, several settings; all are made, or none."""
    words = list(call.words)
    cut = words.index("type") if "type" in words else len(words)
    said = said_in(words[:cut], SETTINGS, "ip link set", bare="dev")
    state, at = call.state, call.at
    if "master" in said:
        state.device(at, said["master"], NO_BRIDGE)
    if "netns" in said:
        named(state, said["netns"])
    device, new = state.device(at, said.pop("dev", "")), said.pop("name", "")
    if device.kind == "lo" and {"mtu", "address"} & set(said):
        raise Refused("lo keeps its MTU and its MAC here.")
    if words[cut:]:
        state = _of_type(call, state, device, words[cut + 1 :])
    if "netns" in said:
        state, at = _moved(state, at, device, said.pop("netns"))
    for name, value in said.items():
        state = SETTERS[name](state, at, state.world[at].devices[device.name], value)
    if new:
        state = renamed(state, at, state.world[at].devices[device.name], new)
    return Result(state)


def _of_type(call: Call, state: State, device: Device, words: list[str]) -> State:
    """`type bridge_slave hairpin on`, `type bridge ageing_time 30000`."""
    kind, rest = (words[0] if words else ""), words[1:]
    if kind == "bridge_slave":
        said = said_in(rest, SLAVE, "type bridge_slave")
        if not device.master:
            raise Refused(f"{device.name} is a port of no bridge; say 'master BRIDGE' first.", NOT_SUPPORTED)
        switched = {name: on_off(value, name) for name, value in said.items()}
        return state.with_device(call.at, replace(device, **switched))
    if kind != "bridge":
        raise Refused(f"ip link set knows the types bridge and bridge_slave, not {kind!r}.")
    said = said_in(rest, BRIDGE, "type bridge")
    if device.kind != "bridge":
        raise Refused(f"{device.name} is no bridge.", NOT_SUPPORTED)
    if "fdb_flush" in said:
        heard = call.memory.of(call.at)[Fdb].heard
        for place in [place for place in heard if place[0] == device.name]:
            del heard[place]
    ageing = (
        number(said["ageing_time"], "ageing_time", 0, 2**32 - 1) * TICKS if "ageing_time" in said else device.ageing
    )
    return state.with_device(call.at, replace(device, ageing=ageing))


def _moved(state: State, at: str, device: Device, to: str) -> tuple[State, str]:
    """A device in another namespace is down, and has no address, no bridge and no row that names it (dev_change_net_namespace)."""
    if to == at:
        return state, at
    if device.kind in ("lo", "bridge"):
        raise Refused(f"{device.name} belongs to {at} and stays there.", "Error: The interface netns is immutable.")
    if device.vxlan:
        raise Refused(
            f"{device.name} stays where {device.vxlan.dev} is, which carries it; the model knows no other tunnels."
        )
    if device.name in state.world[to].devices:
        quote = "Error: An interface with the same name exists in the target netns."
        raise Refused(f"{to} has a device {device.name} already.", quote)
    bare = replace(device, up=False, addresses=(), master="", hairpin=False, learning=True)
    index = state.note(at, device.name).index
    taken = {note.index for (ns, _), note in state.notes.items() if ns == to}
    state = without(state, at, replace(device, peer=None))
    if device.peer:
        far = state.world[device.peer[0]].devices[device.peer[1]]
        state = state.with_device(device.peer[0], replace(far, peer=(to, device.name)))
    state = state.with_device(to, bare)
    return (state if index in taken else state.with_device(to, bare, index=index)), to


def _up(state: State, at: str, device: Device, value: str) -> State:
    return state.with_device(at, replace(device, up=True))


def _down(state: State, at: str, device: Device, value: str) -> State:
    return state.with_device(at, replace(device, up=False))


def _master(state: State, at: str, device: Device, value: str) -> State:
    """A port that changes its bridge begins anew, with hairpin off and learning on."""
    bridge = state.device(at, value)
    if bridge.kind != "bridge":
        raise Refused(f"{value} is no bridge, so it has no ports.", NOT_SUPPORTED)
    if device.kind in ("bridge", "lo"):
        is_loop = device.kind == "bridge" and device.mac != LO_MAC
        quote = "Error: Can not enslave a bridge to a bridge." if is_loop else "RTNETLINK answers: Invalid argument"
        raise Refused(f"{device.name} cannot be a port of a bridge.", quote)
    if device.master == value:
        return state
    if device.vxlan and device.vxlan.dev == value:
        said = f"{device.name} runs over {value}; as its port it would carry itself."
        raise Refused(said, "RTNETLINK answers: Device or resource busy")
    return state.with_device(at, replace(device, master=value, hairpin=False, learning=True))


def _nomaster(state: State, at: str, device: Device, value: str) -> State:
    return state.with_device(at, replace(device, master="", hairpin=False, learning=True))


def _mtu(state: State, at: str, device: Device, value: str) -> State:
    low, high = MTUS[device.kind]
    size = number(value, "mtu", 0, 2**32 - 1)
    if not low <= size <= high:
        quote = (
            f"Error: mtu {'less' if size < low else 'greater'} than device {'minimum' if size < low else 'maximum'}."
        )
        raise Refused(f"{size} bytes cannot be an MTU of {device.name}; {low} to {high} can.", quote)
    if device.vxlan:
        below = state.world[at].devices[device.vxlan.dev]
        room = below.mtu - overhead("vxlan", 6 if ":" in device.vxlan.local else 4)
        if size > room:
            said = f"A tunnel through {below.name}, whose MTU is {below.mtu}, has room for {room} bytes at most."
            raise Refused(said, "RTNETLINK answers: Invalid argument")
    return state.with_device(at, replace(device, mtu=size), mtu_given=True) if size != device.mtu else state


def _address(state: State, at: str, device: Device, value: str) -> State:
    mac = mac_of(value)
    one_device(mac)
    return state.with_device(at, replace(device, mac=mac), mac_given=True)


def _addrgenmode(state: State, at: str, device: Device, value: str) -> State:
    if value not in ("none", "eui64"):
        quote = f'Error: argument "{value}" is wrong: Invalid address generation mode'
        raise Refused(f"addrgenmode is none or eui64, not {value!r}.", quote)
    return state.with_device(at, device, makes_link_local=value == "eui64")


# In the order in which a kernel makes them (do_setlink).
SETTERS = {
    "address": _address,
    "mtu": _mtu,
    "master": _master,
    "nomaster": _nomaster,
    "addrgenmode": _addrgenmode,
    "up": _up,
    "down": _down,
}
