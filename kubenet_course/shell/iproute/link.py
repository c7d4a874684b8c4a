"""`ip netns` and `ip link add, del`: namespaces, cables, bridges, tunnels."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from ...linux.namespace.device import Device, Vxlan
from ...linux.namespace.macs import made_mac
from ...linux.namespace.overhead import overhead
from ...linux.packet.address import IPV6, Mac, family
from ..grammar import FLAG, address_of, chosen, mac_of, number, said_in
from ..state import Call, Refused, Result, State, fresh

EXISTS = "RTNETLINK answers: File exists"
NAME_ROOM = 15  # characters of a device's name (IFNAMSIZ, with the zero at the end)
MTUS = {"bridge": (68, 65535), "veth": (68, 65535), "vxlan": (68, 65535)}
TICKS = 10_000_000  # nanoseconds of the hundredths of a second in which ageing_time is said
PORTS = (32768, 61000)  # where a tunnel's source ports lie when nobody says: as any program's
GENERAL = {"dev|name": "NAME", "netns": "NAMESPACE", "address|lladdr": "MAC", "mtu": "BYTES"}
BRIDGE = {"forward_delay": "0", "mcast_snooping": "0", "ageing_time": "HUNDREDTHS"}
VXLAN = {
    "id|vni": "NUMBER", "local": "ADDRESS", "dev": "DEVICE", "dstport": "PORT", "srcport": "LOW HIGH", "nolearning": FLAG,
    "udpcsum": FLAG, "noudpcsum": FLAG, "udp6zerocsumtx": FLAG, "noudp6zerocsumtx": FLAG, "udp6zerocsumrx": FLAG,
    "noudp6zerocsumrx": FLAG,
}  # fmt: skip


def netns(call: Call) -> Result:
    """`ip netns add, del, list`."""
    verb = chosen(
        call.words[0] if call.words else "list", {"a": "add", "d": "delete", "l": "list", "s": "show"}, "ip netns"
    )
    if verb in ("list", "show"):
        names = [name for name in call.state.world if name != call.state.here]
        return Result(call.state, said="" if names else "There is no namespace yet.", shown="\n".join(names))
    if len(call.words) != 2:
        raise Refused(f"ip netns {verb} takes one name.", "No netns name specified" if len(call.words) < 2 else "")
    state, name = call.state, call.words[1]
    if verb == "delete":
        return Result(_deleted(state, name))
    if "/" in name or name in (".", ".."):
        raise Refused(
            f"{name!r} cannot be a namespace's name: it becomes the name of a file.", f'Invalid netns name "{name}"'
        )
    if name == state.here:
        raise Refused(f"This terminal itself stands in {name}; choose another name.")
    if name in state.world:
        raise Refused(
            f"There is a namespace {name} already.", f'Cannot create namespace file "/run/netns/{name}": File exists'
        )
    made = state.with_ns(fresh(name))
    return Result(made.with_device(name, made.world[name].devices["lo"]))


def _deleted(state: State, name: str) -> State:
    """The namespace, its devices, and the far ends of its cables."""
    if name not in state.world or name == state.here:
        quote = f'Cannot remove namespace file "/run/netns/{name}": No such file or directory'
        raise Refused(f"There is no namespace {name}.", quote)
    for device in list(state.world[name].devices.values()):
        if device.kind != "lo" and device.name in state.world[name].devices:
            state = without(state, name, device)
    world = {other: ns for other, ns in state.world.items() if other != name}
    return replace(state, world=world, notes={place: note for place, note in state.notes.items() if place[0] != name})


# Words of `ip link add` that may be shortened, so that no device can bear their first letters as its name (matches() in iplink.c).
WHOLE = ("address", "broadcast", "dynamic", "help", "link", "master", "txqueuelen")


def add(call: Call) -> Result:
    """`ip link add NAME ... type veth, bridge or vxlan`."""
    words = list(call.words)
    if "type" not in words:
        raise Refused(
            "ip link add wants a type at the end: type veth, bridge or vxlan.", 'Not enough information: "type"'
        )
    cut = words.index("type")
    kind, rest = (words[cut + 1] if cut + 1 < len(words) else ""), words[cut + 2 :]
    if kind not in MTUS:
        raise Refused(f"The console makes devices of the types veth, bridge and vxlan, not {kind!r}.")
    if words[0] not in GENERAL and (whole := [word for word in WHOLE if word.startswith(words[0])]):
        raise Refused(f"ip reads {words[0]!r} as a short {whole[0]}, not as a name; give the device another one.")
    said = said_in(words[:cut], GENERAL, "ip link add", bare="dev")
    if "dev" not in said:
        raise Refused("ip link add wants a name for the device; the console makes none up.")
    at = _target(call, said)
    if kind == "veth":
        return _veth(call, at, said, rest)
    if kind == "vxlan" and "dev" in rest[:-1]:
        call.state.device(at, rest[rest.index("dev") + 1])
    _free(call.state, at, said["dev"], "Error: Attribute failed policy validation.")
    own, given = _plain(at, said, kind), {"mac_given": "address" in said}
    if kind == "bridge":
        return Result(call.state.with_device(at, _bridge(own, rest), **given), said=_made_up(said, own))
    return Result(call.state.with_device(at, _vxlan(call.state, at, own, said, rest)), said=_made_up(said, own))


def _target(call: Call, said: dict[str, str]) -> str:
    return named(call.state, said["netns"]) if "netns" in said else call.at


def named(state: State, name: str) -> str:
    """A namespace that a device can be sent to."""
    if name not in state.world or name == state.here:
        raise Refused(f"There is no namespace {name}.", f'Error: argument "{name}" is wrong: Invalid "netns" value')
    return name


def _free(state: State, ns: str, name: str, too_long: str) -> None:
    """A device may have this name."""
    if "/" in name or not name or name in (".", "..") or ":" in name:
        raise Refused(f"{name!r} cannot be a device's name.", f'Error: argument "{name}" is wrong')
    if len(name) > NAME_ROOM:
        raise Refused(f"{name} has {len(name)} characters; a device's name has at most {NAME_ROOM}.", too_long)
    if name in state.ns(ns).devices:
        raise Refused(f"{ns} has a device {name} already.", EXISTS)


def _plain(at: str, said: dict[str, str], kind: str, **more) -> Device:
    """A new device, down, with the MAC and the MTU that were said."""
    mac = mac_of(said["address"]) if "address" in said else made_mac(at, said["dev"])
    one_device(mac)
    mtu = number(said["mtu"], "mtu", 0, 2**32 - 1) if "mtu" in said else 1500
    low, high = MTUS[kind]
    if not low <= mtu <= high:
        raise Refused(f"{mtu} bytes cannot be an MTU here; {low} to {high} can.", "RTNETLINK answers: Invalid argument")
    return Device(said["dev"], kind, mac, mtu=mtu, up=False, **more)


def one_device(mac: Mac) -> None:
    """A MAC that one device may have: not zero, not one for many."""
    if int(mac[:2], 16) & 1 or not int(mac.replace(":", ""), 16):
        quote = "RTNETLINK answers: Cannot assign requested address"
        raise Refused(f"{mac} cannot be one device's MAC: its first byte must be even, and not all may be zero.", quote)


def _made_up(said: dict[str, str], *devices: Device) -> str:
    names = " and ".join(device.name for device in devices)
    return "" if "address" in said else f"A MAC that was not given is made from the names: that of {names}."


def _veth(call: Call, at: str, said: dict[str, str], rest: Sequence[str]) -> Result:
    """Two devices at once. The other end lies where the command was given, unless it says another namespace."""
    if rest and rest[0] != "peer":
        raise Refused(
            "type veth takes 'peer name NAME', and for the peer netns, address and mtu.",
            f'veth: unknown option "{rest[0]}"',
        )
    far = said_in(rest[1:], GENERAL, "the veth's peer", bare="dev")
    there = _target(call, far)
    taken = call.state.ns(there).devices
    far.setdefault("dev", next(name for name in (f"veth{n}" for n in range(len(taken) + 1)) if name not in taken))
    quote = f'Error: argument "{far["dev"]}" is wrong: "name" not a valid ifname'
    _free(call.state, there, far["dev"], quote)
    _free(call.state, at, said["dev"], "Error: Attribute failed policy validation.")
    if (at, said["dev"]) == (there, far["dev"]):
        raise Refused("The two ends of a cable in one namespace want two names.", EXISTS)
    one = _plain(at, said, "veth", peer=(there, far["dev"]))
    other = _plain(there, far, "veth", peer=(at, said["dev"]))
    made = [end for end, words in ((one, said), (other, far)) if "address" not in words]
    state = call.state.with_device(there, other).with_device(at, one)
    return Result(state, said=_made_up({}, *made) if made else "")


def _bridge(own: Device, rest: Sequence[str]) -> Device:
    said = said_in(rest, BRIDGE, "type bridge")
    for name, value in said.items():
        if not value.isdecimal():
            raise Refused(f"{value!r} is not a number.", f'Error: argument "{value}" is wrong: invalid {name}')
    return replace(own, ageing=int(said["ageing_time"]) * TICKS) if "ageing_time" in said else own


def _vxlan(state: State, at: str, own: Device, general: dict[str, str], rest: Sequence[str]) -> Device:
    words = list(rest)
    high = words.pop(words.index("srcport") + 2) if "srcport" in words[:-2] else ""
    said = said_in(words, VXLAN, "type vxlan")
    if "id" not in said:
        raise Refused("A tunnel wants a network's number: id 1.", "vxlan: missing virtual network identifier")
    if not said["id"].isdecimal() or int(said["id"]) >= 1 << 24:
        raise Refused("A network's number is 0 to 16777215.", f'Error: argument "{said["id"]}" is wrong: invalid id')
    if "dev" not in said or "nolearning" not in said:
        raise Refused(
            "A tunnel of the model wants 'dev DEVICE', which carries it, and 'nolearning': its rows are entered by hand."
        )
    below = state.device(at, said["dev"])
    local = address_of(said["local"]) if "local" in said else ""
    port = number(said.get("dstport", "8472"), "dstport", 1, 65535)
    for other in state.world[at].devices.values():
        if other.vxlan and (other.vxlan.vni, other.vxlan.port) == (int(said["id"]), port):
            quote = "Error: A VXLAN device with the specified VNI already exists."
            raise Refused(f"{other.name} has this number and this port already.", quote)
    is6 = bool(local) and family(local) is IPV6
    room = max(below.mtu - overhead("vxlan", 6 if is6 else 4), 68)
    ports = (number(said["srcport"], "srcport", 0, 65535), number(high, "srcport", 0, 65535)) if high else PORTS
    checksum = "udp6zerocsumtx" not in said if is6 else "noudpcsum" not in said
    mtu = min(own.mtu, room) if "mtu" in general else room
    return replace(own, mtu=mtu, tunnel=Vxlan(int(said["id"]), local, said["dev"], port, ports, checksum))


def delete(call: Call) -> Result:
    """`ip link del NAME`. A cable goes with both its ends, a tunnel with the device that carries it."""
    said = said_in(call.words, {"dev": "NAME", "type": "TYPE"}, "ip link del", bare="dev")
    device = call.state.device(call.at, said.get("dev", ""))
    if device.kind == "lo":
        raise Refused("lo cannot be deleted: every namespace has it.", "RTNETLINK answers: Operation not supported")
    return Result(without(call.state, call.at, device))


def without(state: State, ns: str, device: Device) -> State:
    """Without a device, and without those that cannot be without it."""
    state = state.without_device(ns, device.name)
    for other in list(state.world[ns].devices.values()):
        if other.vxlan and other.vxlan.dev == device.name:
            state = without(state, ns, other)
        elif other.master == device.name:
            state = state.with_device(ns, replace(other, master="", hairpin=False, learning=True))
    if device.peer and device.peer[1] in state.ns(device.peer[0]).devices:
        state = without(state, device.peer[0], state.world[device.peer[0]].devices[device.peer[1]])
    return state
