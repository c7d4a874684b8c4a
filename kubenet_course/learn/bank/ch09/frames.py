"""Chapter 09: frames with hidden fields, before and after the node that translates."""

from __future__ import annotations

from random import Random

from ....linux.namespace.choices import Scripted
from ....linux.namespace.trace import Trace
from ....linux.packet.packet import Frame
from ....views.tables.table import Table, table
from ...questions.kinds import Blank, FillFrame, Slip
from .. import defined
from .shop import CLIENT, STRANGER, Shop, shop, turn
from .shown import translated

KINDS = ("there", "back", "itself", "stranger")


@defined("09-frame", "The frame after the translation")
def frame(chance: Random) -> FillFrame:
    kind = turn(chance, KINDS, 4)
    of = shop(chance, 1, "here" if kind == "itself" else "there")
    asks, shown, blanks, because, trace = {"there": _there, "back": _back, "itself": _itself, "stranger": _stranger}[
        kind
    ](of)
    seen, before = translated(trace), translated(trace, hidden=True)
    named = tuple(
        Blank(layer, field, tuple(Slip(wrong, belief, said, before) for wrong, belief, said in slips))
        for layer, field, slips in blanks
    )
    return FillFrame(
        asks=asks,
        look=_known(of, kind),
        frame=shown,
        blanks=named,
        because=because,
        evidence=seen,
        hints=(
            "Which node translates on this way, and has the frame passed it already?",
            (
                "The destination becomes the pod and its targetPort. The source changes only for a stranger, for the "
                "node itself, and for a pod that asks itself."
            ),
            (
                f"The node that translates is {of.here}. The translation of the answer is the exact reverse of that of "
                f"the request."
            ),
        ),
    )


def _seen(trace: Trace, name: str, dev: str, way: str, last: bool = False) -> Frame:
    frames = [
        one for at, on, to, one in trace.frames if (at, on, to) == (name, dev, way) and hasattr(one.payload, "flow")
    ]
    return frames[-1 if last else 0]


def _there(of: Shop):
    trace, ip = of.asked(), of.ip("web-1")
    blanks = (
        ("IPv4", "source", ((of.node_ip, 58, ("The node translates the destination. It does not put its own address "
                                              "in.")),
                            (of.address, 1, "Nobody sends from the Service's address on this way."))),
        ("IPv4", "destination", ((of.address, 1, ("The network between the nodes never sees this address. The "
                                                  "client's node replaces it.")),)),
        ("TCP", "destination port", ((of.port, 15, "The port was replaced together with the address."),
                                     (of.node_port, 15, "Only a stranger uses the NodePort."))),
    )  # fmt: skip
    asks = (
        f"`client` ({of.ip('client')}) asks the Service `web` ({of.address}, port {of.port}). Its pod `web-1` "
        f"({ip}) runs on {of.there} and listens "
    )
    asks += f"on port {of.target}. Fill in what is hidden in the frame that **leaves {of.here}** for {of.there}."
    return (
        asks,
        _seen(trace, of.here, "eth0", "out"),
        blanks,
        ("The destination and its port were replaced, the source was not."),
        trace,
    )


def _back(of: Shop):
    trace, ip = of.asked(), of.ip("web-1")
    blanks = (
        ("IPv4", "source", ((ip, 1, ("web-1 sent the answer from there. The node has replaced it since: `client` "
                                     "asked somebody else.")),
                            (of.node_ip, 58, "The node puts back what the client asked, and that was not the node."))),
        ("IPv4", "destination", ((of.address, 1, ("The Service is the sender that the client sees, and not the "
                                                  "receiver.")),)),
        ("TCP", "source port", ((of.target, 15, "The port is put back together with the address."),)),
    )  # fmt: skip
    asks = (
        f"`client` ({of.ip('client')}) has asked the Service `web` ({of.address}, port {of.port}), and the pod "
        f"`web-1` ({ip}, port {of.target}) has "
    )
    asks += "answered. Fill in what is hidden in the answer's frame **as `client` receives it**."
    because = "The client sees an answer from the address and the port that it asked."
    return asks, _seen(trace, CLIENT, "eth0", "in", True), blanks, because, trace


def _itself(of: Shop):
    trace, ip = of.asked("pod/default/web-1", choices=Scripted()), of.ip("web-1")
    first = next(
        one for at, on, to, one in trace.frames
        if (at, on, to) == ("pod/default/web-1", "eth0", "in")
        and hasattr(one.payload, "flow") and one.payload.flow.dport == of.target
    )  # fmt: skip
    blanks = (
        ("IPv4", "source", ((ip, 9, ("With its own address as the source, web-1 would not accept the packet, and "
                                     "could not answer past itself.")),
                            (of.node_ip, 23, ("That is the node's address on the other device. Masquerade takes the "
                                              "address of the device towards the pod.")),
                            (of.address, 1, "The Service's address appears only in what the asker sees."))),
        ("IPv4", "destination", ((of.address, 1, "The node has replaced it on the way."),)),
        ("TCP", "destination port", ((of.port, 15, "The port was replaced together with the address."),)),
    )  # fmt: skip
    asks = (
        f"`web-1` ({ip}, port {of.target}) is the only pod behind `web` ({of.address}, port {of.port}), and "
        f"asks this Service. Fill in what is hidden in "
    )
    asks += "the frame that brings its own request **back to it**."
    return (
        asks,
        first,
        blanks,
        ("Both addresses were replaced: the destination by the pod, the source by the node's address towards it."),
        trace,
    )


def _stranger(of: Shop):
    trace, ip = of.asked(STRANGER, of.outside), of.ip("web-1")
    there = of.cluster.machines[of.there].ips[4]
    blanks = (
        ("IPv4", "source", ((STRANGER.partition("/")[2], 11, ("With this source web-1 would answer the stranger "
                                                              "past the node that must translate.")),
                            (of.gateway, 23, ("That is the node's address towards its own pods. This packet leaves "
                                              "by eth0.")))),
        ("IPv4", "destination", ((of.node_ip, 1, "The stranger asked there. The node has replaced it since."),
                                 (there, 0, ("The frame goes to that node, and its MAC address says so. The IP "
                                             "destination is the receiver at the end of the way.")))),
        ("TCP", "destination port", ((of.node_port, 15, "The port was replaced together with the address."),
                                     (of.port, 15, "The Service's own port appears nowhere on this way."))),
    )  # fmt: skip
    asks = (
        f"The machine {STRANGER.partition('/')[2]}, outside the cluster, asks {of.here} ({of.node_ip}) at the "
        f"NodePort {of.node_port}. The pod `web-1` ({ip}, port "
    )
    asks += (
        f"{of.target}) runs on {of.there}. Fill in what is hidden in the frame that **leaves {of.here}** for "
        f"{of.there}."
    )
    because = "The destination is the pod. The source is the node, so that the answer comes back to it."
    return asks, _seen(trace, of.here, "eth0", "out"), blanks, because, trace


def _known(of: Shop, kind: str) -> Table:
    """The addresses that one may look up."""
    outside = ("the machine outside", "eth0", STRANGER.partition("/")[2])
    rows = [outside if kind == "stranger" else ("client", "eth0", of.ip("client"))]
    rows += [("web-1", "eth0", of.ip("web-1")), (of.here, "eth0", of.node_ip)]
    rows += [(of.here, "cni0", of.gateway)]
    return table("Who has which address", ("machine or pod", "device", "address"), rows, code=(2,))
