"""Chapter 01, the pod: which program gets a port, how many teams fit on one node, who is found where."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random

from msgspec import Struct

from ....linux.namespace.bind import clash, in_turn, overlap
from ....linux.namespace.device import Device, ifaddr
from ....linux.namespace.netns import Netns, Socket, netns
from ....linux.namespace.trace import Trace
from ....linux.packet.packet import tcp
from ....linux.walk import ask
from ....views.tables.binds import binds, programs
from ...questions.kinds import Slip, Value
from ...questions.kinds_lists import Choose, Statement
from ...questions.reading import NUMBER, one_of
from ...worlds.clusters import Plan, cluster
from ...worlds.worlds import PORTS, World, changed, delivered
from .. import defined
from .pods import taken

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
        "0.0.0.0 stands for every address of this namespace, so it meets each of them on the same port.",
    ),
    62: (
        lambda one, other: overlap(one, other) or (one.port, one.address) == (other.port, other.address),
        "It asks for another protocol than the program that was there first. TCP and UDP have ports of their own.",
    ),
    67: (_share("reuseport", any), "Only one of the two that meet says SO_REUSEPORT. Both must."),
    69: (_share("reuseaddr", all), "SO_REUSEADDR does not help against a TCP program that listens already."),
    55: (lambda one, other: False, "They are in one pod, so in one namespace: who was first has the port."),
}  # fmt: skip


def _refused(asked: Iterable[Socket], rule: Clash) -> list[str]:
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
    return next(iter(_refused(asked, rule)), NOBODY)


def _pod(address: str) -> Netns:
    return netns("pod", (Device("eth0", addresses=(ifaddr(f"{address}/24"),)),))


def _wishes(chance: Random, own: str) -> tuple[Socket, ...]:
    port, other = chance.sample(PORTS, 2)
    return tuple(
        Socket(
            chance.choice(("tcp", "tcp", "tcp", "udp")),
            chance.choice((ANY, ANY, LOCALHOST, own)),
            chance.choice((port, port, port, other)),
            name,
            reuseport=chance.random() < 0.3,
            reuseaddr=chance.random() < 0.3,
        )
        for name in NAMES
    )


@defined("01-bind", "Who is told EADDRINUSE?")
def bind(chance: Random) -> Value:
    own = f"10.244.{chance.randrange(1, 9)}.{chance.randrange(10, 90)}"
    theme = BELIEFS[chance.choice([56, 62, 67, 69])][0]
    while True:
        asked = _wishes(chance, own)
        told = in_turn(_pod(own), asked)
        refused = [one for one in told if one.error]
        answer = refused[0].wanted.program if refused else NOBODY
        if len(refused) < 2 and _first(asked, theme) != answer:
            break
    shown = binds(told)
    slips: dict[str, Slip] = {}
    for number, (rule, said) in BELIEFS.items():
        believed = _first(asked, rule)
        if believed != answer and believed not in slips:
            slips[believed] = Slip(believed, number, said, shown)
    return Value(
        asks=f"Four containers of one pod ({own}) start in the order of the table. At most one of them is told that its address "
        "is in use. Which one?",
        look=programs(asked),
        answer=answer,
        reads=one_of((*NAMES, NOBODY)),
        slips=tuple(slips.values()),
        because="The same protocol, the same port, and an address in common: only then do two programs meet.",
        evidence=shown,
        hints=(
            "Go down the table, and compare each program with those above it.",
            "Three things must meet: protocol, port, address. 0.0.0.0 means every address.",
            "SO_REUSEPORT lets two share a port if both say it. SO_REUSEADDR does not, in TCP, while one listens.",
        ),
    )


BARGAINS = {
    62: "Teams that want the same number over TCP and over UDP do not meet.",
    56: "A team on 127.0.0.1 meets one on 0.0.0.0: that stands for every address.",
    55: "Without pods they are all in one namespace, the node's.",
}


def _teams(chance: Random) -> tuple[Socket, ...]:
    """Eight teams or more, and three ports that all of them like, the first most."""
    ports = chance.sample(PORTS, 3)
    return tuple(
        Socket(
            chance.choice(("tcp", "tcp", "udp")),
            chance.choice((ANY, ANY, LOCALHOST)),
            chance.choices(ports, (5, 3, 2))[0],
            f"team {number}",
        )
        for number in range(1, chance.randrange(9, 12))
    )


@defined("01-bargain", "A node without pod addresses")
def bargain(chance: Random) -> Value:
    node = f"192.168.1.{chance.randrange(11, 15)}"
    while True:
        asked = _teams(chance)
        starts = len(asked) - len(_refused(asked, clash))
        believed = {number: len(asked) - len(_refused(asked, BELIEFS[number][0])) for number in BARGAINS}
        if len({starts, *believed.values()}) == 1 + len(BARGAINS):
            break
    shown = binds(in_turn(_pod(node), asked))
    return Value(
        asks=f"A node ({node}) gives its pods no addresses. Teams start their programs on it in this order, each on the port "
        "that it was written for. How many of them listen at the end?",
        look=programs(asked),
        answer=starts,
        reads=NUMBER,
        slips=tuple(Slip(found, number, BARGAINS[number], shown) for number, found in believed.items()),
        because="On one set of addresses only the first of those who meet gets the port. The others must bargain.",
        evidence=shown,
        hints=(
            "All of them share the node's namespace. Who meets whom?",
            "Sort them by protocol and port first. TCP and UDP do not meet.",
            "Within one protocol and port, 0.0.0.0 and 127.0.0.1 meet; the first to ask has it.",
        ),
    )


class Neighbours(Struct, frozen=True):
    """The pod `shop`, in which web and forwarder listen, and the pod `client` beside it on the node."""

    world: World
    own: str
    far: str
    held: tuple[Socket, Socket]

    def asked(self, at: str, to: str, port: int) -> Trace:
        """Somebody in a pod asks for a port."""
        src = to if to == LOCALHOST else {"shop": self.own, "client": self.far}[at]
        return ask(changed(self.world, "shop", sockets=self.held), tcp(src, 40000, to, port), at)

    def told(self, text: str, at: str, to: str, port: int, said: str) -> Statement:
        """Somebody is found somewhere: whether that is so is for the packet to say."""
        trace = self.asked(at, to, port)
        return Statement(text, True) if delivered(trace) else Statement(text, False, 66, said, taken(trace))

    def apart(self, port: int) -> Statement:
        """What nobody says who knows that the containers share everything."""
        near = self.asked("shop", LOCALHOST, port)
        if delivered(near):
            text = f"For `web`, {LOCALHOST}:{port} is a port of its own container, so nobody is there."
            return Statement(text, False, 55, "The two containers share lo, and all that listens on it.", taken(near))
        text = f"`web` needs another address than {self.own} to find `forwarder`, as that one is its own."
        said = "The address belongs to the pod, so to both of them."
        return Statement(text, False, 55, said, taken(self.asked("shop", self.own, port)))


def _neighbours(chance: Random) -> Neighbours:
    port, logs = chance.sample(PORTS, 2)
    world = cluster(Plan({chance.randrange(1, 6): chance.sample(("client", "shop", "other"), 3)}, warm=True))
    own, far = (world[name].devices["eth0"].addresses[0].address for name in ("shop", "client"))
    place = chance.choice((LOCALHOST, LOCALHOST, own))
    held = Socket("tcp", ANY, port, "web"), Socket("tcp", place, logs, "forwarder")
    return Neighbours(world, own, far, held)


@defined("01-reach", "Who is found where?")
def reach(chance: Random) -> Choose:
    of = _neighbours(chance)
    own, (web, forwarder) = of.own, of.held
    port, logs, place = web.port, forwarder.port, forwarder.address
    return Choose(
        asks=f"In the pod `shop` ({own}) the container `web` listens on {ANY}:{port}, and `forwarder` on {place}:{logs}. The pod "
        f"`client` ({of.far}) is on the same node. Mark **all** that hold.",
        several=True,
        statements=(
            of.told(f"`web` finds `forwarder` at {LOCALHOST}:{logs}.", "shop", LOCALHOST, logs,
                    f"It listens on {own} only, and {LOCALHOST} is another address."),
            of.told(f"`client` finds `forwarder` at {own}:{logs}.", "client", own, logs,
                    f"It listens on {LOCALHOST} only. The packet comes in for {own}, and finds nobody."),
            of.told(f"`client` finds `forwarder` at {LOCALHOST}:{logs}.", "client", LOCALHOST, logs,
                    f"{LOCALHOST} in `client` is the client's own; the packet never leaves its namespace."),
            of.told(f"`forwarder` finds `web` at {LOCALHOST}:{port}.", "shop", LOCALHOST, port, ""),
            of.apart(logs),
        ),
        because="A packet finds a program by namespace, address and port. In which container it runs does not matter.",
        evidence=binds(in_turn(of.world["shop"], of.held), "Who listens in the pod"),
        hints=(
            f"Ask of each packet: in which namespace does {LOCALHOST} lie?",
            f"{ANY} takes what comes for any address of the pod; every other address only what is for itself.",
            "Two containers of a pod are one namespace; two pods are two.",
        ),
    )  # fmt: skip
