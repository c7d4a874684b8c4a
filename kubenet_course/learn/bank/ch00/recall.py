"""Chapter 00, one request and every hop: values to predict, frames to fill in, statements to choose from."""

from __future__ import annotations

from random import Random

from ....linux.verdicts import VERDICTS, verdict
from ....views.tables.table import table
from ...questions.evidence import decisions, ending, journey
from ...questions.kinds import Blank, FillFrame, Slip, Value
from ...questions.kinds_lists import Choose, Statement
from ...questions.reading import ADDRESS, NUMBER, one_of
from ...worlds.worlds import mac_of, net
from .. import defined


@defined("00-source", "Whom does the server see?")
def source(chance: Random) -> Value:
    of = net(chance)
    seen = journey(trace := of.asked())
    node = of.world[f"node-{of.here}"].devices["eth0"].addresses[0].address
    bridge = of.world[f"node-{of.there}"].devices["cni0"].addresses[0].address
    return Value(
        asks=f"The pod `client` ({of.client}, on node-{of.here}) opens a connection to `web` ({of.web}, port {of.port}, on "
        f"node-{of.there}). Which source address does `web` see?",
        answer=verdict(trace).seen_from,
        reads=ADDRESS,
        slips=(
            Slip(
                node,
                58,
                "That is the address of the client's node. It carries the packet and changes neither address.",
                seen,
            ),
            Slip(bridge, 58, "That is the bridge beside `web`. It hands the packet over and stays out of it.", seen),
            Slip(of.web, 0, "That is where the packet goes to.", seen),
        ),
        because="Between pods nothing is translated: the address that the client has is the address that others see.",
        evidence=seen,
        hints=(
            "Look at the packet's source as it leaves the client, and again as it arrives.",
            "Two nodes carry the packet. What would the model's step say if one of them had changed an address?",
            "No step on this way says “masquerade” or “SNAT”. So the source is what the client wrote: its own address.",
        ),
    )


@defined("00-hops", "How many hops are left?")
def hops(chance: Random) -> Value:
    is_same = chance.random() < 0.3
    of = net(chance, is_same)
    seen = journey(trace := of.asked())
    where = "the same node" if is_same else f"node-{of.there}"
    return Value(
        asks=f"`client` on node-{of.here} sends with a TTL of 64 to `web` on {where}. Which TTL has the packet when `web` gets it?",
        answer=trace.steps[verdict(trace).step].skb.packet.ttl,
        reads=NUMBER,
        slips=(
            Slip(64, 59, "Nobody would have routed it then. But each node is a router for its pods.", seen),
            Slip(63, 59, "One router would take one hop. Count the kernels that look up a route for it.", seen),
            Slip(62, 63, "Two routers would take two hops. But a bridge only looks at MAC addresses.", seen),
            Slip(61, 63, "The switch between the nodes only looks at MAC addresses. It takes no hop.", seen),
        ),
        because="Every kernel that sends a packet on lowers the TTL by one. A bridge or a switch does not.",
        evidence=seen,
        hints=(
            "Who lowers a TTL: a bridge, or a router?",
            "On one node, the bridge joins both pods. Between nodes, each node's kernel looks up a route.",
            "Count the steps `ip_forward` on the way there and take that number from 64.",
        ),
    )


@defined("00-verdict", "Refused, lost or delivered?")
def ends(chance: Random) -> Value:
    of = net(chance)
    wrong = chance.choice([port for port in (81, 1234, 8443, 9999) if port != of.port])
    shown = ending(trace := of.asked(port=wrong))
    return Value(
        asks=f"`web` listens on port {of.port} only. What becomes of a TCP connection from `client` to {of.web}, port **{wrong}**?",
        answer=verdict(trace).name,
        reads=one_of(VERDICTS),
        slips=(
            Slip("timeout", 13, "Silence would mean that somebody dropped the packet. Here it arrives.", shown),
            Slip("unreachable", 13, "The machine is reached; only the port has nobody behind it.", shown),
            Slip(
                "delivered",
                15,
                "Arriving at the machine is not enough: a program must listen on that very port.",
                shown,
            ),
        ),
        because="The packet reaches web's kernel, which finds no listener and says so at once with RST.",
        evidence=shown,
        hints=(
            "Does the packet arrive at web's kernel?",
            "What does a kernel answer to a SYN for a port that nobody listens on?",
            "It answers RST, and the client's program is told ECONNREFUSED.",
        ),
    )


@defined("00-first-frame", "The frame as it leaves the pod")
def first_frame(chance: Random) -> FillFrame:
    of = net(chance)
    trace = of.asked()
    seen = journey(trace)
    far, node = mac_of(of.world, "web"), mac_of(of.world, f"node-{of.here}")
    return FillFrame(
        asks=f"`client` ({of.client}) sends the first packet of a connection to port {of.port} of `web` ({of.web}), on another "
        "node. Fill in what is hidden in the frame that leaves its eth0. The MAC addresses around:",
        look=_macs(of, ("client", "eth0"), (f"node-{of.here}", "cni0"), (f"node-{of.here}", "eth0"), ("web", "eth0")),
        frame=trace.frames[0][3],
        blanks=(
            Blank("Ethernet", "destination", (
                Slip(far, 57, "That is web's MAC. No frame from here ever reaches web's link.", seen),
                Slip(node, 57, "That is the node's MAC on the LAN. The pod's link ends at the bridge.", seen),
                Slip("ff:ff:ff:ff:ff:ff", 64, "A question for a MAC goes to everybody; this packet does not.", seen),
            )),
            Blank("IPv4", "destination", (
                Slip(of.world["client"].routes[0].via, 64,
                     "That is the next hop. Its MAC stands in the frame, its address nowhere in the packet.", seen),
            )),
            Blank("TCP", "destination port", (Slip(of.sport, 0, "That is the port that the answer goes to.", seen),)),
        ),
        because="The packet is addressed to `web`, the frame only to the next machine on this link: the bridge.",
        evidence=seen,
        hints=(
            "A frame lives on one link. Who is at the other end of this one?",
            "web's address is not in the pod's own block, so the pod's default route leads to a gateway.",
            "The gateway is the bridge `cni0` of its own node.",
        ),
    )  # fmt: skip


