"""Chapter 00: frames with hidden fields, at different places of the way there and back."""

from __future__ import annotations

from ....linux.packet.packet import Frame
from ...questions.evidence import journey
from ...questions.kinds import Blank, FillFrame, Slip
from ...worlds.worlds import Net, mac_of, net
from .. import Chance, defined
from .seen import frames_back, macs, own, way_back

FILL = "Fill in what is hidden. The table says who has which MAC address."


@defined("00-first-frame", "The frame as it leaves the pod")
def first_frame(chance: Chance) -> FillFrame:
    asked = chance.turn(_leaves_the_client, _on_one_node, _answer_leaves_web, _last_link)
    made: FillFrame = asked(net(chance, is_same_node=asked is _on_one_node))
    return made


def _leaves_the_client(of: Net) -> FillFrame:
    trace = of.asked()
    seen, node = journey(trace), f"node-{of.here}"
    return FillFrame(
        asks=f"`client` ({of.client}) sends the first packet of a connection to port {of.port} of `web` ({of.web}), "
             "on another "
        f"node. This is the frame that leaves the client's eth0. {FILL}",
        look=macs(of, ("client", "eth0"), (node, "cni0"), (node, "eth0"), ("web", "eth0")),
        frame=trace.frames[0][3],
        blanks=(
            Blank("Ethernet", "destination", (
                Slip(mac_of(of.world, "web"), 57, "This is web's MAC address. No frame from here ever reaches web's "
                                                  "link.", seen),
                Slip(mac_of(of.world, node), 57, "This is the node's MAC address on the LAN. The pod's link ends at "
                                                 "the bridge.", seen),
                Slip("ff:ff:ff:ff:ff:ff", 64, "Only the question for a MAC address goes to everybody. This packet "
                                              "does not.", seen),
            )),
            Blank("IPv4", "destination", (
                Slip(of.world["client"].routes[0].via, 64,
                     "This is the next hop. Its MAC address is in the frame, but its IP address is nowhere in the "
                     "packet.", seen),
            )),
            Blank("TCP", "destination port", (Slip(of.sport, 0, "This is the port that the answer goes to.", seen),)),
        ),
        because="The packet is addressed to `web`. The frame is addressed to the next machine on this link only: the "
                "bridge.",
        evidence=seen,
        hints=(
            "A frame lives on one link. Which machine is at the other end of this link?",
            "web's address is not in the pod's own block, so the pod sends the packet to its gateway.",
            "The gateway is the bridge `cni0` of the client's own node.",
        ),
    )  # fmt: skip


def _on_one_node(of: Net) -> FillFrame:
    trace = of.asked_again()
    seen, node = journey(trace), f"node-{of.here}"
    return FillFrame(
        asks=f"`client` ({of.client}) and `web` ({of.web}) are on the same node and the same bridge. This is the "
             "frame with which "
        f"`client` opens a connection to `web`. {FILL}",
        look=macs(of, ("client", "eth0"), (node, "cni0"), (node, "eth0"), ("web", "eth0")),
        frame=trace.frames[0][3],
        blanks=(
            Blank("Ethernet", "destination", (
                Slip(mac_of(of.world, node, "cni0"), 63, "This is the bridge's own MAC address. Frames for it go up "
                                                         "to the node.", seen),
                Slip(mac_of(of.world, node), 57, "This is the node's MAC address on the LAN. The frame does not go "
                                                 "there.", seen),
            )),
            Blank("IPv4", "source", (Slip(own(of, node, "cni0"), 58, "This is the bridge's address. The client sends "
                "this frame.", seen),)),
            Blank("TCP", "destination port", (Slip(of.sport, 0, "This is the port that the answer goes to.", seen),)),
        ),
        because="A bridge joins its ports to one link. So `web` is on the client's own link, and the frame is "
                "addressed to it.",
        evidence=seen,
        hints=(
            "Is web's address in the client's own block?",
            "It is. So the client needs no gateway: `web` is on its own link.",
            "The frame is addressed to web's own MAC address; the bridge passes it on.",
        ),
    )  # fmt: skip


def _answer_leaves_web(of: Net) -> FillFrame:
    trace = of.asked()
    seen, node = way_back(of, trace), f"node-{of.there}"
    return FillFrame(
        asks=f"`client` ({of.client}) has asked `web` ({of.web}, port {of.port}), on another node. This is the "
             "**answer**, as it leaves "
        f"web's eth0. {FILL}",
        look=macs(of, ("client", "eth0"), (node, "cni0"), (node, "eth0"), ("web", "eth0")),
        frame=_left_by(of, "web", "eth0"),
        blanks=(
            Blank("Ethernet", "destination", (
                Slip(mac_of(of.world, "client"), 57, "This is the client's MAC address. The client is on another "
                                                     "link.", seen),
                Slip(mac_of(of.world, node), 57, "This is the node's MAC address on the LAN. web's link ends at the "
                                                 "bridge.", seen),
            )),
            Blank("IPv4", "destination", (
                Slip(own(of, node, "cni0"), 64, "This is web's gateway. Its IP address is nowhere in the "
                                                "packet.", seen),
            )),
            Blank("TCP", "source port", (Slip(of.sport, 0, "This is the client's port. The answer goes to "
                                                           "it.", seen),)),
        ),
        because="In an answer both ends have changed places. The frame goes to the next machine, which is web's own "
                "gateway.",
        evidence=seen,
        hints=(
            "What was the destination of the request is the source of the answer.",
            "The client is on another node, so `web` sends the answer to its own gateway.",
            f"web's gateway is the bridge `cni0` of {node}.",
        ),
    )  # fmt: skip


