"""What the questions of chapter 00 are answered from: MAC addresses, the way back, what a kernel met."""

from __future__ import annotations

from ....linux.namespace.skb import NOWHERE
from ....linux.namespace.trace import Trace
from ....linux.packet.packet import Frame, Packet
from ....views.tables.table import Table, table
from ...questions.evidence import SWITCHES
from ...worlds.worlds import Net, mac_of


def frames_back(of: Net, trace: Trace) -> list[tuple[str, str, Frame]]:
    """Each machine and device by which web's first answer left, with the frame."""
    found = []
    for name, dev, direction, frame in trace.frames:
        packet = frame.payload
        if isinstance(packet, Packet) and direction == "out" and name not in SWITCHES and packet.flow.src == of.web:
            found.append((name, dev, frame))
    return found


def way_back(of: Net, trace: Trace) -> Table:
    """Web's first answer at every device that it left by."""
    rows = []
    for name, dev, frame in frames_back(of, trace):
        packet = frame.payload
        assert isinstance(packet, Packet)
        flow = packet.flow
        ends = f"{flow.src}:{flow.sport} > {flow.dst}:{flow.dport}"
        row = (f"{name} {dev}", f"{frame.src} > {frame.dst}", ends, packet.ttl)
        rows += [row] if row not in rows else []
    heads = ("leaves by", "frame", "packet", "hops left")
    return table("The answer at each device that it left by", heads, rows, code=(1, 2))


def macs(of: Net, *ends: tuple[str, str]) -> Table:
    """Who has which MAC: what the learner may look up."""
    rows = [(name, dev, mac_of(of.world, name, dev)) for name, dev in ends]
    return table("Who has which MAC address", ("machine", "device", "MAC"), rows, code=(2,))


def own(of: Net, name: str, dev: str = "eth0") -> str:
    """The first address of a device."""
    return of.world[name].devices[dev].addresses[0].address


def hooks(trace: Trace, node: str) -> Table:
    """Which stages of a node's kernel the packet passed."""
    passed = dict.fromkeys(step.stage for step in trace.steps if step.namespace == node and step.skb.dev_in != NOWHERE)
    rows = [(stage, "yes") for stage in passed if "filter" in stage or "FORWARD" in stage or stage.startswith("ip_")]
    return table(f"Stages of {node} that the packet passed", ("stage", "passed"), rows, code=(0,))
