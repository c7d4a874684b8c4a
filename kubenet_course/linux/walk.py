"""The walk: a loop over a queue of (namespace, stage, packet)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping

from .namespace.choices import Choices, Seeded
from .namespace.kernel import Kernel
from .namespace.memory import Memory
from .namespace.netns import Netns
from .namespace.skb import NO_FRAME, NOWHERE, Skb
from .namespace.trace import Next, Step, Trace
from .netfilter import stages as netfilter
from .packet.packet import Frame, Packet
from .stack import arp, bridge, device, ip, neighbour, output, reassembly, socket, tcp, transfer, tunnels
from .stack.program import Program
from .timeline import SECOND

STAGES = {
    name: stage
    for room in (netfilter, ip, output, reassembly, neighbour, arp, device, bridge, tunnels, socket)
    for name, stage in room.STAGES.items()
}
# What a kernel does by the clock: when it is next due, and what is then to be done.
BY_THE_CLOCK = (
    (neighbour.due, neighbour.ask_again),
    (reassembly.due, reassembly.given_up),
    (transfer.due, transfer.time_out),
)
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
    discovers: str = "",
    until: Callable[[Step], bool] | None = None,
) -> Trace:
    """Follows one packet until nothing moves any more, or until a step of which `until` says that it is enough.

    It comes in by `dev` of the namespace `at`, perhaps in a frame, or, without a device, is sent from there. Who sends it raw
    has no socket, and its kernel refuses the answer; with `waits` a program sends it and waits for the answer (see `ask`).
    Without a memory the kernels have just started; without choices chance is drawn from seed 0. What waits for a MAC that
    nobody tells is given up, unless `gives_up` is off: then the question stays open, for `wait` to repeat. `programs` answer for
    the sockets that have their names; where none is given, TCP is answered by the kernel alone and UDP with what came. `says` is
    what a program that waits says once its connection is open. `discovers` is what its socket asks of the kernel about packets that
    are too long (ip(7), IP_MTU_DISCOVER): want (cut them here, and let no router cut), dont (let everybody cut), do (never cut).
    """
    world = {world.name: world} if isinstance(world, Netns) else world
    walk = Walk(world, memory or Memory(), choices or Seeded(), programs)
    first = "netif_receive_skb" if frame is not None else "ip_rcv" if dev else "route_output"
    skb = Skb(packet, dev_in=dev, mark=mark, frame=frame or NO_FRAME, discovers=discovers)
    start = Next(at or next(iter(world)), first, skb)
    if waits:
        tcp.expect(walk.kernel(start.namespace), packet, says)
    enough = walk.go_on([start], until)
    if gives_up and not enough:
        walk.give_up()
    return walk.trace


def wait(world: Netns | Mapping[str, Netns], seconds: float, memory: Memory, choices: Choices | None = None) -> Trace:
    """Lets time pass in a world, and follows what the kernels do meanwhile: ask again for a MAC, give up for want of a piece."""
    world = {world.name: world} if isinstance(world, Netns) else world
    walk = Walk(world, memory, choices or Seeded())
    walk.wait(seconds)
    return walk.trace


def _waits_for_its_turn(then: Next) -> bool:
    """Whether a kernel puts it behind all that has come before (netif_rx): what crosses a wire, or lo. All else it does at once."""
    return then.stage == "netif_receive_skb" or (then.stage == "ip_rcv" and then.skb.dev_in == "lo")


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
        self.steps, self.causes, self.times = list[Step](), list[int](), list[int]()

    @property
    def trace(self) -> Trace:
        return Trace(tuple(self.steps), tuple(self.causes))

    def kernel(self, name: str) -> Kernel:
        """One namespace's kernel; the same one throughout the walk."""
        if name not in self.kernels:
            self.kernels[name] = Kernel(self.world[name], self.memory, self.choices, self.world, self.programs)
        return self.kernels[name]

    def go_on(self, starts: Iterable[Next], until: Callable[[Step], bool] | None = None) -> bool:
        """Follows what begins here until nothing moves any more; True: a step was enough before that.

        Each entry: the step before it, whether its sender's own call does it, and whether it is one of the pieces that a
        sender makes. These leave one by one: all that the first sets in motion comes before the second.
        """
        steps, causes, kernels, now, is_enough = self.steps, self.causes, self.kernels, self.memory.now, False
        at_once = [(-1, start, True, False) for start in reversed(tuple(starts))]
        in_turn = deque[tuple[int, Next]]()
        number = len(steps)
        while number < MOST_STEPS:
            if in_turn and (not at_once or at_once[-1][3]):
                (cause, todo), is_own = in_turn.popleft(), False
            elif at_once:
                cause, todo, is_own, _ = at_once.pop()
            else:
                break
            name, stage = todo.namespace, todo.stage
            kernel = kernels[name] if name in kernels else self.kernel(name)
            act = STAGES[stage] if stage in STAGES else netfilter.stage_at_hook(stage)
            step = act(kernel, stage, todo.skb)
            after = step.then
            if len(after) == 1:
                if _waits_for_its_turn(after[0]):
                    in_turn.append((number, after[0]))
                else:
                    at_once.append((number, after[0], is_own, is_own and stage == "ip_fragment"))
            elif after:
                is_piece = is_own and stage == "ip_fragment"
                in_turn.extend((number, then) for then in after if _waits_for_its_turn(then))
                rest = [then for then in reversed(after) if not _waits_for_its_turn(then)]
                at_once += [(number, then, is_own, is_piece) for then in rest]
            steps.append(step)
            causes.append(cause)
            number += 1
            if until is not None and until(step):
                is_enough = True
                break
        self.times += [now] * (len(steps) - len(self.times))
        return is_enough

    def wait(self, seconds: float) -> None:
        """Lets time pass, and does what is due meanwhile."""
        memory, until = self.memory, self.memory.now + round(seconds * SECOND)
        asking = [self.kernel(name) for name in self.world if name in memory.namespaces]
        while asking:
            dues = [(due(one), one, act) for one in asking for due, act in BY_THE_CLOCK]
            when, kernel, act = min(dues, key=lambda row: (row[0] < 0, row[0]))
            if not 0 <= when <= until:
                break
            memory.clock.run(when)
            self.go_on(act(kernel))
        memory.clock.run(until)

    def give_up(self) -> None:
        """Nothing moves any more: what still waits for a MAC waits in vain."""
        unanswered = [step for kernel in self.kernels.values() for step in neighbour.given_up(kernel)]
        self.steps += unanswered
        self.causes += [-1] * len(unanswered)
        self.times += [self.memory.now] * len(unanswered)


def ask(
    world: Netns | Mapping[str, Netns],
    packet: Packet,
    at: str = "",
    memory: Memory | None = None,
    choices: Choices | None = None,
    programs: Mapping[str, Program] | None = None,
    says: bytes = b"",
    discovers: str = "",
    until: Callable[[Step], bool] | None = None,
) -> Trace:
    """A program of the namespace `at` sends a packet and waits for the answer: the whole conversation up to there. With `says` it
    goes on, one segment each way, if the program that listens there is among `programs`."""
    more = {"programs": programs, "says": says, "discovers": discovers, "until": until}
    return send(world, packet, at, memory=memory, choices=choices, waits=True, **more)  # type: ignore[arg-type]
