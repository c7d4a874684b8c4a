"""Who talks to whom in a packet, and in the packet inside of it."""

from __future__ import annotations

from ...linux.packet.packet import Flow, Geneve, Packet, Sealed, Vxlan

PORTS = ("tcp", "udp", "sctp")


def flow_of(packet: object) -> Flow | None:
    return packet.flow if isinstance(packet, Packet) else None


def inner(packet: object) -> Flow | None:
    """Who talks to whom, also inside a tunnel's packet."""
    inside = packet.payload if isinstance(packet, Packet) else None
    if isinstance(inside, Vxlan | Geneve):
        return inner(inside.frame.payload)
    if isinstance(inside, Sealed | Packet):
        return inner(inside.packet if isinstance(inside, Sealed) else inside)
    return flow_of(packet)


def place(address: str, port: int, flow: Flow) -> str:
    return f"{address}, port {port}" if flow.proto in PORTS else address


def carried(before: object, after: object) -> list[tuple[str, str, str]]:
    """What the packet carries, before and after a step: (field, before, after), for addresses and what is put around it."""
    old, new = flow_of(before), flow_of(after)
    if old is None or new is None:
        return []
    ends = [("from", place(old.src, old.sport, old), place(new.src, new.sport, new))]
    ends.append(("to", place(old.dst, old.dport, old), place(new.dst, new.dport, new)))
    wrapped = [wrapped_in(one) for one in (before, after)]
    return [*ends, ("inside it", wrapped[0], wrapped[1])] if any(wrapped) else ends


def wrapped_in(packet: object) -> str:
    """What a tunnel's packet carries, in a word."""
    carries = inner(packet)
    return f"{carries.src} to {carries.dst}" if carries is not None and carries != flow_of(packet) else ""
