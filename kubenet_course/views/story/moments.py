"""A trace as a story to step through: for each step what the kernel held before, which packet this is about, where it came from.

A walk answers everything that moves, so a story of one request has side stories: the questions for MAC addresses, and what
the asker's own kernel says to an answer that no program waits for. `detail` tells what a first look needs from what it does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from ...linux.namespace.device import Device
from ...linux.namespace.skb import NO_CONNECTION, UNTRACKED, Connection, Skb
from ...linux.namespace.trace import Step, Trace
from ...linux.packet.packet import Arp, Flow, Fragment, Neighbour, Packet, Vxlan

STORY, MAIN, EVERY = "story", "main", "every"  # how much to show: sentences, the kernel's main steps, all of them
DETAILS = {STORY: "the story", MAIN: "the main steps", EVERY: "every step"}
LOOK_UP = "neighbour question"  # ARP, neighbour discovery
# Decisions that a first look needs even where nothing changed.
TELLING = ("route_input", "route_output", "br_handle_frame", "br_handle_frame_finish", "br_nf_pre_routing_finish",
           "br_dev_xmit", "vxlan_xmit", "vxlan_rcv", "neigh_output", "ip_forward", "ip_fragment", "ip_defrag",
           "ipv6_frag_rcv", "tunnel_xmit", "ipip_rcv", "wg_rcv")  # fmt: skip


class Moment(Struct, frozen=True):
    """A step in its story. `before` is what the kernel held when the step began; `parent` the number of the step before it.

    `turn` counts who speaks: 0 is the packet that was sent, 1 what was answered, 2 what was answered to that.
    """

    step: Step
    before: Skb
    parent: int = -1
    turn: int = 0
    is_look_up: bool = False
    detail: str = EVERY

    @property
    def about(self) -> str:
        """Which packet this step is about, in words."""
        if self.is_look_up:
            return LOOK_UP
        if self.step.skb.packet.is_error:
            return "error message"
        return ("request", "answer", "answer to the answer")[min(self.turn, 2)]


def moments(*traces: Trace) -> tuple[Moment, ...]:
    """The steps of one or more traces in order, each with its place in the story."""
    found: list[Moment] = []
    for number, trace in enumerate(traces):
        found += _of_one(trace, len(found), number)
    return tuple(found)


def _of_one(trace: Trace, first: int, turn: int) -> list[Moment]:
    """The moments of one trace, whose numbers begin at `first` and whose packet speaks at `turn`."""
    made: list[Moment] = []
    begun = {number: iter(step.then) for number, step in enumerate(trace.steps)}
    for number, (step, cause) in enumerate(zip(trace.steps, trace.causes, strict=True)):
        before = next(begun[cause]).skb if cause >= 0 else step.skb
        look_up = is_look_up(before.packet)
        parent = cause
        if not look_up and number and (cause < 0 or made[cause].is_look_up):
            parent = _waited(made, step, cause)
        spoke = made[parent].turn + (step.stage == "route_output") if parent >= 0 else turn
        moment = Moment(step, before, parent, spoke, look_up)
        made.append(replace(moment, detail=_detail(moment, turn)))
    return [replace(one, parent=one.parent + first) if one.parent >= 0 else one for one in made]


def is_look_up(packet: object) -> bool:
    """Whether a packet only asks for, or tells, a MAC address."""
    return isinstance(packet, Arp) or isinstance(getattr(packet, "payload", None), Neighbour)


def _waited(made: list[Moment], step: Step, parent: int) -> int:
    """The step where a packet began to wait for the answer that has now set it free, or that never came."""
    for at in range(len(made) - 1, -1, -1):
        one = made[at]
        if one.step.namespace == step.namespace and _is_of(step.skb.packet, one.step) and not one.is_look_up:
            return at
    return parent


def _is_of(packet: Packet, step: Step) -> bool:
    """Whether a packet is the one of a step, or a piece that the step has made of it."""
    whole, piece = step.skb.packet, packet.payload
    if whole == packet or step.stage != "ip_fragment" or not isinstance(piece, Fragment):
        return whole == packet
    return piece.whole in (whole, getattr(whole.payload, "whole", None))


def _detail(moment: Moment, first_turn: int) -> str:
    step = moment.step
    if not step.said:
        return EVERY
    if moment.is_look_up or moment.turn > first_turn + 1:
        return EVERY
    if step.end or _changes(moment):
        return MAIN
    if step.frame is not None:
        device = step.why[0] if step.why and isinstance(step.why[0], Device) else None
        return EVERY if device and (device.kind == "bridge" or device.master) else MAIN
    if step.stage in TELLING or (step.stage == "ip_rcv" and moment.parent < 0):
        return MAIN
    is_inner = isinstance(step.skb.packet, Packet) and not isinstance(step.skb.packet.payload, Vxlan)
    return MAIN if is_inner and step.stage.startswith(("conntrack", "confirm")) else EVERY


def _changes(moment: Moment) -> bool:
    """Whether the packet's addresses, ports or mark are others after the step."""
    before, after = moment.before, moment.step.skb
    if not isinstance(before.packet, Packet) or not isinstance(after.packet, Packet):
        return False
    return (before.packet.flow, before.mark) != (after.packet.flow, after.mark)


def shown(story: Iterable[Moment], detail: str) -> list[int]:
    """The numbers of the steps to show at a level of detail of the kernel's own: the main steps, or every one."""
    return [at for at, moment in enumerate(story) if detail == EVERY or moment.detail == MAIN]


def trail(story: tuple[Moment, ...], at: int) -> list[int]:
    """The steps that led a packet to where it is, oldest first: its own, not those of the packet that it answers."""
    found, here = [], at
    while here >= 0 and story[here].turn == story[at].turn and story[here].is_look_up == story[at].is_look_up:
        found.append(here)
        here = story[here].parent
    return found[::-1]


def way(story: tuple[Moment, ...]) -> str:
    """The way of the packet that was sent, in one sentence: the kernels that had it, and what became of it. A second sentence
    says where its answer was lost, if it was."""
    there, lost = _way_of(story, 0), _lost(story)
    return f"{there} The answer is lost: {lost}" if lost else there


def _lost(story: tuple[Moment, ...]) -> str:
    """The way of an answer that did not come back to who had asked; empty where it did, and where there was none."""
    ends = [one.step for one in story if one.turn == 1 and not one.is_look_up and one.step.end]
    is_back = any(step.namespace == story[0].step.namespace for step in ends)
    return _way_of(story, 1) if ends and not is_back else ""


def _way_of(story: tuple[Moment, ...], turn: int) -> str:
    ended = [at for at, one in enumerate(story) if one.turn == turn and not one.is_look_up and one.step.end]
    last = ended[0] if ended else max(at for at, one in enumerate(story) if one.turn == turn)
    names = [story[at].step.namespace for at in trail(story, last)]
    kernels = [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]
    return f"{' → '.join(kernels)}: {story[last].step.said or 'it goes on'}."


def connections(story: Iterable[Moment]) -> Iterator[dict[str, tuple[Connection, ...]]]:
    """For each step, what each kernel has in its connection table so far, as far as these packets made it."""
    known: dict[str, dict[Flow, Connection]] = {}
    now: dict[str, tuple[Connection, ...]] = {}
    for moment in story:
        one, where = moment.step.skb.connection, moment.step.namespace
        if one is not NO_CONNECTION and one is not UNTRACKED and one.original.proto:
            table = known.setdefault(where, {})
            if table.get(one.original) != one:
                table[one.original] = one
                now = now | {where: tuple(table.values())}
        yield now
