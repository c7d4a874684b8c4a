"""The walk: a loop over a queue of (namespace, stage, packet)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from .namespace.choices import Choices, Seeded
from .namespace.kernel import Kernel
from .namespace.memory import Memory
from .namespace.netns import Netns
from .namespace.skb import NO_FRAME, NOWHERE, Skb
from .namespace.trace import Next, Step, Trace
from .netfilter import stages as netfilter
from .packet.packet import Frame, Packet
from .stack import arp, bridge, device, ip, neighbour, socket, tcp, tunnels
from .stack.program import Program
from .timeline import SECOND

STAGES = {
    name: stage
    for room in (netfilter, ip, neighbour, arp, device, bridge, tunnels, socket)
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
    gives_up: bool = True,
    programs: Mapping[str, Program] | None = None,
    says: bytes = b"",
) -> Trace:
    """Follows one packet until nothing moves any more.

    It comes in by `dev` of the namespace `at`, perhaps in a frame, or, without a device, is sent from there. Who sends it raw
    has no socket, and its kernel refuses the answer; with `waits` a program sends it and waits for the answer (see `ask`).
    Without a memory the kernels have just started; without choices chance is drawn from seed 0. What waits for a MAC that
    nobody tells is given up, unless `gives_up` is off: then the question stays open, for `wait` to repeat. `programs` answer for
    the sockets that have their names; where none is given, TCP is answered by the kernel alone and UDP with what came. `says` is
    what a program that waits says once its connection is open.
    """
    world = {world.name: world} if isinstance(world, Netns) else world
    walk = Walk(world, memory or Memory(), choices or Seeded(), programs)
    first = "netif_receive_skb" if frame is not None else "ip_rcv" if dev else "route_output"
    start = Next(at or next(iter(world)), first, Skb(packet, dev_in=dev, mark=mark, frame=frame or NO_FRAME))
    if waits:
        tcp.expect(walk.kernel(start.namespace), packet, says)
    walk.go_on([start])
    if gives_up:
        walk.give_up()
    return walk.trace


def wait(world: Netns | Mapping[str, Netns], seconds: float, memory: Memory, choices: Choices | None = None) -> Trace:
    """Lets time pass in a world, and follows what the kernels do meanwhile: ask again for a MAC, and give up in the end."""
    world = {world.name: world} if isinstance(world, Netns) else world
    walk, until = Walk(world, memory, choices or Seeded()), memory.clock.now + round(seconds * SECOND)
    asking = [walk.kernel(name) for name in world if name in memory.namespaces]
    while asking:
        when, kernel = min(((neighbour.due(one), one) for one in asking), key=lambda pair: (pair[0] < 0, pair[0]))
        if not 0 <= when <= until:
            break
        memory.clock.run(when)
        walk.go_on(neighbour.ask_again(kernel))
    memory.clock.run(until)
    return walk.trace


class Walk:
    """A walk under way: the kernels that it has come to, and the steps so far."""

    def __init__(
        self,
        world: Mapping[str, Netns],
        memory: Memory,
        choices: Choices,
        programs: Mapping[str, Program] | None = None,
    ):
        self.world, self.memory, self.choices, self.programs = world, memory, choices, programs
        self.kernels: dict[str, Kernel] = {}
        self.steps, self.causes = list[Step](), list[int]()

    @property
    def trace(self) -> Trace:
        return Trace(tuple(self.steps), tuple(self.causes))

    def kernel(self, name: str) -> Kernel:
        """One namespace's kernel; the same one throughout the walk."""
        if name not in self.kernels:
            self.kernels[name] = Kernel(self.world[name], self.memory, self.choices, self.world, self.programs)
        return self.kernels[name]

    def go_on(self, starts: Iterable[Next]) -> None:
        """Follows what begins here until nothing moves any more."""
        waiting, steps, kernels = deque((-1, start) for start in starts), self.steps, self.kernels
        while waiting and (number := len(steps)) < MOST_STEPS:
            cause, todo = waiting.popleft()
            kernel = kernels[todo.namespace] if todo.namespace in kernels else self.kernel(todo.namespace)
            stage = STAGES[todo.stage] if todo.stage in STAGES else netfilter.stage_at_hook(todo.stage)
            step = stage(kernel, todo.stage, todo.skb)
            for then in step.then:
                waiting.append((number, then))
            steps.append(step)
            self.causes.append(cause)

    def give_up(self) -> None:
        """Nothing moves any more: what still waits for a MAC waits in vain."""
        unanswered = [step for kernel in self.kernels.values() for step in neighbour.given_up(kernel)]
        self.steps += unanswered
        self.causes += [-1] * len(unanswered)


def ask(
    world: Netns | Mapping[str, Netns],
    packet: Packet,
    at: str = "",
    memory: Memory | None = None,
    choices: Choices | None = None,
    programs: Mapping[str, Program] | None = None,
    says: bytes = b"",
) -> Trace:
    """A program of the namespace `at` sends a packet and waits for the answer: the whole conversation up to there. With `says` it
    goes on, one segment each way, if the program that listens there is among `programs`."""
    return send(world, packet, at, memory=memory, choices=choices, waits=True, programs=programs, says=says)
