"""`ip neigh` and `bridge fdb`: rows entered by hand, and those learned (net/core/neighbour.c, net/bridge/br_fdb.c)."""

from __future__ import annotations

from ...linux.namespace.device import Device
from ...linux.namespace.netns import FdbEntry, NeighbourEntry
from ...linux.packet.address import Mac, family
from ...linux.stack.bridge import Fdb
from ...linux.stack.neighbour import Neighbours
from ...linux.stack.tunnels import EVERY_MAC
from ..grammar import FLAG, address_of, mac_of, said_in
from ..state import Call, Refused, Result

NEIGH = {"lladdr": "MAC", "dev": "DEVICE", "nud": "permanent"}
FDB = {"dev": "DEVICE", "dst": "ADDRESS", "master": FLAG, "self": FLAG, "static": FLAG, "permanent": FLAG}
NO_ROW = "RTNETLINK answers: No such file or directory"
EXISTS = "RTNETLINK answers: File exists"
NOT_SUPPORTED = "RTNETLINK answers: Operation not supported"


def _neighbour(call: Call, what: str) -> tuple[str, Device, dict[str, str]]:
    said = said_in(call.words, NEIGH, what, bare="to")
    if "to" not in said or "dev" not in said:
        raise Refused(f"{what} wants an address and dev NAME.", "Device and destination are required arguments.")
    if said.get("nud", "permanent") != "permanent":
        raise Refused(f"A row entered by hand is permanent here; the console knows no nud {said['nud']}.")
    address = address_of(said["to"])
    return address, call.state.device(call.at, said["dev"]), said


def neigh_add(call: Call) -> Result:
    """`ip neigh add`: only where there is no row for the address yet."""
    return _entered(call, "ip neigh add", fresh=True)


def neigh_replace(call: Call) -> Result:
    """`ip neigh replace`: a permanent row, whatever was known before."""
    return _entered(call, "ip neigh replace", fresh=False)


def _entered(call: Call, what: str, fresh: bool) -> Result:
    address, device, said = _neighbour(call, what)
    if "lladdr" not in said:
        raise Refused(f"{what} wants to know which MAC: lladdr MAC.", "Error: No link layer address given.")
    mac = mac_of(said["lladdr"])
    if device.kind == "lo":
        raise Refused("Behind lo there is nobody, so it has no neighbours here.")
    if family(address).number == 6 and not call.state.has_ipv6(call.at, device):
        raise Refused(f"IPv6 is switched off on {device.name}.", "Error: IPv6 is disabled on this device.")
    learned = call.memory.of(call.at)[Neighbours].rows
    known = [row for row in call.ns.neighbours if (row.dev, row.address) == (device.name, address)]
    if fresh and (known or (device.name, address) in learned):
        raise Refused(f"{call.at} has a row for {address} already.", EXISTS)
    learned.pop((device.name, address), None)
    row = NeighbourEntry(address, device.name, mac)
    rows = [row if known and other is known[0] else other for other in call.ns.neighbours]
    return Result(call.state.with_tables(call.at, neighbours=tuple(rows if known else [*rows, row])))


def neigh_delete(call: Call) -> Result:
    """`ip neigh del ADDRESS dev DEVICE`, whether it was entered or learned."""
    address, device, _ = _neighbour(call, "ip neigh del")
    learned = call.memory.of(call.at)[Neighbours].rows
    kept = tuple(row for row in call.ns.neighbours if (row.dev, row.address) != (device.name, address))
    if len(kept) == len(call.ns.neighbours) and (device.name, address) not in learned:
        raise Refused(f"{call.at} knows nothing of {address} on {device.name}.", NO_ROW)
    was_learned = learned.pop((device.name, address), None)
    return Result(
        call.state.with_tables(call.at, neighbours=kept), said="What was learned is forgotten." if was_learned else ""
    )


def neigh_flush(call: Call) -> Result:
    """`ip neigh flush all` or `dev DEVICE`: what was learned goes, permanent rows stay."""
    said = said_in(call.words, {"dev": "DEVICE", "all": FLAG}, "ip neigh flush")
    if not said:
        raise Refused("ip neigh flush wants to know which: all, or dev NAME.", "Flush requires arguments.")
    if "dev" in said:
        call.state.device(call.at, said["dev"])
    learned = call.memory.of(call.at)[Neighbours].rows
    gone = [row for row in learned if said.get("dev", row[0]) == row[0] and family(row[1]).number in call.families]
    for place in gone:
        del learned[place]
    return Result(call.state, said=f"{len(gone)} learned neighbours are forgotten; permanent rows stay.")


def _row(call: Call, what: str) -> tuple[FdbEntry, Device, dict[str, str]]:
    said = said_in(call.words, FDB, what, bare="mac")
    if "mac" not in said or "dev" not in said:
        raise Refused(f"{what} wants a MAC and dev NAME.", "Device and address are required arguments.")
    mac = mac_of(said["mac"], f"Invalid mac address {said['mac']}")
    device = call.state.device(call.at, said["dev"])
    if device.kind == "lo":
        verb = "delete" if what.endswith("del") else "add"
        raise Refused(
            "lo is no port of a bridge and cannot be one.", f"Error: FDB {verb} only supported for Ethernet devices."
        )
    return FdbEntry(mac, device.name, address_of(said["dst"]) if "dst" in said else ""), device, said


