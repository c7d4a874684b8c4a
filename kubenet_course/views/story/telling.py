"""A trace told in plain sentences: eight to ten for a request and its answer between two nodes.

Each machine that had the packet gets one telling, and what it remembers for the answer one more. Every address, port and device in
a sentence is read from the steps that the sentence covers; no name of a kernel function stands in one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from msgspec import Struct

from ...linux.namespace.trace import Step
from ...linux.packet.packet import Vxlan
from .inside import PORTS, flow_of, inner, place
from .moments import Moment, trail

IPVS = "ip_vs"  # how the stages of the kernel's own load balancer begin
WRAPS, OPENS = ("vxlan_xmit", "tunnel_xmit"), ("vxlan_rcv", "ipip_rcv", "wg_rcv")  # stages of tunnels
GATHERS = ("ip_defrag", "ipv6_frag_rcv", "defrag PREROUTING", "defrag OUTPUT")
TRANSLATE = ("nat", "conntrack", IPVS)
ENDED = {
    "dropped": "drops it, and tells nobody",
    "rejected": "drops it, and tells the sender",
    "unreachable": "cannot deliver it: nobody on the link has that address",
    "no-route": "drops it: it has no route to that address",
    "refused": "refuses it: no program listens on that port",
    "too-big": "does not send it: it is too long for the device",
    "not-permitted": "does not send it: a rule of its own drops it",
    "forwarded": "sends it out",
}


class Telling(Struct, frozen=True):
    """One item of the story: the moment to stand at, the sentences, and the moments that they are about."""

    at: int
    said: str
    covers: tuple[int, ...]


def tellings(story: Sequence[Moment]) -> tuple[Telling, ...]:
    """The way there and the way back, machine by machine. What is said to an answer is left out, as are neighbour questions."""
    moments = tuple(story)
    told: list[Telling] = []
    for turn in (0, 1):
        machines = visits(moments, turn)
        for number, visit in enumerate(machines):
            is_first, is_last = number == 0, number == len(machines) - 1
            if not (is_first or is_last) and len(machines) > 3 and _only_bridges(moments, visit):
                continue
            told += _of_visit(moments, turn, visit, is_first, is_last)
    return tuple(told)


def visits(story: tuple[Moment, ...], turn: int) -> list[tuple[int, ...]]:
    """The numbers of a packet's moments, parted by machine, from where it was sent to where it ended."""
    mine = [at for at, one in enumerate(story) if one.turn == turn and not one.is_look_up]
    if not mine:
        return []
    answered = [one.parent for one in story if one.turn == turn + 1 and not one.is_look_up and one.parent in mine]
    ended = [at for at in mine if story[at].step.end]
    good = [at for at in ended if story[at].step.end == "local"]
    last = (answered or good or ended or mine[-1:])[0]
    passed = [at for at in trail(story, last) if at in mine]
    return [tuple(visit) for _, visit in groupby(passed, key=lambda at: story[at].step.namespace)]


def _only_bridges(story: tuple[Moment, ...], visit: Sequence[int]) -> bool:
    """Whether a machine only handed the frame on, as a switch does."""
    return not any(story[at].step.stage in ("route_input", "route_output", "local_deliver") for at in visit)


def _of_visit(
    story: tuple[Moment, ...], turn: int, visit: tuple[int, ...], is_first: bool, is_last: bool
) -> list[Telling]:
    """What one machine did with the packet."""
    steps = [story[at].step for at in visit]
    name = short(steps[0].namespace)
    changes = [part for at in visit for part in _change(story[at], turn)]
    said = [_begins(story, turn, visit, name, is_first, is_last), *changes]
    wraps = next((step for step in steps if step.stage in WRAPS), None)
    last = steps[-1]
    if is_last:
        said.append(_ends(story, turn, last, name, is_first))
    elif _only_bridges(story, visit):
        said.append(f"Its bridge hands the frame on by {last.skb.dev_out}, as a switch does.")
    else:
        said += _onward(steps)
        said += [f"It wraps the packet in a packet of its own{_far_end(wraps)}."] if wraps else []
    text = " ".join(part for part in said if part)
    at = next((at for at in visit if _change(story[at], turn)), visit[-1] if is_last or is_first else visit[0])
    made = [Telling(at, text, visit)]
    kept = [at for at in visit if _is_kept(story[at])]
    if turn == 0 and kept:
        remembered = f"{name} remembers this connection, so that it can translate the answer back."
        made.append(Telling(kept[0], remembered, (kept[0],)))
    return made


