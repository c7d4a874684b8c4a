"""Chapter 02: the ports by which a bridge sends a frame on, in four situations."""

from __future__ import annotations

from random import Random

from ....linux.namespace.trace import Trace
from ....linux.packet.packet import Frame
from ....views.tables.table import Table, table
from ...questions.kinds_lists import Choose, Statement
from ...questions.turn import turn
from .. import defined
from .recall import frame_of, pinged
from .worlds import Node, Pod, node

CASES = {
    "question": "They have never talked, and nobody has sent anything yet. The frame is the **question** for the MAC "
    "address.",
    "answer": "`{other}` has just asked for the MAC address of `{one}`. The frame is the **answer** to this question.",
    "aged": "They talked 301 seconds ago, and all pods have been silent since. The frame is a **ping**: `{one}` still "
    "knows the MAC address.",
    "learned": "They have just talked. The frame is a **ping**.",
}


@defined("02-ports", "By which ports does it leave?")
def ports(chance: Random) -> Choose:
    case = turn(chance, list(CASES), 13)
    of = node(chance, pods=chance.choice((3, 4)))
    one, other = chance.sample(of.pods, 2)
    console = of.console()
    if case in ("learned", "aged"):
        pinged(console, other, one)
    if case == "aged":
        console("sleep 301")
    is_known = case in ("learned", "answer")
    trace = pinged(console, *((other, one) if case == "answer" else (one, other)))
    frame = frame_of(trace, "answers", other) if case == "answer" else trace.frames[0][3]
    statements, seen = _ports(of, one, other, trace, frame, is_known)
    return Choose(
        asks=f"On {of.name} the pods {', '.join(f'`{pod.name}`' for pod in of.pods)} are on one bridge. `{one.name}` "
        "sends a frame "
        f"for `{other.name}`. {CASES[case].format(one=one.name, other=other.name)} By which ports does it leave the "
        "bridge? Mark **all**.",
        several=True,
        statements=statements,
        because="The bridge knows the port of a MAC address that it has heard in the last 300 seconds, and uses this "
        "port alone. A frame "
        "for everybody, or for another MAC address, leaves by all ports but the one where it came in.",
        evidence=seen,
        hints=(
            "Is the frame for one receiver, or for everybody?",
            f"Has the bridge heard a frame from {other.name} in the last 300 seconds?",
            f"It never leaves by {one.end}, where it came in. "
            + ("It leaves by one port." if is_known else "It leaves by all others."),
        ),
    )


def _ports(
    of: Node, one: Pod, other: Pod, trace: Trace, frame: Frame, is_known: bool
) -> tuple[tuple[Statement, ...], Table]:
    """Each port, and none of them; what is right is read from where the frame really left."""
    left = [dev for name, dev, way, f in trace.frames if (name, way, f) == (of.name, "out", frame)]
    seen = table(
        "The frame at the devices that it passed",
        ("where", "by", "way"),
        [row[:3] for row in trace.frames if row[3] == frame],
    )
    heard_it = f"The bridge has an FDB entry: {other.name} is behind {other.end}."
    known = heard_it if is_known else "No FDB entry tells the bridge where the receiver is."
    own = f"{one.end} is where it came in. A bridge never sends a frame back there, unless hairpin mode is on."
    return (
        *(
            Statement(
                f"by {pod.end}, towards `{pod.name}`",
                pod.end in left,
                0 if pod.end in left or pod == one else 71,
                own if pod == one else known,
                seen,
            )
            for pod in of.pods
        ),
        Statement(
            "by none: it is dropped, or it waits in the bridge",
            False,
            76,
            f"A bridge drops no frame because it does not know the receiver. {known}",
            seen,
        ),
    ), seen
