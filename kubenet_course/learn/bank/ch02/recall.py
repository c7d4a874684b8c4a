"""Chapter 02, two pods on one node: the frames of a ping."""

from __future__ import annotations

from random import Random

from msgspec import Struct

from ....linux.namespace.trace import Trace
from ....linux.packet.packet import Arp, Frame
from ....views.console import Console
from ....views.story.heard import heard
from ....views.tables.table import Table, table
from ...questions.kinds import Blank, FillFrame, Slip
from ...questions.turn import turn
from .. import defined
from .worlds import Pod, node

ALL, NOBODY = "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"


def pinged(console: Console, one: Pod, other: Pod) -> Trace:
    """The way of a ping from one pod to another, and of its answer."""
    trace = console(f"ip netns exec {one.name} ping -c 1 {other.address}").trace
    assert trace is not None
    return trace


FRAMES = {
    "asks": "`{one}` does not know the MAC address of `{other}` yet. Fill in what is hidden in the frame with which "
    "`{one}` **asks** for it.",
    "answers": "`{one}` has just asked who has {address}. Fill in what is hidden in the frame with which `{other}` "
    "**answers** this question.",
    "pings": "Question and answer have passed. Fill in what is hidden in the frame that carries the **ping** from "
    "`{one}` to `{other}`.",
    "returns": "The ping has arrived. Fill in what is hidden in the frame with which `{other}` **answers the ping**.",
}
BECAUSE = {
    "asks": "A question goes to everybody. It carries the sender's own addresses, and the IP address that is wanted.",
    "answers": "The answer goes to the asker alone, and brings the MAC address that was wanted.",
    "pings": "The bridge passes the frame on as it is. So both MAC addresses are the pods' own, as both IP addresses "
    "are.",
    "returns": "The question had told the pod both addresses of the asker, so it answers the asker directly.",
}


class Case(Struct, frozen=True):
    """A ping between two pods, the frame in question, and all MAC addresses around."""

    one: Pod
    other: Pod
    macs: dict[str, str]
    bridge: str
    seen: Table


@defined("02-question", "A frame of a ping")
def question(chance: Random) -> FillFrame:
    which = turn(chance, list(FRAMES), 403)
    of = node(chance)
    one, other = of.pods
    console = of.console()
    trace = pinged(console, one, other)
    macs = {pod.name: console.world[pod.name].devices["eth0"].mac for pod in of.pods}
    case = Case(
        one, other, macs, console.world[of.name].devices["cni0"].mac, heard(trace, one.name, other.name, way="out")
    )
    return FillFrame(
        asks=f"`{one.name}` ({one.address}) pings `{other.name}` ({other.address}) on the same bridge, for the first "
        "time. " + FRAMES[which].format(one=one.name, other=other.name, address=other.address),
        look=table(
            "Who has which MAC address",
            ("machine", "device", "MAC address"),
            [*((name, "eth0", mac) for name, mac in macs.items()), (of.name, "cni0", case.bridge)],
            code=(2,),
        ),
        frame=frame_of(trace, which, other),
        blanks={"asks": _asks, "answers": _answers, "pings": _pings, "returns": _returns}[which](case),
        because=BECAUSE[which],
        evidence=case.seen,
        hints=(
            "Does the sender of this frame know the MAC address of the receiver?",
            f"A frame to {ALL} goes to everybody. A frame to any other MAC address here goes to one machine.",
            "A bridge changes nothing in a frame. Whose addresses did the sender write into it?",
        ),
    )


def frame_of(trace: Trace, which: str, other: Pod) -> Frame:
    """The first frame of a kind: a question, an answer, the ping or its answer."""
    frames = [frame for _, _, _, frame in trace.frames]
    if which in ("asks", "answers"):
        return next(f for f in frames if isinstance(f.payload, Arp) and f.payload.op == 1 + (which == "answers"))
    is_there = which == "pings"
    pings = [f for f in frames if not isinstance(f.payload, Arp)]
    return next(f for f in pings if (f.payload.flow.dst == other.address) == is_there)  # type: ignore[union-attr]


def _asks(of: Case) -> tuple[Blank, ...]:
    return (
        Blank(
            "Ethernet",
            "destination",
            (
                Slip(of.macs[of.other.name], 70, f"If {of.one.name} knew that MAC address, it would not ask.", of.seen),
                Slip(of.bridge, 70, "The bridge passes the question on. It is not the one that is asked.", of.seen),
                Slip(
                    NOBODY,
                    70,
                    "That stands inside the question, in the place of the wanted MAC address. The frame is for "
                    "everybody.",
                    of.seen,
                ),
            ),
        ),
        Blank(
            "ARP",
            "sender address",
            (Slip(of.other.address, 0, "That is the address in question, and not the asker's.", of.seen),),
        ),
        Blank(
            "ARP",
            "target address",
            (Slip(of.one.address, 0, "That is the asker's own address. It asks for another one.", of.seen),),
        ),
    )


def _answers(of: Case) -> tuple[Blank, ...]:
    return (
        Blank(
            "Ethernet",
            "destination",
            (Slip(ALL, 70, f"The question was for everybody. The answer is for {of.one.name} alone.", of.seen),),
        ),
        Blank(
            "ARP",
            "sender MAC",
            (
                Slip(
                    of.macs[of.one.name], 0, f"The sender of the answer is {of.other.name}, and not the asker.", of.seen
                ),
                Slip(NOBODY, 0, "That was in the question. In the answer a MAC address stands there.", of.seen),
            ),
        ),
        Blank("ARP", "target address", (Slip(of.other.address, 0, "The target of the answer is the asker.", of.seen),)),
    )


def _pings(of: Case) -> tuple[Blank, ...]:
    return (
        Blank(
            "Ethernet",
            "destination",
            (
                Slip(
                    of.bridge,
                    63,
                    "A bridge is no router: nobody addresses a frame to it that is for another pod on the link.",
                    of.seen,
                ),
                Slip(
                    ALL,
                    76,
                    "Only a question goes to everybody. Its answer has come, so the MAC address is known now.",
                    of.seen,
                ),
            ),
        ),
        Blank("IPv4", "source", (Slip(of.other.address, 0, "That is the pod that is pinged.", of.seen),)),
    )


def _returns(of: Case) -> tuple[Blank, ...]:
    return (
        Blank(
            "Ethernet",
            "destination",
            (
                Slip(
                    ALL,
                    64,
                    f"{of.other.name} need not ask: the question of {of.one.name} has told it the MAC address.",
                    of.seen,
                ),
                Slip(
                    of.bridge,
                    63,
                    "A bridge is no router: nobody addresses a frame to it that is for another pod on the link.",
                    of.seen,
                ),
            ),
        ),
        Blank(
            "Ethernet",
            "source",
            (
                Slip(
                    of.bridge,
                    63,
                    "A router would write its own MAC address here. A bridge leaves the sender's in the frame.",
                    of.seen,
                ),
            ),
        ),
    )