def fdb_add(call: Call) -> Result:
    """`bridge fdb add`: only where there is no row for the MAC yet."""
    return _forwarding(call, "add")


def fdb_append(call: Call) -> Result:
    """`bridge fdb append`: one more tunnel end for what no row knows; of one machine's MAC the first row stays."""
    return _forwarding(call, "append")


def fdb_replace(call: Call) -> Result:
    """`bridge fdb replace`: in the place of the row that is there."""
    return _forwarding(call, "replace")


def _forwarding(call: Call, verb: str) -> Result:
    row, device, said = _row(call, f"bridge fdb {verb}")
    _fits(call, row, device, said)
    same = [other for other in call.ns.fdb if _place(call, other) == _place(call, row)]
    if verb == "add" and same:
        raise Refused(f"There is a row for {row.mac} already.", EXISTS)
    many = device.kind == "vxlan" and (row.mac == EVERY_MAC or int(row.mac[:2], 16) & 1)
    if verb == "replace" and many:
        raise Refused("Of several tunnel ends none is replaced; delete one and append another.", NOT_SUPPORTED)
    if row in same or (verb == "append" and same and not many and device.kind == "vxlan"):
        return Result(call.state, said="The row that was there stays.")
    kept = [other for other in call.ns.fdb if many or other not in same]
    call.memory.of(call.at)[Fdb].heard.pop((device.master, row.mac), None)
    return Result(call.state.with_tables(call.at, fdb=(*kept, row)))


def _place(call: Call, row: FdbEntry) -> tuple[str, Mac]:
    """A bridge has one row for a MAC, whichever port it names."""
    return call.ns.devices[row.port].master if not row.dst else row.port, row.mac


def _fits(call: Call, row: FdbEntry, device: Device, said: dict[str, str]) -> None:
    """A tunnel's row names a tunnel end; a bridge's row names a port."""
    if device.kind == "vxlan" and "master" not in said:
        if not row.dst:
            raise Refused("A tunnel's row wants the other end: dst ADDRESS.", "RTNETLINK answers: Invalid argument")
        local = device.vxlan.local if device.vxlan else ""
        if family(row.dst) is not family(local or row.dst):
            quote = "RTNETLINK answers: Address family not supported by protocol"
            raise Refused(f"{row.dst} is not of the family that the tunnel runs over.", quote)
        return
    if device.kind == "bridge":
        quote = NOT_SUPPORTED if "master" in said else "RTNETLINK answers: Invalid argument"
        raise Refused(f"{device.name} is the bridge itself; name one of its ports.", quote if "static" in said else "")
    if row.dst or not ("master" in said and "static" in said) or "permanent" in said:
        raise Refused(
            "A row of a bridge's port says 'master static' and no dst: bridge fdb add MAC dev PORT master static."
        )
    if not device.master:
        raise Refused(f"{device.name} is a port of no bridge.", NOT_SUPPORTED)
    if row.mac == EVERY_MAC:
        raise Refused("Zero is nobody's MAC.", "RTNETLINK answers: Invalid argument")
    bridge = call.ns.devices[device.master]
    own = {bridge.mac, *(port.mac for port in call.ns.devices.values() if port.master == bridge.name)}
    if row.mac in own:
        raise Refused(f"{row.mac} is a MAC of {bridge.name} itself or of its ports; it has a row already.", EXISTS)


def fdb_delete(call: Call) -> Result:
    """`bridge fdb del`, whether the row was entered or learned. A port's row wants the word master."""
    row, device, said = _row(call, "bridge fdb del")
    is_tunnel = device.kind == "vxlan" and "master" not in said
    if not is_tunnel and "master" not in said:
        raise Refused("The row of a bridge's port is named with the word master.", NO_ROW)
    if not is_tunnel and not device.master:
        raise Refused(f"{device.name} is a port of no bridge.", NOT_SUPPORTED)
    found = [
        other
        for other in call.ns.fdb
        if (other.port, other.mac) == (row.port, row.mac)
        and bool(other.dst) is is_tunnel
        and row.dst in ("", other.dst)
    ]
    heard = call.memory.of(call.at)[Fdb].heard
    learned = heard.get((device.master, row.mac))
    if learned is not None and learned.port == row.port and not found:
        del heard[device.master, row.mac]
        return Result(call.state, said="What was learned is forgotten.")
    if is_tunnel and not found and any((other.port, other.mac) == (row.port, row.mac) for other in call.ns.fdb):
        return Result(call.state, said=f"No row of {row.mac} names {row.dst}.")
    if not found:
        raise Refused(f"{device.name} has no row for {row.mac}.", NO_ROW)
    return Result(call.state.with_tables(call.at, fdb=tuple(other for other in call.ns.fdb if other not in found)))