def _begins(
    story: tuple[Moment, ...], turn: int, visit: Sequence[int], name: str, is_first: bool, is_last: bool
) -> str:
    """Who has the packet, and what it is."""
    first = story[visit[0]].before if story[visit[0]].parent >= 0 else story[visit[0]].step.skb
    flow = inner(first.packet)
    what = "the packet" if turn == 0 else "the answer"
    if (turn and first.packet.is_error) or any(story[at].step.skb.packet.is_error for at in visit if turn):
        what = "the error message"
    if flow is None:
        return f"{name} has {what}."
    if is_first and turn == 0 and story[visit[0]].step.stage != "route_output":
        return f"{name} receives a packet for {place(flow.dst, flow.dport, flow)}, from {flow.src}."
    if is_first and turn == 0:
        return f"{name} sends a packet to {place(flow.dst, flow.dport, flow)}."
    if is_first:
        own = inner(story[visit[0]].step.skb.packet) or flow
        verb = "sends an error message" if what == "the error message" else "answers"
        return f"{name} {verb}: the answer goes to {own.dst}." if verb == "answers" else f"{name} {verb} to {own.dst}."
    if is_last:
        return f"{name} receives {what}. It comes from {place(flow.src, flow.sport, flow)}."
    return f"{name} receives {what}."


def _change(moment: Moment, turn: int) -> list[str]:
    """What a step has replaced in the packet, or has put around it."""
    old, new = flow_of(moment.before.packet), flow_of(moment.step.skb.packet)
    stage = moment.step.stage
    if stage in OPENS:
        return ["It takes the packet out of the one around it."]
    if stage == "ip_fragment":
        cut = moment.step.said.partition(":")[2].partition(";")[0]
        return [f"The packet is too long, so it is{cut}."]
    if stage in GATHERS and moment.step.then:
        return ["It puts the pieces together again."]
    if old is None or new is None or moment.parent < 0 or not stage.startswith(TRANSLATE):
        return []
    who = "Its IPVS replaces" if stage.startswith(IPVS) else "Its rules replace"
    found = []
    for word, was, now in (
        ("destination", place(old.dst, old.dport, old), place(new.dst, new.dport, new)),
        ("source", place(old.src, old.sport, old), place(new.src, new.sport, new)),
    ):
        if was != now and turn == 0:
            found.append(f"{who} the {word} {was} by {now}.")
        elif was != now:
            found.append(f"It recognises the connection, and replaces the {word} {was} by {now}.")
    return found


def _onward(steps: Sequence[Step]) -> list[str]:
    """By which device the packet leaves, and to whom."""
    routed = [
        step
        for step in steps
        if step.stage.startswith(("route_input", "route_output", IPVS)) and step.skb.route.type == "unicast"
    ]
    if not routed:
        return []
    step = routed[-1]
    for one in routed:  # the packet's own route, not that of a tunnel's outer packet
        if inner(one.skb.packet) == flow_of(one.skb.packet):
            step = one
            break
    route = step.skb.route
    if not route.dev:
        return []
    flow = inner(step.skb.packet)
    to = f"to the gateway {route.via}" if route.via else f"straight to {flow.dst}" if flow else "out of it"
    return [f"Its route leads by {route.dev} {to}."]


def _ends(story: tuple[Moment, ...], turn: int, last: Step, name: str, is_first: bool) -> str:
    """What became of the packet on the machine where its way ended."""
    if last.end in ("local", "") and turn == 0:
        flow = inner(last.skb.packet)
        answers = any(one.turn == 1 and not one.is_look_up for one in story)
        if flow is not None and flow.proto in PORTS:
            listens = f"A program listens on port {flow.dport}"
            return f"{listens}, so {name} answers." if answers else f"{listens} and takes it."
        return f"It is for {name} itself, which answers." if answers else f"It is for {name} itself."
    if last.end in ("local", "", "refused") and turn:
        asked, got = inner(story[0].step.skb.packet), inner(last.skb.packet)
        if asked is None or got is None or last.skb.packet.is_error:
            return f"So {name} learns what became of its packet."
        if asked.dst == got.src:
            return "That is the address that it asked."
        refuses = ", and refuses it" if last.end == "refused" else ""
        return f"It had asked {asked.dst}, so it does not know this connection{refuses}."
    end = "rejected" if last.end == "dropped" and last.then else last.end
    return f"{name[:1].upper() + name[1:] if is_first else 'It'} {ENDED.get(end, 'ends it')}."


def _far_end(step: Step) -> str:
    """To whom a tunnel sends, as the FDB entry says that decided."""
    far = next((row.dst for row in step.why if getattr(row, "dst", "")), "")
    far = far or next((one.skb.packet.flow.dst for one in step.then), "")
    return f" to {far}" if far else ""


def short(namespace: str) -> str:
    """A machine's name without its kind and its Kubernetes namespace."""
    return namespace.rpartition("/")[2]


def _is_kept(moment: Moment) -> bool:
    """Whether the step remembers what it has replaced: conntrack at its end, IPVS when it chooses a server."""
    if moment.step.stage.startswith(IPVS):
        return bool(_change(moment, 0))
    return moment.step.stage.startswith("confirm") and _is_translated(moment.step)


def _is_translated(step: Step) -> bool:
    return (step.skb.connection.dnat or step.skb.connection.snat) and not isinstance(step.skb.packet.payload, Vxlan)


def spoken(story: Sequence[Moment]) -> list[str]:
    """Only the sentences."""
    return [one.said for one in tellings(story)]
