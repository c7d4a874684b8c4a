"""How the rows that decide read: what kind of row it is, what it says, and which command shows it on a real machine."""

from __future__ import annotations

from collections.abc import Iterable

from ...linux.namespace.device import Device
from ...linux.namespace.fib import NO_ROUTE, Route
from ...linux.namespace.netns import FdbEntry, NeighbourEntry, Socket
from ...linux.namespace.skb import Connection, Skb
from ...linux.netfilter.evaluate import Matched
from ...linux.packet.packet import Arp, Packet, Tcp, Vxlan, endpoint
from ..tables.table import Table, table

COMMANDS = {
    "route": "ip route get",
    "rule": "iptables-save",
    "policy": "iptables-save",
    "forwarding row": "bridge fdb",
    "neighbour": "ip neigh",
    "connection": "conntrack -L",
    "device": "ip -d link",
    "socket": "ss -ln",
}
UNCHANGED = ""


def words(row: object) -> tuple[str, str]:
    """A row's kind and what it says."""
    if isinstance(row, Matched):
        if row.rule is None:
            return "policy", f"{row.table} {row.chain}: the end of the chain"
        return "rule", f"{row.table} {row.chain} {row.number}: {row.text}"
    if isinstance(row, Route):
        return "route", "none matches" if row is NO_ROUTE or row.type == "none" else str(row)
    if isinstance(row, Connection):
        return "connection", str(row)
    if isinstance(row, FdbEntry):
        return "forwarding row", f"{row.mac} is behind {row.port}" + (f" at {row.dst}" if row.dst else "")
    if isinstance(row, NeighbourEntry):
        return "neighbour", f"{row.address} on {row.dev} has {row.mac}"
    if isinstance(row, Device):
        return "device", _device(row)
    if isinstance(row, Socket):
        return "socket", f"{row.program or 'a program'} listens on {row.proto} {endpoint(row.address, row.port)}"
    return type(row).__name__.lower(), str(row)


def _device(row: Device) -> str:
    parts = [row.name, row.kind if row.kind != "eth" else "", f"MAC {row.mac}" if row.mac else ""]
    parts += [
        f"port of {row.master}" if row.master else "",
        f"other end {row.peer[1]} of {row.peer[0]}" if row.peer else "",
    ]
    return ", ".join(part for part in parts if part)


def why(rows: Iterable[object]) -> Table:
    """The rows behind a step, in the order in which they were asked; the last one decided."""
    told = [words(row) for row in rows]
    commands = ", ".join(dict.fromkeys(COMMANDS[kind] for kind, _ in told if kind in COMMANDS))
    seen = f" On a real machine: {commands}." if commands else ""
    caption = f"The row{'s' * (len(told) > 1)} that decided.{seen}" if told else "No table was asked."
    return table(caption, ("kind", "row"), told, code=(1,), marked=(len(told) - 1,) if len(told) > 1 else ())


def _connection(one: Connection) -> tuple[str, str, str]:
    said = [name for name, holds in (("destination", one.dnat), ("source", one.snat)) if holds]
    state = one.state if one.state != "NONE" else "answered" if one.seen_reply else "not answered"
    state += f"; {' and '.join(said)} translated" if said else ""
    return str(one.original), str(one.reply), state if one.confirmed else f"{state}; not yet remembered"


def connection_table(known: Iterable[Connection], caption: str) -> Table:
    """Connections as conntrack keeps them: the first packet as it arrived, an answer as it will look."""
    return table(
        caption, ("first packet", "an answer will be", "state"), (_connection(one) for one in known), code=(0, 1)
    )


def held(before: Skb, after: Skb) -> Table:
    """What the kernel holds of a packet after a step, and, where that changed, what it held before."""
    old, new = _fields(before), _fields(after)
    names = [*new, *(name for name in old if name not in new)]
    rows: list[tuple[str, str, str]] = []
    marked: list[int] = []
    for name in names:
        now, was = new.get(name, ""), old.get(name, "")
        if now != was:
            marked.append(len(rows))
        rows.append((name, now or "none", (was or "none") if now != was else UNCHANGED))
    caption = (
        f"The packet: {len(marked)} field{'s' * (len(marked) != 1)} changed."
        if marked
        else "The packet: nothing changed."
    )
    return table(caption, ("field", "now", "before"), rows, code=(1, 2), marked=marked)


def _fields(skb: Skb) -> dict[str, str]:
    """The fields that are worth a line, without those that say nothing."""
    packet = skb.packet
    found: dict[str, str] = {}
    if isinstance(packet, Arp):
        found["ARP"] = str(packet).removeprefix("ARP ")
    elif isinstance(packet, Packet):
        found |= _packet(packet)
    notes = {
        "mark": hex(skb.mark) if skb.mark else "",
        "in": skb.dev_in,
        "out": skb.dev_out,
        "belongs": ("" if skb.ctinfo == "INVALID" else skb.ctinfo) + (", as an answer" if skb.reply else ""),
    }
    return found | {name: said for name, said in notes.items() if said}


def _packet(packet: Packet) -> dict[str, str]:
    flow, header = packet.flow, packet.header
    found = {
        "protocol": flow.proto,
        "source": endpoint(flow.src, flow.sport),
        "destination": endpoint(flow.dst, flow.dport),
    }
    if "icmp" in flow.proto:
        found |= {"source": flow.src, "destination": flow.dst, "type, code": f"{flow.dport >> 8}, {flow.dport & 255}"}
    found["hops left"] = str(packet.ttl)
    if isinstance(header, Tcp):
        found["flags"] = header.flags
    if isinstance(packet.payload, Vxlan):
        found |= {"network": str(packet.payload.vni), "carries": str(packet.payload.frame.payload)}
    return found
