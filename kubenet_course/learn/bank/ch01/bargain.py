"""Chapter 01: how many programs fit on a node that gives its pods no addresses."""

from __future__ import annotations

from random import Random

from ....linux.namespace.bind import clash, in_turn
from ....linux.namespace.netns import Socket
from ....views.tables.binds import binds, programs
from ...questions.kinds import Slip, Value
from ...questions.reading import NUMBER
from ...worlds.worlds import PORTS
from .. import Chance, defined
from .recall import ANY, BELIEFS, LOCALHOST, Clash, namespace_of, refused_by

BARGAINS = {
    62: "Teams that want the same number over TCP and over UDP do not meet.",
    56: "A team on 127.0.0.1 meets a team on 0.0.0.0, because 0.0.0.0 stands for every address.",
    55: "Without pods all teams are in one network namespace, the node's.",
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
def bargain(chance: Chance) -> Value:
    """Who listens, who must move, what pods of their own change, and what one free port more changes."""
    node = f"192.168.1.{chance.randrange(11, 15)}"
    while True:
        asked = _teams(chance)
        starts = len(asked) - len(refused_by(asked, clash))
        believed = {number: len(asked) - len(refused_by(asked, BELIEFS[number][0])) for number in BARGAINS}
        if len({starts, *believed.values()}) == 1 + len(BARGAINS):
            break
    shown = binds(in_turn(namespace_of(node), asked))
    every = len(asked)
    question, right, wrong = chance.turn(
        ("How many of them listen at the end?", starts, believed),
        (("How many of them must move to another "
         "port?"), every - starts, {n: every - found for n, found in believed.items()}),
        ("Now each team gets a pod with an address of its own. How many listen then?", every, {55: starts}),
        (("Then `team 1` stops its program, and all who were refused try once more, in the same order. How many "
         "listen now?"),
         *_once_more(asked, believed)),
    )  # fmt: skip
    return Value(
        asks=f"A node ({node}) gives its pods no addresses. Teams start their programs on it in this order, each on "
        "the port for "
        f"which the program was written. {question}",
        look=programs(asked),
        answer=right,
        reads=NUMBER,
        slips=tuple(
            Slip(found, number, BARGAINS[number] if right != every else POD_EACH, shown)
            for number, found in wrong.items()
        ),
        because="On one set of addresses only the first of those who meet gets the port. In pods of their own nobody "
        "meets.",
        evidence=shown,
        hints=(
            "Which programs share a network namespace here? Only those can meet.",
            "Sort the programs by protocol and port first. TCP and UDP do not meet.",
            "Within one protocol and port, 0.0.0.0 and 127.0.0.1 meet. The first one to ask has the port.",
        ),
    )


POD_EACH = (
    "This is the number without pods. With an address for each pod, every team is alone in its network namespace."
)


def _once_more(asked: tuple[Socket, ...], believed: dict[int, int]) -> tuple[int, dict[int, int]]:
    """How many listen when the first has stopped, and what people expect."""

    def listening(rule: Clash) -> int:
        refused = set(refused_by(asked, rule))
        held = [one for one in asked[1:] if one.program not in refused]
        waiting = [one for one in asked if one.program in refused]
        return len(held) + len(waiting) - len(_refused_beside(held, waiting, rule))

    return listening(clash), {number: listening(BELIEFS[number][0]) for number in believed}


def _refused_beside(held: list[Socket], asked: list[Socket], rule: Clash) -> list[str]:
    """Who is refused by those that listen already, or by each other."""
    return [name for name in refused_by([*held, *asked], rule) if name in {one.program for one in asked}]
