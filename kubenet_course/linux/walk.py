"""The walk: a loop over a queue of (namespace, stage, packet)."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from .namespace.choices import Choices, Seeded
from .namespace.kernel import Kernel
from .namespace.memory import Memory
from .namespace.netns import Netns
from .namespace.skb import NO_FRAME, NOWHERE, Skb
from .namespace.trace import Next, Step, Trace
from .netfilter import stages as netfilter
from .packet.packet import Frame, Packet
from .stack import bridge, device, ip, neighbour, socket, tunnels

STAGES = {
    name: stage
    for room in (netfilter, ip, neighbour, device, bridge, tunnels, socket)
    for name, stage in room.STAGES.items()
}
MOST_STEPS = 10_000  # a walk that is longer goes in circles


def send(
    world: Netns | Mapping[str, Netns],
    packet: Packet,
    at: str = "",
    dev: str = NOWHERE,
    memory: Memory | None = None,
    choices: Choices | None = None,
    mark: int = 0,
    waits: bool = False,
    frame: Frame | None = None,
) -> Trace:
    """Follows one packet until nothing moves any more.

    It comes in by `dev` of the namespace `at`, perhaps in a frame, or, without a device, is sent from there. Who sends it raw
    has no socket, and its kernel refuses the answer; with `waits` a program sends it and waits for the answer (see `ask`).
    Without a memory the kernels have just started; without choices chance is drawn from seed 0.
    """
    world = {world.name: world} if isinstance(world, Netns) else world
    memory, choices = memory or Memory(), choices or Seeded()
    kernels: dict[str, Kernel] = {}
    first = "netif_receive_skb" if frame is not None else "ip_rcv" if dev else "route_output"
    start = Next(at or next(iter(world)), first, Skb(packet, dev_in=dev, mark=mark, frame=frame or NO_FRAME))
    waiting, steps, causes = deque([(-1, start)]), list[Step](), list[int]()
    if waits:
        socket.expect(Kernel(world[start.namespace], memory, choices), packet)
    while waiting and len(steps) < MOST_STEPS:
        cause, todo = waiting.popleft()
        if todo.namespace not in kernels:
            kernels[todo.namespace] = Kernel(world[todo.namespace], memory, choices)
        stage = STAGES.get(todo.stage) or netfilter.stage_at_hook(todo.stage)
        step = stage(kernels[todo.namespace], todo.stage, todo.skb)
        waiting.extend((len(steps), then) for then in step.then)
        steps.append(step)
        causes.append(cause)
    unanswered = [step for kernel in kernels.values() for step in neighbour.given_up(kernel)]
    return Trace((*steps, *unanswered), (*causes, *(-1 for _ in unanswered)))


def ask(
    world: Netns | Mapping[str, Netns],
    packet: Packet,
    at: str = "",
    memory: Memory | None = None,
    choices: Choices | None = None,
) -> Trace:
    """A program of the namespace `at` sends a packet and waits for the answer: the whole conversation up to there."""
    return send(world, packet, at, memory=memory, choices=choices, waits=True)
