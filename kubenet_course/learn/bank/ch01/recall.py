"""Chapter 01, the pod: which program gets a port, and which rule people believe in instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random

from ....linux.namespace.bind import Bound, clash, in_turn, overlap
from ....linux.namespace.device import Device, ifaddr
from ....linux.namespace.netns import Netns, Socket, netns
from ....views.tables.binds import binds, programs
from ....views.tables.table import Table
from ...questions.kinds import Slip, Value
from ...questions.reading import NUMBER, one_of
from ...worlds.worlds import PORTS
from .. import Chance, defined

Clash = Callable[[Socket, Socket], bool]
NAMES = ("web", "forwarder", "metrics", "admin")
NOBODY = "nobody"
ANY, LOCALHOST = "0.0.0.0", "127.0.0.1"


def _same_place(one: Socket, other: Socket) -> bool:
    return (one.proto, one.address, one.port) == (other.proto, other.address, other.port)


def _share(option: str, enough: Callable[[Iterable[bool]], bool]) -> Clash:
    """A kernel in which an option lets programs share a port: where `enough` of the two say it."""
    return lambda one, other: clash(one, other) and not enough((getattr(one, option), getattr(other, option)))


# What the kernel would do if a belief were true: the number, its rule, what to say to those who go by it.
BELIEFS: dict[int, tuple[Clash, str]] = {
    56: (
        lambda one, other: _same_place(one, other) and clash(one, other),
        "0.0.0.0 stands for every address of this namespace. So it meets each of them on the same port.",
    ),
    62: (
        lambda one, other: overlap(one, other) or (one.port, one.address) == (other.port, other.address),
        "It asks for another protocol than the program that was there first. TCP and UDP have ports of their own.",
    ),
    67: (_share("reuseport", any), "Only one of the two that meet says SO_REUSEPORT. Both must say it."),
    69: (_share("reuseaddr", all), "SO_REUSEADDR does not help against a TCP program that listens already."),
    55: (lambda one, other: False, ("They are in one pod, so in one network namespace. The program that came first "
                                   "has the port.")),
}  # fmt: skip


def refused_by(asked: Iterable[Socket], rule: Clash) -> list[str]:
    """Who would be refused under a rule."""
    held: list[Socket] = []
    out = []
    for one in asked:
        if any(rule(one, other) for other in held):
            out.append(one.program)
        else:
            held.append(one)
    return out


def _first(asked: Iterable[Socket], rule: Clash) -> str:
    return next(iter(refused_by(asked, rule)), NOBODY)


def namespace_of(address: str) -> Netns:
    return netns("pod", (Device("eth0", addresses=(ifaddr(f"{address}/24"),)),))


def _wishes(chance: Random, own: str, options: float) -> tuple[Socket, ...]:
    """Four programs that often want the same port; `options` of them set an option of sockets."""
    port, other = chance.sample(PORTS, 2)
    return tuple(
        Socket(
            chance.choice(("tcp", "tcp", "tcp", "udp")),
            chance.choice((ANY, ANY, LOCALHOST, own)),
            chance.choice((port, port, port, other)),
            name,
            reuseport=chance.random() < options,
            reuseaddr=chance.random() < options,
        )
        for name in NAMES
    )


START = "Four containers of one pod ({own}) start in the order of the table."


@defined("01-bind", "Who is told EADDRINUSE?")
def bind(chance: Chance) -> Value:
    """By address or protocol, with options, whom it met, and how many listen at the end."""
    asks = chance.turn("who", "whom", "options", "count")
    theme = chance.choice([67, 69] if asks == "options" else [56, 62])
    own = f"10.244.{chance.randrange(1, 9)}.{chance.randrange(10, 90)}"
    while True:
        asked = _wishes(chance, own, 0.3 if asks == "options" else 0)
        told = in_turn(namespace_of(own), asked)
        refused = [one for one in told if one.error]
        believed = refused_by(asked, BELIEFS[theme][0])
        if len(refused) == 1 and len(believed) < 3 and believed != [refused[0].wanted.program]:
            break
    shown = binds(told)
    answer = {"whom": _whom, "count": _count}.get(asks, _who)(asked, refused[0], shown)
    question, right, reads, slips = answer
    return Value(
        asks=f"{START.format(own=own)} {question}",
        look=programs(asked),
        answer=right,
        reads=reads,
        slips=slips,
        because="Two programs meet only if they want the same protocol, the same port, and an address in common.",
        evidence=shown,
        hints=(
            "Go down the table, and compare each program with those above it.",
            "Compare three things: protocol, port, address. 0.0.0.0 means every address.",
            "SO_REUSEPORT helps if both programs say it. SO_REUSEADDR does not help while another TCP program listens."
            if asks == "options"
            else f"It is port {refused[0].wanted.port} over {refused[0].wanted.proto} that two of them want.",
        ),
    )


def _who(asked: tuple[Socket, ...], met: Bound, shown: Table):
    right = met.wanted.program
    slips: dict[str, Slip] = {}
    for number, (rule, said) in BELIEFS.items():
        believed = _first(asked, rule)
        if believed not in (right, *slips):
            slips[believed] = Slip(believed, number, said, shown)
    for one in asked:
        if one.program not in (right, *slips):
            said = f"No program above `{one.program}` asks for the same protocol and port with an address in common."
            slips[one.program] = Slip(one.program, 0, said, shown)
    return (
        ("At most one of them is told that its address is in use. Which one?"),
        right,
        one_of((*NAMES, NOBODY)),
        tuple(slips.values()),
    )


def _whom(asked: tuple[Socket, ...], met: Bound, shown: Table):
    assert met.by is not None
    right, loser = met.by.program, met.wanted
    slips = []
    for one in asked:
        if one.program in (right, loser.program):
            continue
        belief, said = _apart(one, loser)
        slips.append(Slip(one.program, belief, said, shown))
    slips.append(Slip(NOBODY, 56 if loser.address != met.by.address else 55, BELIEFS[56][1], shown))
    asks = f"`{loser.program}` is told that its address is in use. Which program has it already?"
    return asks, right, one_of((*(name for name in NAMES if name != loser.program), NOBODY)), tuple(slips)


def _apart(one: Socket, other: Socket) -> tuple[int, str]:
    """Why two programs do not meet."""
    if one.port != other.port:
        return 15, f"`{one.program}` is on port {one.port}, so `{other.program}` does not meet it on port {other.port}."
    if one.proto != other.proto:
        return 62, (
            f"`{one.program}` uses {one.proto}, and `{other.program}` uses {other.proto}. Each has ports of its own."
        )
    return 66, f"`{one.program}` is on {one.address} only, which is another address than {other.address}."


def _count(asked: tuple[Socket, ...], met: Bound, shown: Table):
    right = len(asked) - 1
    slips = [Slip(right + 1, 56, BELIEFS[56][1], shown)]
    for number in (62, 56):
        believed = len(asked) - len(refused_by(asked, BELIEFS[number][0]))
        if believed not in (right, *(slip.answer for slip in slips)):
            slips.append(Slip(believed, number, BELIEFS[number][1], shown))
    return "How many of the four listen at the end?", right, NUMBER, tuple(slips)