def _last_link(of: Net) -> FillFrame:
    trace = of.asked()
    seen, node = journey(trace), f"node-{of.there}"
    frame = next(one for name, dev, way, one in trace.frames if (name, dev, way) == (node, "cni0", "out"))
    return FillFrame(
        asks=f"The first packet from `client` ({of.client}) to `web` ({of.web}) has reached {node}. This is the "
             "frame on the last "
        f"link, from {node} to `web`. {FILL}",
        look=macs(of, ("client", "eth0"), (node, "eth0"), (node, "cni0"), ("web", "eth0")),
        frame=frame,
        blanks=(
            Blank("Ethernet", "source", (
                Slip(mac_of(of.world, "client"), 57, "The client's MAC address stayed on the client's link.", seen),
                Slip(mac_of(of.world, node), 57, "This is the node's MAC address on the LAN. Towards `web` it uses "
                                                 "another device.", seen),
            )),
            Blank("IPv4", "source", (Slip(own(of, node, "cni0"), 58, "The bridge sends it on, but does not change "
                "the source.", seen),)),
            Blank("IPv4", "TTL", (
                Slip(64, 59, "Two nodes have carried the packet. Each has taken one from the TTL.", seen),
                Slip(63, 59, "Two nodes have carried the packet, not one.", seen),
            )),
        ),
        because="On the last link the frame goes from the node's bridge to `web`. The packet inside still has the "
                "client as its source.",
        evidence=seen,
        hints=(
            "Which device of the node is on web's link?",
            "The bridge `cni0` is. The packet inside still names its two ends.",
            "Two kernels have looked up a route for it, so the TTL is 62.",
        ),
    )  # fmt: skip


def _left_by(of: Net, name: str, dev: str) -> Frame:
    """The first frame of web's answer that left by a device."""
    return next(frame for at, by, frame in frames_back(of, of.asked()) if (at, by) == (name, dev))


@defined("00-between-nodes", "The frame between the nodes")
def between_nodes(chance: Chance) -> FillFrame:
    is_back, blanks = chance.turn((False, "from"), (True, "from"), (False, "to"), (True, "to"))
    of = net(chance)
    trace = of.asked()
    here, there = f"node-{of.here}", f"node-{of.there}"
    seen = way_back(of, trace) if is_back else journey(trace)
    frame = next(one for name, dev, way, one in trace.frames if (name, dev, way) == (here, "eth0", "out"))
    first, second = (there, here) if is_back else (here, there)
    what = (
        f"The **answer** of `web` ({of.web}) to `client` ({of.client})"
        if is_back
        else f"A request from `client` ({of.client}) to `web` ({of.web}), port {of.port},"
    )
    return FillFrame(
        asks=f"{what} crosses the network between the nodes. This is the frame that leaves {first} for {second}. "
             f"{FILL}",
        look=macs(of, ("client", "eth0"), (here, "cni0"), (here, "eth0"), (there, "eth0"), ("web", "eth0")),
        frame=_left_by(of, there, "eth0") if is_back else frame,
        blanks=_sender(of, is_back, seen) if blanks == "from" else _receiver(of, is_back, seen),
        because="On a new link the MAC addresses are new. The packet inside keeps its IP addresses, and has one hop "
                "fewer.",
        evidence=seen,
        hints=(
            "Two things change from link to link, and two stay from end to end.",
            f"The MAC addresses are those of {first} and {second}, at the devices on this link.",
            ("The IP addresses are those of the two pods. One node has carried the packet, so the TTL is one less "
            "than 64."),
        ),
    )  # fmt: skip


def _sender(of: Net, is_back: bool, seen: object) -> tuple[Blank, ...]:
    pod, node = ("web", f"node-{of.there}") if is_back else ("client", f"node-{of.here}")
    return (
        Blank("Ethernet", "source", (Slip(mac_of(of.world, pod), 57, "The pod's MAC address stays on the pod's "
            "link.", seen),)),
        Blank("IPv4", "source", (Slip(own(of, node), 58, "The node carries the packet, but does not put its own "
                                                         "address on it.", seen),)),
        Blank("IPv4", "TTL", (
            Slip(64, 59, "One router has had it already: the sender's node.", seen),
            Slip(62, 59, "The second router has not had it yet.", seen),
        )),
    )  # fmt: skip


def _receiver(of: Net, is_back: bool, seen: object) -> tuple[Blank, ...]:
    pod, node = ("client", f"node-{of.here}") if is_back else ("web", f"node-{of.there}")
    wrong = of.port if is_back else of.sport
    return (
        Blank("Ethernet", "destination", (Slip(mac_of(of.world, pod), 57, "The pod is on another link than this "
            "frame.", seen),)),
        Blank("IPv4", "destination", (Slip(own(of, node), 64, "The node is only the next hop. The packet is for a "
            "pod.", seen),)),
        Blank("TCP", "destination port", (Slip(wrong, 0, f"Port {wrong} belongs to the sender of this "
                                                         "packet.", seen),)),
    )  # fmt: skip
