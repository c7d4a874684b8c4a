"""Chapter 07: an envelope in an envelope, to be taken apart and to be made."""

from __future__ import annotations

from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from ....linux.packet.packet import Flow as Ends
from ....linux.packet.packet import Frame, Geneve, Icmp, Other, Packet, Udp, Vxlan, ping
from ....views.story.beside import MISSING, differing, field_by_field, headers
from ...questions.kinds import Blank, FillFrame, Finding, Slip
from ...questions.kinds_made import Write
from .. import Chance, defined
from .crafted import crafted
from .drawn import TUNNEL, Overlay, drawn


class Hidden(Struct, frozen=True):
    """One way to ask: which frame, which fields of it are hidden, and why they are what they are."""

    story: str
    back: bool
    fields: tuple[tuple[str, str], ...]
    because: str


WAYS = (
    Hidden("`client` opens a connection to `web`. This is the frame that **leaves the client's node** for the other node.",
           False, (("IPv4", "source"), ("IPv4", "destination"), ("inner IPv4", "destination")),
           "The outer packet goes from node to node. The inner packet goes from pod to pod, and "
           "nothing in it was changed."),
    Hidden("`web` has answered. This is the answer's frame as it **leaves the node of `web`**.",
           True, (("IPv4", "destination"), ("inner IPv4", "source"), ("inner IPv4", "destination")),
           "The way back is the same with its ends exchanged: outside from node to node, inside "
           "from pod to pod."),
    Hidden("`client` opens a connection to `web`. Look at the **MAC addresses** in the frame that leaves the client's node.",
           False, (("Ethernet", "destination"), ("inner Ethernet", "source"), ("inner Ethernet", "destination")),
           "The outer frame goes to the other node's eth0. The inner frame goes from tunnel "
           "device to tunnel device."),
    Hidden("`client` opens a connection to `web`. Which **numbers** stand in the frame that leaves the client's node?",
           False, (("UDP", "destination port"), ("VXLAN", "VNI"), ("inner TCP", "destination port")),
           "UDP port 8472 says that this is VXLAN, and the VNI says to which virtual network the "
           "inner frame belongs. "
           "The port of `web` stands inside."),
)  # fmt: skip


@defined("07-open", "Take an envelope apart")
def opened(chance: Chance) -> FillFrame:
    way, of = chance.turn(*WAYS), drawn(chance)
    sender = of.there if way.back else of.here
    frames = of.frames(f"node-{sender}", "eth0")
    frame = frames[0]
    blanks = tuple(Blank(layer, field, _slips(of, layer, field, frame)) for layer, field in way.fields)
    return FillFrame(
        asks=f"{way.story} Fill in what is hidden. The table says who has which address.",
        look=of.known(),
        frame=frame,
        blanks=blanks,
        because=way.because,
        evidence=headers(frame),
        hints=(
            "There are two packets in this frame. Who made the outer one, and who made the inner one?",
            (
                "The fields in front of VXLAN belong to the outer packet. They name machines that the "
                "LAN between the nodes knows."
            ),
            way.because,
        ),
    )


def _slips(of: Overlay, layer: str, field: str, frame: Frame) -> tuple[Slip, ...]:
    """The values that belong into the other envelope."""
    is_inner = layer.startswith("inner")
    if field in ("source", "destination") and layer.endswith("IPv4"):
        pods = "A pod's address stands only inside. The LAN between the nodes has no route to pods."
        nodes = "A node's address stands only outside. Inside is the packet as the pod made it."
        wrong = (of.node(of.here), of.node(of.there)) if is_inner else (of.client, of.web)
        return tuple(Slip(ip, 220, nodes if is_inner else pods) for ip in wrong)
    if layer.endswith("Ethernet"):
        dev = "eth0" if is_inner else TUNNEL
        said = ("That is the MAC address of a node on the LAN. It stands in the outer frame." if is_inner
                else "That is a tunnel device's MAC address. No switch on the LAN knows it.")  # fmt: skip
        macs = (of.mac(f"node-{of.here}", dev), of.mac(f"node-{of.there}", dev))
        return tuple(Slip(mac, 221, said) for mac in (*macs, of.mac("web", "eth0")))
    if (layer, field) == ("UDP", "destination port"):
        return Slip(of.port, 220, "That is the port of `web`. It stands in the inner packet."), Slip(
            4789, 0, "4789 is the port that the standard names. flannel uses the one that Linux had before."
        )
    if field == "destination port":
        return (Slip(8472, 220, "That port belongs to the tunnel, and stands in the outer packet."),)
    return (Slip(8472, 0, "That is the tunnel's port. The VNI is the number of the virtual network."),)


class Made(Struct, frozen=True):
    """A kind of envelope to write: its name, what is special about it, and the text of its middle."""

    kind: str
    story: str
    middle: str
    because: str


KINDS = (
    Made("VXLAN", "as flannel sends it, in the virtual network 1", "UDP(dport=8472) / VXLAN(vni=1)",
         "VXLAN is UDP to port 8472 with a header of eight bytes, and behind it comes a whole "
         "frame."),
    Made("GENEVE", "in the virtual network 7", "UDP(dport=6081) / GENEVE(vni=7)",
         "GENEVE is UDP to port 6081. Like VXLAN it carries a whole frame."),
    Made("IP in IP", "as Calico sends it", "",
         "In IP in IP the inner packet follows directly behind the outer IP header. There is no "
         "UDP, no number of a "
         "network, and no inner frame."),
    Made("VXLAN", "on the port that the standard (RFC 7348) names, in the virtual network 4096",
         "UDP(dport=4789) / VXLAN(vni=4096)",
         "The standard's port is 4789. Only the port and the number differ from what flannel "
         "sends."),
)  # fmt: skip