@defined("00-between-nodes", "The frame between the nodes")
def between_nodes(chance: Random) -> FillFrame:
    of = net(chance)
    trace = of.asked()
    seen = journey(trace)
    here, there = f"node-{of.here}", f"node-{of.there}"
    frame = next(one for name, dev, way, one in trace.frames if (name, dev, way) == (here, "eth0", "out"))
    return FillFrame(
        asks=f"The same request from `client` ({of.client}) to `web` ({of.web}), one hop later: the frame that leaves {here} for "
        f"{there}. Fill in what is hidden. The MAC addresses around:",
        look=_macs(of, ("client", "eth0"), (here, "cni0"), (here, "eth0"), (there, "eth0"), ("web", "eth0")),
        frame=frame,
        blanks=(
            Blank("Ethernet", "source", (Slip(mac_of(of.world, "client"), 57, "The pod's MAC stays on the pod's link.", seen),)),
            Blank("IPv4", "source", (
                Slip(of.world[here].devices["eth0"].addresses[0].address, 58, "The node sends it on; it does not sign it.", seen),
            )),
            Blank("IPv4", "TTL", (
                Slip(64, 59, "One router has had it already: the client's node.", seen),
                Slip(62, 59, "The second router is still to come.", seen),
            )),
        ),
        because="A new link, so new MAC addresses; the same packet, so the same IP addresses, and one hop fewer.",
        evidence=seen,
        hints=(
            "Two things change from link to link, two stay from end to end.",
            "The frame's addresses are those of the two machines on this link.",
            f"{here} routed the packet once. So the TTL is one less than the 64 that the client wrote.",
        ),
    )  # fmt: skip


def _macs(of, *ends: tuple[str, str]):
    """Who has which MAC: what the learner may look up."""
    rows = [(name, dev, mac_of(of.world, name, dev)) for name, dev in ends]
    return table("Who has which MAC address", ("machine", "device", "MAC"), rows, code=(2,))


@defined("00-bridge", "What does the bridge do?")
def bridge(chance: Random) -> Choose:
    of = net(chance, is_same_node=True)
    trace = of.asked_again()
    seen = journey(trace)
    asked = decisions(trace, ("br_handle_frame_finish",), "What the bridge asked: nothing but MAC addresses")
    return Choose(
        asks=f"`client` ({of.client}) and `web` ({of.web}) are on the same node, on the same bridge, and "
        "have talked before. What does the bridge do with a frame from one to the other?",
        statements=(
            Statement("It sends the frame on unchanged, by the port behind which it heard the destination's MAC.", True),
            Statement("It looks up the IP address, as a router does, and lowers the TTL.", belief=63,
                      said="The TTL arrives as it was sent. A bridge never looks that far into the frame.", evidence=seen),
            Statement("It puts its own MAC address into the frame as the source.", belief=57,
                      said="The frame arrives with the client's MAC as source. Only a router makes a new frame.", evidence=seen),
            Statement("It sends the frame out of every port, and only `web` takes it.", belief=63,
                      said="That is what it does while it has not heard the MAC yet. Here it has.", evidence=asked),
        ),
        because="A bridge decides by the destination's MAC and leaves the frame as it is.",
        evidence=seen,
        hints=(
            "Compare the frame before and after the bridge.",
            "A router makes a new frame on the next link. Does a bridge join two links, or make one?",
            "MACs and TTL arrive as they were sent: nothing was rewritten.",
        ),
    )  # fmt: skip


@defined("00-two-layers", "What stays, what changes")
def two_layers(chance: Random) -> Choose:
    of = net(chance)
    seen = journey(of.asked())
    return Choose(
        asks=f"A packet goes from `client` on node-{of.here} to `web` on node-{of.there}. Mark **all** that hold.",
        several=True,
        statements=(
            Statement("Its IP addresses stay the same all the way.", True),
            Statement("Its MAC addresses are others on each link.", True),
            Statement("Both nodes look up a route for it.", True),
            Statement("The MAC address of `web` is known to `client`.", belief=57,
                      said="The client only needs the MAC of its gateway.", evidence=seen),
            Statement("The node puts its own address in place of the pod's, as the pod's is unknown outside.", belief=58,
                      said="Nodes know the way to each other's pods; nothing is translated.", evidence=seen),
        ),
        because="Addresses of packets go from end to end, addresses of frames from hop to hop.",
        evidence=seen,
        hints=(
            "Read the table of this way column by column: which one stays?",
            "A MAC address has a meaning on one link only.",
            "Three of the five hold.",
        ),
    )  # fmt: skip
