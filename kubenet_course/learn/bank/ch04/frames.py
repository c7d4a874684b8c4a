"""Chapter 04: one frame on its way out of a cluster, with the addresses hidden."""

from __future__ import annotations

from msgspec import Struct

from ....kube.model.cluster import Cluster
from ....kube.questions.ask import request
from ....linux.namespace.trace import Trace
from ....linux.packet.packet import Frame, Packet
from ....views.tables.table import Table, table
from ...questions.kinds import Blank, FillFrame, Slip
from .. import Chance, defined
from .drawn import BORDER, Drawn, drawn

ROUTER = {"lan": "eth0", "office": "office0"}


class Hop(Struct, frozen=True):
    """A frame at one device: whose answer or question it is, told in words, and why its addresses are what they are."""

    layout: str
    to: str
    at: str  # "node" stands for the client's node
    dev: str
    story: str
    because: str
    back: bool = False


HOPS = (
    Hop("island", "laptop", "node", "eth0", "The cluster is an island. `client` asks the laptop. "
                                            "Fill in what is hidden in the frame "
        "that **leaves the client's node** for the router.",
        "The node has put its own address in as the source. The frame goes to the router's MAC "
        "address, the packet to the laptop."),
    Hop("flat", "laptop", "router", "office0", "The cluster is flat. `client` asks the laptop. "
                                               "Fill in what is hidden in the frame that "
        "**leaves the router** for the office.",
        "Nobody has translated anything: the packet still has the pod's address. Only the MAC "
        "addresses are new at each hop."),
    Hop("island", "partner", "border", "wan0", "The cluster is an island. `client` asks the "
                                               "partner on the internet. Fill in what is "
        "hidden in the frame that **leaves the border** for the internet.",
        "The source was translated twice: by the node, and once more by the border."),
    Hop("island", "laptop", "router", "eth0", "The cluster is an island. The laptop has answered "
                                              "`client`. Fill in what is hidden in the "
        "answer's frame that **leaves the router** for the cluster.",
        "The laptop answers the address that it saw, and that is the node's. The node alone knows "
        "for which pod the answer is.", True),
    Hop("island", "partner", "node", "cni0", "The cluster is an island. The partner has answered "
                                             "`client`. Fill in what is hidden in the "
        "answer's frame that **leaves the client's node** for the pod.",
        "border and node have put back what they replaced. The pod sees an answer from the address "
        "that it asked.", True),
)  # fmt: skip


@defined("04-frame", "One frame on its way out")
def frame(chance: Chance) -> FillFrame:
    hop, of = chance.turn(*HOPS), drawn(chance)
    cluster = of.cluster(hop.layout)
    to = of.end(cluster, hop.to).address
    trace = request(cluster, "pod/default/client", f"{to}:443", sport=chance.randrange(32768, 60999))
    at = f"node-{of.here}" if hop.at == "node" else hop.at
    shown = _frame(trace, at, hop.dev, hop.back)
    packet = shown.payload
    assert isinstance(packet, Packet)
    said = (
        ("source", packet.flow.src, "Who sent the packet, as far as this frame can tell?"),
        ("destination", packet.flow.dst, "For whom is the packet at this point?"),
    )
    blanks = [Blank("IPv4", name, _slips(of, cluster, right, why, shown)) for name, right, why in said]
    blanks += [Blank("Ethernet", "destination", _far(cluster, shown, packet))]
    return FillFrame(
        asks=hop.story,
        look=_macs(of, cluster),
        frame=shown,
        blanks=tuple(blanks),
        because=hop.because,
        evidence=_way(trace, hop.back),
        hints=(
            ("Two questions: has somebody translated the packet before this point, and who is the next machine?"),
            (
                "The MAC addresses are those of the two ends of this link. The IP addresses belong "
                "to "
                "the two ends of the conversation, "
                "as they are known here."
            ),
            hop.because,
        ),
    )


def _slips(of: Drawn, cluster: Cluster, right: str, why: str, shown: Frame) -> tuple[Slip, ...]:
    """The other addresses of the conversation: each was right at another place on the way."""
    node = cluster.machines[f"node-{of.here}"].ips[4]
    others = ((of.end(cluster, "client").address, 141), (node, 58), (BORDER, 143))
    said = [(ip, belief, f"{why} {ip} stands there at another point of the way.") for ip, belief in others]
    next_machine = [
        (one.address, 0, "This is the next machine. The Ethernet header names it, the IP header does not.")
        for machine in cluster.world().values()
        for device in machine.devices.values()
        for one in device.addresses
        if device.mac == shown.dst and one.address not in (ip for ip, _ in others)
    ]
    return tuple(Slip(*one) for one in [*said, *next_machine] if one[0] != right)


def _far(cluster: Cluster, shown: Frame, packet: Packet) -> tuple[Slip, ...]:
    """The MAC addresses of the sender and of the one who takes the packet in the end, if that is not the next machine."""
    ends = [
        device.mac
        for machine in cluster.world().values()
        for device in machine.devices.values()
        if any(one.address == packet.flow.dst for one in device.addresses) and device.mac != shown.dst
    ]
    told = "This device is the end of the way, and not on this link. A frame goes to the next machine."
    return (Slip(shown.src, 0, "That is who sends the frame."), *(Slip(mac, 57, told) for mac in ends))


def _frame(trace: Trace, at: str, dev: str, back: bool) -> Frame:
    """The first frame of the question that left by a device, or the answer's."""
    asked = trace.steps[0].skb.packet.flow
    fits = [
        one
        for name, on, way, one in trace.frames
        if (name, on, way) == (at, dev, "out")
        and isinstance(one.payload, Packet)
        and (one.payload.flow.sport == asked.dport) is back
    ]
    return fits[0]


def _way(trace: Trace, back: bool) -> Table:
    """The packet's addresses at each device that it left by."""
    asked, rows = trace.steps[0].skb.packet.flow, []
    for name, dev, way, one in trace.frames:
        if way == "out" and isinstance(one.payload, Packet) and (one.payload.flow.sport == asked.dport) is back:
            flow = one.payload.flow
            rows.append((f"{name} {dev}", f"{one.src} > {one.dst}", f"{flow.src} > {flow.dst}"))
    caption = "The answer" if back else "The question"
    rows = list(dict.fromkeys(rows))
    return table(f"{caption} at each device that it left by", ("leaves by", "frame", "packet"), rows, code=(1, 2))


def _macs(of: Drawn, cluster: Cluster) -> Table:
    """Every machine on the way with its addresses on each link."""
    world, node = cluster.world(), f"node-{of.here}"
    rows = []
    for name in ("pod/default/client", node, "router", "border", "internet", f"host/{of.laptop}", "host/203.0.113.5"):
        for device in world[name].devices.values():
            own = [one.address for one in device.addresses if ":" not in one.address]
            if device.kind != "lo" and own:
                rows.append((name.rpartition("/")[2], device.name, device.mac, own[0]))
    return table("Who has which addresses", ("machine", "device", "MAC address", "IP address"), rows, code=(2, 3))