STARTS = (
    '# Ether(src="...", dst="...") / IP(src="...", dst="...") / ...\n'
    '# / IP(src="...", dst="...", ttl=63, flags="DF") / ICMP()\n'
)


@defined("07-build", "Write the envelope yourself")
def built(chance: Chance) -> Write:
    made, of = chance.turn(*KINDS), drawn(chance)
    wanted, solution = _wanted(of, made), _text(of, made)
    inside = "an inner Ethernet header between the two tunnel devices, then " if made.middle else ""
    return Write(
        asks=f"`client` pings `web`, with a TTL of 63 and the flag DF in the inner packet. Write "
        "the frame that leaves "
        f"the client's node for the other node, wrapped in {made.kind} {made.story}. It has an "
        "outer Ethernet header, "
        f"an outer IP header{' and what the tunnel needs' if made.middle else ''}, {inside}the "
        "pods' IP header, and ICMP().",
        look=of.known(),
        starts=STARTS,
        tests=partial(_off, wanted, of),
        solution=solution,
        slips=_wrong_texts(of, made, solution),
        because=made.because,
        evidence=headers(wanted),
        hints=(
            "Begin outside: which two machines does the LAN between the nodes know?",
            (
                "The order is: Ether, IP between the nodes, what the tunnel puts there, and then "
                "everything that the pod made."
            ),
            (
                f"Between the outer IP header and the pod's packet stands: {made.middle or 'nothing'}"
                f"{' / Ether(...) with the MAC addresses of flannel.1' if made.middle else ''}."
            ),
        ),
    )


def _text(of: Overlay, made: Made) -> str:
    here, there = f"node-{of.here}", f"node-{of.there}"
    outer = f'Ether(src="{of.mac(here, "eth0")}", dst="{of.mac(there, "eth0")}")'
    outer += f'\n/ IP(src="{of.node(of.here)}", dst="{of.node(of.there)}")'
    inner = f'/ IP(src="{of.client}", dst="{of.web}", ttl=63, flags="DF") / ICMP()'
    if not made.middle:
        return f"{outer}\n{inner}"
    return f'{outer}\n/ {made.middle}\n/ Ether(src="{of.mac(here, TUNNEL)}", dst="{of.mac(there, TUNNEL)}")\n{inner}'


def _wanted(of: Overlay, made: Made) -> Frame:
    """The frame as the model makes it of its own values."""
    here, there = f"node-{of.here}", f"node-{of.there}"
    inner: Packet = replace(ping(of.client, of.web, payload=bytes(56)), ttl=63)
    flow = Ends("ipencap", of.node(of.here), 0, of.node(of.there), 0)
    outer = Packet(flow, Other(), inner, df=False)
    if made.middle:
        framed = Frame(of.mac(here, TUNNEL), of.mac(there, TUNNEL), inner)
        port, vni = {"GENEVE": (6081, 7)}.get(made.kind, (4789, 4096) if "4789" in made.middle else (8472, 1))
        around = (Geneve if made.kind == "GENEVE" else Vxlan)(vni, framed)
        outer = Packet(Ends("udp", flow.src, 40000, flow.dst, port), Udp(False), around, df=False)
    assert isinstance(inner.header, Icmp)
    return Frame(of.mac(here, "eth0"), of.mac(there, "eth0"), outer)


LENGTHS = ("total length", "length", "payload length", "data")  # they follow from what is inside


def _off(wanted: Frame, of: Overlay, text: str) -> tuple[Finding, ...]:
    """A finding for the first field of each header that is off."""
    made = crafted(text)
    rows = [row for row in differing(made, wanted) if row[1] not in LENGTHS and row[:2] != ("IPv4", "flags")]
    if not rows:
        return (Finding(True, ""),)
    layer, field, mine, _ = rows[0]
    shown = field_by_field(made, wanted)
    if mine == MISSING:
        return (Finding(False, f"There is no {layer} header at this place.", 220, shown),)
    if field == "type" or field == "protocol":
        return (Finding(False, f"Behind the {layer} header stands another header than it should.", 220, shown),)
    return (Finding(False, f"{layer}, {field}: you wrote {mine}. {_why(of, layer, mine)}", _belief(of, mine), shown),)


def _why(of: Overlay, layer: str, mine: str) -> str:
    pods, nodes = (of.client, of.web), (of.node(of.here), of.node(of.there))
    if not layer.startswith("inner") and mine in pods:
        return "That is a pod, and the LAN between the nodes knows no pods."
    if layer.startswith("inner") and mine in nodes:
        return "That is a node. The inner packet is the pod's own."
    return "Compare it with the table of addresses."


def _belief(of: Overlay, mine: str) -> int:
    return 220 if mine in (of.client, of.web, of.node(of.here), of.node(of.there)) else 221


def _wrong_texts(of: Overlay, made: Made, solution: str) -> tuple[Slip, ...]:
    """The pods' addresses outside; and another end of the tunnel."""
    swapped = solution.replace(of.node(of.here), of.client).replace(of.node(of.there), of.web)
    slips = [Slip(swapped, 220)]
    if made.middle:
        here = of.mac(f"node-{of.here}", TUNNEL)
        slips.append(Slip(solution.replace(here, of.mac("client", "eth0")), 221))
    return tuple(slips)
