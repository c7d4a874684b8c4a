"""Who reaches whom in a layout, and under which address: each cell is one ping, walked there and back.

Nothing here knows what a layout promises. Every word of a cell is read off the steps of its walk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from ....linux.namespace.choices import Choices
from ....linux.namespace.fib import Route
from ....linux.namespace.netns import Netns
from ....linux.namespace.trace import Step, Trace
from ....linux.packet.address import Address, family
from ....linux.packet.packet import Flow, Frame, Packet, frame_length, ping
from ....linux.walk import ask
from ...model import names
from ...model.pod_plan import of_family
from ..plan import INTERNET
from ..world import WiderWorld

ROUTED = ("route_output", "route_input")
REQUEST, REPLY = (8, 128), (0, 129)  # echo, in ICMP and in ICMPv6


class End(Struct, frozen=True):
    """One end of a conversation: what it is to the cluster, the namespace that it lives in, its address."""

    role: str
    at: str
    address: Address


class Translation(Struct, frozen=True):
    """A machine that changed an address of the packet, and how."""

    at: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.at}: {self.before} becomes {self.after}"

    __repr__ = __str__


class Cell(Struct, frozen=True):
    """One ping. `taken_by` is who took it, which where ranges overlap may be another than who was meant.

    `seen_from` is the source that the receiver saw, `path` the machines with a routing decision on the way there. `extra` counts
    the bytes that the longest frame had beyond the packet and its own header: those of a tunnel. Where no answer came,
    `lost_at` and `because` say which machine had the last word.
    """

    source: End
    target: End
    taken_by: str
    answered: bool
    seen_from: Address = ""
    path: tuple[str, ...] = ()
    routes: tuple[tuple[str, Route], ...] = ()
    translations: tuple[Translation, ...] = ()
    extra: int = 0
    lost_at: str = ""
    because: str = ""
    trace: Trace | None = None

    @property
    def arrived(self) -> bool:
        """Whether the ping came to the one that was meant."""
        return self.taken_by == self.target.at

    @property
    def reached(self) -> bool:
        """Whether it did, and the answer came back."""
        return self.arrived and self.answered

    def __str__(self) -> str:
        if self.taken_by and not self.arrived:
            return f"{self.taken_by} takes it, which was not meant"
        if self.answered:
            return f"reached, seen from {self.seen_from}"
        lost = "the answer is lost" if self.arrived else "lost"
        return f"{lost} at {self.lost_at}: {self.because}"

    __repr__ = __str__


def reach(world: Mapping[str, Netns], source: End, target: End, choices: Choices | None = None) -> Cell:
    """One ping from one end to the other, in kernels that have just started."""
    trace = ask(world, ping(family(target.address).any, target.address), source.at, choices=choices)
    asking, answering = carrying(trace, REQUEST), carrying(trace, REPLY)
    taken = next((step for step in asking if step.end == "local"), None)
    answered = any(step.namespace == source.at and step.end == "local" for step in answering)
    lost = None if answered else _lost(answering if taken else asking)
    decided = [step for step in asking if step.stage in ROUTED]
    return Cell(
        source,
        target,
        taken.namespace if taken else "",
        answered,
        taken.skb.packet.flow.src if taken else "",
        tuple(dict.fromkeys(step.namespace for step in decided)),
        tuple((step.namespace, row) for step in decided for row in step.why if isinstance(row, Route)),
        tuple(_translations(asking)),
        max((_extra(step.frame) for step in asking if step.frame is not None), default=0),
        lost.namespace if lost else "",
        _why(lost) if lost else "",
        trace,
    )


def carrying(trace: Trace, kinds: tuple[int, ...]) -> list[Step]:
    """The steps at which a packet of these ICMP types was, bare or in a tunnel."""
    packets = ((step, step.skb.packet) for step in trace.steps if isinstance(step.skb.packet, Packet))
    return [step for step, packet in packets if _inner(packet).icmp_type in kinds]


def _inner(packet: Packet) -> Packet:
    """What a packet carries in the end."""
    carried: Any = packet.payload
    while not isinstance(carried, bytes):
        carried = getattr(carried, "frame", carried)
        carried = carried.payload if isinstance(carried, Frame) else carried
        if not isinstance(carried, Packet):
            return packet
        packet, carried = carried, carried.payload
    return packet


def _extra(frame: Frame) -> int:
    packet = frame.payload
    if not isinstance(packet, Packet) or _inner(packet) is packet:
        return 0
    return frame_length(frame) - frame_length(Frame(frame.src, frame.dst, _inner(packet)))


def _translations(steps: Iterable[Step]) -> Iterable[Translation]:
    """Where the packet's addresses changed from one step to the next."""
    before: Flow | None = None
    for step in steps:
        flow = _inner(step.skb.packet).flow
        if before is not None:
            for old, new in ((before.src, flow.src), (before.dst, flow.dst)):
                if old != new:
                    yield Translation(step.namespace, old, new)
        before = flow


def _lost(steps: list[Step]) -> Step | None:
    """The step with the last word on a packet that was lost."""
    ends = [step for step in steps if step.end and step.end not in ("local", "forwarded")]
    return ends[-1] if ends else steps[-1] if steps else None


def _why(step: Step) -> str:
    """What the step says of the loss; of an answer that came to somebody else, that."""
    return "it comes here, where nobody waits for it" if step.end == "local" else step.said


# -- who is asked ------------------------------------------------------------------------------------------------------


def ends(cluster: Any, world: WiderWorld, of: int = 4) -> dict[str, End]:
    """One end of each kind that the cluster and its surroundings have, by its role."""
    found: dict[str, End] = {}
    pods = [pod for pod in cluster.placed.pods.values() if pod.spec.node_name and not pod.is_pending]
    own = [pod for pod in pods if not pod.spec.host_network]
    first = own[0].spec.node_name if own else next(iter(cluster.machines), "")
    for pod in own:
        near = pod.spec.node_name == first
        role = "pod" if "pod" not in found else "pod on the same node" if near else "pod on another node"
        _add(found, role, names.pod_namespace(*pod.key), of_family(cluster.placed.addresses(pod), of))
    for name, machine in cluster.machines.items():
        _add(found, "its node" if name == first else "another node", name, machine.ips.get(of, ""))
    for pod in pods:
        if pod.spec.host_network:
            _add(found, "pod with hostNetwork", pod.spec.node_name, of_family(cluster.placed.addresses(pod), of))
    for name, other in cluster.beside.items():
        for pod in other.placed.pods.values():
            ip = of_family(other.placed.addresses(pod), of)
            _add(found, f"pod of {name}", f"{name}/{names.pod_namespace(*pod.key)}", ip)
        for node, machine in other.machines.items():
            _add(found, f"node of {name}", f"{name}/{node}", machine.ips.get(of, ""))
    for ip, home in world.plan.homes.items():
        if family(ip).number == of:
            _add(found, INTERNET if home == INTERNET else home, names.host_namespace(ip), ip)
    return found


def _add(found: dict[str, End], role: str, at: str, ip: Address) -> None:
    """The first of each kind stands for all of them."""
    if ip and role not in found:
        found[role] = End(role, at, ip)


def reachability(cluster: Any, of: int = 4, world: WiderWorld | None = None) -> dict[tuple[str, str], Cell]:
    """The whole table: a ping from every end to every other, by their roles."""
    world = world or cluster.world()
    assert isinstance(world, WiderWorld)
    known = ends(cluster, world, of)
    return {
        (source.role, target.role): reach(world, source, target)
        for source in known.values()
        for target in known.values()
        if source.at != target.at
    }
