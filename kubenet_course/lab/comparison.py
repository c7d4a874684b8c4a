"""Model and kernel side by side: for each namespace, device and direction the same frames in the same order, byte for byte."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from ..linux.namespace.fib import Route
from ..linux.namespace.memory import Memory
from ..linux.namespace.netns import Netns
from ..linux.namespace.trace import Trace
from ..linux.packet.fields import layers
from ..linux.packet.packet import Frame
from ..linux.packet.wire import frame_bytes
from ..linux.walk import send, wait
from .learned import Learned
from .real.script import as_made
from .scenario.capture import Capture
from .scenario.scenario import FrameHex, Scenario

Place = tuple[str, str, str]  # namespace, device, in or out
TCP_SUM = (50, 70)  # where a TCP checksum lies in a frame: behind 14 + 20 + 16, or 14 + 40 + 16 bytes
MOST_TRIES = 4096
HOOKS_OUT = ("OUTPUT", "POSTROUTING")
ARRIVED = ("netif_receive_skb", "ip_rcv", "br_handle_frame")  # stages of what comes in, by lo or from a wire


NFT_FAMILIES = ("ip", "ip6", "inet")  # how the stages of nft's base chains begin
# What raw(7) sendto() fails with when the asker's own table forbids the destination, by the kind of row (fib_props, ip6_pkt_*).
FORBIDDEN = {"unreachable": "EHOSTUNREACH", "prohibit": "EACCES", "blackhole": "EINVAL"}


class Difference(Struct, frozen=True):
    """The first frame of a place about which the two disagree; an empty one was not there. `fields` names what differs."""

    place: Place
    number: int
    kernel: str
    model: str
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.place[1]:
            return f"{self.place[0]}, packet {self.number}: the kernel told the sender {self.kernel}, the model {self.model}"
        where = f"{self.place[0]} {self.place[1]} {self.place[2]}, frame {self.number}"
        if not self.model:
            return f"{where}: the kernel has a frame that the model has not: {self.kernel}"
        if not self.kernel:
            return f"{where}: the model has a frame that the kernel has not: {self.model}"
        return f"{where}: {'; '.join(self.fields)}"


class Comparison(Struct, frozen=True):
    """What came of it. `learned` are the choices taken from the capture, `masked` the places of bytes that were not compared."""

    scenario: str
    kernel: str
    model: tuple[FrameHex, ...]
    traces: tuple[Trace, ...]
    differences: tuple[Difference, ...]
    learned: tuple[str, ...]
    masked: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        return not self.differences


def model_frames(scenario: Scenario, chance: Learned) -> tuple[tuple[FrameHex, ...], tuple[Trace, ...]]:
    """What the model says: the frames of all packets, sent one after the other into one memory."""
    memory, frames, traces, world = Memory(), list[FrameHex](), list[Trace](), as_made(scenario.world)
    for number, sent in enumerate(scenario.packets, 1):
        if sent.pause:
            frames += _seen(number - 1, wait(world, sent.pause, memory, chance))
        chance.number = number
        frame = sent.payload if isinstance(sent.payload, Frame) else None
        trace = send(
            world,
            sent.packet,
            sent.at,
            sent.dev,
            memory,
            chance,
            frame=frame,
            gives_up=False,
            discovers=sent.discovers,
            waits=bool(sent.discovers),
        )
        frames += _seen(number, trace)
        traces.append(trace)
    return tuple(frames), tuple(traces)


def _seen(number: int, trace: Trace) -> list[FrameHex]:
    return [FrameHex(number, ns, dev, way, frame_bytes(frame).hex()) for ns, dev, way, frame in trace.frames]


def compare(scenario: Scenario, capture: Capture) -> Comparison:
    """Tries every way that the rules allow until one agrees; if none does, the one that comes closest is shown."""
    best: Comparison | None = None
    answers: list[bool] = []
    for _ in range(MOST_TRIES):
        chance = Learned(capture.frames, answers)
        model, traces = model_frames(scenario, chance)
        differences, masked = differing(capture.frames, model)
        differences += told_differently(scenario, capture, traces)
        learned = tuple(f"{' '.join(map(str, question))}: {value}" for question, value in chance.learned)
        found = Comparison(scenario.name, capture.kernel, model, traces, differences, learned, masked)
        if best is None or len(found.differences) < len(best.differences):
            best = found
        answers = chance.yes_or_no.answers
        while answers and not answers[-1]:
            answers.pop()
        if best.equal or not answers:
            break
        answers[-1] = False
    assert best is not None
    return best


def differing(kernel: Iterable[FrameHex], model: Iterable[FrameHex]) -> tuple[tuple[Difference, ...], tuple[str, ...]]:
    """Where two sets of frames differ, and which bytes were left out of the comparison."""
    one, two = by_place(kernel), by_place(model)
    differences, masked = [], []
    for place in sorted({*one, *two}):
        pairs = zip_longest(one.get(place, []), two.get(place, []))
        for number, (left, right) in enumerate(pairs, 1):
            if left == right:
                continue
            if _same_sum(left, right):
                masked.append(f"{' '.join(place)}, frame {number}: a checksum that is 0x0000 or 0xffff")
                continue
            differences.append(Difference(place, number, left, right, fields(left, right) if left and right else ()))
            break
    return tuple(differences), tuple(masked)


def told_differently(scenario: Scenario, capture: Capture, traces: Iterable[Trace]) -> tuple[Difference, ...]:
    """Which senders learned something else from their own kernel than the model says."""
    errors = {row.packet: row.error for row in capture.told}
    pairs = [(number, errors.get(number, ""), refusal(trace, scenario.world)) for number, trace in enumerate(traces, 1)]
    return tuple(
        Difference((scenario.packets[number - 1].at, "", ""), number, kernel or "nothing", model or "nothing")
        for number, kernel, model in pairs
        if kernel != model
    )


def refusal(trace: Trace, world: Mapping[str, Netns]) -> str:
    """The error that the sender's own kernel answers with before any frame leaves; nothing where the packet goes its way, be it
    over lo: what becomes of an answer is not the asker's affair."""
    for step in trace.steps:
        if step.frame is not None or step.stage in ARRIVED or step.namespace != trace.steps[0].namespace:
            return ""
        if step.end == "no-route":
            kinds = [row.type for row in step.why if isinstance(row, Route)]
            kinds += [world[step.namespace].fib.lookup(step.skb.packet.flow.dst).type]  # where a rule led it
            return FORBIDDEN.get(kinds[0], "ENETUNREACH")
        if step.end == "too-big":
            return "EMSGSIZE"
        silent = step.stage == "defrag OUTPUT" and step.end == "dropped"
        by_rules = step.stage.endswith(HOOKS_OUT) or step.stage.partition(" ")[0] in NFT_FAMILIES
        if step.end in ("not-permitted", "rejected", "dropped") and by_rules and not silent:
            return "EPERM"
    return ""


