"""Chapter 02, two pods on one node: the frames of a question, its order, and the ports that a bridge chooses."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from ....linux.namespace.trace import Step, Trace
from ....linux.packet.packet import Arp, Packet
from ....views.console import Console
from ....views.story.heard import heard
from ....views.tables.table import table
from ...questions.evidence import in_order_of
from ...questions.kinds import Blank, FillFrame, Slip
from ...questions.kinds_lists import Choose, Order, Statement, Swap
from .. import defined
from .worlds import Node, Pod, node

ALL, NOBODY = "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"


def pinged(console: Console, one: Pod, other: Pod) -> Trace:
    """The way of a ping from one pod to another, and of its answer."""
    trace = console(f"ip netns exec {one.name} ping -c 1 {other.address}").trace
    assert trace is not None
    return trace


@defined("02-question", "The question and its answer")
def question(chance: Random) -> FillFrame:
    of = node(chance)
    one, other = of.pods
    console = of.console()
    trace = pinged(console, one, other)
    macs = {pod.name: console.world[pod.name].devices["eth0"].mac for pod in of.pods}
    bridge = console.world[of.name].devices["cni0"].mac
    is_answer = chance.random() < 0.5
    frame = next(f for _, _, _, f in trace.frames if isinstance(f.payload, Arp) and f.payload.op == 1 + is_answer)
    seen = heard(trace, one.name, other.name, way="out")
    what = (
        f"`{one.name}` has asked. Fill in what is hidden in the frame with which `{other.name}` **answers**."
        if is_answer
        else f"Fill in what is hidden in the frame with which `{one.name}` **asks** for the MAC."
    )
    return FillFrame(
        asks=f"`{one.name}` ({one.address}) pings `{other.name}` ({other.address}) on the same bridge for the first time. {what} "
        "The MAC addresses around:",
        look=table(
            "Who has which MAC address",
            ("machine", "device", "MAC"),
            [*((name, "eth0", mac) for name, mac in macs.items()), (of.name, "cni0", bridge)],
            code=(2,),
        ),
        frame=frame,
        blanks=_answer(one, other, macs, seen) if is_answer else _question(one, other, macs, bridge, seen),
        because="A question goes to everybody and names the address. The answer goes to the asker and brings the MAC.",
        evidence=seen,
        hints=(
            "Does the sender of this frame know the MAC of the one that it is for?",
            f"The question is to {ALL}, which means everybody. The answer is to one.",
            "The sender's two addresses are its own. The target's address is the other pod's.",
        ),
    )


def _question(one: Pod, other: Pod, macs: dict[str, str], bridge: str, seen: object) -> tuple[Blank, ...]:
    return (
        Blank("Ethernet", "destination", (
            Slip(macs[other.name], 70, f"If {one.name} knew that MAC, it would not ask.", seen),
            Slip(bridge, 70, "The bridge passes the question on. It is not the one who is asked.", seen),
            Slip(NOBODY, 70, "That stands inside the question, where the MAC is wanted. The frame is for everybody.", seen),
        )),
        Blank("ARP", "sender address", (Slip(other.address, 0, "That is the address in question, not the asker's.", seen),)),
        Blank("ARP", "target address", (
            Slip(one.address, 0, "That is the asker's own address. It asks for another's.", seen),
        )),
    )  # fmt: skip


def _answer(one: Pod, other: Pod, macs: dict[str, str], seen: object) -> tuple[Blank, ...]:
    return (
        Blank("Ethernet", "destination", (
            Slip(ALL, 70, f"The question was for everybody. The answer is for {one.name}, whose MAC was in the question.", seen),
        )),
        Blank("ARP", "sender MAC", (
            Slip(macs[one.name], 0, f"The sender is now {other.name}. Its own MAC is the answer.", seen),
            Slip(NOBODY, 0, "That was in the question. In the answer the MAC is filled in.", seen),
        )),
        Blank("ARP", "target address", (Slip(other.address, 0, "The target of the answer is the asker.", seen),)),
    )  # fmt: skip


def _is_arp(step: Step, op: int) -> bool:
    return step.frame is not None and isinstance(step.frame.payload, Arp) and step.frame.payload.op == op


def _is_at(name: str, stage: str) -> Callable[[Step], bool]:
    return lambda step: (step.namespace, step.stage) == (name, stage)


def _sends(name: str, op: int = 0, flow_to: str = "") -> Callable[[Step], bool]:
    """A frame leaves a namespace: a question (1), an answer (2), or a packet to an address."""

    def is_it(step: Step) -> bool:
        if step.namespace != name or step.stage != "dev_queue_xmit" or step.frame is None:
            return False
        inside = step.frame.payload
        return _is_arp(step, op) if op else isinstance(inside, Packet) and inside.flow.dst == flow_to

    return is_it


def _events(of: Node, one: Pod, other: Pod) -> dict[str, Callable[[Step], bool]]:
    """What happens, in words, and how its step is known."""
    return {
        f"the ping waits in {one.name}: nobody there knows the MAC of {other.address}": _is_at(
            one.name, "neigh_output"
        ),
        f"{one.name} asks everybody": _sends(one.name, 1),
        f"the bridge hears where {one.name} is, and passes the question to all other ports": _is_at(
            of.name, "br_handle_frame_finish"
        ),
        f"{other.name} answers {one.name} alone": _sends(other.name, 2),
        f"the ping goes to {other.name}": _sends(one.name, flow_to=other.address),
        f"{other.name} sends the ping's answer, and asks nobody first": _sends(other.name, flow_to=one.address),
    }


@defined("02-order", "From the ping to its answer")
def order(chance: Random) -> Order:
    of = node(chance)
    one, other = of.pods
    trace = pinged(of.console(), one, other)
    events = _events(of, one, other)
    waits, asks, floods, tells, goes, back = events
    seen = heard(trace, one.name, other.name, way="out")
    return Order(
        asks=f"`{one.name}` and `{other.name}` have just been joined by a bridge. `{one.name}` pings `{other.name}`. In which "
        "order does this happen?",
        events=in_order_of(trace, events),
        swaps=(
            Swap(goes, tells, 64, "Without the MAC there is no frame to put the ping in.", seen),
            Swap(
                floods,
                asks,
                71,
                "The bridge learns from frames that pass it, and none has passed before the question.",
                seen,
            ),
            Swap(asks, waits, 64, "The question is asked because a packet waits.", seen),
            Swap(tells, asks, 70, f"{other.name} does not announce itself. It answers.", seen),
            Swap(back, goes, 0, "First it must have something to answer.", seen),
        ),
        because=f"A packet waits, a question, an answer, the packet. {other.name} has learned from the question who {one.name} is.",
        evidence=seen,
        hints=(
            "What makes a kernel ask for a MAC?",
            "A question names the asker's own address and MAC. Who hears that, learns it.",
            "Waits, asks, bridge, answers, ping, answer to the ping.",
        ),
    )


CASES = {
    "question": "They have never talked, and nobody has sent anything yet. This is the **question** for the MAC.",
    "learned": "They have just talked. This is a **ping**.",
    "aged": "They talked 301 seconds ago, and all has been quiet since. This is a **ping**: the MAC is still known in the pod.",
}


@defined("02-ports", "By which ports does it leave?")
def ports(chance: Random) -> Choose:
    of = node(chance, pods=chance.choice((3, 4)))
    one, other = chance.sample(of.pods, 2)
    case = chance.choice(list(CASES))
    console = of.console()
    if case != "question":
        pinged(console, other, one)
    if case == "aged":
        console("sleep 301")
    rows = console(f"bridge fdb show br cni0 dev {other.end}").done[0].shown.splitlines()
    return Choose(
        asks=f"On {of.name} the pods {', '.join(f'`{pod.name}`' for pod in of.pods)} are on one bridge. `{one.name}` sends a frame "
        f"for `{other.name}`. {CASES[case]} By which ports does the frame leave the bridge? Mark **all**.",
        several=True,
        statements=_ports(of, one, other, pinged(console, one, other), case == "learned"),
        because="To a MAC that it has heard: by that port alone. To all, or to a MAC that it has not heard: by all other ports.",
        evidence=table(
            f"Rows of the bridge for {other.end} before the frame", ("row",), [[row] for row in rows], code=(0,)
        ),
        hints=(
            "Is the frame for one, or for everybody?",
            f"Has the bridge heard {other.name} in the last 300 seconds?",
            f"Never by {one.end}. " + ("One port." if case == "learned" else "All others."),
        ),
    )


def _ports(of: Node, one: Pod, other: Pod, trace: Trace, is_known: bool) -> tuple[Statement, ...]:
    """Each port, and none of them; what is right is read from where the first frame really left."""
    first = trace.frames[0][3]
    left = [dev for name, dev, way, frame in trace.frames if (name, way, frame) == (of.name, "out", first)]
    seen = table(
        "The first frame at the devices", ("where", "by", "way"), [row[:3] for row in trace.frames if row[3] == first]
    )
    known = f"A row says that {other.name} is behind {other.end}." if is_known else "No row tells where that MAC is."
    own = f"{one.end} is where it came in. A bridge never sends a frame back there, unless hairpin is on."
    return (
        *(Statement(f"by {pod.end}, towards `{pod.name}`", pod.end in left, 0 if pod.end in left or pod == one else 71,
                    own if pod == one else known, seen) for pod in of.pods),
        Statement("by none: it is dropped, or it waits in the bridge", False, 76, f"{known} It left by {', '.join(left)}.", seen),
    )  # fmt: skip