def by_place(frames: Iterable[FrameHex]) -> dict[Place, list[str]]:
    """The frames of each device and direction, in order. There is no order between devices."""
    found: dict[Place, list[str]] = {}
    for frame in frames:
        found.setdefault(frame.place, []).append(frame.hex)
    return found


def zip_longest(one: list[str], two: list[str]) -> list[tuple[str, str]]:
    """Pairs, with empty text where one list is shorter."""
    most = max(len(one), len(two))
    return list(zip(one + [""] * (most - len(one)), two + [""] * (most - len(two)), strict=True))


def _same_sum(one: str, two: str) -> bool:
    """Whether two frames differ only in a TCP checksum of 0x0000 or 0xffff: both are right, and a kernel uses either (DEV-11)."""
    for at in TCP_SUM:
        sums = {one[2 * at : 2 * at + 4], two[2 * at : 2 * at + 4]}
        if sums == {"0000", "ffff"} and one[: 2 * at] == two[: 2 * at] and one[2 * at + 4 :] == two[2 * at + 4 :]:
            return True
    return False


def fields(kernel: str, model: str) -> tuple[str, ...]:
    """The fields that differ, each with both values."""
    left = {(field.layer, field.name): field.value for field in layers(bytes.fromhex(kernel))}
    right = {(field.layer, field.name): field.value for field in layers(bytes.fromhex(model))}
    names = [name for name in {**left, **right} if left.get(name) != right.get(name)]
    return tuple(
        f"{layer} {name}: kernel {left.get((layer, name))}, model {right.get((layer, name))}" for layer, name in names
    )
